"""Everything known about one workload: its images, and how it fits each pool of each cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from auditor.compatibility import Compatibility, Failure, Runnable, compatibility
from auditor.images import ImageReference, KnownPlatforms, Platforms
from auditor.kubelet import KubeletRefusal, kubelet_refusal
from auditor.nodes import ClusterProfile, NodePool
from auditor.placement import Placement, Verdict, place
from auditor.workloads import Container, Role, Workload


@dataclass(frozen=True, slots=True)
class ImageUse:
    """A container and what is known of its image.

    reference: None where the text is not one. tagged: what the tag alone names, for a reference
    whose digest names a bare manifest; None where nobody asked or could tell.
    """

    container: Container
    reference: ImageReference | None
    platforms: Platforms
    tagged: KnownPlatforms | None = None

    @property
    def known(self) -> KnownPlatforms | None:
        return self.platforms if isinstance(self.platforms, KnownPlatforms) else None


@dataclass(frozen=True, slots=True)
class PoolFit:
    """One workload and one pool: may it land there, and would it run.

    results: per container that the kubelet starts, in the order of the workload's `judged` uses.
    refusal: of the kubelet.
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
        """All containers must run, and the kubelet must take the pod. Ignores placement.

        Nobody can tell of a pod whose controller chooses every image.
        """
        answers = {result.runnable for _, result in self.results} or {Runnable.UNKNOWN}
        if self.refusal is not None or Runnable.NO in answers:
            return Runnable.NO
        return Runnable.UNKNOWN if Runnable.UNKNOWN in answers else Runnable.YES

    @property
    def culprits(self) -> tuple[tuple[ImageUse, Compatibility], ...]:
        """The containers whose image cannot run there."""
        return tuple(item for item in self.results if item[1].runnable is Runnable.NO)

    @property
    def lands_and_fails(self) -> bool:
        """The finding: the pod may be placed there, and cannot run."""
        return self.placement.verdict is Verdict.ADMITTED and self.runnable is Runnable.NO

    @property
    def failure(self) -> Failure | None:
        """What the user sees of a pod that gets there; None where it runs or nobody can tell."""
        if self.placement.verdict is Verdict.REFUSED:
            return Failure.PENDING
        if self.refusal is not None:
            return Failure.KUBELET
        return self.culprits[0][1].failure if self.culprits else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is kept off or undecided, and why it cannot run: a clause each."""
        found = [step.message for step in self.placement.deciding]
        if self.refusal is not None:
            found.append(f"the kubelet rejects the pod: {self.refusal.message}")
        for use, result in self.results:
            if result.runnable is not Runnable.YES:
                found.append(f"container {use.container.name}: {result.message}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that is known about one workload."""

    workload: Workload
    uses: tuple[ImageUse, ...]
    fits: tuple[PoolFit, ...]

    @property
    def judged(self) -> tuple[ImageUse, ...]:
        """The images that the kubelet pulls for the pod itself."""
        return tuple(use for use in self.uses if not _is_referenced(use))

    @property
    def referenced(self) -> tuple[ImageUse, ...]:
        """The images that the pod only hands to something else, by argument or environment."""
        return tuple(use for use in self.uses if _is_referenced(use))

    @property
    def unresolved(self) -> tuple[ImageUse, ...]:
        """The judged images whose platforms nobody could tell."""
        return tuple(use for use in self.judged if use.known is None)

    @property
    def by_cluster(self) -> tuple[tuple[ClusterProfile, tuple[PoolFit, ...]], ...]:
        """The fits of each cluster, in their order."""
        groups = (tuple(group) for _, group in groupby(self.fits, lambda fit: id(fit.cluster)))
        return tuple((fits[0].cluster, fits) for fits in groups)

    @property
    def failing(self) -> tuple[PoolFit, ...]:
        """The pools on which the pod may land and cannot run."""
        return tuple(fit for fit in self.fits if fit.lands_and_fails)


Assess = Callable[[Workload], Assessment]
"""Judges one more workload as the others of an audit were."""


def assess(
    workload: Workload,
    answers: Mapping[str, tuple[ImageReference | None, Platforms]],
    clusters: Iterable[ClusterProfile],
    tags: Mapping[ImageReference, KnownPlatforms] | None = None,
) -> Assessment:
    """The assessment of a workload.

    answers: for each image text, its reference and platforms. tags: what the tag alone names, for
    references with a digest as well.
    """
    uses = tuple(_use(item, answers[item.image], tags or {}) for item in workload.containers)
    judged = tuple(use for use in uses if not _is_referenced(use))
    fits = tuple(
        _fit(workload, judged, cluster, pool) for cluster in clusters for pool in cluster.pools
    )
    return Assessment(workload, uses, fits)


def _use(
    container: Container,
    answer: tuple[ImageReference | None, Platforms],
    tags: Mapping[ImageReference, KnownPlatforms],
) -> ImageUse:
    reference, platforms = answer
    return ImageUse(container, reference, platforms, tags.get(reference) if reference else None)


def _fit(
    workload: Workload, judged: tuple[ImageUse, ...], cluster: ClusterProfile, pool: NodePool
) -> PoolFit:
    return PoolFit(
        cluster,
        pool,
        place(workload, pool, cluster),
        tuple((use, use_compatibility(use, pool)) for use in judged),
        kubelet_refusal(workload, pool, cluster),
    )


def use_compatibility(use: ImageUse, pool: NodePool) -> Compatibility:
    """Whether the pool would start a container with this image."""
    if isinstance(use.platforms, KnownPlatforms):
        return compatibility(
            use.platforms,
            pool,
            host_process=use.container.host_process,
            mounted=use.container.role is Role.IMAGE_VOLUME,
        )
    return Compatibility(Runnable.UNKNOWN, use.platforms.message)


def _is_referenced(use: ImageUse) -> bool:
    return use.container.role is Role.REFERENCED
