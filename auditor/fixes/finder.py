"""`RemedyFinder`: for every finding that a guard resolves, the change that sets it.

Remedies as they are told: beside a finding, ready to be used, and as a file of values.
"""

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

_SHOWN: Final = 3
"""Keys, or objects, that a sentence can name."""
_UNREACHED: Final = (
    "podfit found no value that reaches the pod: change the template, or patch what it renders"
)


class Answer(Struct, frozen=True):
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


_MAX_WHY: Final = 200
_Item = TypeVar("_Item", Need, Assessment)

RenderedSource = ChartSource | KustomizationSource
"""What makes manifests, and can make others of what is changed."""


class RemedyFinder(Struct, frozen=True):
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
        rule = next((item for item in rules if item.check is UNREACHED_SELECTOR), None)
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


class _ChartSearch(Struct):
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
                yield unreached(workload, unique(pools))


def _sameness(need: Need) -> Hashable:
    seen = need.observation
    containers = tuple(subject.container for subject in seen.subjects)
    return need.document.chart, need.workload, need.rule.id, seen.aspect, containers


def _is_from(need: Need, source: ChartSource) -> bool:
    variants = need.observation.workload.variants if source.release else ()
    return source.variant in (need.document.variant, *variants)
