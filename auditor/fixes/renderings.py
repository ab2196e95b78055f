"""A chart rendered with other values, and the workloads in it.

What looking for remedies may cost.

How workloads are read and judged: as the audit did it.

Which keys Helm complains of when it does not render a chart.
"""

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
from auditor.fixes.paths import Key, overlay
from auditor.kubernetes.custom_resources import Table
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload
from auditor.sources.chart import SUBCHARTS
from auditor.sources.interface import HelmOptions
from auditor.sources.rendering import Cause, Renderer, RenderError, Values

RENDERS: Final = 40
"""What ends a search that does not end by itself: a count is the same on every machine."""
SECONDS: Final = 600.0
"""Far from what an honest chart takes: the slowest make RSA keys, 3 s for each render."""


class SpentError(Exception):
    """Nothing is left, or nothing more is worth a try; the budget says why."""


class Budget(Struct):
    """Renders for one chart, counted down, and far behind them seconds. Not for threads.

    shortage: why not everything was looked for or tried, as the end of a sentence; "" where it was.
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
        """Allow for one more render. Raises SpentError, always once it was raised."""
        if self.shortage:
            raise SpentError
        if self.spent >= self.renders:
            self._end(f"it takes more than {count(self.renders, 'render')}")
        if self.clock() >= self._until:
            self._end(_late(self.seconds))
        self.spent += 1

    @contextmanager
    def rendering(self, timeout: float) -> Iterator[float]:
        """One more render, and how many seconds it may take: a timeout at most.

        Raises RenderError where Helm refuses the chart, SpentError where it did not get so far.
        """
        self.take()
        seconds = min(timeout, max(self._until - self.clock(), 0.0))
        try:
            yield seconds
        except RenderError as error:
            if error.cause is Cause.REFUSED:
                raise
            self._end(_late(seconds) if error.cause is Cause.TIMEOUT else error.cause.value)

    def _end(self, why: str) -> NoReturn:
        self.shortage = why
        raise SpentError


def _late(seconds: float) -> str:
    return f"it takes longer than {seconds:.0f} s here; on another machine there may be more"


class Judging(Struct, frozen=True):
    """table: of custom resources; None for podfit's own."""

    assess: Assess
    table: Table | None = None

    def read(self, document: Document) -> Iterator[Workload | Problem]:
        """What makes pods in a document, and what cannot be read."""
        for item in read_document(document, self.table):
            if isinstance(item, Workload | Problem):
                yield item


_BROKEN: Final = re.compile(
    r"^(?P<chart>[\w.-]+):$|^- (?:at '/(?P<pointer>[^']*)'|(?P<dotted>[\w.-]+)): ", re.MULTILINE
)
"""Where values break a schema: the chart on a line of its own, then a line for each place, as a
JSON pointer (from Helm 3.18 on) or with dots."""
_EXECUTING: Final = re.compile(r'executing "(?P<template>[^"]+)" at <(?P<at>[^>]*)>')
_VALUES: Final = re.compile(r"(?:^|[\s($])\.Values\.([\w.]+)")
_WANTS_TEXT: Final = "wrong type for value; expected string"


class Refusal(Struct, frozen=True):
    """What a message of Helm's says of keys.

    chart: the name of the chart itself. broken: places that break a schema: the name of their
    chart, and the path in its values. named: keys that the failing expression names. below: where
    the values of the chart stand whose template fails; None where none does. wants_text: it wants
    text, and got something else.
    """

    chart: str = ""
    broken: tuple[tuple[str, tuple[str, ...]], ...] = ()
    named: frozenset[Key] = frozenset()
    below: Key | None = None
    wants_text: bool = False

    def names(self, key: Key) -> bool:
        """Whether it is this key, or something within it, that Helm complains of."""
        parts = tuple(map(str, key))
        return key in self.named or any(
            path[: len(parts) - start] == parts[start:]
            for chart, path in self.broken
            for start in range(len(parts))
            if chart == (parts[start - 1] if start else self.chart)
        )


def read_refusal(message: str, chart: str) -> Refusal:
    """What can be read from a message on a chart; nothing, where it is of another kind."""
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
    """Where the values of a template's chart stand: Helm calls it `parent/charts/alias/...`."""
    parts = PurePosixPath(template).parts[1:]
    key: Key = ()
    while len(parts) > 1 and parts[0] == SUBCHARTS:
        key, parts = (*key, parts[1]), parts[2:]
    return key


WorkloadId = tuple[str, str, int, str]
"""Names a workload in every rendering: template, kind, place among its kind there, component."""


def workload_id(workload: Workload) -> WorkloadId:
    """Names are left out: 34 of 506 charts make up new ones each time."""
    return workload.document.template, workload.ref.kind, workload.nth, workload.component


class Reading(Struct, frozen=True):
    """What rendered texts hold: workloads, and a number of things that nobody can read."""

    workloads: Mapping[WorkloadId, Workload]
    unreadable: int = 0


class ChartView(Struct, frozen=True):
    """A chart as it is rendered for an audit, and what its templates see as `.Values`.

    names: of the objects that were audited, which tell them from objects that other values add.
    """

    name: str
    path: Path
    options: HelmOptions
    renderer: Renderer
    values: Values
    judging: Judging
    names: Mapping[WorkloadId, str] = field(default_factory=dict)

    def render(self, changes: Mapping[Key, object], budget: Budget) -> Mapping[str, str]:
        """Texts by template, with some keys changed.

        Raises RenderError where Helm refuses the chart, and SpentError where it did not get so far.
        """
        with budget.rendering(self.options.timeout) as seconds:
            options = replace(self.options, timeout=seconds)
            made = self.renderer.render(self.path, options, overlay(self.values, changes))
        return made.templates

    def read(self, texts: Mapping[str, str]) -> Reading:
        """The workloads in rendered texts, by what names them in the audit."""
        namespace = self.options.namespace or "default"
        found: list[Workload] = []
        unreadable = 0
        for template, text in texts.items():
            document = Document(
                template, text, "", chart=template, namespace=namespace, template=template
            )
            for item in self.judging.read(document):
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
    """For each object of a kind its place in the audit, or one that no object had there.

    A name tells, where it is the only one; of the others the order does, if none is too many.
    """
    names = Counter(found.values()), Counter(known.values())
    named = {name: place for place, name in known.items() if names[1][name] == 1}
    same = {
        place: named[name] for place, name in found.items() if name in named and names[0][name] == 1
    }
    left = [place for place in found if place not in same]
    open_ = [place for place in known if place not in same.values()]
    if len(left) != len(open_) and known:
        first = max(known) + 1
        open_ = list(range(first, first + len(left)))
    return same | dict(zip(left, open_ or left, strict=True))
