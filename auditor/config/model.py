"""The configuration of a run: `Config`, and an `Area` for each repository or folder."""

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
    """A repository or folder, with the SOURCEs in it and their configuration.

    Attributes:
        root: Absolute path.
        sources: The SOURCEs, as the user wrote them.
        file: The configuration file, if any.
        whole: Whether a SOURCE contains the whole root.
        streams: Whether standard input and remote charts belong to the area.
        base: Origin of trusted policy files, if it is not the root.
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
        """The settings of the configuration for the sources."""
        charts = self.settings.charts
        variants = tuple(
            (chart.path, tuple(map(self._audited, chart.variants)))
            for chart in charts
            if chart.variants
        )
        return Tree(self.root, self.settings.exclude, variants)

    def _audited(self, variant: Variant) -> Variant:
        """Return a variant with audited values files, which are content and not policy."""
        if self.base is None:
            return variant
        files = tuple(str(self.base.here(Path(name))) for name in variant.values_files)
        return replace(variant, values_files=files)

    @property
    def usual_baseline(self) -> Path:
        """Default path of the baseline."""
        return self.policy_root / BASELINE_NAME

    @property
    def policy_root(self) -> Path:
        """The folder of policy files: that of `base`, if any."""
        return self.base.folder if self.base else self.root


class Lookup(Struct, frozen=True):
    """Options for finding configuration files.

    Attributes:
        named: The file of `--config`.
        wanted: False with `--no-config`.
        trusted: True with `--trust-config`.
        base: The base of `--policy-from`.
    """

    named: Path | None = None
    wanted: bool = True
    trusted: bool = False
    base: PolicyBase | None = None


def find_areas(sources: Sequence[str], rules: tuple[Rule, ...], lookup: Lookup) -> tuple[Area, ...]:
    """Find the areas of the SOURCEs, in their order. Raises `ConfigurationError`."""
    homes: dict[Path, Home] = {}
    grouped: dict[Path, list[str]] = {}
    for source in sources:
        home = _home(_local(source))
        homes.setdefault(home.root, home)
        grouped.setdefault(home.root, []).append(source)
    if lookup.base and (other := next((r for r in grouped if r != lookup.base.root), None)):
        raise UsageError(
            f"--policy-from applies to the repository of the working directory, not to {other}",
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
    """Return the path of a SOURCE; the current folder for standard input and remote charts."""
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
    """Read the file of `--config`, which is trusted only outside of the audited folders."""
    if lookup.named is None:
        return None
    if not lookup.named.exists():
        raise ConfigurationError(
            "configuration file not found", where=str(lookup.named), hint="check the path"
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
    """Which sources of image platforms podfit may use."""

    ONLINE = "online"
    OFFLINE = "offline"
    LOCKED = "locked"


class ImageConfig(Struct, frozen=True):
    """Settings for looking up images.

    Attributes:
        reach: Which sources may be used.
        lock_file: Lock file for all sources; None for that of each area.
        cache_dir: None for the cache folder of the user.
        timeout: Seconds for all registries together.
        overrides: Globs of image names and the platforms of these images.
        registries: Settings by host.
        allowed: Globs of registries or of `host/repository`; () for all.
        insecure: Hosts without certificate verification.
        node_configs: Registry configurations of container runtimes.
        layouts: Local images, in the syntax of `auditor/registry/layouts.py`.
        verify_children: Fetch the manifests that indexes list.
        max_age: Maximum age of cached tags in seconds; None for the default.
        refresh: Ignore cached tags.
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
    """Settings for suppressed findings.

    Attributes:
        wanted: False with `--no-ignores`.
        baseline: Baseline for all areas; None for that of each area.
        stale: Whether to report baseline entries that match no finding.
    """

    wanted: bool = True
    baseline: Path | None = None
    stale: bool = True


class Config(Struct, frozen=True):
    """Settings of an audit, without those for the output.

    Attributes:
        remedies: Whether to search for remedies.
        rule_folders: Folders with custom rules.
        areas: The repositories of the sources, each with its own configuration.
        notices: Notices about the configuration.
        policy_base: Origin of trusted policy files, if they are not those of the sources.
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
        """Return the area of a SOURCE."""
        return next((area for area in self.areas if source in area.sources), None)
