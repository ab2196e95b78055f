"""Find remedies for all findings of an audit that a guard resolves, and format them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.audit.report import Overlay, Remedied
from auditor.checks.assessment import Assess, Assessment
from auditor.checks.findings import Observation, Remedy, RemedyKind
from auditor.checks.interface import UNREACHED_SELECTOR, unreached
from auditor.checks.rulebook import Rule
from auditor.checks.wording import guard_text, listed, unique
from auditor.errors import shorten
from auditor.files.yaml_writing import block
from auditor.fixes.candidates import Candidate
from auditor.fixes.charts import ChartRemedies, find_chart_remedies
from auditor.fixes.kustomizations import kustomization_remedies, kustomize_remedies
from auditor.fixes.manifests import key_places, manifest_remedies, values_place
from auditor.fixes.paths import key_text, list_of, overlay
from auditor.fixes.renderings import Budget, Judging
from auditor.fixes.verification import Need, find_needs
from auditor.kubernetes.custom_resources import Table
from auditor.policy.policy import Judged
from auditor.sources.helm import ChartSource
from auditor.sources.kustomize import KustomizationSource
from auditor.sources.parallel import in_order

_SHOWN: Final = 3
"""Maximum number of keys or objects in a sentence."""
_UNREACHED: Final = (
    "podfit found no value that reaches the pod: change the template, or patch the rendered "
    "manifest"
)


class Answer(Struct, frozen=True):
    """A need and the remedies of its chart."""

    need: Need
    found: ChartRemedies

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The values that meet it; () for none."""
        return self.found.proposal.meeting(self.need.number)

    @property
    def is_unreached(self) -> bool:
        return self.found.is_unreached(self.need)


def fix_text(answers: Sequence[Answer]) -> str:
    """Return the fix of a finding in a chart: the value to set, or why there is none.

    Args:
        answers: One, or one for each object that installs the chart with its own values.
    """
    seen = answers[0].need.observation
    places: dict[str, list[str]] = {}
    without: dict[str, None] = {}
    for answer in answers:
        if answer.chosen:
            place = values_place(answer.found.source)
            places.setdefault(_settings_text(answer.chosen), []).append(place)
        else:
            without[text_without_values(answer)] = None
    if not places:
        return "; ".join(without)
    values = "; ".join(f"values{_in(where)}: {text}" for text, where in places.items())
    instruction = guard_text(seen.guard, seen.workload)
    if seen.fix == f"set {instruction}":
        return "; ".join((values, *without))
    fix = f"{seen.fix}; {values}"
    if instruction in seen.fix:
        fix = seen.fix.replace(instruction, values)
    return "; ".join((fix, *without))


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
    """Return where to set the values; "" if the user passes them to Helm."""
    return f" in {listed(unique(places), limit=_SHOWN)}" if all(places) else ""


def text_without_values(answer: Answer) -> str:
    """Return the fix of a finding that no value of its chart resolves, and why."""
    need, search = answer.need, answer.found.search
    fix = need.observation.fix
    if answer.is_unreached:
        return f"{fix}; {_UNREACHED}"
    if search.refused and not answer.found.is_reached(need):
        keys = listed(map(key_text, search.refused), "or", limit=_SHOWN)
        return f"{fix}; the chart does not render when {keys} is set, so its effect is unknown"
    reasons = list(_objections(answer.found, (need,)))
    return f"{fix}; {listed(reasons)}" if reasons else fix


def _objections(found: ChartRemedies, needs: Sequence[Need]) -> Iterator[str]:
    """Yield why keys that affect the pods are not proposed, one clause each."""
    for knob, why in found.proposal.objections.items():
        if any(need.workload in knob.feeds for need in needs):
            yield f"not by {knob}: {why}"


def remedies(answers: Iterable[Answer]) -> tuple[Remedy, ...]:
    """Return the values for a finding, or a patch of the rendered manifest."""
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
    """Return the values that resolve the findings of a chart.

    Workloads that no node can run are not counted: with a guard they would stay Pending.
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


_MAX_WHY: Final = 200
_Item = TypeVar("_Item", Need, Assessment)

RenderedSource = ChartSource | KustomizationSource
"""A source that can be rendered again with changes."""


class RemedyFinder(Struct, frozen=True):
    """Finds remedies in the charts, kustomizations and manifests of an audit.

    Attributes:
        sources: Returns the charts and kustomizations after they were read.
        table: Custom resources that create pods; None for podfit's own table.
        budget: Makes the budget for one chart.
        jobs: Number of charts that are searched at the same time.
    """

    sources: Callable[[], Iterable[RenderedSource]]
    table: Table | None = None
    budget: Callable[[], Budget] = Budget
    jobs: int = 1

    def __call__(
        self,
        observed: Sequence[Judged],
        assessments: Sequence[Assessment],
        rules: Sequence[Rule],
        assess: Assess,
    ) -> Remedied:
        """Add remedies to observations.

        Args:
            assess: Assesses a workload against the clusters of the audit.
        """
        needs = find_needs(observed, assessments)
        judging = Judging(assess, self.table)
        plain = [need for need in needs if not need.document.rendered]
        changes = dict(manifest_remedies(plain, judging))
        needing = _by_chart((need.document.chart, need) for need in needs)
        rendered = _by_chart((item.workload.document.chart, item) for item in assessments)
        chart_search = ChartSearch(judging, self.budget)
        for source in self.sources():
            if isinstance(source, ChartSource):
                chart_search.add(source, needing[source.shown], rendered[source.shown])
            else:
                changes |= kustomization_remedies(
                    source, needing[source.shown], rendered[source.shown], judging
                )
        chart_search.run(self.jobs)
        result = list(observed)
        for number, found in changes.items():
            result[number] = _with_remedies(result[number], found)
        for number, answers in chart_search.answered(needs):
            result[number] = _with_remedies(result[number], remedies(answers), fix_text(answers))
        rule = next((item for item in rules if item.check is UNREACHED_SELECTOR), None)
        result += ((rule, seen) for seen in chart_search.unreached() if rule)
        return Remedied(tuple(result), tuple(chart_search.overlays), tuple(chart_search.notices))


def _by_chart(items: Iterable[tuple[str, _Item]]) -> defaultdict[str, list[_Item]]:
    found: defaultdict[str, list[_Item]] = defaultdict(list)
    for chart, item in items:
        found[chart].append(item)
    return found


def _with_remedies(judged: Judged, found: tuple[Remedy, ...], fix: str = "") -> Judged:
    rule, seen = judged
    return rule, replace(seen, remedies=found, fix=fix or seen.fix)


class _Task(Struct, frozen=True):
    """The search in one source. `known` has the assessments of its workloads, if any."""

    source: ChartSource
    needs: dict[Hashable, Need]
    known: list[Assessment]


class ChartSearch(Struct):
    """The search for remedies in charts.

    A need is searched in the first variant of its chart that has it, and in every release of the
    chart, because each release has its own values.

    Attributes:
        answers: Answers by a key that a need has in all variants of its chart.
        sources: All charts and variants.
    """

    judging: Judging
    budget: Callable[[], Budget]
    answers: dict[Hashable, list[Answer]] = field(default_factory=dict)
    overlays: list[Overlay] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    _waiting: list[_Task] = field(default_factory=list)
    sources: list[ChartSource] = field(default_factory=list)

    def add(
        self, source: ChartSource, needs: Iterable[Need], rendered: Iterable[Assessment]
    ) -> None:
        """Add one source. The arguments are of all workloads of the chart, in all variants."""
        self.sources.append(source)
        own: dict[Hashable, Need] = {}
        for need in needs:
            if _is_from(need, source) and (source.release or _need_key(need) not in self.answers):
                own.setdefault(_need_key(need), need)
        if not own:
            return
        known = [] if source.variant else [item for item in rendered if not item.workload.variants]
        self._waiting.append(_Task(source, own, known))
        for name in own:
            self.answers.setdefault(name, [])

    def run(self, jobs: int) -> None:
        """Search the sources that were added."""
        for task, found in zip(
            self._waiting, in_order(self._search, self._waiting, jobs), strict=True
        ):
            self._take(task, found)
        self._waiting.clear()

    def _search(self, task: _Task) -> ChartRemedies:
        needs = tuple(task.needs.values())
        return find_chart_remedies(task.source, needs, task.known, self.judging, self.budget())

    def _take(self, task: _Task, found: ChartRemedies) -> None:
        for name, need in task.needs.items():
            self.answers[name].append(Answer(need, found))
        self.overlays.append(chart_overlay(found))
        if found.shortage:
            source = task.source
            shown = f"{source.shown} with {source.variant}" if source.variant else source.shown
            why = shorten(found.shortage, _MAX_WHY)
            self.notices.append(f"{shown}: the search for remedies is incomplete: {why}")

    def answered(self, needs: Iterable[Need]) -> Iterator[tuple[int, Sequence[Answer]]]:
        """Yield the number and answers of each need."""
        for need in needs:
            if answers := self.answers.get(_need_key(need)):
                yield need.number, answers

    def unreached(self) -> Iterator[Observation]:
        """Yield observations of workloads, except Helm tests, whose selector no value sets."""
        groups: dict[int, list[Answer]] = {}
        for answer in chain.from_iterable(self.answers.values()):
            groups.setdefault(id(answer.need.observation.workload), []).append(answer)
        for answers in groups.values():
            workload = answers[0].need.observation.workload
            if not workload.is_test and all(item.is_unreached for item in answers):
                pools = (name for item in answers for name in item.need.observation.pools)
                yield unreached(workload, unique(pools))


def _need_key(need: Need) -> Hashable:
    seen = need.observation
    containers = tuple(subject.container for subject in seen.subjects)
    return need.document.chart, need.workload, need.rule.id, seen.aspect, containers


def _is_from(need: Need, source: ChartSource) -> bool:
    variants = need.observation.workload.variants if source.release else ()
    return source.variant in (need.document.variant, *variants)
