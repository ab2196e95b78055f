"""Options that commands share, as groups: one dataclass each (see `auditor/cli/expansion.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from auditor.cli.completion import complete_cluster

RULES_OPTION: Final = typer.Option(
    "--rules",
    metavar="DIR",
    envvar="PODFIT_RULES",
    help="A folder of rules of your own, beside podfit's; repeatable.",
)


class Renderer(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    CLI = "cli"


class FailOn(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


@dataclass(frozen=True)
class SourceFlags:
    """What is audited, and how charts are rendered (named as Helm names them)."""

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[SOURCE]...",
            help="A manifest, a folder of manifests and charts, a chart folder or .tgz, or - for a "
            "stream on standard input.",
            show_default=".",
        ),
    ] = field(default_factory=lambda: ["."])
    values: Annotated[
        list[str],
        typer.Option(
            "-f",
            "--values",
            metavar="FILE",
            envvar="PODFIT_VALUES",
            help="Values file for charts; repeatable.",
        ),
    ] = field(default_factory=list)
    set_values: Annotated[
        list[str],
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            envvar="PODFIT_SET",
            help="One value for charts; repeatable.",
        ),
    ] = field(default_factory=list)
    set_strings: Annotated[
        list[str],
        typer.Option(
            "--set-string",
            metavar="KEY=VALUE",
            envvar="PODFIT_SET_STRING",
            help="Like --set, but always text; repeatable.",
        ),
    ] = field(default_factory=list)
    no_ci_values: Annotated[
        bool,
        typer.Option(
            "--no-ci-values",
            envvar="PODFIT_NO_CI_VALUES",
            help="Do not render charts with each of their ci/*-values.yaml too.",
        ),
    ] = False
    dependency_update: Annotated[
        bool,
        typer.Option(
            "--dependency-update",
            envvar="PODFIT_DEPENDENCY_UPDATE",
            help="Fetch the dependencies that charts lack, into a temporary copy.",
        ),
    ] = False
    release_name: Annotated[
        str,
        typer.Option(
            "--release-name",
            metavar="NAME",
            envvar="PODFIT_RELEASE_NAME",
            help="Release name for charts.",
        ),
    ] = "release-name"
    namespace: Annotated[
        str,
        typer.Option(
            "-n",
            "--namespace",
            metavar="NAME",
            envvar="PODFIT_NAMESPACE",
            help="Release namespace.",
        ),
    ] = "default"
    kube_version: Annotated[
        str,
        typer.Option(
            "--kube-version",
            metavar="VERSION",
            envvar="PODFIT_KUBE_VERSION",
            help="Kubernetes version that charts are told.",
        ),
    ] = ""
    api_versions: Annotated[
        list[str],
        typer.Option(
            "-a",
            "--api-versions",
            metavar="API",
            envvar="PODFIT_API_VERSIONS",
            help="API that charts are told of; repeatable.",
        ),
    ] = field(default_factory=list)
    renderer: Annotated[
        Renderer,
        typer.Option(
            envvar="PODFIT_RENDERER",
            help="Helm inside podfit (embedded), or the helm program (cli).",
        ),
    ] = Renderer.AUTO
    allow_empty: Annotated[
        bool,
        typer.Option(
            "--allow-empty",
            envvar="PODFIT_ALLOW_EMPTY",
            help="A SOURCE without a workload is no problem.",
        ),
    ] = False


@dataclass(frozen=True)
class ImageFlags:
    """Who is asked for the platforms of images."""

    offline: Annotated[
        bool,
        typer.Option(
            "--offline", envvar="PODFIT_OFFLINE", help="Use the cache and the lock file alone."
        ),
    ] = False
    locked: Annotated[
        bool,
        typer.Option("--locked", envvar="PODFIT_LOCKED", help="Use the lock file alone."),
    ] = False
    lock_file: Annotated[
        Path | None,
        typer.Option(
            "--lock-file",
            metavar="FILE",
            envvar="PODFIT_LOCK_FILE",
            help="The lock file.",
            show_default="podfit.lock.json beside the SOURCE or above it",
        ),
    ] = None
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            "--cache-dir", metavar="DIR", envvar="PODFIT_CACHE_DIR", help="Where answers are kept."
        ),
    ] = None
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=1,
            envvar="PODFIT_TIMEOUT",
            help="The most that asking registries may take altogether.",
        ),
    ] = 300.0


@dataclass(frozen=True)
class ClusterFlags:
    """Which nodes there are."""

    cluster: Annotated[
        list[str],
        typer.Option(
            "-c",
            "--cluster",
            metavar="NAME|FILE",
            envvar="PODFIT_CLUSTER",
            help="A built-in profile, or a file: a profile, or what `kubectl get nodes -o yaml` "
            "prints.",
            show_default="hybrid",
            autocompletion=complete_cluster,
        ),
    ] = field(default_factory=lambda: ["hybrid"])


@dataclass(frozen=True)
class GateFlags:
    """What makes the exit code 1 or 3."""

    fail_on: Annotated[
        FailOn,
        typer.Option(
            "--fail-on",
            envvar="PODFIT_FAIL_ON",
            help="The least severity that gives exit code 1.",
        ),
    ] = FailOn.ERROR
    strict: Annotated[
        bool,
        typer.Option(
            "--strict/--no-strict",
            envvar="PODFIT_STRICT",
            help="An unresolved image or an undecided placement gives exit code 3.",
        ),
    ] = False


@dataclass(frozen=True)
class RuleFlags:
    """Which rules are applied."""

    pedantic: Annotated[
        bool,
        typer.Option(
            "--pedantic/--no-pedantic",
            envvar="PODFIT_PEDANTIC",
            help="Apply the pedantic rules too.",
        ),
    ] = False
    remedies: Annotated[
        bool,
        typer.Option(
            "--remedies/--no-remedies",
            envvar="PODFIT_REMEDIES",
            help="Look for the values of charts that resolve findings; charts are rendered a few "
            "times more.",
        ),
    ] = True


@dataclass(frozen=True)
class IgnoreFlags:
    """What is silenced."""

    no_ignores: Annotated[
        bool,
        typer.Option("--no-ignores", envvar="PODFIT_NO_IGNORES", help="Silence no finding at all."),
    ] = False
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            metavar="FILE",
            envvar="PODFIT_BASELINE",
            help="Findings that are silenced because they were there before.",
            show_default=".podfit-baseline.json in the repository of each SOURCE",
        ),
    ] = None


@dataclass(frozen=True)
class ConfigFlags:
    """Which configuration counts. given: each option that was given, by parameter, and how."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            envvar="PODFIT_CONFIG",
            help="The configuration.",
            show_default=".podfit.yaml in the repository of each SOURCE",
        ),
    ] = None
    no_config: Annotated[
        bool,
        typer.Option(
            "--no-config", envvar="PODFIT_NO_CONFIG", help="Read no configuration at all."
        ),
    ] = False
    trust_config: Annotated[
        bool,
        typer.Option(
            "--trust-config",
            envvar="PODFIT_TRUST_CONFIG",
            help="Heed what the configuration says of registries: nobody but you can change it.",
        ),
    ] = False
    rule_folders: Annotated[list[Path], RULES_OPTION] = field(default_factory=list)
    given: Mapping[str, str] = field(default_factory=dict)
