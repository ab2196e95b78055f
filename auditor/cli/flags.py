"""Options that commands share, as groups: one dataclass each (see `auditor/cli/expansion.py`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import typer

from auditor.cli.completion import complete_cluster


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
            help="A manifest, a folder of manifests and charts, a chart folder or .tgz, a chart "
            "elsewhere (oci://HOST/PATH:VERSION, REPOSITORY-URL/CHART@VERSION, REPO/CHART), or - "
            "for a stream on standard input.",
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
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            envvar="PODFIT_FOLLOW",
            help="Audit the charts that objects of Argo CD, Flux and k3s install, as they do.",
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
