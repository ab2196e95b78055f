"""`Knob`: a key of a chart's values that reaches the pods of workloads; and how knobs are found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

from auditor.remedies.budget import Budget, SpentError
from auditor.remedies.fields import AFFINITY, NODE_SELECTOR, TOLERATIONS, Field
from auditor.remedies.keys import Key, find_keys, key_text, value_at
from auditor.remedies.probe import Landing, Probe, probe
from auditor.remedies.renderings import ChartView, WorkloadId
from auditor.scheduling import Scheduling

KeySource = Callable[[Field], Iterable[Key]]
"""Keys for a field that only templates name; asked when those of the values do not suffice."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A key that reaches pods.

    feeds: the workloads whose pods it reaches. current: what the values hold there now. as_text:
    the template wants YAML text, not a mapping or list.
    """

    key: Key
    field: Field
    feeds: frozenset[WorkloadId]
    current: Any = field_of(default=None, compare=False)
    as_text: bool = False

    @property
    def is_global(self) -> bool:
        return "global" in self.key[:-1]

    def __str__(self) -> str:
        return key_text(self.key)


@dataclass
class Search:
    """What was found. marked: pods whose nodeSelector holds marks, in the place of what it held.

    refused: keys for a selector or affinity with which the chart does not render, so that nobody
    knows whom they reach.
    """

    knobs: list[Knob] = field_of(default_factory=list)
    marked: Mapping[WorkloadId, Scheduling] = field_of(default_factory=dict)
    refused: list[Key] = field_of(default_factory=list)

    def reaching(self, workload: WorkloadId) -> list[Knob]:
        return [knob for knob in self.knobs if workload in knob.feeds]


def search_knobs(
    view: ChartView,
    wanted: Collection[WorkloadId],
    in_templates: KeySource,
    budget: Budget,
    *,
    for_affinity: Collection[WorkloadId] = (),
) -> Search:
    """The knobs of the wanted workloads, as far as the budget goes, and whatever else they reach.

    nodeSelector first; affinity for the workloads without such a knob, and for those whose guard
    only affinity can say; tolerations for those that still have none.
    """
    search = Search()
    missing = set(wanted)
    for field_ in (NODE_SELECTOR, AFFINITY, TOLERATIONS):
        hunted = missing.union(for_affinity if field_ is AFFINITY else ())
        if not hunted:
            continue
        landing = Landing()
        with suppress(SpentError):
            _probe_field(view, field_, hunted, in_templates, budget, landing)
        missing -= _reached(landing)
        search.knobs += [_knob(view, field_, *item) for item in landing.reached.items()]
        if field_ is NODE_SELECTOR:
            search.marked = landing.scheduling
        search.refused += [item.key for item in landing.refused if field_ is not TOLERATIONS]
    return search


def _probe_field(
    view: ChartView,
    field_: Field,
    wanted: Collection[WorkloadId],
    in_templates: KeySource,
    budget: Budget,
    landing: Landing,
) -> None:
    tried = _probes(view.values, find_keys(view.values, field_.keys), ())
    probe(view, field_, tried, budget, landing)
    if not _reached(landing).issuperset(wanted):
        named = _probes(view.values, in_templates(field_), tried)
        probe(view, field_, named, budget, landing)
        tried += named
    hidden = _may_be_hidden(tried, landing)
    if len(wanted) > 1 or not _reached(landing).issuperset(wanted):
        probe(view, field_, hidden, budget, landing)


def _probes(values: Mapping[str, Any], keys: Iterable[Key], known: Iterable[Probe]) -> list[Probe]:
    """Those not tried yet. Text is left alone: what is in it could not be kept."""
    seen = {item.key for item in known}
    fresh = [key for key in dict.fromkeys(keys) if key not in seen]
    held = {key: value_at(values, key) for key in fresh}
    return [
        Probe(key, as_text=isinstance(value, str))
        for key, value in held.items()
        if not isinstance(value, str) or not value.strip()
    ]


def _reached(landing: Landing) -> set[WorkloadId]:
    return {name for names in landing.reached.values() for name in names}


def _may_be_hidden(tried: Iterable[Probe], landing: Landing) -> list[Probe]:
    """Keys that a more specific one may have kept from coming out: `default .Values.global.x`.

    Those that came out nowhere, and those that did and stand above others.
    """
    refused = {item.key for item in landing.refused}
    reached = {item.key: item for item in landing.reached}
    return [
        reached.get(item.key, item)
        for item in tried
        if item.key not in refused and (item.key not in reached or _is_general(item.key, reached))
    ]


def _is_general(key: Key, reached: Iterable[Key]) -> bool:
    parent = key[:-1]
    return "global" in parent or any(
        len(other) > len(key) and other[: len(parent)] == parent for other in reached
    )


def _knob(view: ChartView, field_: Field, item: Probe, feeds: Iterable[WorkloadId]) -> Knob:
    current = value_at(view.values, item.key)
    return Knob(item.key, field_, frozenset(feeds), current, item.as_text)
