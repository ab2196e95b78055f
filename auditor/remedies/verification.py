"""A proposal put to the test: the chart rendered with it, and judged again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.assessment import Assessment
from auditor.remedies.harm import find_harm
from auditor.remedies.needs import Need
from auditor.remedies.renderings import ChartView, WorkloadId
from auditor.remedies.settings import Setting
from auditor.sources.rendering import makes_pods
from auditor.yaml.repetition import repeated_keys


@dataclass(frozen=True, slots=True)
class Before:
    """A chart as it was audited. needs: what is to be resolved.

    texts: of the templates that make pods, by Helm's name. unreadable: how much nobody can read.
    """

    view: ChartView
    assessments: Mapping[WorkloadId, Assessment]
    needs: Sequence[Need]
    texts: Mapping[str, str]
    unreadable: int = 0


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
    rendered = {
        name: text for name, text in texts.items() if name in before.texts or makes_pods(text)
    }
    reading = before.view.read(rendered)
    assess = before.view.judging.assess
    after = {name: assess(item) for name, item in reading.workloads.items()}
    whole = {need.workload: need.whole for need in before.needs}
    outcome = Outcome()
    for name, old in before.assessments.items():
        feeding = [made for made in settings if name in made.knob.feeds]
        new = after.get(name)
        if new is None:
            outcome.harmed[name] = "is gone then"
        elif why := find_harm(old, new, feeding, whole.get(name)):
            outcome.harmed[name] = why
        elif _repeats_more(before.texts[name[0]], rendered[name[0]]):
            outcome.harmed[name] = "has a key twice in its manifest then"
    if reading.unreadable > before.unreadable:
        outcome.broken = "Kubernetes cannot read what a template makes then"
    elif after.keys() - before.assessments.keys():
        outcome.broken = "there are other workloads then"
    outcome.met = {need.number for need in before.needs if need.is_met_in(after.get(need.workload))}
    return outcome


def _repeats_more(before: str, after: str) -> bool:
    then, now = (Counter(key.text() for key in repeated_keys(text)) for text in (before, after))
    return bool(now - then)
