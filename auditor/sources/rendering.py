"""The `Renderer` protocol, its results, and the translation of Helm errors into problems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import Struct

from auditor.errors import Problem, SourceError
from auditor.sources.chart import Chart
from auditor.sources.interface import HelmOptions

Values = Mapping[str, Any]
"""Chart values as plain JSON data."""

NO_VALUES: Final[Values] = {}


_MAKES_PODS: Final = re.compile(
    r"""^[ \t{]*["']?kind["']?[ \t]*:[ \t]*["']?(?:Pod|PodTemplate|ReplicationController|ReplicaSet
    |Deployment|StatefulSet|DaemonSet|Job|CronJob)(?:List)?\b""",
    re.MULTILINE | re.VERBOSE,
)


class Cause(Enum):
    """The reason why rendering failed."""

    REFUSED = "Helm refused it"
    TIMEOUT = "it took too long"
    MEMORY = "it took too much memory"
    RECURSION = "a template calls itself endlessly"
    SIZE = "its output is too large"
    CRASH = "Helm crashed"


class RenderError(Exception):
    """Raised if a call of Helm fails, with Helm's full error text."""

    def __init__(self, cause: Cause, text: str = "") -> None:
        super().__init__(text or cause.value)
        self.cause = cause
        self.text = text


class Dependency(Struct, frozen=True):
    """A dependency declared in Chart.yaml, and its state in charts/.

    Attributes:
        status: `ok`, `unpacked`, `missing`, `wrong version` and others, as in
            `helm dependency list`.
    """

    name: str
    version: str
    status: str


class Rendered(Struct, frozen=True):
    """A chart's rendered templates.

    Attributes:
        templates: Text by template name (`web/charts/db/templates/pod.yaml`), including hooks and
            tests, without NOTES.txt.
        notes: The chart's own rendered NOTES.txt, or "".
        warnings: Helm's warnings, one line each.
    """

    templates: Mapping[str, str]
    notes: str = ""
    warnings: tuple[str, ...] = ()


def warnings_in(log: str) -> tuple[str, ...]:
    """Return the warnings in Helm's log: `coalesce.go:298: warning: ...`, `level=WARN msg=...`."""
    lines = (line.strip() for line in log.splitlines())
    return tuple(line for line in dict.fromkeys(lines) if "warn" in line.lower())


def makes_pods(text: str) -> bool:
    """Whether a rendered text contains an object of a kind that makes pods."""
    return bool(_MAKES_PODS.search(text))


class Renderer(Protocol):
    """A form of Helm. Methods read the chart again on each call and raise RenderError."""

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        """Render the chart with the options' values; the overlay is the last values file."""
        ...

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        """Return the declared dependencies, regardless of conditions and tags."""
        ...


_MAX_HEAD: Final = 4000
"""Characters that are searched: Helm prints the location first, and errors may have 200 KB."""
_TEMPLATE: Final = re.compile(r"/(templates|charts)/")
_BETWEEN_WORDS: Final = re.compile(r"[\s()\"']+")
_REFUSALS: Final = {
    r"^execution error at": ("rejects its values", "set the required values with -f or --set"),
    r"specifications of the schema": (
        "rejects its values: they do not match its schema",
        "set other values with -f or --set",
    ),
    r"^chart requires kubeVersion": (
        "does not support this version of Kubernetes",
        "set the version of your clusters with --kube-version",
    ),
    r"^invalid kube version|^could not parse .* as version": (
        "was not rendered: --kube-version is not a version",
        "write it as 1.31 or v1.31.2",
    ),
    r"release name": (
        "was not rendered: Helm does not accept --release-name",
        "use at most 53 lower-case letters, digits and hyphens",
    ),
    r"failed parsing --set": (
        "was not rendered: Helm cannot read a --set",
        "write it as key.path=value",
    ),
    r"^parse error at": ("has a template that Helm cannot parse", "fix the template"),
}
"""Pattern of a Helm error -> end of a sentence about the chart, and a hint; first match."""
_FAILS: Final = ("has a template that fails", "set the values it needs, or fix the template")
_UNKNOWN: Final = ("cannot be rendered", "`helm lint` and `helm template` give details")
_HINTS: Final = {
    Cause.TIMEOUT: "a template may loop endlessly; leave the chart out if it is not yours",
    Cause.MEMORY: "a template may repeat something endlessly; leave the chart out",
    Cause.RECURSION: "look for an include or tpl that calls itself",
    Cause.SIZE: "leave the chart out, or set values that make it render less",
    Cause.CRASH: "this may be a bug in Helm; `--renderer cli` uses the helm program instead",
}


def explain(error: RenderError, chart: Chart) -> Problem:
    """Return the problem for a chart that failed to render."""
    if error.cause is Cause.REFUSED:
        return _refusal(error.text, chart)
    return SourceError(
        f"chart {chart.name} could not be rendered: {error.cause.value}",
        where=chart.shown,
        why="\n".join(error.text.strip().splitlines()[:3]),
        hint=_HINTS[error.cause],
    ).problem


def _refusal(text: str, chart: Chart) -> Problem:
    head = text[:_MAX_HEAD]
    place = _place(head, chart)
    known = (text for pattern, text in _REFUSALS.items() if re.search(pattern, head))
    what, hint = next(known, _FAILS if place else _UNKNOWN)
    return SourceError(
        f"chart {chart.name} {what}", where=place or chart.shown, why=text, hint=hint
    ).problem


def _place(text: str, chart: Chart) -> str:
    """Return the first template named with a line, as `path:line[:column]`, or ""."""
    for word in _BETWEEN_WORDS.split(text):
        template, *numbers = word.rstrip(":").split(":")
        if numbers and all(map(str.isdecimal, numbers)) and _TEMPLATE.search(template):
            return ":".join((chart.template_path(template), *numbers[:2]))
    return ""
