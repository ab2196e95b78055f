"""Remedies for the findings in one chart: which of its values resolve them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from auditor.assessment import Assessment
from auditor.errors import SourceError
from auditor.remedies.budget import Budget, SpentError
from auditor.remedies.candidates import find_candidates
from auditor.remedies.fields import TOLERATIONS, Field
from auditor.remedies.judging import Judging
from auditor.remedies.keys import Key
from auditor.remedies.knobs import Search, search_knobs
from auditor.remedies.needs import Need
from auditor.remedies.proposal import Proposal, propose
from auditor.remedies.renderings import ChartView, workload_id
from auditor.remedies.template_keys import named_keys
from auditor.remedies.template_texts import template_texts
from auditor.remedies.verification import Before
from auditor.sources.chart import Chart, read_chart
from auditor.sources.helm import ChartSource
from auditor.sources.rendering import RenderError, Values
from auditor.sources.visible_values import visible_values


@dataclass(frozen=True, slots=True)
class ChartRemedies:
    """What a chart's values can do for its findings, in one variant of it.

    search: the knobs. shortage: why not everything was found out, as the end of a sentence; "" for
    all.
    """

    source: ChartSource
    needs: tuple[Need, ...]
    values: Values = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    proposal: Proposal = field(default_factory=Proposal)
    shortage: str = ""

    def is_unreached(self, need: Need) -> bool:
        """Whether surely no value can say what the pod needs."""
        known = not self.shortage and not self.search.refused
        return known and not self.proposal.meeting(need.number) and not self.is_reached(need)

    def is_reached(self, need: Need) -> bool:
        """Whether some value comes out where the pod says which nodes it wants."""
        reaching = self.search.reaching(need.workload)
        return any(knob.field is not TOLERATIONS for knob in reaching)


def find_chart_remedies(
    source: ChartSource,
    needs: tuple[Need, ...],
    assessments: Sequence[Assessment],
    judging: Judging,
    budget: Budget,
) -> ChartRemedies:
    """What can be set so that the needs of a chart are met, each proposal tried.

    assessments: of all the chart's workloads; empty where they are not known, so that the chart is
    rendered once more.
    """
    try:
        with source.opened(read_chart(source.path, source.shown)) as (chart, _):
            view = _view(chart, source, judging, budget)
            before = _before(view, needs, assessments, budget)
            search = _search(chart, before, budget)
            candidates = find_candidates(search, needs, before.assessments)
            proposal = propose(before, candidates, budget)
            return ChartRemedies(source, needs, view.values, search, proposal, budget.shortage)
    except SpentError:
        why = budget.shortage
    except RenderError as error:
        why = error.text
    except SourceError as error:
        why = error.problem.what
    return ChartRemedies(source, needs, shortage=why)


def _view(chart: Chart, source: ChartSource, judging: Judging, budget: Budget) -> ChartView:
    with budget.rendering(source.options.timeout) as seconds:
        options = replace(source.options, timeout=seconds)
        values = visible_values(chart.path, options, source.renderer)
    return ChartView(chart.name, chart.path, source.options, source.renderer, values, judging)


def _before(
    view: ChartView, needs: tuple[Need, ...], assessments: Sequence[Assessment], budget: Budget
) -> Before:
    if assessments:
        known = {workload_id(item.workload): item for item in assessments}
    else:
        found = view.read(view.render({}, budget)).workloads
        known = {name: view.judging.assess(item) for name, item in found.items()}
    texts = {name[0]: item.workload.document.text for name, item in known.items()}
    names = {name: item.workload.ref.name for name, item in known.items()}
    unreadable = view.read(texts).unreadable
    return Before(replace(view, names=names), known, needs, texts, unreadable)


def _search(chart: Chart, before: Before, budget: Budget) -> Search:
    def in_templates(item: Field) -> list[Key]:
        return named_keys(template_texts(chart), before.view.values, item.keys)

    return search_knobs(
        before.view,
        {need.workload for need in before.needs},
        in_templates,
        budget,
        for_affinity={need.workload for need in before.needs if need.guard.affinity},
    )
