"""`Auditor`: the pipeline and nothing else.

What the sources hold: workloads and the objects that bear on where they run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.audit.report import Remedied, Report, list_images
from auditor.checks.assessment import Assess, Assessment, assess, merge_workloads
from auditor.checks.findings import Observation
from auditor.checks.rulebook import Rule
from auditor.checks.wording import listed
from auditor.clusters.profiles import extend_cluster
from auditor.errors import Problem
from auditor.files.yaml_nodes import ShapeError
from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.references import parse_reference
from auditor.kubernetes.custom_resources import Table
from auditor.kubernetes.manifests import (
    Document,
    Manifest,
    ObjectRef,
    read_manifests,
    shape_error,
)
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.unseen import Sign, find_sign, makes_no_pods
from auditor.kubernetes.workloads import Workload
from auditor.policy.policy import Gate, Judged, Policy, judge
from auditor.policy.unused_ignores import Audited
from auditor.registry.interface import Inspector, no_progress
from auditor.registry.interface import Progress as InspectionProgress
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.interface import Source

ReadingProgress = Callable[[str], None]
"""Called with the path of each document as it is read."""

_SUPPORTING: Final = frozenset(("Namespace", "RuntimeClass"))
_NAMED: Final = 5
"""Kinds that a notice names."""


class Inventory(Struct, frozen=True):
    """What was found, in document order.

    supporting: manifests of other kinds that decide placement (RuntimeClass, Namespace). problems:
    what could not be read. notices: what nobody looked at, and should know.
    """

    workloads: tuple[Workload, ...]
    supporting: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    notices: tuple[str, ...] = ()
    unaudited: int = 0


class Unseen(Struct, frozen=True):
    """An object from which no workload was read, though it may make pods.

    Args:
        ref: The object.
        sign: What suggests that it makes pods; None if only its kind is unknown.

    """

    ref: ObjectRef
    sign: Sign | None

    def __str__(self) -> str:
        if self.sign is not None and self.sign.in_text:
            return f"{self.ref} ({self.sign})"
        return f"{self.kind} ({self.sign})" if self.sign else self.kind

    @property
    def kind(self) -> str:
        """Kind and API group, such as `ArgoCD of argoproj.io`."""
        return f"{self.ref.kind} of {self.ref.api_version.partition('/')[0]}"


def take_inventory(
    sources: Iterable[Source],
    *,
    table: Table | None = None,
    allow_empty: bool = False,
    progress: ReadingProgress = lambda _: None,
) -> Inventory:
    """Everything the sources hold. A source without a workload is a problem unless allowed.

    table: of custom resources; None for podfit's own.
    """
    collected = _Collected(table)
    for source in sources:
        before = collected.size
        unseen = len(collected.unseen)
        for item in source.documents():
            if isinstance(item, Document):
                progress(item.path)
            collected.add(item)
        if before == collected.size and not allow_empty:
            collected.problems.append(_nothing(source, collected.unseen[unseen:]))
    signed = tuple(item for item in collected.unseen if item.sign)
    return Inventory(
        merge_workloads(collected.workloads),
        tuple(collected.supporting),
        tuple(dict.fromkeys(collected.problems)),
        tuple(_unseen_notices(signed)),
        len(signed),
    )


class _Collected(Struct):
    """What was found so far. read: the workloads of each text, whatever variant it comes from."""

    table: Table | None
    workloads: list[Workload] = field(default_factory=list)
    supporting: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    read: dict[Document, tuple[Workload, ...]] = field(default_factory=dict)
    seen: set[Document] = field(default_factory=set)

    @property
    def size(self) -> tuple[int, int]:
        return len(self.workloads), len(self.problems)

    def add(self, item: Document | Problem) -> None:
        if isinstance(item, Problem):
            self.problems.append(item)
        elif item not in self.seen:
            self.seen.add(item)
            variants = (item.variant,) if item.variant else ()
            text = dataclasses.replace(item, variant="")
            if text not in self.read:
                self.read[text] = tuple(self._read(item))
            self.workloads += (replace(found, variants=variants) for found in self.read[text])

    def _read(self, document: Document) -> Iterator[Workload]:
        for found in read_document(document, self.table):
            match found:
                case Problem():
                    self.problems.append(found)
                case Manifest():
                    self.supporting.append(found)
                case Unseen():
                    self.unseen.append(found)
                case Workload():
                    yield found


def read_document(
    document: Document, table: Table | None = None
) -> Iterator[Workload | Manifest | Problem | Unseen]:
    """What a document holds of workloads and of what bears on them, and what cannot be read."""
    for item in read_manifests(document):
        if isinstance(item, Problem):
            yield item
            continue
        if item.ref.kind in _SUPPORTING:
            yield item
        try:
            empty = True
            for workload in find_workloads(item, table):
                empty = False
                yield workload
            if empty:
                yield from _unseen(item, table)
        except ShapeError as error:
            problem = shape_error(error, document).problem
            yield Problem(f"{item.ref}: {problem.what}", problem.where, problem.why, problem.hint)


def _unseen(manifest: Manifest, table: Table | None) -> Iterator[Unseen]:
    sign = find_sign(manifest, table)
    if sign or not makes_no_pods(manifest, table):
        yield Unseen(manifest.ref, sign)


def _unseen_notices(unseen: Sequence[Unseen]) -> Iterator[str]:
    """A notice for each cause; each kind comes once, with its first sign."""
    kinds = {item.kind: item for item in reversed(unseen) if item.sign and not item.sign.in_text}
    texts = [item for item in unseen if item.sign and item.sign.in_text]
    if kinds:
        yield (
            f"{listed(map(str, reversed(kinds.values())), limit=_NAMED)} may make pods, and podfit "
            "does not know where: they were not audited; `custom-resources` in .podfit.yaml can "
            "tell it"
        )
    if texts:
        yield (
            f"{listed(map(str, texts), limit=_NAMED)} may hold pods as text: podfit did not audit "
            "them; extract the text and audit it as a manifest"
        )


def _nothing(source: Source, unseen: Sequence[Unseen]) -> Problem:
    """Say that a source makes no pods only if all its kinds are known to make none."""
    kinds = listed(dict.fromkeys(item.kind for item in unseen), limit=_NAMED)
    return Problem(
        f"nothing to audit in {source.name}: "
        + ("podfit found no pods in it" if unseen else "it makes no pods"),
        where=source.name,
        why=f"podfit does not know which pods these kinds make: {kinds}"
        if unseen
        else source.why_empty,
        hint="name a chart, a manifest or a folder of them; --allow-empty accepts this",
    )


Answers = Mapping[str, tuple[ImageReference | None, Platforms]]
"""For each image text: its reference (None where it is none), and its platforms."""


FindRemedies = Callable[[Sequence[Judged], Sequence[Assessment], Sequence[Rule], Assess], Remedied]
"""Adds remedies to what was observed in the workloads by the rules."""


class Auditor(Struct, frozen=True):
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
            unaudited=inventory.unaudited,
            overlays=remedied.overlays,
        )

    def _remedied(
        self, observed: Sequence[Judged], assessments: Sequence[Assessment], assess_one: Assess
    ) -> Remedied:
        """The same with remedies. Without them the findings are worth no less."""
        if self.remedies is None or not any(seen.guard.requirements for _, seen in observed):
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
