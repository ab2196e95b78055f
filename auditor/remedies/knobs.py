"""`Knob`: a key of a chart's values that reaches the pods of workloads; and how knobs are found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

from auditor.remedies.budget import Budget
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
    """What was found. scheduling: of the pods that knobs reach, as marks in their place made it.

    refused: keys for a selector or affinity with which the chart does not render, so that nobody
    knows whom they reach.
    complete: nothing was left out for want of time.
    """

    knobs: list[Knob] = field_of(default_factory=list)
    scheduling: dict[tuple[str, WorkloadId], Scheduling] = field_of(default_factory=dict)
    refused: list[Key] = field_of(default_factory=list)
    complete: bool = True

    def reaching(self, workload: WorkloadId, field_: Field | None = None) -> list[Knob]:
        return [
            knob
            for knob in self.knobs
            if workload in knob.feeds and (field_ is None or knob.field is field_)
        ]


def search_knobs(
    view: ChartView,
    wanted: Collection[WorkloadId],
    in_templates: KeySource,
    budget: Budget,
    *,
    for_affinity: Collection[WorkloadId] = (),
) -> Search:
    """The knobs of the wanted workloads, and whatever else those knobs reach.

    nodeSelector first; affinity for the workloads without such a knob, and for those whose guard
    only affinity can say; tolerations for those that still have none.
    """
    search = Search()
    missing = set(wanted)
    for field_, besides in (
        (NODE_SELECTOR, ()),
        (AFFINITY, set(for_affinity)),
        (TOLERATIONS, ()),
    ):
        hunted = missing.union(besides)
        if hunted:
            found = _search_field(view, field_, hunted, in_templates, budget)
            missing -= {name for knob in found.knobs for name in knob.feeds}
            search.knobs += found.knobs
            search.scheduling |= found.scheduling
            search.refused += found.refused if field_ is not TOLERATIONS else ()
            search.complete = search.complete and found.complete
    return search


def _search_field(
    view: ChartView,
    field_: Field,
    wanted: Collection[WorkloadId],
    in_templates: KeySource,
    budget: Budget,
) -> Search:
    landing = Landing()
    tried = _probes(view.values, find_keys(view.values, field_.keys), ())
    landing.add(probe(view, field_, tried, budget))
    if not _reached(landing).issuperset(wanted):
        named = _probes(view.values, in_templates(field_), tried)
        landing.add(probe(view, field_, named, budget))
        tried += named
    hidden = _may_be_hidden(tried, landing)
    if hidden and (len(wanted) > 1 or not _reached(landing).issuperset(wanted)):
        landing.add(probe(view, field_, hidden, budget))
    return Search(
        [_knob(view, field_, item, feeds) for item, feeds in landing.reached.items()],
        {(field_.name, name): scheduling for name, scheduling in landing.scheduling.items()},
        [item.key for item in landing.refused],
        landing.complete,
    )


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
