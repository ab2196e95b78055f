"""`Auditor`: the pipeline and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditor.assessment import Assess, Assessment, assess
from auditor.clusters.additions import extend_cluster
from auditor.errors import Problem
from auditor.findings import Observation
from auditor.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.inventory import Inventory, take_inventory
from auditor.inventory import Progress as ReadingProgress
from auditor.nodes import ClusterProfile
from auditor.policy import Gate, Judged, Policy, judge
from auditor.references import parse_reference
from auditor.registry.interface import Inspector, no_progress
from auditor.registry.interface import Progress as InspectionProgress
from auditor.report import Remedied, Report, list_images
from auditor.resources.table import Table
from auditor.rulebook import Rule
from auditor.sources.interface import Source
from auditor.suppression.lapses import Audited
from auditor.workloads import Workload

Answers = Mapping[str, tuple[ImageReference | None, Platforms]]
"""For each image text: its reference (None where it is none), and its platforms."""


FindRemedies = Callable[[Sequence[Judged], Sequence[Assessment], Sequence[Rule], Assess], Remedied]
"""Adds remedies to what was observed in the workloads by the rules."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Sources in, report out.

    inspector: the only way to the network. rules: those to apply. policy: what is silenced. known:
    the ids of all rules there are, to find ignores that name none; empty where nobody told.
    table: of custom resources; None for podfit's own. allow_empty: a source without a workload is
    no problem. remedies: finds what would resolve findings; None where nobody wants to know.
    """

    inspector: Inspector
    clusters: tuple[ClusterProfile, ...]
    rules: tuple[Rule, ...]
    gate: Gate = field(default_factory=Gate)
    policy: Policy = field(default_factory=Policy)
    known: frozenset[str] = frozenset()
    table: Table | None = None
    allow_empty: bool = False
    remedies: FindRemedies | None = None
    on_document: ReadingProgress = lambda _: None
    on_image: InspectionProgress = no_progress

    def audit(self, sources: Iterable[Source]) -> Report:
        """The report on everything the sources hold."""
        inventory = take_inventory(
            sources, table=self.table, allow_empty=self.allow_empty, progress=self.on_document
        )
        clusters, unread = extend_clusters(self.clusters, inventory)
        answers = inspect_images(inventory, self.inspector, self.on_image)
        tags = inspect_tags(answers, self.inspector)

        def assess_one(workload: Workload) -> Assessment:
            return assess(workload, answers, clusters, tags)

        assessments = list(map(assess_one, inventory.workloads))
        observed, crashes = self._observe(assessments)
        remedied = self._remedied(observed, assessments, assess_one)
        problems = (*inventory.problems, *unread, *crashes)
        audited = Audited(assessments, self.rules, self.known, complete=not problems)
        judgement = judge(remedied.observed, self.policy, audited)
        return Report(
            findings=judgement.findings,
            suppressed=judgement.suppressed,
            assessments=tuple(assessments),
            images=list_images(assessments),
            problems=problems,
            clusters=clusters,
            rules=self.rules,
            gate=self.gate,
            notices=(*inventory.notices, *remedied.notices),
            overlays=remedied.overlays,
        )

    def _remedied(
        self, observed: Sequence[Judged], assessments: Sequence[Assessment], assess_one: Assess
    ) -> Remedied:
        """The same with remedies. Without them the findings are worth no less."""
        if self.remedies is None:
            return Remedied(tuple(observed))
        try:
            return self.remedies(observed, assessments, self.rules, assess_one)
        except Exception as error:  # noqa: BLE001 - a bug here must not hide what was found
            notice = f"remedies were not looked for: {type(error).__name__}: {error}"
            return Remedied(tuple(observed), notices=(f"{notice}; this is a bug in podfit",))

    def _observe(
        self, assessments: Sequence[Assessment]
    ) -> tuple[list[tuple[Rule, Observation]], list[Problem]]:
        observed: list[tuple[Rule, Observation]] = []
        crashes: list[Problem] = []
        for rule in self.rules:
            for assessment in assessments:
                try:
                    found = list(rule.check.observe(assessment, rule.parameters))
                except Exception as error:  # noqa: BLE001 - a broken check must not hide the others
                    crashes.append(_crash(rule, assessment, error))
                    continue
                observed += ((rule, observation) for observation in found)
        return observed, crashes


def extend_clusters(
    clusters: Sequence[ClusterProfile], inventory: Inventory
) -> tuple[tuple[ClusterProfile, ...], tuple[Problem, ...]]:
    """The clusters with the RuntimeClasses and Namespaces of the inventory.

    What cannot be read of those is a problem, told once however many clusters there are.
    """
    extended = [extend_cluster(cluster, inventory.supporting) for cluster in clusters]
    problems = dict.fromkeys(problem for _, found in extended for problem in found)
    return tuple(cluster for cluster, _ in extended), tuple(problems)


def inspect_images(
    inventory: Inventory, inspector: Inspector, progress: InspectionProgress = no_progress
) -> Answers:
    """The platforms of every image text of an inventory; each reference is asked for once."""
    parsed = parse_images(inventory)
    references = {item for item in parsed.values() if isinstance(item, ImageReference)}
    answers = inspector.inspect(sorted(references), progress) if references else {}
    return _Answers(_paired(parsed, answers))


class _Answers(dict[str, tuple[ImageReference | None, Platforms]]):
    """Answers for the images of the audit; what else is asked, nobody was asked."""

    def __missing__(self, text: str) -> tuple[ImageReference | None, Platforms]:
        return None, UnknownPlatforms(UnknownReason.FAILED, f"nobody was asked for {text}")


def inspect_tags(answers: Answers, inspector: Inspector) -> dict[ImageReference, KnownPlatforms]:
    """What the tag alone names, for `tag@digest` whose digest is that of a bare manifest.

    A second question, because most references do not raise it. Whoever cannot answer it leaves
    nothing out: the digest decides what runs.
    """
    pinned = {
        reference: replace(reference, digest="")
        for reference, known in answers.values()
        if reference and reference.tag and reference.digest
        if isinstance(known, KnownPlatforms) and known.kind == "manifest"
    }
    found = inspector.inspect(sorted(set(pinned.values()))) if pinned else {}
    named = ((reference, found[tag]) for reference, tag in pinned.items())
    return {reference: known for reference, known in named if isinstance(known, KnownPlatforms)}


def parse_images(inventory: Inventory) -> dict[str, ImageReference | UnknownPlatforms]:
    """Every image text of an inventory and what it means, sorted by the text."""
    texts = {item.image for workload in inventory.workloads for item in workload.containers}
    return {text: parse_reference(text) for text in sorted(texts)}


def _paired(
    parsed: Mapping[str, ImageReference | UnknownPlatforms],
    answers: Mapping[ImageReference, Platforms],
) -> Iterator[tuple[str, tuple[ImageReference | None, Platforms]]]:
    for text, item in parsed.items():
        if isinstance(item, ImageReference):
            yield text, (item, answers[item])
        else:
            yield text, (None, item)


def _crash(rule: Rule, assessment: Assessment, error: Exception) -> Problem:
    return Problem(
        f"rule {rule.id} could not judge {assessment.workload}",
        where=str(assessment.workload.location),
        why=f"{type(error).__name__}: {error}",
        hint="this is a bug in podfit; please report it with the manifest",
    )
