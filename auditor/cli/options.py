"""Options about what is audited, and how charts are rendered (named as Helm names them).

Options about who is asked for the platforms of images.

Options that say what counts: the cluster, rules, ignores, the gate; and the configuration.

Options about what is printed, where, and how; each group holds those of the one before.
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


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if 0 <= seconds < math.inf:
        return seconds
    raise typer.BadParameter(f"{text} is no number of seconds")


def _time_limit(text: str) -> float:
    seconds = _seconds(text)
    if seconds < 1:
        raise typer.BadParameter("nobody answers in less than 1 second")
    return seconds


class CacheFlags(Struct, frozen=True):
    """Where answers are kept."""

    title: ClassVar[str] = "Images"

    cache_dir: Annotated[
        Path | None,
        option(
            "--cache-dir",
            metavar="DIR",
            help="Where answers are kept.",
            show_default="podfit in the user's cache folder",
        ),
    ] = None


class ImageFlags(CacheFlags, frozen=True):
    """Who is asked for the platforms of images."""

    offline: Annotated[bool, option("--offline", help="Use the cache and the lock file alone.")] = (
        False
    )
    locked: Annotated[bool, option("--locked", help="Use the lock file alone.")] = False
    lock_file: Annotated[
        Path | None,
        option(
            "--lock-file",
            metavar="FILE",
            help="The lock file.",
            show_default="podfit.lock.json beside the SOURCE or above it",
        ),
    ] = None
    max_age: Annotated[
        float | None,
        option(
            "--max-age",
            metavar="SECONDS",
            parser=_seconds,
            help="How long the cache's answer about a tag holds.",
            show_default="a day; an hour where CI is set",
        ),
    ] = None
    refresh: Annotated[
        bool,
        option("--refresh", help="Ask the registries for every tag, whatever the cache holds."),
    ] = False
    timeout: Annotated[
        float,
        option(
            "--timeout",
            metavar="SECONDS",
            parser=_time_limit,
            help="The most that asking registries may take altogether.",
        ),
    ] = 300
    image_source: Annotated[
        list[str],
        option(
            "--image-source",
            metavar="[NAME=]SCHEME:PATH",
            help="Images on disk that go before lock file and registries: oci:FOLDER, "
            "oci-archive:FILE or docker-archive:FILE; repeatable.",
        ),
    ] = field(default_factory=list)
    allow_registry: Annotated[
        list[str],
        option(
            "--allow-registry",
            metavar="GLOB",
            help="Ask this registry, or host/repository, and no other; repeatable.",
        ),
    ] = field(default_factory=list)
    insecure_registry: Annotated[
        list[str],
        option(
            "--insecure-registry",
            metavar="HOST",
            help="Check no certificate of this registry, and do without TLS where it has none; "
            "repeatable.",
        ),
    ] = field(default_factory=list)
    registry_config: Annotated[
        list[Path],
        option(
            "--registry-config",
            metavar="FILE|DIR",
            help="Mirrors and certificates as containerd (certs.d), Podman (registries.conf) or "
            "Docker (daemon.json) know them; repeatable.",
        ),
    ] = field(default_factory=list)
    verify_children: Annotated[
        bool,
        option(
            "--verify-children",
            help="Ask for each manifest that an index lists. Slower; no cache.",
        ),
    ] = False


_TITLE: Final = "What counts"


class FailOn(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class ClusterFlags(Struct, frozen=True):
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


class RequirementFlags(Struct, frozen=True):
    """Which platforms images must support."""

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


class RuleFlags(RequirementFlags, frozen=True):
    """Which rules are applied."""

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


class IgnoreFlags(Struct, frozen=True):
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


class GateFlags(Struct, frozen=True):
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


class RuleFolderFlags(Struct, frozen=True):
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


class ConfigFlags(RuleFolderFlags, frozen=True):
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


class ColorMode(StrEnum):
    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class WatchFlags(Struct, frozen=True):
    """What somebody who watches wants to see."""

    title: ClassVar[str] = "Output"

    no_progress: Annotated[bool, option("--no-progress", help="Show no progress bar.")] = False
    verbose: Annotated[
        bool,
        option(
            "-v",
            "--verbose",
            help="Tell on standard error what is read, asked and decided.",
        ),
    ] = False


class TerminalFlags(WatchFlags, frozen=True):
    """The same for a command that prints for people."""

    color: Annotated[ColorMode, option("--color", help="Colour the output.")] = ColorMode.AUTO


class OutputFlags(TerminalFlags, frozen=True):
    """The same for a command with several formats, of which each has its own."""

    output: Annotated[
        list[str],
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="How to report, and where to; repeatable.",
        ),
    ] = field(default_factory=list)


class ReportFlags(OutputFlags, frozen=True):
    """The same for a report of findings."""

    output: Annotated[
        list[str],
        option(
            "-o",
            "--output",
            metavar="FORMAT[=FILE]",
            help="How to report, and where to; repeatable.",
            autocompletion=complete_format,
        ),
    ] = field(default_factory=lambda: ["pretty"])
    show_passed: Annotated[bool, option("--show-passed", help="List what is in order too.")] = False
    quiet: Annotated[
        bool,
        option(
            "-q",
            "--quiet",
            help="Print findings and problems alone; nothing where there are none.",
        ),
    ] = False
