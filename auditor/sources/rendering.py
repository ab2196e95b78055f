"""What rendering a chart means, whichever Helm does it.

From what Helm says to what the user should know: what failed, where, and what to do.
"""

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
"""Chart values as JSON has them: podfit hands them to Helm and does not look inside."""

NO_VALUES: Final[Values] = {}


_MAKES_PODS: Final = re.compile(
    r"""^[ \t{]*["']?kind["']?[ \t]*:[ \t]*["']?(?:Pod|PodTemplate|ReplicationController|ReplicaSet
    |Deployment|StatefulSet|DaemonSet|Job|CronJob)(?:List)?\b""",
    re.MULTILINE | re.VERBOSE,
)


class Cause(Enum):
    """Why a chart was not rendered."""

    REFUSED = "Helm refused it"
    TIMEOUT = "it took too long"
    MEMORY = "it took too much memory"
    RECURSION = "a template calls itself without end"
    SIZE = "what it renders is too large"
    CRASH = "Helm broke off"


class RenderError(Exception):
    """A call of Helm that failed. text: what Helm said, however long."""

    def __init__(self, cause: Cause, text: str = "") -> None:
        super().__init__(text or cause.value)
        self.cause = cause
        self.text = text


class Dependency(Struct, frozen=True):
    """A dependency that Chart.yaml declares, and what Helm finds of it in charts/.

    status: `ok`, `unpacked`, `missing`, `wrong version` and others, as `helm dependency list` says.
    """

    name: str
    version: str
    status: str


class Rendered(Struct, frozen=True):
    """A chart's rendered templates.

    templates: text by Helm's name of the template (`web/charts/db/templates/pod.yaml`), hooks and
    tests among them, NOTES.txt not. notes: what the chart's own NOTES.txt says, or "". warnings:
    what Helm said beside that, a line each.
    """

    templates: Mapping[str, str]
    notes: str = ""
    warnings: tuple[str, ...] = ()


def warnings_in(log: str) -> tuple[str, ...]:
    """The warnings in what Helm logged: `coalesce.go:298: warning: ...`, `level=WARN msg=...`."""
    lines = (line.strip() for line in log.splitlines())
    return tuple(line for line in dict.fromkeys(lines) if "warn" in line.lower())


def makes_pods(text: str) -> bool:
    """Whether a rendered text holds an object of a kind that makes pods."""
    return bool(_MAKES_PODS.search(text))


class Renderer(Protocol):
    """Helm, in one of its forms. Every method reads the chart anew, and raises RenderError."""

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        """The chart with the values of the options; the overlay is the last of their files."""
        ...

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        """What Chart.yaml declares, conditions and tags not considered."""
        ...


_MAX_HEAD: Final = 4000
"""Characters that are looked at: Helm names the place first, and may say 200 KB about it."""
_TEMPLATE: Final = re.compile(r"/(templates|charts)/")
_BETWEEN_WORDS: Final = re.compile(r"[\s()\"']+")
_JUDGEMENTS: Final = {
    r"^execution error at": ("refuses its values", "set what it asks for with -f or --set"),
    r"specifications of the schema": (
        "does not accept its values: they break its schema",
        "give other values with -f or --set",
    ),
    r"^chart requires kubeVersion": (
        "does not support this version of Kubernetes",
        "say the version of your clusters with --kube-version",
    ),
    r"^invalid kube version|^could not parse .* as version": (
        "was not rendered: --kube-version is no version",
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
    r"^parse error at": ("has a template that Helm cannot parse", "mend the template"),
}
"""What a refusal amounts to, as the end of a sentence on the chart, and what to do; first match."""
_FAILS: Final = ("has a template that fails", "set the values it needs, or mend the template")
_UNKNOWN: Final = ("cannot be rendered", "`helm lint` and `helm template` say more")
_HINTS: Final = {
    Cause.TIMEOUT: "a template may loop without end; leave the chart out if it is not yours",
    Cause.MEMORY: "a template may repeat something without end; leave the chart out",
    Cause.RECURSION: "look for an include or tpl that leads back to itself",
    Cause.SIZE: "leave the chart out, or set values that make it render less",
    Cause.CRASH: "this may be a bug in Helm; `--renderer cli` uses the helm program instead",
}


def explain(error: RenderError, chart: Chart) -> Problem:
    """A failed rendering as a problem of the chart."""
    if error.cause is Cause.REFUSED:
        return _refusal(error.text, chart)
    return SourceError(
        f"chart {chart.name} could not be rendered: {error.cause.value}",
        where=chart.shown,
        why=_first_lines(error.text),
        hint=_HINTS[error.cause],
    ).problem


def _refusal(text: str, chart: Chart) -> Problem:
    head = text[:_MAX_HEAD]
    place = _place(head, chart)
    judged = (said for pattern, said in _JUDGEMENTS.items() if re.search(pattern, head))
    what, hint = next(judged, _FAILS if place else _UNKNOWN)
    return SourceError(
        f"chart {chart.name} {what}", where=place or chart.shown, why=text, hint=hint
    ).problem


def _place(text: str, chart: Chart) -> str:
    """The first template that is named with a line, as `path:line[:column]`; "" where none is."""
    for word in _BETWEEN_WORDS.split(text):
        template, *numbers = word.rstrip(":").split(":")
        if numbers and all(map(str.isdecimal, numbers)) and _TEMPLATE.search(template):
            return ":".join((chart.template_path(template), *numbers[:2]))
    return ""


def _first_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[:3])
