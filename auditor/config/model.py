"""`Config`: what the user wants, from every place where it can be said, as one frozen value.

`Area`: the SOURCEs of one repository or folder, and the configuration that they share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.requirements import PlatformRequirement
from auditor.checks.rulebook import Rule
from auditor.config.files import ConfigFile, find_config, read_config
from auditor.config.policy_base import PolicyBase
from auditor.config.settings import Cluster, Registry, Settings
from auditor.errors import ConfigurationError, UsageError
from auditor.files.paths import Home, find_home, real_path
from auditor.images.platforms import Platform
from auditor.kubernetes.custom_resources import Entry
from auditor.policy.baseline import BASELINE_NAME
from auditor.policy.policy import Gate, RuleSetting
from auditor.sources.interface import SourceOptions, Tree, Variant

STREAM = "-"


class Area(Struct, frozen=True):
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


class Lookup(Struct, frozen=True):
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


class Reach(Enum):
    """How far podfit may go for an answer about an image."""

    ONLINE = "online"
    OFFLINE = "offline"
    LOCKED = "locked"


class ImageConfig(Struct, frozen=True):
    """Who is asked about images. timeout: seconds for all registries together.

    lock_file: the one for everything; None for that of each area, or beside each source. cache_dir:
    None is the user's own. overrides: globs of names, with what their images are said to hold.
    registries: by host. allowed: globs of registries, or of `host/repository`; () for all.
    insecure: hosts. node_configs: what other programs know of registries. layouts: images on disk,
    as `auditor/registry/layouts.py` reads them. verify_children: ask for what indexes list,
    too. max_age: seconds for which an answer about a tag holds; None for the usual. refresh: for
    none.
    """

    reach: Reach = Reach.ONLINE
    lock_file: Path | None = None
    cache_dir: Path | None = None
    timeout: float = 300.0
    overrides: tuple[tuple[str, tuple[Platform, ...]], ...] = ()
    registries: Mapping[str, Registry] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()
    insecure: tuple[str, ...] = ()
    node_configs: tuple[Path, ...] = ()
    layouts: tuple[str, ...] = ()
    verify_children: bool = False
    max_age: float | None = None
    refresh: bool = False


class IgnoreConfig(Struct, frozen=True):
    """What is silenced. wanted: anything at all. baseline: the one for everything; None for that
    of each area. stale: whether it is a finding that a baseline holds more than is needed.
    """

    wanted: bool = True
    baseline: Path | None = None
    stale: bool = True


class Config(Struct, frozen=True):
    """Everything that decides what an audit does, and nothing of how it looks.

    remedies: look for what resolves findings. rule_folders: of the user's own rules. areas: the
    repositories of the sources, each with its own configuration. notices: what the user should hear
    about the configuration. policy_base: where the files that steer podfit come from, if not from
    what is audited.
    """

    sources: tuple[str, ...] = (".",)
    source_options: SourceOptions = field(default_factory=SourceOptions)
    allow_empty: bool = False
    clusters: tuple[Cluster, ...] = ("hybrid",)
    images: ImageConfig = field(default_factory=ImageConfig)
    gate: Gate = field(default_factory=Gate)
    pedantic: bool = False
    remedies: bool = True
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    rule_folders: tuple[Path, ...] = ()
    custom_resources: tuple[Entry, ...] = ()
    ignores: IgnoreConfig = field(default_factory=IgnoreConfig)
    requirements: tuple[PlatformRequirement, ...] = ()
    areas: tuple[Area, ...] = ()
    notices: tuple[str, ...] = ()
    policy_base: PolicyBase | None = None

    def area_of(self, source: str) -> Area | None:
        """The area that a SOURCE belongs to."""
        return next((area for area in self.areas if source in area.sources), None)
