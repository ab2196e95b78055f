"""`Knob`: a key of a chart's values that reaches the pods of workloads; and how knobs are found.

Which values reach a pod: set marks to them, render, and look where the marks come out.

`Setting`: a knob and the value it is to get, so that what it holds already is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as field_of
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.findings import Guard
from auditor.files.yaml_writing import block, flow
from auditor.fixes.paths import (
    AFFINITY,
    NODE_SELECTOR,
    REQUIRED,
    TOLERATIONS,
    Field,
    Key,
    copied,
    find_keys,
    holds_mark,
    key_text,
    mark,
    marked_numbers,
    match_expressions,
    value_at,
)
from auditor.fixes.renderings import (
    Budget,
    ChartView,
    Refusal,
    SpentError,
    WorkloadId,
    read_refusal,
)
from auditor.kubernetes.pod_spec import Requirement, Scheduling, Toleration
from auditor.sources.rendering import RenderError, Values


class Probe(Struct, frozen=True):
    """A key to try. as_text: the template wants the value as YAML text."""

    key: Key
    as_text: bool = False


class Landing(Struct):
    """What came out of probing one field.

    reached: for each probe that came out in a pod, in which. scheduling: of these pods, as they
    were with the marks. refused: keys with which the chart does not render.
    """

    reached: dict[Probe, set[WorkloadId]] = msgspec.field(default_factory=dict)
    scheduling: dict[WorkloadId, Scheduling] = msgspec.field(default_factory=dict)
    refused: list[Probe] = msgspec.field(default_factory=list)


def probe(
    view: ChartView, field_: Field, keys: Sequence[Probe], budget: Budget, landing: Landing
) -> None:
    """Try all keys in one render; where the chart does not render, find out which one hinders it.

    Keys that Helm's message names are left out first, or given as text where it wants text; else
    the rest is halved again and again. landing: what comes out is added to it. Raises SpentError.
    """
    waiting = [list(keys)] if keys else []
    while waiting:
        group = waiting.pop(0)
        marks = dict(enumerate(group))
        try:
            texts = view.render(
                {item.key: _value(field_, n, item) for n, item in marks.items()}, budget
            )
        except RenderError as error:
            refusal = read_refusal(error.text, view.name)
            waiting[:0] = _smaller(group, refusal, view.values, landing.refused)
            continue
        _collect(landing, view, field_, marks, texts)


def _smaller(
    group: list[Probe], refusal: Refusal, values: Values, refused: list[Probe]
) -> list[list[Probe]]:
    """The groups to try instead. What cannot be tried again is added to the refused."""
    if (
        refusal.wants_text
        and (changed := [_as_text(item, refusal, values) for item in group]) != group
    ):
        return [changed]
    named = [item for item in group if refusal.names(item.key)]
    if not named and len(group) == 1:
        named = group
    refused += named
    rest = [item for item in group if item not in named]
    middle = len(rest) if named else (len(rest) + 1) // 2
    return [part for part in (rest[:middle], rest[middle:]) if part]


def _as_text(item: Probe, refusal: Refusal, values: Values) -> Probe:
    """The empty keys of a chart are of one hand: what one of them wants, the others do too."""
    below = refusal.below or ()
    alike = item.key[: len(below)] == below and not value_at(values, item.key)
    return replace(item, as_text=item.as_text or alike)


def _value(field_: Field, number: int, item: Probe) -> Any:
    value = field_.marked(mark(number))
    return json.dumps(value) if item.as_text else value


def _collect(
    landing: Landing,
    view: ChartView,
    field_: Field,
    marks: Mapping[int, Probe],
    texts: Mapping[str, str],
) -> None:
    marked = {name: text for name, text in texts.items() if holds_mark(text)}
    for name, workload in view.read(marked).workloads.items():
        numbers = marked_numbers(field_, workload.scheduling) & marks.keys()
        for number in numbers:
            landing.reached.setdefault(marks[number], set()).add(name)
        if numbers:
            landing.scheduling.setdefault(name, workload.scheduling)


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


class Search(Struct):
    """What was found. marked: pods whose nodeSelector holds marks, in the place of what it held.

    refused: keys for a selector or affinity with which the chart does not render, so that nobody
    knows whom they reach.
    """

    knobs: list[Knob] = msgspec.field(default_factory=list)
    marked: Mapping[WorkloadId, Scheduling] = msgspec.field(default_factory=dict)
    refused: list[Key] = msgspec.field(default_factory=list)

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


class Setting(Struct, frozen=True):
    """A change of the values. guard: what it demands of nodes."""

    knob: Knob
    guard: Guard
    value: Any

    def __str__(self) -> str:
        return f"{self.knob}: {flow(self.value)}"


def setting(knob: Knob, guard: Guard, kept: Mapping[str, str]) -> Setting | None:
    """The guard as a value of the knob; None where it cannot be said there.

    kept: entries of the pods' selectors that the template replaces once the value is set.
    """
    if knob.field is NODE_SELECTOR and not guard.affinity:
        value: Any = {**kept, **_mapping(knob.current), **guard.node_selector}
    elif knob.field is AFFINITY and guard.requirements:
        value = _affinity(_mapping(knob.current), guard.requirements)
    else:
        return None
    return Setting(knob, guard, block(value).rstrip() if knob.as_text else value)


def _mapping(value: Any) -> dict[str, Any]:
    return copied(value) if isinstance(value, Mapping) else {}


def _affinity(current: dict[str, Any], requirements: Iterable[Requirement]) -> dict[str, Any]:
    """Every term that stands there gets the demands too: one term is enough for a node.

    What else is in the mappings is left to Helm, which keeps it.
    """
    demands = match_expressions(requirements)
    required = _mapping(_mapping(current.get("nodeAffinity")).get(REQUIRED))
    terms = required.get("nodeSelectorTerms")
    known = [_mapping(term) for term in terms] if isinstance(terms, list) and terms else [{}]
    for term in known:
        stated = term.get("matchExpressions")
        term["matchExpressions"] = [*(stated if isinstance(stated, list) else ()), *demands]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": known}}}


def narrowed(knob: Knob, harmful: Iterable[Toleration]) -> Setting | None:
    """The tolerations without the harmful ones; None where the values do not hold those."""
    if not isinstance(knob.current, list):
        return None
    broad = [_parts(item) for item in harmful]
    left = [item for item in knob.current if _read(item) not in broad]
    if len(left) == len(knob.current):
        return None
    return Setting(knob, Guard(), left)


def _parts(item: Toleration) -> tuple[str, ...]:
    return item.key, item.operator, item.value, item.effect


def _read(item: Any) -> tuple[str, ...]:
    given = item if isinstance(item, Mapping) else {}
    return tuple(str(given.get(name) or "") for name in ("key", "operator", "value", "effect"))
