"""Find the values of a chart that set nodeSelector, affinity or tolerations of its pods.

Such a key is called a knob. Knobs are found by setting keys to unique marks, rendering the chart
and looking for the marks in the pods. A `Setting` is a knob with a new value.
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
    """A key to try. `as_text` means that the template expects the value as YAML text."""

    key: Key
    as_text: bool = False


class Landing(Struct):
    """The result of probing one field.

    Attributes:
        reached: The workloads that each probe affects.
        scheduling: The scheduling fields of these workloads, with the marks.
        refused: Keys with which the chart does not render.
    """

    reached: dict[Probe, set[WorkloadId]] = msgspec.field(default_factory=dict)
    scheduling: dict[WorkloadId, Scheduling] = msgspec.field(default_factory=dict)
    refused: list[Probe] = msgspec.field(default_factory=list)


def probe(
    view: ChartView, field_: Field, keys: Sequence[Probe], budget: Budget, landing: Landing
) -> None:
    """Try all keys in one render; if the chart does not render, find the keys that prevent it.

    Keys in Helm's error message are removed, or passed as text if it expects a string. Otherwise
    the keys are bisected. Raises SpentError.

    Args:
        landing: The results are added to it.
    """
    waiting = [list(keys)] if keys else []
    while waiting:
        group = waiting.pop(0)
        marks = dict(enumerate(group))
        try:
            changes = {item.key: _value(field_, n, item) for n, item in marks.items()}
            texts = view.render(changes, budget, in_part=True)
        except RenderError as error:
            refusal = read_refusal(error.text, view.name)
            waiting[:0] = _smaller_groups(group, refusal, view.values, landing.refused)
            continue
        _collect(landing, view, field_, marks, texts)


def _smaller_groups(
    group: list[Probe], refusal: Refusal, values: Values, refused: list[Probe]
) -> list[list[Probe]]:
    """Return the groups to try instead, and add keys that cannot be tried again to `refused`."""
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
    """Pass the value as text if the key is empty; all empty keys of a chart are treated alike."""
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
"""Returns keys for a field that are only in templates; used if keys in values do not suffice."""


@dataclass(frozen=True, slots=True)
class Knob:
    """A key that sets a scheduling field of pods.

    Attributes:
        feeds: The workloads whose pods it affects.
        current: Its present value.
        as_text: Whether the template expects YAML text instead of a mapping or list.
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
    """The knobs of a chart.

    Attributes:
        marked: Scheduling fields of the workloads whose nodeSelector was replaced by marks.
        refused: Keys for a selector or affinity with which the chart does not render, so that
            their effect is unknown.
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
    """Find the knobs of the wanted workloads within the budget.

    Probes nodeSelector first, then affinity for workloads without a nodeSelector knob or with a
    guard that requires affinity, then tolerations for workloads that still have no knob.
    """
    search = Search()
    missing = set(wanted)
    for field_ in (NODE_SELECTOR, AFFINITY, TOLERATIONS):
        targets = missing.union(for_affinity if field_ is AFFINITY else ())
        if not targets:
            continue
        landing = Landing()
        with suppress(SpentError):
            _probe_field(view, field_, targets, in_templates, budget, landing)
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
    """Return probes for new keys. Non-empty text is skipped, because it could not be preserved."""
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
    """Return keys that a more specific one may have overridden: `default .Values.global.x`.

    These are the keys without an effect, and the more general ones of those with an effect.
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
    """A change of the values. `guard` is what it requires of nodes."""

    knob: Knob
    guard: Guard
    value: Any

    def __str__(self) -> str:
        return f"{self.knob}: {flow(self.value)}"


def setting(knob: Knob, guard: Guard, kept: Mapping[str, str]) -> Setting | None:
    """Return the guard as a value of the knob; None if the knob cannot express it.

    Args:
        kept: Entries of the pods' nodeSelector that the template drops when the value is set.
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
    """Add the requirements to every term, because a node needs to match only one.

    Helm's merge keeps the other keys of the mappings.
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
    """Return the tolerations without the harmful ones; None if the values do not have those."""
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
