"""`Config`: what the user wants, from every place where it can be said, as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from auditor.config.areas import Area
from auditor.config.policy_base import PolicyBase
from auditor.config.settings import Cluster, Registry
from auditor.platforms import Platform
from auditor.policy import Gate, RuleSetting
from auditor.resources.table import Entry
from auditor.sources.options import SourceOptions


class Reach(Enum):
    """How far podfit may go for an answer about an image."""

    ONLINE = "online"
    OFFLINE = "offline"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """Who is asked about images. timeout: seconds for all registries together.

    lock_file: the one for everything; None for that of each area, or beside each source. cache_dir:
    None is the user's own. overrides: globs of names, with what their images are said to hold.
    registries: by host. allowed: globs of registries, or of `host/repository`; () for all.
    insecure: hosts. node_configs: what other programs know of registries. layouts: images on disk,
    as `auditor/registry/layouts/sources.py` reads them. verify_children: ask for what indexes list,
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


@dataclass(frozen=True, slots=True)
class IgnoreConfig:
    """What is silenced. wanted: anything at all. baseline: the one for everything; None for that
    of each area. stale: whether it is a finding that a baseline holds more than is needed.
    """

    wanted: bool = True
    baseline: Path | None = None
    stale: bool = True


@dataclass(frozen=True, slots=True)
class Config:
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
    areas: tuple[Area, ...] = ()
    notices: tuple[str, ...] = ()
    policy_base: PolicyBase | None = None

    def area_of(self, source: str) -> Area | None:
        """The area that a SOURCE belongs to."""
        return next((area for area in self.areas if source in area.sources), None)
