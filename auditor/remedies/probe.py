"""Which values reach a pod: set marks to them, render, and look where the marks come out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from auditor.remedies.budget import Budget
from auditor.remedies.fields import Field, holds_mark, mark, marked_numbers
from auditor.remedies.keys import Key, value_at
from auditor.remedies.refusals import Refusal, read_refusal
from auditor.remedies.renderings import ChartView, WorkloadId
from auditor.scheduling import Scheduling
from auditor.sources.rendering import RenderError, Values


@dataclass(frozen=True, slots=True)
class Probe:
    """A key to try. as_text: the template wants the value as YAML text."""

    key: Key
    as_text: bool = False


@dataclass
class Landing:
    """What came out of probing one field.

    reached: for each probe that came out in a pod, in which. scheduling: of these pods, as they
    were with the marks. refused: keys with which the chart does not render.
    """

    reached: dict[Probe, set[WorkloadId]] = field(default_factory=dict)
    scheduling: dict[WorkloadId, Scheduling] = field(default_factory=dict)
    refused: list[Probe] = field(default_factory=list)


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
