"""Remedies as they are told beside a finding."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.findings import Observation
from auditor.phrases import guard_text, listed
from auditor.remedies.candidates import Candidate
from auditor.remedies.charts import ChartRemedies
from auditor.remedies.keys import key_text, list_of
from auditor.remedies.knobs import Knob
from auditor.remedies.needs import Need
from auditor.remedies.yaml_text import flow

_UNREACHED = "no value of the chart reaches the pod: change the template, or patch what it renders"


def fix_text(need: Need, found: ChartRemedies) -> str:
    """What to do about a finding in a chart: the value to set, or why there is none to set."""
    seen = need.observation
    chosen = found.proposal.meeting(need.number)
    if chosen is not None:
        return _with_values(seen, chosen)
    if found.is_unreached(need):
        return f"{seen.fix}; {_UNREACHED}"
    reasons = list(objections(found, need))
    return f"{seen.fix}; {listed(reasons)}" if reasons else seen.fix


def objections(found: ChartRemedies, need: Need) -> Iterable[str]:
    """Why the keys that reach the pod are not proposed, a clause each."""
    for knob, why in found.proposal.objections.items():
        if need.workload in knob.feeds:
            yield objection(knob, why)


def objection(knob: Knob, why: str) -> str:
    return f"not by {knob}: {why}"


def _with_values(seen: Observation, chosen: Candidate) -> str:
    """The guard in the words of the chart, in place of those of the pod spec."""
    values = f"values: {chosen.setting.knob}: {flow(chosen.setting.value)}"
    if whole := list_of(chosen.knob.key):
        values += f" (Helm replaces lists: copy all of {key_text(whole)})"
    said = guard_text(seen.guard, seen.workload)
    if seen.fix == f"set {said}":
        return values
    return seen.fix.replace(said, values) if said in seen.fix else f"{seen.fix}; {values}"
