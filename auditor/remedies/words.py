"""Remedies as they are told beside a finding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from auditor.findings import Observation
from auditor.phrases import guard_text, listed, unique
from auditor.remedies.candidates import Candidate
from auditor.remedies.charts import ChartRemedies
from auditor.remedies.keys import key_text, list_of
from auditor.remedies.knobs import Knob
from auditor.remedies.needs import Need

_SHOWN: Final = 3
"""Keys that a sentence can name."""
_UNREACHED: Final = (
    "no value of the chart reaches the pod: change the template, or patch what it renders"
)


def fix_text(need: Need, found: ChartRemedies) -> str:
    """What to do about a finding in a chart: the value to set, or why there is none to set."""
    seen = need.observation
    if chosen := found.proposal.meeting(need.number):
        return _with_values(seen, chosen)
    if found.is_unreached(need):
        return f"{seen.fix}; {_UNREACHED}"
    if found.search.refused and not found.is_reached(need):
        keys = listed(map(key_text, found.search.refused), "or", limit=_SHOWN)
        return (
            f"{seen.fix}; the chart does not render when {keys} is set, so nobody knows its reach"
        )
    reasons = list(objections(found, need))
    return f"{seen.fix}; {listed(reasons)}" if reasons else seen.fix


def objections(found: ChartRemedies, need: Need) -> Iterable[str]:
    """Why the keys that reach the pod are not proposed, a clause each."""
    for knob, why in found.proposal.objections.items():
        if need.workload in knob.feeds:
            yield objection(knob, why)


def objection(knob: Knob, why: str) -> str:
    return f"not by {knob}: {why}"


def _with_values(seen: Observation, chosen: Sequence[Candidate]) -> str:
    """The guard in the words of the chart, in place of those of the pod spec."""
    shown = chosen if len(chosen) <= _SHOWN else chosen[:1]
    values = f"values: {', '.join(str(item.setting) for item in shown)}"
    if len(shown) < len(chosen):
        values += f", and {len(chosen) - 1} others that `-o values` writes"
    lists = (list_of(item.knob.key) for item in shown)
    if copied := unique(key_text(key) for key in lists if key):
        values += f" (Helm replaces lists: copy all of {listed(copied)})"
    said = guard_text(seen.guard, seen.workload)
    if seen.fix == f"set {said}":
        return values
    return seen.fix.replace(said, values) if said in seen.fix else f"{seen.fix}; {values}"
