"""Assess one workload: its images, and its placement and compatibility on every node pool.

Also merges the workloads and findings that several variants of one chart have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import Enum
from itertools import groupby
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.findings import Finding
from auditor.checks.requirements import PlatformRequirement, required_platforms
from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import Platform
from auditor.kubernetes.workloads import IGNORE_ANNOTATION, Container, Role, Workload
from auditor.scheduling.compatibility import Compatibility, Failure, Runnable, compatibility
from auditor.scheduling.kubelet import KubeletRefusal, kubelet_refusal
from auditor.scheduling.nodes import ClusterProfile, NodePool
from auditor.scheduling.placement import Placement, Verdict, place


class ImageUse(Struct, frozen=True):
    """A container and the platforms of its image.

    Attributes:
        reference: None if the image text is not a valid reference.
        tagged: What the tag resolves to without the digest, if the digest names a bare manifest;
            None if it was not resolved.
    """

    container: Container
    reference: ImageReference | None
    platforms: Platforms
    tagged: KnownPlatforms | None = None
    required: tuple[Platform, ...] = ()

    @property
    def known(self) -> KnownPlatforms | None:
        return self.platforms if isinstance(self.platforms, KnownPlatforms) else None


class Cell(Enum):
    """Outcome of a workload on a node pool; the value is used in JSON."""

    RUNS = "runs"
    FAILS = "lands-but-cannot-run"
    COULD_RUN = "kept-off, could-run"
    KEPT_OFF = "kept-off"
    UNDECIDED = "undecided"


class PoolFit(Struct, frozen=True):
    """Whether a workload can be scheduled onto a pool, and whether it runs there.

    Attributes:
        results: One result per image in `Assessment.judged`, in the same order.
        refusal: Why the kubelet rejects the pod; None if it accepts it.
    """

    cluster: ClusterProfile
    pool: NodePool
    placement: Placement
    results: tuple[tuple[ImageUse, Compatibility], ...]
    refusal: KubeletRefusal | None = None

    @property
    def name(self) -> str:
        return self.pool.name

    @property
    def runnable(self) -> Runnable:
        """Whether all containers run and the kubelet accepts the pod. Ignores placement.

        UNKNOWN for a pod without any images of its own, because its controller chooses them.
        """
        answers = {result.runnable for _, result in self.results} or {Runnable.UNKNOWN}
        if self.refusal is not None or Runnable.NO in answers:
            return Runnable.NO
        return Runnable.UNKNOWN if Runnable.UNKNOWN in answers else Runnable.YES

    @property
    def cell(self) -> Cell:
        """The outcome of the workload on the pool."""
        if self.placement.verdict is Verdict.REFUSED:
            return Cell.COULD_RUN if self.runnable is Runnable.YES else Cell.KEPT_OFF
        if self.placement.verdict is Verdict.UNDECIDED or self.runnable is Runnable.UNKNOWN:
            return Cell.UNDECIDED
        return Cell.RUNS if self.runnable is Runnable.YES else Cell.FAILS

    @property
    def incompatible(self) -> tuple[tuple[ImageUse, Compatibility], ...]:
        """The containers whose image cannot run on the pool."""
        return tuple(item for item in self.results if item[1].runnable is Runnable.NO)

    @property
    def lands_and_fails(self) -> bool:
        """Whether the pod can be scheduled onto the pool but cannot run there."""
        return self.placement.verdict is Verdict.ADMITTED and self.runnable is Runnable.NO

    @property
    def failure(self) -> Failure | None:
        """How the pod fails on this pool; None if it runs, no pod is created, or unknown."""
        if self.placement.creates_pod is False:
            return None
        if self.placement.verdict is Verdict.REFUSED:
            return Failure.PENDING
        if self.refusal is not None:
            return Failure.KUBELET
        return self.incompatible[0][1].failure if self.incompatible else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the pod is not scheduled onto the pool and why it cannot run, one clause each."""
        found = [step.message for step in self.placement.deciding]
        if self.refusal is not None:
            found.append(f"the kubelet rejects the pod: {self.refusal.message}")
        for use, result in self.results:
            if result.runnable is not Runnable.YES:
                found.append(f"container {use.container.name}: {result.message}")
        return tuple(found)


class Assessment(Struct, frozen=True):
    """The images of a workload and how it fits each pool of each cluster."""

    workload: Workload
    uses: tuple[ImageUse, ...]
    fits: tuple[PoolFit, ...]

    @property
    def judged(self) -> tuple[ImageUse, ...]:
        """The images that the kubelet pulls for the pod itself."""
        return tuple(use for use in self.uses if use.container.role is not Role.REFERENCED)

    @property
    def referenced(self) -> tuple[ImageUse, ...]:
        """The images that are only mentioned in an argument or environment variable."""
        return tuple(use for use in self.uses if use.container.role is Role.REFERENCED)

    @property
    def unresolved(self) -> tuple[ImageUse, ...]:
        """The judged images whose platforms are unknown."""
        return tuple(use for use in self.judged if use.known is None)

    @property
    def by_cluster(self) -> tuple[tuple[ClusterProfile, tuple[PoolFit, ...]], ...]:
        """The fits grouped by cluster, in order."""
        groups = (tuple(group) for _, group in groupby(self.fits, lambda fit: id(fit.cluster)))
        return tuple((fits[0].cluster, fits) for fits in groups)

    @property
    def failing(self) -> tuple[PoolFit, ...]:
        """The pools that the pod can be scheduled onto but cannot run on."""
        return tuple(fit for fit in self.fits if fit.lands_and_fails)


Assess = Callable[[Workload], Assessment]
"""Assesses a workload against the clusters of an audit."""


def assess(
    workload: Workload,
    answers: Mapping[str, tuple[ImageReference | None, Platforms]],
    clusters: Iterable[ClusterProfile],
    tags: Mapping[ImageReference, KnownPlatforms] | None = None,
    requirements: Sequence[PlatformRequirement] = (),
) -> Assessment:
    """Assess a workload against clusters.

    Args:
        answers: Reference and platforms for each image text.
        tags: What the tag resolves to, for references with both a tag and a digest.
        requirements: Platforms that the configuration requires of images.
    """
    uses = []
    for container in workload.containers:
        reference, platforms = answers[container.image]
        tagged = (tags or {}).get(reference) if reference else None
        required = (
            required_platforms(requirements, workload.document, reference) if reference else ()
        )
        uses.append(ImageUse(container, reference, platforms, tagged, required))
    judged = [use for use in uses if use.container.role is not Role.REFERENCED]
    fits = tuple(
        PoolFit(
            cluster,
            pool,
            place(workload, pool, cluster),
            tuple((use, use_compatibility(use, pool)) for use in judged),
            kubelet_refusal(workload, pool, cluster),
        )
        for cluster in clusters
        for pool in cluster.pools
    )
    return Assessment(workload, tuple(uses), fits)


def use_compatibility(use: ImageUse, pool: NodePool) -> Compatibility:
    """Return whether a node of the pool can start a container with this image."""
    if isinstance(use.platforms, KnownPlatforms):
        return compatibility(
            use.platforms,
            pool,
            host_process=use.container.host_process,
            mounted=use.container.role is Role.IMAGE_VOLUME,
        )
    return Compatibility(Runnable.UNKNOWN, use.platforms.message)


_DEFAULT_VARIANT: Final = "default"


def same_place(workload: Workload) -> Hashable:
    """Return a key that a workload has in every variant of its chart."""
    document = workload.document
    return (
        document.source,
        document.path,
        document.template,
        workload.ref.kind,
        workload.nth,
        workload.component,
    )


def merge_workloads(workloads: Iterable[Workload]) -> tuple[Workload, ...]:
    """Merge workloads that are the same in several variants of a chart.

    Names and line numbers may differ, because neither affects scheduling. Workloads without
    variants are not merged.
    """
    merged: dict[Hashable, Workload] = {}
    for index, workload in enumerate(workloads):
        key = (same_place(workload), _demands(workload)) if workload.variants else index
        known = merged.get(key)
        if known is not None:
            known = replace(known, variants=_merge_names(known.variants, workload.variants))
        merged[key] = known or workload
    return tuple(merged.values())


def merge_findings(findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    """Merge findings with the same fingerprint from different variants of a chart.

    A chart without variants is rendered with its default values, which may differ from those of an
    object that installs it.

    Returns:
        The index of each finding to keep, with the variants it occurs in.
    """
    variants: dict[int, tuple[str, ...]] = {}
    first: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        own = finding.observation.workload.variants
        known = first.setdefault(finding.fingerprint, [])
        same = next((i for i in known if _are_different_variants(own, variants[i])), None)
        if same is None:
            known.append(index)
            variants[index] = own
        else:
            variants[same] = _merge_names(
                variants[same] or (_DEFAULT_VARIANT,), own or (_DEFAULT_VARIANT,)
            )
    return variants


def _are_different_variants(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return set(one or (_DEFAULT_VARIANT,)).isdisjoint(other or (_DEFAULT_VARIANT,))


def _demands(workload: Workload) -> Hashable:
    """Return everything about a workload that affects its findings."""
    return (
        tuple(
            (item.name, item.role, item.image, item.host_process) for item in workload.containers
        ),
        workload.scheduling,
        tuple(sorted(workload.labels.items())),
        tuple(
            item
            for item in sorted(workload.annotations.items())
            if item[0].startswith(IGNORE_ANNOTATION)
        ),
        tuple((item.path, item.scheduling) for item in workload.misplaced),
        (workload.hooks, workload.controller, workload.guessed, workload.ref.namespace),
    )


def _merge_names(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the union of two sets of variants, the default first, then by name."""
    return tuple(sorted({*one, *other}, key=lambda name: (name != _DEFAULT_VARIANT, name)))
