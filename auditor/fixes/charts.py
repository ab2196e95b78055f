"""Find the values of one chart that resolve its findings, and verify them by rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.assessment import Assessment
from auditor.errors import Problem, SourceError
from auditor.fixes.candidates import (
    Candidate,
    Candidates,
    all_others,
    cover,
    find_candidates,
    find_partners,
)
from auditor.fixes.paths import TOLERATIONS, Field, Key
from auditor.fixes.renderings import (
    Budget,
    ChartView,
    Judging,
    SpentError,
    read_refusal,
    workload_id,
)
from auditor.fixes.templates import named_keys, template_texts
from auditor.fixes.value_search import Knob, Search, search_knobs
from auditor.fixes.verification import Before, Need, Outcome, judge_outcome
from auditor.kubernetes.manifests import Document
from auditor.kubernetes.workloads import Workload
from auditor.sources.chart import Chart, read_chart
from auditor.sources.helm import ChartSource
from auditor.sources.rendering import RenderError, Values
from auditor.sources.template_graph import below_templates
from auditor.sources.values import visible_values

_UNRENDERED: Final = "the chart does not render with it"
_ELSEWHERE: Final = "it changes other workloads too"
_WITHOUT_EFFECT: Final = "it does not have the expected effect on the pod"


class Proposal(Struct, frozen=True):
    """Candidates that were verified together.

    Attributes:
        partners: The other candidates that a key needs.
        objections: Why other knobs were not used.
    """

    chosen: tuple[Candidate, ...] = ()
    partners: Mapping[Key, tuple[Candidate, ...]] = field(default_factory=dict)
    objections: Mapping[Knob, str] = field(default_factory=dict)

    def meeting(self, number: int) -> tuple[Candidate, ...]:
        """Return the candidate that resolves a need, with its partners."""
        for item in self.chosen:
            if number in item.meets:
                return (item, *self.partners.get(item.knob.key, ()))
        return ()


def propose(before: Before, candidates: Candidates, budget: Budget) -> Proposal:
    """Choose candidates, verify them, and choose again without those that failed.

    Returns:
        An empty proposal if the budget is spent.
    """
    trial = _Trial(before, list(candidates.able), budget, dict(candidates.objections))
    wanted = {need.number for need in before.needs}
    chosen = cover(trial.able, wanted)
    try:
        while chosen and not trial.holds(chosen):
            chosen = cover(trial.able, wanted)
    except SpentError:
        return Proposal(objections=trial.objections)
    return trial.proposal(chosen)


class _Trial(Struct):
    """The state of `propose`. `able` has the candidates that have not failed."""

    before: Before
    able: list[Candidate]
    budget: Budget
    objections: dict[Knob, str]

    def holds(self, chosen: Sequence[Candidate]) -> bool:
        """Verify candidates, and drop those that fail. Raises SpentError."""
        try:
            outcome = self._outcome(chosen)
        except RenderError as error:
            refusal = read_refusal(error.text, self.before.view.name)
            named = [item for item in chosen if refusal.names(item.knob.key)]
            self._isolate(named or chosen, _UNRENDERED)
            return False
        failed = [item for item in chosen if self._fails(item, outcome)]
        if not failed and (outcome.harmed or outcome.broken):
            self._isolate(chosen, outcome.broken or _ELSEWHERE)
            return False
        return not failed

    def proposal(self, chosen: tuple[Candidate, ...]) -> Proposal:
        """Return the proposal of verified candidates, with their partners."""
        used = {item.knob for item in chosen}
        left = {knob: why for knob, why in self.objections.items() if knob not in used}
        try:
            return Proposal(chosen, find_partners(chosen, self._met), left)
        except SpentError:
            return Proposal(chosen, all_others(chosen), left)

    def _met(self, chosen: Sequence[Candidate]) -> frozenset[int]:
        try:
            outcome = self._outcome(chosen, in_part=True)
        except RenderError:
            return frozenset()
        return frozenset(outcome.met)

    def _outcome(self, chosen: Sequence[Candidate], *, in_part: bool = False) -> Outcome:
        changes = {item.knob.key: item.setting.value for item in chosen}
        texts = self.before.view.render(changes, self.budget, in_part=in_part)
        return judge_outcome(self.before, [item.setting for item in chosen], texts)

    def _fails(self, item: Candidate, outcome: Outcome) -> bool:
        """Drop a candidate if it fails; it is kept for the needs that it does meet."""
        harmed = [name for name in outcome.harmed if name in item.knob.feeds]
        if harmed:
            workload = self.before.assessments[harmed[0]].workload
            self._drop(item, f"with it, {workload} {outcome.harmed[harmed[0]]}")
            return True
        if item.meets <= outcome.met:
            return False
        self._drop(item, _WITHOUT_EFFECT)
        if left := item.meets & outcome.met:
            self.able.append(replace(item, meets=frozenset(left)))
        return True

    def _isolate(self, chosen: Sequence[Candidate], why: str) -> None:
        """Try candidates that fail together one by one. If all pass, drop the broadest."""
        before = len(self.able)
        if len(chosen) > 1:
            for item in chosen:
                self.holds((item,))
        if len(self.able) == before:
            self._drop(max(chosen, key=lambda item: len(item.knob.feeds)), why)

    def _drop(self, item: Candidate, why: str) -> None:
        self.able.remove(item)
        self.objections.setdefault(item.knob, why)


class ChartRemedies(Struct, frozen=True):
    """The values that resolve the findings of one variant of a chart.

    Attributes:
        search: The knobs.
        shortage: Why the search is incomplete, as the end of a sentence; "" if it is complete.
    """

    source: ChartSource
    needs: tuple[Need, ...]
    values: Values = field(default_factory=dict)
    search: Search = field(default_factory=Search)
    proposal: Proposal = field(default_factory=Proposal)
    shortage: str = ""

    def is_unreached(self, need: Need) -> bool:
        """Return whether it is certain that no value can set what the pod needs."""
        known = not self.shortage and not self.search.refused
        return known and not self.proposal.meeting(need.number) and not self.is_reached(need)

    def is_reached(self, need: Need) -> bool:
        """Return whether some value sets the pod's nodeSelector or affinity."""
        reaching = self.search.reaching(need.workload)
        return any(knob.field is not TOLERATIONS for knob in reaching)


def find_chart_remedies(
    source: ChartSource,
    needs: tuple[Need, ...],
    assessments: Sequence[Assessment],
    judging: Judging,
    budget: Budget,
) -> ChartRemedies:
    """Find and verify values that meet the needs of a chart.

    Args:
        assessments: Of all workloads of the chart; if empty, they are read from the rendered chart.
    """
    try:
        chart, _ = source.opened(read_chart(source.path, source.shown))
        view = _view(chart, source, judging, budget)
        before = _before(source, view, needs, assessments, budget)
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
    known: dict[Document, tuple[Workload | Problem, ...]] = source.facts.once("read", dict)
    return ChartView(
        chart.name, chart.path, source.options, source.renderer, values, judging, known=known
    )


def _before(
    source: ChartSource,
    view: ChartView,
    needs: tuple[Need, ...],
    assessments: Sequence[Assessment],
    budget: Budget,
) -> Before:
    if assessments:
        known = {workload_id(item.workload): item for item in assessments}
    else:
        with budget.rendering(source.options.timeout):
            rendered = source.rendered(view.path)
        found = view.read(rendered.templates).workloads
        known = {name: view.judging.assess(item) for name, item in found.items()}
    texts = {name[0]: item.workload.document.text for name, item in known.items()}
    names = {name: item.workload.ref.name for name, item in known.items()}
    unreadable = view.read(texts).unreadable
    others = source.facts.graph(view.path).without_pods({below_templates(name) for name in texts})
    part = source.facts.without(view.path, others)
    return Before(replace(view, names=names, part=part), known, needs, texts, unreadable)


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
