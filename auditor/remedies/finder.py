"""`RemedyFinder`: for every finding that a guard resolves, the change that sets it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from auditor.assessment import Assess, Assessment
from auditor.checks import unreached_selector
from auditor.errors import shorten
from auditor.findings import Remedy
from auditor.manifests import Document
from auditor.phrases import unique
from auditor.policy import Judged
from auditor.remedies.budget import Budget
from auditor.remedies.charts import ChartRemedies, find_chart_remedies
from auditor.remedies.judging import Judging
from auditor.remedies.keys import Key
from auditor.remedies.manifests import kustomize_remedies, manifest_remedies
from auditor.remedies.needs import Need, find_needs
from auditor.remedies.overlays import chart_overlay, values_remedy
from auditor.remedies.values_lines import key_places
from auditor.remedies.words import fix_text
from auditor.report import Overlay, Remedied
from auditor.resources.table import Table
from auditor.rulebook import Rule
from auditor.sources.helm import ChartSource

_MAX_WHY: Final = 200


@dataclass(frozen=True, slots=True)
class RemedyFinder:
    """Looks for remedies in the charts and manifests of an audit.

    charts: gives those of its sources, once they were read. table: of custom resources; None for
    podfit's own. budget: makes what may be spent on one chart.
    """

    charts: Callable[[], Iterable[ChartSource]]
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
        plain = [need for need in needs if not need.document.rendered]
        judging = Judging(assess, self.table)
        search = _Search(rules, assessments, judging, list(observed))
        for number, remedies in manifest_remedies(plain, judging).items():
            search.add(number, remedies)
        alike: dict[Hashable, list[Need]] = {}
        for need in needs:
            alike.setdefault(_sameness(need), []).append(need)
        for source in self.charts():
            own = [need for need, *_ in alike.values() if _is_from(need.document, source)]
            if own:
                search.in_chart(source, own, alike, self.budget())
        return Remedied(tuple(search.observed), tuple(search.overlays), tuple(search.notices))


def _sameness(need: Need) -> Hashable:
    """What is one finding in several variants of a chart: its remedy is looked for in the first."""
    seen = need.observation
    containers = tuple(subject.container for subject in seen.subjects)
    return need.document.chart, need.workload, need.rule.id, seen.aspect, containers


def _is_from(document: Document, source: ChartSource) -> bool:
    return (document.chart, document.variant) == (source.shown, source.variant)


@dataclass
class _Search:
    """The remedies found so far."""

    rules: Sequence[Rule]
    assessments: Sequence[Assessment]
    judging: Judging
    observed: list[Judged]
    overlays: list[Overlay] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def add(self, number: int, remedies: Iterable[Remedy], fix: str = "") -> None:
        rule, seen = self.observed[number]
        seen = replace(seen, remedies=tuple(remedies), fix=fix or seen.fix)
        self.observed[number] = (rule, seen)

    def in_chart(
        self,
        source: ChartSource,
        needs: Sequence[Need],
        alike: Mapping[Hashable, Sequence[Need]],
        budget: Budget,
    ) -> None:
        """alike: for each need the same one in other variants, which gets the same remedy."""
        known = self._known(source)
        found = find_chart_remedies(source, tuple(needs), known, self.judging, budget)
        place = key_places(source)
        for need in needs:
            remedies = tuple(_chart_remedies(need, found, place))
            for twin in alike[_sameness(need)]:
                self.add(twin.number, remedies, fix_text(need, found))
        self.observed += self._unreached(found)
        self.overlays.append(chart_overlay(found))
        if not found.complete:
            shown = f"{source.shown} with {source.variant}" if source.variant else source.shown
            why = f": {shorten(found.failure, _MAX_WHY)}" if found.failure else ""
            self.notices.append(f"{shown}: not every remedy was looked for or tried{why}")

    def _known(self, source: ChartSource) -> Sequence[Assessment]:
        """The chart's workloads; none where some were audited as those of another variant."""
        items = [item for item in self.assessments if item.workload.document.chart == source.shown]
        return items if not source.variant else ()

    def _unreached(self, found: ChartRemedies) -> Iterator[Judged]:
        """Tests are left out: charts do not offer values for them."""
        rule = next((item for item in self.rules if item.check is unreached_selector.CHECK), None)
        groups: dict[int, list[Need]] = {}
        for need in found.needs:
            groups.setdefault(id(need.observation.workload), []).append(need)
        for needs in groups.values():
            workload = needs[0].observation.workload
            if rule and not workload.is_test and all(map(found.is_unreached, needs)):
                pools = unique(name for need in needs for name in need.observation.pools)
                yield rule, unreached_selector.unreached(workload, pools)


def _chart_remedies(
    need: Need, found: ChartRemedies, place: Callable[[Key], str]
) -> Iterator[Remedy]:
    if chosen := found.proposal.meeting(need.number):
        yield values_remedy(found, chosen, place(chosen[0].knob.key))
    else:
        yield from kustomize_remedies(need.observation.workload, need.whole)
