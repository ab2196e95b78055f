"""Remedies as they are told: beside a finding, ready to be used, and as a file of values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.findings import Remedy, RemedyKind
from auditor.phrases import guard_text, listed, unique
from auditor.remedies.candidates import Candidate
from auditor.remedies.charts import ChartRemedies
from auditor.remedies.keys import key_text, list_of, overlay
from auditor.remedies.kustomizations import kustomize_remedies
from auditor.remedies.needs import Need
from auditor.remedies.places import key_places, values_place
from auditor.report import Overlay
from auditor.yaml.writing import block

_SHOWN: Final = 3
"""Keys, or objects, that a sentence can name."""
_UNREACHED: Final = (
    "no value of the chart reaches the pod: change the template, or patch what it renders"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a chart's values can do for a need."""

    need: Need
    found: ChartRemedies

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The values that meet it; () where none do."""
        return self.found.proposal.meeting(self.need.number)

    @property
    def is_unreached(self) -> bool:
        return self.found.is_unreached(self.need)


def fix_text(answers: Sequence[Answer]) -> str:
    """What to do about a finding in a chart: the value to set, or why there is none to set.

    answers: one, or one for each object that installs the chart with values of its own.
    """
    seen = answers[0].need.observation
    places: dict[str, list[str]] = {}
    without: dict[str, None] = {}
    for answer in answers:
        if answer.chosen:
            place = values_place(answer.found.source)
            places.setdefault(_settings_text(answer.chosen), []).append(place)
        else:
            without[_without_values(answer)] = None
    if not places:
        return "; ".join(without)
    values = "; ".join(f"values{_in(where)}: {text}" for text, where in places.items())
    said = guard_text(seen.guard, seen.workload)
    if seen.fix == f"set {said}":
        return "; ".join((values, *without))
    with_values = seen.fix.replace(said, values) if said in seen.fix else f"{seen.fix}; {values}"
    return "; ".join((with_values, *without))


def _settings_text(chosen: Sequence[Candidate]) -> str:
    shown = chosen if len(chosen) <= _SHOWN else chosen[:1]
    text = ", ".join(str(item.setting) for item in shown)
    if len(shown) < len(chosen):
        text += f", and {len(chosen) - 1} others that `-o values` writes"
    lists = (list_of(item.knob.key) for item in shown)
    if copied := unique(key_text(key) for key in lists if key):
        text += f" (Helm replaces lists: copy all of {listed(copied)})"
    return text


def _in(places: Sequence[str]) -> str:
    """Nothing where the user gives the values: he knows where."""
    return f" in {listed(unique(places), limit=_SHOWN)}" if all(places) else ""


def _without_values(answer: Answer) -> str:
    need, search = answer.need, answer.found.search
    fix = need.observation.fix
    if answer.is_unreached:
        return f"{fix}; {_UNREACHED}"
    if search.refused and not answer.found.is_reached(need):
        keys = listed(map(key_text, search.refused), "or", limit=_SHOWN)
        return f"{fix}; the chart does not render when {keys} is set, so nobody knows its reach"
    reasons = list(_objections(answer.found, (need,)))
    return f"{fix}; {listed(reasons)}" if reasons else fix


def _objections(found: ChartRemedies, needs: Sequence[Need]) -> Iterator[str]:
    """Why keys that reach the pods are not proposed, a clause each."""
    for knob, why in found.proposal.objections.items():
        if any(need.workload in knob.feeds for need in needs):
            yield f"not by {knob}: {why}"


def remedies(answers: Iterable[Answer]) -> tuple[Remedy, ...]:
    """The values for a finding, mostly one key; or a patch of what the chart renders."""
    return tuple(dict.fromkeys(item for answer in answers for item in _remedies(answer)))


def _remedies(answer: Answer) -> tuple[Remedy, ...]:
    need, chosen = answer.need, answer.chosen
    if not chosen:
        return kustomize_remedies(need)
    where = key_places(answer.found.source)(chosen[0].knob.key)
    keys = tuple(str(item.knob) for item in chosen)
    text = _values_file(answer.found, chosen)
    return (Remedy(RemedyKind.VALUES, text, keys, where, verified=True),)


def chart_overlay(found: ChartRemedies) -> Overlay:
    """What the report says of a chart as a whole.

    A guard alone does not resolve anything for a workload that no node could run: it would wait for
    one instead of failing.
    """
    helped = [need for need in found.needs if need.has_home and found.proposal.meeting(need.number)]
    chosen = {
        item.knob.key: item for need in helped for item in found.proposal.meeting(need.number)
    }
    unreached = (str(need.observation.workload) for need in found.needs if found.is_unreached(need))
    return Overlay(
        chart=found.source.shown,
        variant=found.source.variant,
        text=_values_file(found, chosen.values()),
        resolved=len(helped),
        findings=len(found.needs),
        unreached=unique(unreached),
        objections=tuple(_objections(found, found.needs)),
    )


def _values_file(found: ChartRemedies, chosen: Iterable[Candidate]) -> str:
    ordered = sorted(chosen, key=lambda item: str(item.knob))
    changes = {item.knob.key: item.setting.value for item in ordered}
    if not changes:
        return ""
    place = values_place(found.source)
    note = f"# for {place}\n" if place else ""
    return note + block(overlay(found.values, changes))
