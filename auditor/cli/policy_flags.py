"""Options that say what counts: the cluster, rules, ignores, the gate; and the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Final

from auditor.cli.commands import option
from auditor.cli.completion import complete_cluster

_TITLE: Final = "What counts"


class FailOn(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


@dataclass(frozen=True)
class ClusterFlags:
    """Which nodes there are."""

    title: ClassVar[str] = _TITLE

    cluster: Annotated[
        list[str],
        option(
            "-c",
            "--cluster",
            metavar="NAME|FILE",
            help="A built-in profile, or a file: a profile, or what `kubectl get nodes -o yaml` "
            "prints; repeatable.",
            autocompletion=complete_cluster,
        ),
    ] = field(default_factory=lambda: ["hybrid"])


@dataclass(frozen=True)
class RuleFlags:
    """Which rules are applied."""

    title: ClassVar[str] = _TITLE

    pedantic: Annotated[
        bool, option("--pedantic/--no-pedantic", help="Apply the pedantic rules too.")
    ] = False
    remedies: Annotated[
        bool,
        option(
            "--remedies/--no-remedies",
            help="Try which values of charts resolve findings: a few renders more for each chart.",
        ),
    ] = True


@dataclass(frozen=True)
class IgnoreFlags:
    """What is silenced."""

    title: ClassVar[str] = _TITLE

    no_ignores: Annotated[bool, option("--no-ignores", help="Silence no finding at all.")] = False
    baseline: Annotated[
        Path | None,
        option(
            "--baseline",
            metavar="FILE",
            help="Findings that are silenced because they were there before.",
            show_default=".podfit-baseline.json in the repository of each SOURCE",
        ),
    ] = None


@dataclass(frozen=True)
class GateFlags:
    """What makes the exit code 1 or 3."""

    title: ClassVar[str] = _TITLE

    fail_on: Annotated[
        FailOn, option("--fail-on", help="The least severity that gives exit code 1.")
    ] = FailOn.ERROR
    strict: Annotated[
        bool,
        option(
            "--strict/--no-strict",
            help="An unresolved image or an undecided placement gives exit code 3.",
        ),
    ] = False
    policy_from: Annotated[
        str | None,
        option(
            "--policy-from",
            metavar="REV|DIR",
            help="Take configuration, rules, clusters, lock file, baseline and ignores from this "
            "git revision or folder, not from the files that are audited.",
        ),
    ] = None


@dataclass(frozen=True)
class RuleFolderFlags:
    """Where rules are."""

    title: ClassVar[str] = "Configuration"

    rule_folders: Annotated[
        list[Path],
        option(
            "--rules",
            metavar="DIR",
            help="A folder of rules of your own, beside podfit's; repeatable.",
        ),
    ] = field(default_factory=list)


@dataclass(frozen=True)
class ConfigFlags(RuleFolderFlags):
    """Which configuration counts. given: each option that was given, by parameter, and how."""

    config: Annotated[
        Path | None,
        option(
            "--config",
            metavar="FILE",
            help="The configuration.",
            show_default=".podfit.yaml in the repository of each SOURCE",
        ),
    ] = None
    no_config: Annotated[bool, option("--no-config", help="Read no configuration at all.")] = False
    trust_config: Annotated[
        bool,
        option(
            "--trust-config",
            help="Heed what the configuration says of registries: nobody but you can change it.",
        ),
    ] = False
    given: Mapping[str, str] = field(default_factory=dict)
