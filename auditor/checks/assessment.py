"""Everything known about one workload: its images, and how it fits each pool of each cluster.

One chart, rendered in several ways: what is the same in them is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
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
    """A container and what is known of its image.

    reference: None where the text is not one. tagged: what the tag alone names, for a reference
    whose digest names a bare manifest; None where nobody asked or could tell.
    """

    container: Container
    reference: ImageReference | None
    platforms: Platforms
    tagged: KnownPlatforms | None = None
    required: tuple[Platform, ...] = ()

    @property
    def known(self) -> KnownPlatforms | None:
        return self.platforms if isinstance(self.platforms, KnownPlatforms) else None


class PoolFit(Struct, frozen=True):
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


class Assessment(Struct, frozen=True):
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
    requirements: Sequence[PlatformRequirement] = (),
) -> Assessment:
    """The assessment of a workload.

    answers: for each image text, its reference and platforms. tags: what the tag alone names, for
    references with a digest as well.
    """
    uses = tuple(_use(item, answers[item.image], tags or {}) for item in workload.containers)
    if requirements:
        uses = tuple(_with_requirements(use, workload, requirements) for use in uses)
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


def _with_requirements(
    use: ImageUse, workload: Workload, requirements: Sequence[PlatformRequirement]
) -> ImageUse:
    if use.reference is None:
        return use
    required = required_platforms(requirements, workload.document, use.reference)
    return replace(use, required=required)


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


_FIRST: Final = "default"


def same_place(workload: Workload) -> Hashable:
    """What a workload has in common with itself in the other variants of its chart."""
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
    """Each workload once, at its first place, with the variants in which it is like that.

    Names may differ, and lines: neither decides where a pod runs. Whatever comes from no variant
    stays as it is.
    """
    merged: dict[Hashable, Workload] = {}
    for index, workload in enumerate(workloads):
        key = (same_place(workload), _demands(workload)) if workload.variants else index
        known = merged.get(key)
        if known is not None:
            known = replace(known, variants=_united(known.variants, workload.variants))
        merged[key] = known or workload
    return tuple(merged.values())


def merge_findings(findings: Sequence[Finding]) -> dict[int, tuple[str, ...]]:
    """The findings to keep, by their index, each with the variants that show it.

    Of those with one fingerprint from different variants the first stands for all. A chart without
    variants is rendered with its defaults, which an object that installs it may change.
    """
    variants: dict[int, tuple[str, ...]] = {}
    first: dict[str, list[int]] = {}
    for index, finding in enumerate(findings):
        own = finding.observation.workload.variants
        known = first.setdefault(finding.fingerprint, [])
        home = next((i for i in known if _differ(own, variants[i])), None)
        if home is None:
            known.append(index)
            variants[index] = own
        else:
            variants[home] = _united(variants[home] or (_FIRST,), own or (_FIRST,))
    return variants


def _differ(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether these are different renderings of a chart; without variants there is only one."""
    return set(one or (_FIRST,)).isdisjoint(other or (_FIRST,))


def _demands(workload: Workload) -> Hashable:
    """What decides where its pods may run and what podfit says of it."""
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
        (workload.hooks, workload.controller, workload.guessed, workload.ref.namespace),
    )


def _united(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    """In the order in which a chart's variants are rendered, but for those of the configuration."""
    return tuple(sorted({*one, *other}, key=lambda name: (name != _FIRST, name)))
