"""Render a chart with changed values within a budget, and read the workloads and errors."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.audit.audit import read_document
from auditor.checks.assessment import Assess
from auditor.checks.wording import count
from auditor.errors import Problem
from auditor.fixes.paths import Key, holds_mark, overlay
from auditor.kubernetes.custom_resources import Table
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload
from auditor.sources.chart import SUBCHARTS
from auditor.sources.interface import HelmOptions
from auditor.sources.rendering import Cause, Renderer, RenderError, Values

RENDERS: Final = 40
"""Maximum renders per chart. A count gives the same result on every machine."""
SECONDS: Final = 600.0
"""Maximum time per chart. The slowest known charts generate RSA keys and take 3 s per render."""


class SpentError(Exception):
    """The budget is spent; `Budget.shortage` has the reason."""


class Budget(Struct):
    """The number of renders and the time for one chart. Not thread-safe.

    Attributes:
        shortage: Why the search is incomplete, as the end of a sentence; "" if it is complete.
    """

    renders: int = RENDERS
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    spent: int = 0
    shortage: str = ""
    _until: float = 0.0

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def take(self) -> None:
        """Count one render. Raises SpentError if the budget is spent."""
        if self.shortage:
            raise SpentError
        if self.spent >= self.renders:
            self._end(f"it takes more than {count(self.renders, 'render')}")
        if self.clock() >= self._until:
            self._end(_timed_out(self.seconds))
        self.spent += 1

    @contextmanager
    def rendering(self, timeout: float) -> Iterator[float]:
        """Count one render, and yield its timeout in seconds.

        Raises:
            RenderError: Helm rejects the chart.
            SpentError: The budget is spent, or Helm failed otherwise.
        """
        self.take()
        seconds = min(timeout, max(self._until - self.clock(), 0.0))
        try:
            yield seconds
        except RenderError as error:
            if error.cause is Cause.REFUSED:
                raise
            self._end(_timed_out(seconds) if error.cause is Cause.TIMEOUT else error.cause.value)

    def _end(self, why: str) -> NoReturn:
        self.shortage = why
        raise SpentError


def _timed_out(seconds: float) -> str:
    return f"it takes longer than {seconds:.0f} s here; a faster machine may find more"


class Judging(Struct, frozen=True):
    """Reads and assesses workloads as in the audit. `table` is None for podfit's own table."""

    assess: Assess
    table: Table | None = None

    def read(self, document: Document) -> Iterator[Workload | Problem]:
        """Yield the workloads of a document, and problems."""
        for item in read_document(document, self.table):
            if isinstance(item, Workload | Problem):
                yield item


_BROKEN: Final = re.compile(
    r"^(?P<chart>[\w.-]+):$|^- (?:at '/(?P<pointer>[^']*)'|(?P<dotted>[\w.-]+)): ", re.MULTILINE
)
"""Schema errors: the chart on its own line, then a line for each value, as a JSON pointer (Helm
3.18 and later) or with dots."""
_EXECUTING: Final = re.compile(r'executing "(?P<template>[^"]+)" at <(?P<at>[^>]*)>')
_VALUES: Final = re.compile(r"(?:^|[\s($])\.Values\.([\w.]+)")
_WANTS_TEXT: Final = "wrong type for value; expected string"


class Refusal(Struct, frozen=True):
    """The keys in an error message of Helm.

    Attributes:
        chart: The name of the chart.
        broken: Values that violate a schema: the name of their chart and the path in its values.
        named: Keys in the failing expression.
        below: The path of the values of the chart whose template fails; None if no template does.
        wants_text: Whether the template expected a string.
    """

    chart: str = ""
    broken: tuple[tuple[str, tuple[str, ...]], ...] = ()
    named: frozenset[Key] = frozenset()
    below: Key | None = None
    wants_text: bool = False

    def names(self, key: Key) -> bool:
        """Return whether the message is about this key or a value in it."""
        parts = tuple(map(str, key))
        return key in self.named or any(
            path[: len(parts) - start] == parts[start:]
            for chart, path in self.broken
            for start in range(len(parts))
            if chart == (parts[start - 1] if start else self.chart)
        )


def read_refusal(message: str, chart: str) -> Refusal:
    """Parse an error message; the result is empty for other kinds of messages."""
    broken = tuple(_broken(message))
    match = _EXECUTING.search(message)
    if match is None:
        return Refusal(chart, broken)
    below = _values_of(match["template"])
    named = (tuple(path.split(".")) for path in _VALUES.findall(match["at"]))
    return Refusal(
        chart, broken, frozenset((*below, *path) for path in named), below, _WANTS_TEXT in message
    )


def _broken(message: str) -> list[tuple[str, tuple[str, ...]]]:
    chart = ""
    places: list[tuple[str, tuple[str, ...]]] = []
    for match in _BROKEN.finditer(message):
        if match["chart"]:
            chart = match["chart"]
        else:
            path = match["dotted"] or match["pointer"].replace("/", ".")
            places.append((chart, tuple(path.split("."))))
    return places


def _values_of(template: str) -> Key:
    """Return the path of the values of a template named `parent/charts/alias/...`."""
    parts = PurePosixPath(template).parts[1:]
    key: Key = ()
    while len(parts) > 1 and parts[0] == SUBCHARTS:
        key, parts = (*key, parts[1]), parts[2:]
    return key


WorkloadId = tuple[str, str, int, str]
"""Identifies a workload in every rendering: template, kind, index among its kind, component."""


def workload_id(workload: Workload) -> WorkloadId:
    """Return the id of a workload, without its name: 34 of 506 charts generate random names."""
    return workload.document.template, workload.ref.kind, workload.nth, workload.component


class Reading(Struct, frozen=True):
    """The workloads in rendered texts, and the number of objects that cannot be read."""

    workloads: Mapping[WorkloadId, Workload]
    unreadable: int = 0


class ChartView(Struct, frozen=True):
    """A chart as rendered for the audit.

    Attributes:
        values: What its templates see as `.Values`.
        names: Names of the audited objects, to distinguish them from objects that other values add.
        part: A copy without the templates that made no pods; None for none.
        known: What was read of the same texts before, in any variant of the chart.
    """

    name: str
    path: Path
    options: HelmOptions
    renderer: Renderer
    values: Values
    judging: Judging
    names: Mapping[WorkloadId, str] = field(default_factory=dict)
    part: Path | None = None
    known: dict[Document, tuple[Workload | Problem, ...]] = field(default_factory=dict)

    def render(
        self, changes: Mapping[Key, object], budget: Budget, *, in_part: bool = False
    ) -> Mapping[str, str]:
        """Render with changed values, and return the texts by template.

        Args:
            in_part: Render `part`. Its result is to be verified with the whole chart.

        Raises:
            RenderError: Helm rejects the chart.
            SpentError: The budget is spent, or Helm failed otherwise.
        """
        with budget.rendering(self.options.timeout) as seconds:
            options = replace(self.options, timeout=seconds)
            path = self.part if in_part and self.part else self.path
            made = self.renderer.render(path, options, overlay(self.values, changes))
        return made.templates

    def read(self, texts: Mapping[str, str]) -> Reading:
        """Return the workloads in rendered texts by their id in the audit."""
        namespace = self.options.namespace or "default"
        found: list[Workload] = []
        unreadable = 0
        for template, text in texts.items():
            document = Document(
                template, text, "", chart=template, namespace=namespace, template=template
            )
            items = self.known.get(document)
            if items is None:
                items = tuple(self.judging.read(document))
            if not holds_mark(text):  # such a text is not rendered again
                self.known[document] = items
            for item in items:
                if isinstance(item, Problem):
                    unreadable += 1
                else:
                    found.append(item)
        return Reading(dict(self._identified(found)), unreadable)

    def _identified(self, found: Iterable[Workload]) -> Iterator[tuple[WorkloadId, Workload]]:
        kinds: dict[tuple[str, str], list[Workload]] = {}
        for item in found:
            kinds.setdefault(workload_id(item)[:2], []).append(item)
        for kind, items in kinds.items():
            known = {own[2]: name for own, name in self.names.items() if own[:2] == kind}
            places = _same_places({item.nth: item.ref.name for item in items}, known)
            for item in items:
                yield (*kind, places[item.nth], item.component), item


def _same_places(found: Mapping[int, str], known: Mapping[int, str]) -> dict[int, int]:
    """Map each object of a kind to its index in the audit, or to an unused one.

    Objects are matched by unique names, and the others by order if their number is the same.
    """
    names = Counter(found.values()), Counter(known.values())
    named = {name: place for place, name in known.items() if names[1][name] == 1}
    same = {
        place: named[name] for place, name in found.items() if name in named and names[0][name] == 1
    }
    left = [place for place in found if place not in same]
    free = [place for place in known if place not in same.values()]
    if len(left) != len(free) and known:
        first = max(known) + 1
        free = list(range(first, first + len(left)))
    return same | dict(zip(left, free or left, strict=True))
