"""A proposal put to the test: the chart rendered with it, and judged again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.assessment import Assessment
from auditor.errors import Problem
from auditor.remedies.harm import find_harm
from auditor.remedies.needs import Need
from auditor.remedies.renderings import ChartView, WorkloadId, workload_id
from auditor.remedies.settings import Setting
from auditor.workloads import Workload
from auditor.yaml.repetition import repeated_keys


@dataclass(frozen=True, slots=True)
class Before:
    """A chart as it was audited. needs: what is to be resolved.

    texts: of the templates that make pods, by Helm's name.
    """

    view: ChartView
    assessments: Mapping[WorkloadId, Assessment]
    needs: Sequence[Need]
    texts: Mapping[str, str]


@dataclass
class Outcome:
    """What a proposal did. met: the numbers of the needs that are resolved.

    harmed: the workloads that are worse off, each with the end of a sentence on it. broken: what is
    wrong with the chart as a whole, or "".
    """

    met: set[int] = field(default_factory=set)
    harmed: dict[WorkloadId, str] = field(default_factory=dict)
    broken: str = ""


def judge_outcome(
    before: Before, settings: Collection[Setting], texts: Mapping[str, str]
) -> Outcome:
    """Compare the chart with the settings, as rendered in these texts, to the chart before."""
    rendered = {name: texts[name] for name in before.texts if name in texts}
    found = list(before.view.workloads(rendered))
    assess = before.view.judging.assess
    after = {workload_id(item): assess(item) for item in found if isinstance(item, Workload)}
    whole = {need.workload: need.whole for need in before.needs}
    outcome = Outcome(broken=_broken(before, found))
    for name, old in before.assessments.items():
        feeding = [made for made in settings if name in made.knob.feeds]
        new = after.get(name)
        if new is None:
            outcome.harmed[name] = "is gone then"
        elif why := find_harm(old, new, feeding, whole.get(name)):
            outcome.harmed[name] = why
        elif _repeats_more(before.texts[name[0]], rendered[name[0]]):
            outcome.harmed[name] = "has a key twice in its manifest then"
    outcome.met = {need.number for need in before.needs if need.is_met_in(after.get(need.workload))}
    return outcome


def _broken(before: Before, found: Sequence[Workload | Problem]) -> str:
    known = list(before.view.workloads(before.texts))
    unreadable = [sum(isinstance(item, Problem) for item in items) for items in (known, found)]
    if unreadable[0] < unreadable[1]:
        return "Kubernetes cannot read what a template makes then"
    return "there are other workloads then" if len(found) > len(known) else ""


def _repeats_more(before: str, after: str) -> bool:
    return bool(Counter(repeated_keys(after)) - Counter(repeated_keys(before)))
