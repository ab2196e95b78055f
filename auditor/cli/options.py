"""Option groups of the commands.

Options for charts have the names that Helm uses. Each output group extends the one before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Final

import typer
from msgspec import Struct, field

from auditor.cli.commands import complete_cluster, complete_format, option


class Renderer(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    CLI = "cli"


class SourceFlags(Struct, frozen=True):
    """Options for what is audited and how charts are rendered."""

    title: ClassVar[str] = "Sources"

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="[SOURCE]...",
            help="A manifest, a folder of manifests and charts, a chart folder or .tgz, a remote "
            "chart (oci://HOST/PATH:VERSION, REPOSITORY-URL/CHART@VERSION, REPO/CHART), or - for "
            "standard input.",
        ),
    ] = field(default_factory=lambda: ["."])
    values: Annotated[
        list[str],
        option("-f", "--values", metavar="FILE", help="Values file for charts; repeatable."),
    ] = field(default_factory=list)
    set_values: Annotated[
        list[str],
        option("--set", metavar="KEY=VALUE", help="Set a value for charts; repeatable."),
    ] = field(default_factory=list)
    set_strings: Annotated[
        list[str],
        option("--set-string", metavar="KEY=VALUE", help="Set a string value; repeatable."),
    ] = field(default_factory=list)
    no_ci_values: Annotated[
        bool,
        option(
            "--no-ci-values",
            help="Do not also render charts with each of their ci/*-values.yaml files.",
        ),
    ] = False
    dependency_update: Annotated[
        bool,
        option(
            "--dependency-update",
            help="Fetch missing chart dependencies into a temporary copy.",
        ),
    ] = False
    follow: Annotated[
        bool,
        option(
            "--follow",
            help="Also audit the charts that Argo CD, Flux and k3s objects install.",
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
            "--kube-version", metavar="VERSION", help="Kubernetes version for rendering charts."
        ),
    ] = ""
    api_versions: Annotated[
        list[str],
        option(
            "-a",
            "--api-versions",
            metavar="API",
            help="API version available to charts; repeatable.",
        ),
    ] = field(default_factory=list)
    renderer: Annotated[
        Renderer,
        option("--renderer", help="Helm library (embedded) or helm program (cli)."),
    ] = Renderer.AUTO
    jobs: Annotated[
        int | None,
        option(
            "--jobs",
            metavar="N",
            min=1,
            max=64,
            help="Number of charts that are rendered at the same time.",
            show_default="the CPU cores",
        ),
    ] = None
    allow_empty: Annotated[
        bool, option("--allow-empty", help="Accept a SOURCE without workloads.")
    ] = False


class DiffFlags(SourceFlags, frozen=True):
    """Options for what is compared."""

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="OLD NEW | [SOURCE]...",
            help="What to compare: a SOURCE of `podfit audit`, REV:PATH of a git revision, a JSON "
            "report of podfit, or a lock file. With --base: SOURCEs.",
        ),
    ] = field(default_factory=list)
    base: Annotated[
        str | None,
        option(
            "--base",
            metavar="REV",
            help="Compare the SOURCEs, or the working directory, with their version at the merge "
            "base of this git revision and HEAD.",
        ),
    ] = None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if 0 <= seconds < math.inf:
        return seconds
    raise typer.BadParameter(f"{text} is not a number of seconds")


def _time_limit(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 1:
        raise typer.BadParameter("the minimum is 1 second")
    return seconds


class CacheFlags(Struct, frozen=True):
    """Options for the cache of registry responses."""

    title: ClassVar[str] = "Images"

    cache_dir: Annotated[
        Path | None,
        option(
            "--cache-dir",
            metavar="DIR",
            help="Cache folder.",
            show_default="podfit in the user's cache folder",
        ),
    ] = None


class ImageFlags(CacheFlags, frozen=True):
    """Options for looking up the platforms of images."""

    offline: Annotated[
        bool, option("--offline", help="Use only the lock file and the cache; no network access.")
    ] = False
    locked: Annotated[bool, option("--locked", help="Use only the lock file.")] = False
    lock_file: Annotated[
        Path | None,
        option(
            "--lock-file",
            metavar="FILE",
            help="Lock file.",
            show_default="podfit.lock.json in the folder of the SOURCE or a parent",
        ),
    ] = None
    max_age: Annotated[
        float | None,
        option(
            "--max-age",
            metavar="SECONDS",
            parser=_seconds,
            help="Maximum age of cached tags.",
            show_default="a day; an hour if CI is set",
        ),
    ] = None
    refresh: Annotated[
        bool,
        option("--refresh", help="Ignore cached tags and query the registries."),
    ] = False
    timeout: Annotated[
        float,
        option(
            "--timeout",
            metavar="SECONDS",
            parser=_time_limit,
            help="Time limit for all registry requests together.",
        ),
    ] = 300
    image_source: Annotated[
        list[str],
        option(
            "--image-source",
            metavar="[NAME=]SCHEME:PATH",
            help="Local images, which take precedence over lock file and registries: oci:FOLDER, "
            "oci-archive:FILE or docker-archive:FILE; repeatable.",
        ),
    ] = field(default_factory=list)
    allow_registry: Annotated[
        list[str],
        option(
            "--allow-registry",
            metavar="GLOB",
            help="Query only this registry or host/repository; repeatable.",
        ),
    ] = field(default_factory=list)
    insecure_registry: Annotated[
        list[str],
        option(
            "--insecure-registry",
            metavar="HOST",
            help="Do not verify the certificate of this registry, and use plain HTTP if it has no "
            "TLS; repeatable.",
        ),
    ] = field(default_factory=list)
    registry_config: Annotated[
        list[Path],
        option(
            "--registry-config",
            metavar="FILE|DIR",
            help="Mirrors and certificates from a configuration of containerd (certs.d), Podman "
            "(registries.conf) or Docker (daemon.json); repeatable.",
        ),
    ] = field(default_factory=list)
    verify_children: Annotated[
        bool,
        option(
            "--verify-children",
            help="Fetch every manifest that an image index lists; slower, without the cache.",
        ),
    ] = False


_TITLE: Final = "Policy"


class FailOn(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class ClusterFlags(Struct, frozen=True):
    """Options for the clusters to audit against."""

    title: ClassVar[str] = _TITLE

    cluster: Annotated[
        list[str],
        option(
            "-c",
            "--cluster",
            metavar="NAME|FILE",
            help="Built-in cluster profile, or a file: a profile, or the output of `kubectl get "
            "nodes -o yaml`; repeatable.",
            autocompletion=complete_cluster,
        ),
    ] = field(default_factory=lambda: ["hybrid"])


class ChangeFlags(Struct, frozen=True):
    """Options for the changes of the clusters."""

    title: ClassVar[str] = _TITLE

    to: Annotated[
        list[str],
        option(
            "--to",
            metavar="NAME|FILE",
            help="Cluster as it will be; repeat it once for each --cluster.",
            autocompletion=complete_cluster,
        ),
    ] = field(default_factory=list)
    add_pool: Annotated[
        list[str],
        option(
            "--add-pool",
            metavar="PLATFORM",
            help="Add nodes of this platform, such as linux/arm64 or windows-2025; repeatable.",
        ),
    ] = field(default_factory=list)
    replace: Annotated[
        list[str],
        option(
            "--replace",
            metavar="OLD=NEW",
            help="Replace the nodes of a pool or platform by others, such as "
            "windows-2019=windows-2025; repeatable.",
        ),
    ] = field(default_factory=list)


class RequirementFlags(Struct, frozen=True):
    """Options for required platforms."""

    title: ClassVar[str] = _TITLE

    require: Annotated[
        list[str],
        option(
            "--require",
            metavar="PLATFORM",
            help="Fail on images that do not support this platform, such as linux/arm64; "
            "repeatable.",
        ),
    ] = field(default_factory=list)


class PedanticFlags(RequirementFlags, frozen=True):
    """Options for the rules."""

    pedantic: Annotated[
        bool, option("--pedantic/--no-pedantic", help="Also apply the pedantic rules.")
    ] = False


class RuleFlags(PedanticFlags, frozen=True):
    """Options for the rules and remedies."""

    remedies: Annotated[
        bool,
        option(
            "--remedies/--no-remedies",
            help="Search for chart values that resolve findings; renders each chart a few more "
            "times.",
        ),
    ] = True


class IgnoreFlags(Struct, frozen=True):
    """Options for suppressed findings."""

    title: ClassVar[str] = _TITLE

    no_ignores: Annotated[bool, option("--no-ignores", help="Do not suppress any finding.")] = False
    baseline: Annotated[
        Path | None,
        option(
            "--baseline",
            metavar="FILE",
            help="Baseline of known findings to suppress.",
            show_default=".podfit-baseline.json in the repository of each SOURCE",
        ),
    ] = None


class GateFlags(Struct, frozen=True):
    """Options for the exit code and the trusted policy."""

    title: ClassVar[str] = _TITLE

    fail_on: Annotated[FailOn, option("--fail-on", help="Minimum severity for exit code 1.")] = (
        FailOn.ERROR
    )
    strict: Annotated[
        bool,
        option(
            "--strict/--no-strict",
            help="Exit with code 3 if an image is unresolved or a placement undecided.",
        ),
    ] = False
    policy_from: Annotated[
        str | None,
        option(
            "--policy-from",
            metavar="REV|DIR",
            help="Read configuration, rules, clusters, lock file, baseline and ignores from this "
            "git revision or folder, not from the audited files.",
        ),
    ] = None


class RuleFolderFlags(Struct, frozen=True):
    """Options for custom rules."""

    title: ClassVar[str] = "Configuration"

    rule_folders: Annotated[
        list[Path],
        option(
            "--rules",
            metavar="DIR",
            help="Folder with additional rules; repeatable.",
        ),
    ] = field(default_factory=list)


class ConfigFlags(RuleFolderFlags, frozen=True):
    """Options for the configuration file.

    Attributes:
        given: The option or variable that set each parameter.
    """

    config: Annotated[
        Path | None,
        option(
            "--config",
            metavar="FILE",
            help="Configuration file.",
            show_default=".podfit.yaml in the repository of each SOURCE",
        ),
    ] = None
    no_config: Annotated[
        bool, option("--no-config", help="Do not read any configuration file.")
    ] = False
    trust_config: Annotated[
        bool,
        option(
            "--trust-config",
            help="Use the registries of the configuration; only if nobody else can change it.",
        ),
    ] = False
    given: Mapping[str, str] = field(default_factory=dict)


class ColorMode(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class WatchFlags(Struct, frozen=True):
    """Options for progress and logging on standard error."""

    title: ClassVar[str] = "Output"

    no_progress: Annotated[bool, option("--no-progress", help="Show no progress bar.")] = False
    verbose: Annotated[
        bool,
        option(
            "-v",
            "--verbose",
            help="Log inputs, requests and decisions to standard error.",
        ),
    ] = False


class TerminalFlags(WatchFlags, frozen=True):
    """Output options with color."""

    color: Annotated[ColorMode, option("--color", help="Color the output.")] = ColorMode.AUTO


class OutputFlags(TerminalFlags, frozen=True):
    """Output options with formats; each command has its own formats."""

    output: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="Output format, and the file to write; repeatable.",
        ),
    ] = field(default_factory=list)


class ReportFlags(OutputFlags, frozen=True):
    """Output options of a report of findings."""

    output: Annotated[
        list[str],
        option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="Output format, and the file to write; repeatable.",
            autocompletion=complete_format,
        ),
    ] = field(default_factory=lambda: ["pretty"])
    show_passed: Annotated[bool, option("--show-passed", help="Also list passed workloads.")] = (
        False
    )
    quiet: Annotated[
        bool,
        option(
            "-q",
            "--quiet",
            help="Print only findings and problems.",
        ),
    ] = False
