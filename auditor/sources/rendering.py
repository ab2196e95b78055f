"""What rendering a chart means, whichever Helm does it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

from auditor.sources.options import HelmOptions

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


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency that Chart.yaml declares, and what Helm finds of it in charts/.

    status: `ok`, `unpacked`, `missing`, `wrong version` and others, as `helm dependency list` says.
    """

    name: str
    version: str
    status: str


@dataclass(frozen=True, slots=True)
class Rendered:
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
