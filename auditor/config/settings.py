"""`Settings`: what one configuration file says, key by key; what it does not say has no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from auditor.findings import Severity
from auditor.nodes import ClusterProfile
from auditor.platforms import Platform
from auditor.policy import RuleSetting
from auditor.registry.options import HostOptions, Place
from auditor.resources.table import Entry
from auditor.sources.options import Variant
from auditor.suppression.entries import IgnoreEntry

Cluster = str | ClusterProfile
"""A built-in name, the path of a file, or a profile written in the configuration itself."""

FailOn = Literal["error", "warning", "info", "never"]


@dataclass(frozen=True, slots=True)
class ChartSettings:
    """What is said of the charts below a path.

    path: a glob from the root of the repository. variants: how else to render them. severity: the
    most that is made of what is found in them, for charts of third parties.
    """

    path: str
    variants: tuple[Variant, ...] = ()
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Registry:
    """What is said of one registry.

    mirrors: asked before it. rewrite: where it is asked for everything instead of at its name.
    allowed: globs of its repositories, () for all of them.
    """

    options: HostOptions = field(default_factory=HostOptions)
    mirrors: tuple[Place, ...] = ()
    rewrite: Place | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of a `.podfit.yaml`. An empty tuple or mapping, and None, say nothing."""

    cluster: tuple[Cluster, ...] = ()
    fail_on: FailOn | None = None
    strict: bool | None = None
    pedantic: bool | None = None
    charts: tuple[ChartSettings, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    ignore: tuple[IgnoreEntry, ...] = ()
    overrides: tuple[tuple[str, tuple[Platform, ...]], ...] = ()
    registries: Mapping[str, Registry] = field(default_factory=dict)
    custom_resources: tuple[Entry, ...] = ()
    lock_file: Path | None = None
    baseline: Path | None = None
