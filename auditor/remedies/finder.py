"""`RemedyFinder`: for every finding that a guard resolves, the change that sets it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, TypeVar

from auditor.assessment import Assess, Assessment
from auditor.checks import unreached_selector
from auditor.errors import shorten
from auditor.findings import Observation, Remedy
from auditor.phrases import unique
from auditor.policy import Judged
from auditor.remedies.budget import Budget
from auditor.remedies.charts import find_chart_remedies
from auditor.remedies.judging import Judging
from auditor.remedies.kustomizations import kustomization_remedies
from auditor.remedies.manifests import manifest_remedies
from auditor.remedies.needs import Need, find_needs
from auditor.remedies.words import Answer, chart_overlay, fix_text, remedies
from auditor.report import Overlay, Remedied
from auditor.resources.table import Table
from auditor.rulebook import Rule
from auditor.sources.helm import ChartSource
from auditor.sources.kustomize import KustomizationSource

_MAX_WHY: Final = 200
_Item = TypeVar("_Item", Need, Assessment)

RenderedSource = ChartSource | KustomizationSource
"""What makes manifests, and can make others of what is changed."""


@dataclass(frozen=True, slots=True)
class RemedyFinder:
    """Looks for remedies in the charts, kustomizations and manifests of an audit.

    sources: gives the charts and kustomizations, once they were read. table: of custom resources;
    None for podfit's own. budget: makes what may be spent on one chart.
    """

    sources: Callable[[], Iterable[RenderedSource]]
    table: Table | None = None
    budget: Callable[[], Budget] = Budget

    def __call__(
        self,
        observed: Sequence[Judged],
        assessments: Sequence[Assessment],
        rules: Sequence[Rule],
        assess: Assess,
    ) -> Remedied:
        """What was observed with its remedies. assess: judges a workload as the audit did."""
        needs = find_needs(observed, assessments)
        judging = Judging(assess, self.table)
        plain = [need for need in needs if not need.document.rendered]
        changes = dict(manifest_remedies(plain, judging))
        needing = _by_chart((need.document.chart, need) for need in needs)
        made = _by_chart((item.workload.document.chart, item) for item in assessments)
        search = _ChartSearch(judging, self.budget)
        for source in self.sources():
            if isinstance(source, ChartSource):
                search.look(source, needing[source.shown], made[source.shown])
            else:
                changes |= kustomization_remedies(
                    source, needing[source.shown], made[source.shown], judging
                )
        told = list(observed)
        for number, found in changes.items():
            told[number] = _with_remedies(told[number], found)
        for number, answers in search.answered(needs):
            told[number] = _with_remedies(told[number], remedies(answers), fix_text(answers))
        rule = next((item for item in rules if item.check is unreached_selector.CHECK), None)
        told += ((rule, seen) for seen in search.unreached() if rule)
        return Remedied(tuple(told), tuple(search.overlays), tuple(search.notices))


def _by_chart(items: Iterable[tuple[str, _Item]]) -> defaultdict[str, list[_Item]]:
    found: defaultdict[str, list[_Item]] = defaultdict(list)
    for chart, item in items:
        found[chart].append(item)
    return found


def _with_remedies(judged: Judged, found: tuple[Remedy, ...], fix: str = "") -> Judged:
    rule, seen = judged
    return rule, replace(seen, remedies=found, fix=fix or seen.fix)


@dataclass
class _ChartSearch:
    """What was found in charts so far.

    answers: by what makes a need the same in all variants of its chart. It is looked for in the
    first of them; and in every release of the chart, because each gives it values of its own.
    """

    judging: Judging
    budget: Callable[[], Budget]
    answers: dict[Hashable, list[Answer]] = field(default_factory=dict)
    overlays: list[Overlay] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def look(self, source: ChartSource, needs: Iterable[Need], made: Iterable[Assessment]) -> None:
        """needs, made: of all workloads of the chart, whatever the variant."""
        own: dict[Hashable, Need] = {}
        for need in needs:
            if _is_from(need, source) and (source.release or _sameness(need) not in self.answers):
                own.setdefault(_sameness(need), need)
        if not own:
            return
        known = [] if source.variant else [item for item in made if not item.workload.variants]
        needed = tuple(own.values())
        found = find_chart_remedies(source, needed, known, self.judging, self.budget())
        for name, need in own.items():
            self.answers.setdefault(name, []).append(Answer(need, found))
        self.overlays.append(chart_overlay(found))
        if found.shortage:
            shown = f"{source.shown} with {source.variant}" if source.variant else source.shown
            why = shorten(found.shortage, _MAX_WHY)
            self.notices.append(f"{shown}: not every remedy was looked for or tried: {why}")

    def answered(self, needs: Iterable[Need]) -> Iterator[tuple[int, Sequence[Answer]]]:
        """Answers by the number of the need, for each variant that has it."""
        for need in needs:
            if answers := self.answers.get(_sameness(need)):
                yield need.number, answers

    def unreached(self) -> Iterator[Observation]:
        """Of workloads that no value reaches, tests left out: charts offer no values for those."""
        groups: dict[int, list[Answer]] = {}
        for answer in chain.from_iterable(self.answers.values()):
            groups.setdefault(id(answer.need.observation.workload), []).append(answer)
        for answers in groups.values():
            workload = answers[0].need.observation.workload
            if not workload.is_test and all(item.is_unreached for item in answers):
                pools = (name for item in answers for name in item.need.observation.pools)
                yield unreached_selector.unreached(workload, unique(pools))


def _sameness(need: Need) -> Hashable:
    seen = need.observation
    containers = tuple(subject.container for subject in seen.subjects)
    return need.document.chart, need.workload, need.rule.id, seen.aspect, containers


def _is_from(need: Need, source: ChartSource) -> bool:
    variants = need.observation.workload.variants if source.release else ()
    return source.variant in (need.document.variant, *variants)
