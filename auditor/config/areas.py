"""`Area`: the SOURCEs of one repository or folder, and the configuration that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.config.files import ConfigFile, find_config, read_config
from auditor.config.policy_base import PolicyBase
from auditor.config.settings import Settings
from auditor.errors import ConfigurationError, UsageError
from auditor.repositories import Home, find_home, real_path
from auditor.rulebook import Rule
from auditor.sources.options import Tree, Variant
from auditor.suppression.baseline import BASELINE_NAME

STREAM = "-"


@dataclass(frozen=True, slots=True)
class Area:
    """A folder with everything below it. root: absolute. sources: the SOURCEs in it, as written.

    whole: one of them is the root itself, or holds it. streams: standard input and remote charts
    count as part of it. base: where the files that steer podfit come from, if not from the root.
    """

    root: Path
    sources: tuple[str, ...]
    file: ConfigFile | None = None
    whole: bool = False
    streams: bool = False
    base: PolicyBase | None = None

    @property
    def settings(self) -> Settings:
        return self.file.settings if self.file else Settings()

    @property
    def tree(self) -> Tree:
        """What its configuration says to the sources."""
        charts = self.settings.charts
        variants = tuple(
            (chart.path, tuple(map(self._audited, chart.variants)))
            for chart in charts
            if chart.variants
        )
        return Tree(self.root, self.settings.exclude, variants)

    def _audited(self, variant: Variant) -> Variant:
        """A variant with the values files of what is audited: they are content, not policy."""
        if self.base is None:
            return variant
        files = tuple(str(self.base.here(Path(name))) for name in variant.values_files)
        return replace(variant, values_files=files)

    @property
    def usual_baseline(self) -> Path:
        """Where its baseline is if nobody says otherwise."""
        return self.policy_root / BASELINE_NAME

    @property
    def policy_root(self) -> Path:
        """The folder of the files that steer podfit: that of `base` where there is one."""
        return self.base.folder if self.base else self.root


@dataclass(frozen=True, slots=True)
class Lookup:
    """Which configurations count.

    named: the one that the user named, instead of those that are found. wanted: any at all.
    trusted: whoever runs podfit vouches for it.
    """

    named: Path | None = None
    wanted: bool = True
    trusted: bool = False
    base: PolicyBase | None = None


def find_areas(sources: Sequence[str], rules: tuple[Rule, ...], lookup: Lookup) -> tuple[Area, ...]:
    """The areas of some SOURCEs, in their order. Raises `ConfigurationError`."""
    homes: dict[Path, Home] = {}
    grouped: dict[Path, list[str]] = {}
    for source in sources:
        home = _home(_local(source))
        homes.setdefault(home.root, home)
        grouped.setdefault(home.root, []).append(source)
    if lookup.base and (strange := next((r for r in grouped if r != lookup.base.root), None)):
        raise UsageError(
            f"--policy-from holds for the repository of the working directory, not for {strange}",
            hint="audit one repository at a time, from a folder in it",
        )
    named = _read_named(lookup, tuple(grouped), rules)
    return tuple(
        Area(
            root=root,
            sources=tuple(names),
            file=named or _read_found(homes[root], lookup, rules),
            whole=any(
                root.is_relative_to(real_path(Path(source)))
                for source in names
                if _is_local(source)
            ),
            streams=not all(map(_is_local, names)),
            base=lookup.base,
        )
        for root, names in grouped.items()
    )


def _local(source: str) -> Path:
    """The path of a SOURCE; the current folder for standard input and what lies elsewhere."""
    return Path(source) if _is_local(source) else Path()


def _is_local(source: str) -> bool:
    return source != STREAM and "://" not in source


def _home(path: Path) -> Home:
    home = find_home(path)
    if home is not None:
        return home
    inside = real_path(path)
    return Home(inside if inside.is_dir() else inside.parent, is_repository=False)


def _read_named(
    lookup: Lookup, roots: Sequence[Path], rules: tuple[Rule, ...]
) -> ConfigFile | None:
    """Outside of what is audited it is the runner's own; inside, anybody may have written it."""
    if lookup.named is None:
        return None
    if not lookup.named.exists():
        raise ConfigurationError(
            "there is no such configuration", where=str(lookup.named), hint="check the path"
        )
    there = real_path(lookup.named)
    if lookup.base:
        roots = (*roots, lookup.base.folder)
    inside = next((root for root in roots if there.is_relative_to(root)), None)
    within = None if lookup.trusted else inside
    trusted = lookup.trusted or inside is None
    return read_config(lookup.named, rules, within=within, trusted=trusted)


def _read_found(home: Home, lookup: Lookup, rules: tuple[Rule, ...]) -> ConfigFile | None:
    if not lookup.wanted or lookup.named is not None:
        return None
    if lookup.base:
        home = Home(lookup.base.folder, is_repository=home.is_repository)
    path = find_config(home)
    if path is None:
        return None
    within = None if lookup.trusted else home.root
    return read_config(path, rules, within=within, trusted=lookup.trusted)
