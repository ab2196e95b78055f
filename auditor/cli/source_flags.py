"""Options about what is audited, and how charts are rendered (named as Helm names them)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

import typer

from auditor.cli.commands import option


class Renderer(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    CLI = "cli"


@dataclass(frozen=True)
class SourceFlags:
    """What is audited, and how charts are rendered."""

    title: ClassVar[str] = "Sources"

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[SOURCE]...",
            help="A manifest, a folder of manifests and charts, a chart folder or .tgz, a chart "
            "elsewhere (oci://HOST/PATH:VERSION, REPOSITORY-URL/CHART@VERSION, REPO/CHART), or - "
            "for a stream on standard input.",
        ),
    ] = field(default_factory=lambda: ["."])
    values: Annotated[
        list[str],
        option("-f", "--values", metavar="FILE", help="Values file for charts; repeatable."),
    ] = field(default_factory=list)
    set_values: Annotated[
        list[str],
        option("--set", metavar="KEY=VALUE", help="One value for charts; repeatable."),
    ] = field(default_factory=list)
    set_strings: Annotated[
        list[str],
        option(
            "--set-string", metavar="KEY=VALUE", help="Like --set, but always text; repeatable."
        ),
    ] = field(default_factory=list)
    no_ci_values: Annotated[
        bool,
        option(
            "--no-ci-values",
            help="Do not render charts with each of their ci/*-values.yaml too.",
        ),
    ] = False
    dependency_update: Annotated[
        bool,
        option(
            "--dependency-update",
            help="Fetch the dependencies that charts lack, into a temporary copy.",
        ),
    ] = False
    follow: Annotated[
        bool,
        option(
            "--follow",
            help="Audit the charts that Argo CD, Flux and k3s objects install too.",
        ),
    ] = False
    release_name: Annotated[
        str, option("--release-name", metavar="NAME", help="Release name for charts.")
    ] = "release-name"
    namespace: Annotated[
        str, option("-n", "--namespace", metavar="NAME", help="Release namespace.")
    ] = "default"
    kube_version: Annotated[
        str,
        option(
            "--kube-version", metavar="VERSION", help="Kubernetes version that charts are told."
        ),
    ] = ""
    api_versions: Annotated[
        list[str],
        option(
            "-a", "--api-versions", metavar="API", help="API that charts are told of; repeatable."
        ),
    ] = field(default_factory=list)
    renderer: Annotated[
        Renderer,
        option("--renderer", help="Helm inside podfit (embedded), or the helm program (cli)."),
    ] = Renderer.AUTO
    allow_empty: Annotated[
        bool, option("--allow-empty", help="A SOURCE without a workload is no problem.")
    ] = False
