"""The audit: read workloads from sources, inspect their images and apply the rules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.audit.report import Remedied, Report, list_images
from auditor.checks.assessment import Assess, Assessment, assess, merge_workloads
from auditor.checks.findings import Observation
from auditor.checks.requirements import PlatformRequirement
from auditor.checks.rulebook import Rule
from auditor.checks.wording import listed
from auditor.clusters.node_pools import KINDS, PotentialPools, node_pools_of, with_node_pools
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
from auditor.scheduling.nodes import ClusterProfile, NodePool
from auditor.sources.interface import Source

ReadingProgress = Callable[[str], None]
"""Called with the path of each document as it is read."""

_SUPPORTING: Final = frozenset(("Namespace", "RuntimeClass", *KINDS))
_MAX_KINDS: Final = 5
"""Maximum number of kinds in a notice."""


class Inventory(Struct, frozen=True):
    """The workloads of all sources, in document order.

    Attributes:
        supporting: Manifests of other kinds that affect placement (RuntimeClass, Namespace).
        problems: What could not be read.
        notices: What was not audited.
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
    """Read the workloads of all sources.

    Args:
        table: Custom resources that create pods; None for podfit's own table.
        allow_empty: Do not report a source without workloads as a problem.
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
        (*dict.fromkeys(collected.notes), *_unseen_notices(signed)),
        len(signed),
    )


class _Collected(Struct):
    """Collects what the sources contain.

    Attributes:
        read: The workloads of each document text, shared between variants of a chart.
    """

    table: Table | None
    workloads: list[Workload] = field(default_factory=list)
    supporting: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    read: dict[Document, tuple[Workload, ...]] = field(default_factory=dict)
    seen: set[Document] = field(default_factory=set)

    @property
    def size(self) -> tuple[int, int]:
        return len(self.workloads), len(self.problems)

    def add(self, item: Document | Problem) -> None:
        if isinstance(item, Problem):
            if item.changes_no_pod:
                self.notes.append(item.note)
            else:
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
    """Yield the workloads and supporting manifests of a document, and what cannot be read."""
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
            yield replace(problem, what=f"{item.ref}: {problem.what}")


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
            f"{listed(map(str, reversed(kinds.values())), limit=_MAX_KINDS)} may create pods but "
            "were not audited; describe their pods with `custom-resources` in .podfit.yaml"
        )
    if texts:
        yield (
            f"{listed(map(str, texts), limit=_MAX_KINDS)} may hold pods as text: podfit did not "
            "audit them; extract the text and audit it as a manifest"
        )


def _nothing(source: Source, unseen: Sequence[Unseen]) -> Problem:
    """Report that a source creates no pods only if all its kinds are known to create none."""
    kinds = listed(dict.fromkeys(item.kind for item in unseen), limit=_MAX_KINDS)
    return Problem(
        f"nothing to audit in {source.name}: "
        + ("podfit found no pods in it" if unseen else "it creates no pods"),
        where=source.name,
        why=f"podfit does not know which pods these kinds make: {kinds}"
        if unseen
        else source.why_empty,
        hint="name a chart, a manifest or a folder of them; --allow-empty accepts this",
        part="source",
    )


Answers = Mapping[str, tuple[ImageReference | None, Platforms]]
"""Reference (None if invalid) and platforms for each image text."""


FindRemedies = Callable[[Sequence[Judged], Sequence[Assessment], Sequence[Rule], Assess], Remedied]
"""Adds remedies to observations."""


class Facts(Struct, frozen=True):
    """What an audit knows before it looks at clusters.

    Attributes:
        answers: Reference and platforms for each image text.
        tags: What the tag resolves to, for some references with both a tag and a digest.
    """

    inventory: Inventory
    answers: Answers
    tags: Mapping[ImageReference, KnownPlatforms]


class Auditor(Struct, frozen=True):
    """Audits sources and returns a report.

    Attributes:
        inspector: Inspects images; the only network access.
        rules: The rules to apply.
        policy: What is silenced.
        known: The ids of all rules, to find ignores of unknown rules; empty if not available.
        table: Custom resources that create pods; None for podfit's own table.
        allow_empty: Do not report a source without workloads as a problem.
        requirements: Platforms that images must support.
        remedies: Finds what would resolve findings; None to skip this.
    """

    inspector: Inspector
    clusters: tuple[ClusterProfile, ...]
    rules: tuple[Rule, ...]
    gate: Gate = field(default_factory=Gate)
    policy: Policy = field(default_factory=Policy)
    known: frozenset[str] = frozenset()
    table: Table | None = None
    allow_empty: bool = False
    requirements: tuple[PlatformRequirement, ...] = ()
    remedies: FindRemedies | None = None
    on_document: ReadingProgress = lambda _: None
    on_image: InspectionProgress = no_progress

    def audit(self, sources: Iterable[Source]) -> Report:
        """Audit the sources."""
        return self.report(self.read(sources), self.clusters)

    def read(self, sources: Iterable[Source]) -> Facts:
        """Read the workloads of the sources, and inspect their images."""
        inventory = take_inventory(
            sources, table=self.table, allow_empty=self.allow_empty, progress=self.on_document
        )
        answers = inspect_images(inventory, self.inspector, self.on_image)
        return Facts(inventory, answers, inspect_tags(answers, self.inspector))

    def report(self, facts: Facts, clusters: Sequence[ClusterProfile]) -> Report:
        """Assess what was read against clusters, and apply the rules."""
        inventory = facts.inventory
        clusters, unread, grown = extend_clusters(clusters, inventory)

        def assess_one(workload: Workload) -> Assessment:
            return assess(workload, facts.answers, clusters, facts.tags, self.requirements)

        assessments = list(map(assess_one, inventory.workloads))
        observed, crashes = self._observe(assessments)
        remedied = self._remedied(observed, assessments, assess_one)
        problems = (*inventory.problems, *unread, *crashes)
        acceptance = self.policy.accept(problems)
        audited = Audited(assessments, self.rules, self.known, not problems, acceptance.used)
        judgement = judge(remedied.observed, self.policy, audited)
        return Report(
            findings=judgement.findings,
            suppressed=judgement.suppressed,
            assessments=tuple(assessments),
            images=list_images(assessments),
            problems=acceptance.problems,
            accepted=acceptance.accepted,
            clusters=clusters,
            rules=self.rules,
            gate=self.gate,
            notices=(
                *inventory.notices,
                *grown,
                *remedied.notices,
                *(item.note for item in acceptance.accepted),
            ),
            unaudited=inventory.unaudited,
            overlays=remedied.overlays,
        )

    def _remedied(
        self, observed: Sequence[Judged], assessments: Sequence[Assessment], assess_one: Assess
    ) -> Remedied:
        """Add remedies to the observations; a failure is only a notice."""
        if self.remedies is None:
            return Remedied(tuple(observed))
        try:
            return self.remedies(observed, assessments, self.rules, assess_one)
        except Exception as error:  # noqa: BLE001 - a bug here must not hide what was found
            notice = f"finding remedies failed: {type(error).__name__}: {error}"
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
) -> tuple[tuple[ClusterProfile, ...], tuple[Problem, ...], tuple[str, ...]]:
    """Return the clusters with the RuntimeClasses, Namespaces and NodePools of the inventory.

    Also returns a problem for each of those that cannot be read, and notices of the added pools.
    """
    extended = [extend_cluster(cluster, inventory.supporting) for cluster in clusters]
    problems = dict.fromkeys(problem for _, found in extended for problem in found)
    potential, unread = node_pools_of(inventory.supporting)
    grown = [with_node_pools(cluster, potential) for cluster, _ in extended]
    notices = tuple(_added_pools(cluster, added, potential) for cluster, added in grown if added)
    return tuple(cluster for cluster, _ in grown), (*problems, *unread), notices


def _added_pools(
    cluster: ClusterProfile, added: Sequence[NodePool], potential: Sequence[PotentialPools]
) -> str:
    pools = listed(f"{pool.name} ({pool.platform})" for pool in added)
    assumed = "".join(
        f"; NodePool/{item.name}: {item.assumption}" for item in potential if item.assumption
    )
    return (
        f"cluster {cluster.name} is audited with the nodes that the audited NodePool objects may "
        f"add: {pools}{assumed}"
    )


def inspect_images(
    inventory: Inventory, inspector: Inspector, progress: InspectionProgress = no_progress
) -> Answers:
    """Return the platforms of every image of an inventory; inspects each reference once."""
    parsed = parse_images(inventory)
    references = {item for item in parsed.values() if isinstance(item, ImageReference)}
    answers = inspector.inspect(sorted(references), progress) if references else {}
    return _Answers(_paired(parsed, answers))


class _Answers(dict[str, tuple[ImageReference | None, Platforms]]):
    """Answers for the images of the audit; other images are unknown."""

    def __missing__(self, text: str) -> tuple[ImageReference | None, Platforms]:
        return None, UnknownPlatforms(UnknownReason.FAILED, f"{text} was not inspected")


def inspect_tags(answers: Answers, inspector: Inspector) -> dict[ImageReference, KnownPlatforms]:
    """Return what the tag resolves to, for `tag@digest` with the digest of a bare manifest.

    A failed inspection is not an error, because the digest decides what runs.
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
    """Parse every image text of an inventory, sorted by text."""
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
