"""Plan the changes of files that resolve the findings of an audit.

Every change is proved before it is offered: the changed manifest or chart is read and judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from auditor.audit.report import Report
from auditor.checks.assessment import Assess, Assessment
from auditor.checks.findings import Finding
from auditor.checks.wording import unique
from auditor.errors import SourceError
from auditor.files.yaml_editing import TextEdit
from auditor.fixes.chart_changes import ChartChange, ValuesProof, chart_changes
from auditor.fixes.editing import edit_document
from auditor.fixes.finder import ChartSearch, RenderedSource, text_without_values
from auditor.fixes.kustomizations import KustomizationEdit
from auditor.fixes.renderings import Budget, Judging
from auditor.fixes.repairs import Bench, accepted, repair_changes
from auditor.fixes.verification import find_needs
from auditor.kubernetes.custom_resources import Table
from auditor.kubernetes.manifests import Document
from auditor.policy.policy import Judged
from auditor.sources.files import read_text
from auditor.sources.helm import ChartSource
from auditor.sources.kustomize import KustomizationSource

NO_GUARD: Final = "no selector, affinity or toleration resolves it"
NO_PATCH: Final = "podfit found no patch for the kustomization that resolves it"
NO_VALUES: Final = "podfit found no value that resolves it in every variant of the chart"
NO_PLACE: Final = "podfit cannot edit this text in place"


class FileFix(Struct, frozen=True):
    """The edits of one file. `before` is its text, None for a new file."""

    path: Path
    before: str | None
    edits: tuple[TextEdit, ...]
    resolves: tuple[Finding, ...]


class Unfixed(Struct, frozen=True):
    """A finding that remains, and why."""

    finding: Finding
    why: str


class Plan(Struct, frozen=True):
    """What `podfit fix` changes, sorted by path, and what it cannot resolve."""

    files: tuple[FileFix, ...]
    unfixed: tuple[Unfixed, ...]
    settled: tuple[str, ...] = ()
    """Values files that hold all values already."""

    @property
    def resolved(self) -> tuple[Finding, ...]:
        left = {id(item.finding) for item in self.unfixed}
        found = {id(item): item for file in self.files for item in file.resolves}
        return tuple(item for key, item in found.items() if key not in left)


class Planner(Struct, frozen=True):
    """Plans fixes.

    Attributes:
        observed: All observations, also those that are merged or suppressed in the report.
        sources: Returns the charts and kustomizations after they were read.
        values_file: Returns the values file to write for a chart.
        in_place: Whether that is the chart's own values.yaml.
        jobs: How many charts are rendered at the same time.
    """

    report: Report
    observed: Sequence[Judged]
    assess: Assess
    sources: Callable[[], Iterable[RenderedSource]]
    values_file: Callable[[ChartSource], Path]
    in_place: bool = False
    jobs: int = 1
    table: Table | None = None
    budget: Callable[[], Budget] = Budget

    def plan(self) -> Plan:
        found = _Found()
        findings = self.report.findings
        self._plan_manifests([item for item in findings if not _document(item).rendered], found)
        self._plan_charts([item for item in findings if _document(item).rendered], found)
        fixed = {id(item) for file in found.files for item in file.resolves} | found.settled
        fixed -= found.reasons.keys()
        unfixed = tuple(
            Unfixed(item, found.reasons.get(id(item), ""))
            for item in findings
            if id(item) not in fixed
        )
        files = sorted(_joined(found.files), key=lambda item: str(item.path))
        return Plan(tuple(files), unfixed, unique(found.settled_files))

    @property
    def _judging(self) -> Judging:
        return Judging(self.assess, self.table)

    def _plan_manifests(self, findings: Sequence[Finding], found: _Found) -> None:
        bench = Bench(self.assess, self.report.rules)
        by_document: dict[int, list[Finding]] = {}
        for item in findings:
            by_document.setdefault(id(_document(item)), []).append(item)
        for group in by_document.values():
            document = _document(group[0])
            repairs = list(filter(None, (bench.repair(*item) for item in self._judged(group))))
            edited = edit_document(document, repairs, self._judging, bench)
            resolved = _among(group, (seen for item in edited.done for seen in item.resolved))
            for repair in edited.failed:
                kind = repair.workload.ref.kind
                why = NO_PLACE if repair_changes(repair) else f"{kind} has no field for it"
                found.explain(_among(group, repair.resolved), why)
            if edited.edits:
                path = Path(document.path)
                found.files.append(FileFix(path, document.text, edited.edits, resolved))

    def _judged(self, findings: Sequence[Finding]) -> Iterator[tuple[Assessment, list[Judged]]]:
        """Yield each workload with its findings."""
        rules = {rule.id: rule for rule in self.report.rules}
        by_workload: dict[int, list[Judged]] = {}
        for item in findings:
            judged = (rules[item.rule], item.observation)
            by_workload.setdefault(id(item.observation.workload), []).append(judged)
        for assessment in self.report.assessments:
            if judged_ones := by_workload.get(id(assessment.workload)):
                yield assessment, judged_ones

    def _plan_charts(self, findings: Sequence[Finding], found: _Found) -> None:
        by_print = {item.fingerprint: item for item in findings}
        prints = [Finding(rule.id, rule.severity, seen).fingerprint for rule, seen in self.observed]
        numbered = [number for number, name in enumerate(prints) if name in by_print]
        found_at = {number: by_print[prints[number]] for number in numbered}
        needs = [
            need
            for need in find_needs(self.observed, self.report.assessments)
            if need.number in found_at
        ]
        search = ChartSearch(self._judging, self.budget)
        for source in self.sources():
            if isinstance(source, KustomizationSource):
                self._plan_kustomization(source, findings, found)
            else:
                own = [need for need in needs if need.document.chart == source.shown]
                rendered = [
                    item
                    for item in self.report.assessments
                    if item.workload.document.chart == source.shown
                ]
                search.add(source, own, rendered)
        search.run(self.jobs)
        for number, answers in search.answered(needs):
            for answer in answers:
                if not answer.chosen or not answer.need.has_home:
                    found.explain((found_at[number],), text_without_values(answer))
        bench = Bench(self.assess, self.report.rules)
        proof = ValuesProof(bench, self._judging, self.in_place)
        for change in chart_changes(search, needs, proof):
            self._plan_values(change, found_at, found)

    def _plan_kustomization(
        self, source: KustomizationSource, findings: Sequence[Finding], found: _Found
    ) -> None:
        bench = Bench(self.assess, self.report.rules)
        own = [item for item in findings if _document(item).chart == source.shown]
        repairs = list(filter(None, (bench.repair(*item) for item in self._judged(own))))
        if not repairs:
            return
        before = [
            item for item in self.report.assessments if item.workload.document.chart == source.shown
        ]
        path = Path(source.file)
        try:
            text = read_text(path, source.file)
        except SourceError:
            return
        edit = KustomizationEdit(source, before, self._judging, bench, text)
        done = accepted(repairs, edit.holds)
        for repair in repairs:
            resolved = _among(own, repair.resolved)
            if not any(repair is item for item in done):
                found.explain(resolved, NO_PATCH)
        if done:
            resolved = _among(own, (seen for item in done for seen in item.resolved))
            found.files.append(FileFix(path, text, edit.edits(done), resolved))

    def _plan_values(
        self, change: ChartChange, findings: Mapping[int, Finding], found: _Found
    ) -> None:
        resolved = tuple(findings[number] for number in change.numbers)
        release = change.source.release
        if not change.is_proved:
            found.explain(resolved, NO_VALUES)
            return
        try:
            if release is None or release.holder is None:
                path = self.values_file(change.source)
                before, edits = change.written(path)
            else:
                document = release.holder.document
                path, before = Path(document.path), document.text
                edits = change.in_holder(release)
        except ValueError as error:
            found.explain(resolved, f"podfit cannot write the values: {error}")
            return
        if edits:
            found.files.append(FileFix(path, before, edits, resolved))
        else:
            found.settled.update(map(id, resolved))
            found.settled_files.append(str(path))


def _joined(files: Iterable[FileFix]) -> Iterator[FileFix]:
    """Join the edits of one file; those of several new files are left apart."""
    by_path: dict[tuple[Path, str | None], list[FileFix]] = {}
    for item in files:
        by_path.setdefault((item.path, item.before), []).append(item)
    for (path, before), group in by_path.items():
        edits = tuple(sorted({edit for item in group for edit in item.edits}))
        if len(group) == 1 or before is None or _overlap(edits):
            yield from group
        else:
            resolves = {id(item): item for file in group for item in file.resolves}
            yield FileFix(path, before, edits, tuple(resolves.values()))


def _overlap(edits: Sequence[TextEdit]) -> bool:
    return any(later.start < one.end for one, later in pairwise(edits))


class _Found(Struct):
    """What a plan has so far; `reasons` and `settled` are by id() of the finding."""

    files: list[FileFix] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    settled_files: list[str] = field(default_factory=list)

    def explain(self, findings: Iterable[Finding], why: str) -> None:
        for item in findings:
            self.reasons[id(item)] = why


def _document(finding: Finding) -> Document:
    return finding.observation.workload.document


def _among(findings: Iterable[Finding], judged: Iterable[Judged]) -> tuple[Finding, ...]:
    seen = {id(observation) for _, observation in judged}
    return tuple(item for item in findings if id(item.observation) in seen)
