"""`Auditor`: the pipeline and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from auditor.assessment import Assessment, assess
from auditor.errors import Problem
from auditor.findings import Observation
from auditor.images import ImageReference, KnownPlatforms, Platforms, UnknownPlatforms
from auditor.inventory import Inventory, take_inventory
from auditor.inventory import Progress as ReadingProgress
from auditor.nodes import ClusterProfile
from auditor.policy import Gate, Policy, judge
from auditor.references import parse_reference
from auditor.registry.interface import Inspector, no_progress
from auditor.registry.interface import Progress as InspectionProgress
from auditor.report import Report, list_images
from auditor.resources.table import Table
from auditor.rulebook import Rule
from auditor.sources.interface import Source
from auditor.suppression.lapses import Audited

Answers = Mapping[str, tuple[ImageReference | None, Platforms]]
"""For each image text: its reference (None where it is none), and its platforms."""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Sources in, report out.

    inspector: the only way to the network. rules: those to apply. policy: what is silenced. known:
    the ids of all rules there are, to find ignores that name none; empty where nobody told.
    table: of custom resources; None for podfit's own. allow_empty: a source without a workload is
    no problem.
    """

    inspector: Inspector
    clusters: tuple[ClusterProfile, ...]
    rules: tuple[Rule, ...]
    gate: Gate = field(default_factory=Gate)
    policy: Policy = field(default_factory=Policy)
    known: frozenset[str] = frozenset()
    table: Table | None = None
    allow_empty: bool = False
    on_document: ReadingProgress = lambda _: None
    on_image: InspectionProgress = no_progress

    def audit(self, sources: Iterable[Source]) -> Report:
        """The report on everything the sources hold."""
        inventory = take_inventory(
            sources, table=self.table, allow_empty=self.allow_empty, progress=self.on_document
        )
        answers = inspect_images(inventory, self.inspector, self.on_image)
        tags = inspect_tags(answers, self.inspector)
        assessments = [
            assess(workload, answers, self.clusters, tags) for workload in inventory.workloads
        ]
        observed, crashes = self._observe(assessments)
        problems = (*inventory.problems, *crashes)
        audited = Audited(assessments, self.rules, self.known, complete=not problems)
        judgement = judge(observed, self.policy, audited)
        return Report(
            findings=judgement.findings,
            suppressed=judgement.suppressed,
            assessments=tuple(assessments),
            images=list_images(assessments),
            problems=problems,
            clusters=self.clusters,
            rules=self.rules,
            gate=self.gate,
        )

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


def inspect_images(
    inventory: Inventory, inspector: Inspector, progress: InspectionProgress = no_progress
) -> Answers:
    """The platforms of every image text of an inventory; each reference is asked for once."""
    parsed = parse_images(inventory)
    references = {item for item in parsed.values() if isinstance(item, ImageReference)}
    answers = inspector.inspect(sorted(references), progress) if references else {}
    return dict(_paired(parsed, answers))


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
