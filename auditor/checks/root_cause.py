"""Find the one cause of a workload's failures in a cluster, so that only one rule reports it.

If the images share no platform, the selector does not matter. If the selector demands a platform
that the images lack, it is wrong, not missing. If the pod declares the wrong operating system,
every kubelet rejects it. In all other cases, a guard is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from itertools import product
from typing import Final

from auditor.checks.assessment import Assessment, ImageUse, PoolFit, use_compatibility
from auditor.images.images import KnownPlatforms
from auditor.images.platforms import Platform
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import (
    OS_LABEL,
    PLATFORM_LABELS,
    WINDOWS_BUILD_LABEL,
    ClusterProfile,
    NodePool,
    platform_labels,
)
from auditor.scheduling.placement import Verdict
from auditor.scheduling.predicates import (
    Answer,
    NodeView,
    every,
    requirement_holds,
    some,
    term_matches,
)

Family = tuple[str, str]
"""Operating system and architecture."""

SYSTEMS: Final = ("linux", "windows")
ARCHITECTURES: Final = ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x")


class Cause(Enum):
    """Why a workload fails in one cluster.

    Attributes:
        EMPTY: An image has no manifest that could run.
        MIXED: Its images share no platform.
        CONFLICT: The selector demands a platform that the images lack, or contradicts itself.
        DECLARATION: The pod declares an operating system (spec.os, label) that its images or its
            selector exclude.
        MISSING_GUARD: Nothing keeps the pod off the nodes that cannot run it.
    """

    EMPTY = auto()
    MIXED = auto()
    CONFLICT = auto()
    DECLARATION = auto()
    MISSING_GUARD = auto()


def fits_by_cause(assessment: Assessment, cause: Cause) -> tuple[PoolFit, ...]:
    """Return the pools of the clusters in which the workload fails for this cause."""
    return tuple(
        fit
        for cluster, fits in assessment.by_cluster
        if root_cause(assessment, cluster, fits) is cause
        for fit in fits
    )


def root_cause(assessment: Assessment, cluster: ClusterProfile, fits: Sequence[PoolFit]) -> Cause:
    """Return the cause that explains all failing pools of a cluster."""
    if any(map(could_run, fits)):
        return Cause.MISSING_GUARD
    known = [use.known for use in assessment.judged if use.known is not None]
    if any(not image.platforms for image in known):
        return Cause.EMPTY
    runs_on = common_families(assessment) if known else all_families(assessment)
    if not runs_on:
        return Cause.MIXED
    scheduling = admit(assessment.workload, cluster).scheduling
    selected = selected_families(scheduling, runs_on)
    if not selected:
        impossible = _matches_nothing(scheduling) or unmeetable(assessment, scheduling)
        return Cause.MISSING_GUARD if impossible else Cause.CONFLICT
    declared = declared_systems(assessment.workload)
    if any({system} >= declared for system, _ in selected):
        return Cause.MISSING_GUARD
    return Cause.DECLARATION


def could_run(fit: PoolFit) -> bool:
    """Return whether the pod can be scheduled onto the pool and may run there."""
    return fit.placement.verdict is not Verdict.REFUSED and fit.runnable is not Runnable.NO


def declared_systems(workload: Workload) -> set[str]:
    """Return what the kubelet compares with its own OS: spec.os.name and a label of the pod."""
    return {workload.scheduling.os_name, workload.labels.get(OS_LABEL, "")} - {""}


def common_families(assessment: Assessment) -> frozenset[Family]:
    """Return the families of nodes that can run all images whose platforms are known."""
    families = _shared(use.known for use in assessment.judged if use.known is not None)
    if not _share_windows_build(assessment.judged):
        families = frozenset(item for item in families if item[0] != "windows")
    return families | {family(fit.pool.platform) for fit in assessment.fits if not fit.incompatible}


def family(platform: Platform) -> Family:
    return platform.os, platform.architecture


def all_families(assessment: Assessment) -> frozenset[Family]:
    """Return every known family: common ones, and those of the pools and images."""
    pools = (fit.pool.platform for fit in assessment.fits)
    rows = (row for use in assessment.judged if use.known for row in use.known.platforms)
    known = map(family, (*pools, *rows))
    return frozenset((*product(SYSTEMS, ARCHITECTURES), *known))


def selected_families(scheduling: Scheduling, families: Iterable[Family]) -> frozenset[Family]:
    """Return the families whose nodes can meet nodeSelector and required node affinity."""
    return frozenset(item for item in families if _could_select(scheduling, item))


def platform_demands(scheduling: Scheduling) -> tuple[Requirement, ...]:
    """Return the requirements of nodeSelector and required affinity on platform labels."""
    terms = scheduling.required_terms or ()
    demands = (*scheduling.node_selector, *(item for term in terms for item in term.expressions))
    return tuple(item for item in demands if item.key in PLATFORM_LABELS)


def suits_declaration(workload: Workload, pool: NodePool) -> bool:
    """Return whether a pool has a platform that the pod says it is for.

    A selector, required affinity, `spec.os` or the pod's OS label say so. A fix must not send the
    pod to another operating system or architecture.
    """
    host = family(pool.platform)
    declared = declared_systems(workload)
    return bool(selected_families(workload.scheduling, [host])) and {host[0]} >= declared


def unmeetable(assessment: Assessment, scheduling: Scheduling) -> tuple[Requirement, ...]:
    """Return platform requirements that no node can meet, such as `kubernetes.io/os: Linux`."""
    families = all_families(assessment)
    return tuple(
        demand
        for demand in platform_demands(scheduling)
        if not selected_families(Scheduling(node_selector=(demand,)), families)
    )


def _matches_nothing(scheduling: Scheduling) -> bool:
    """Return whether the required affinity has only empty terms, which match no node."""
    terms = scheduling.required_terms
    return terms is not None and not any(term.expressions or term.fields for term in terms)


def _shared(images: Iterable[KnownPlatforms]) -> frozenset[Family]:
    families = [frozenset(map(family, image.platforms)) for image in images]
    return frozenset.intersection(*families) if families else frozenset()


def _share_windows_build(uses: Sequence[ImageUse]) -> bool:
    """Return whether one Windows host can run all images; older builds run on newer hosts."""
    rows = {row for use in uses if use.known for row in use.known.platforms if row.os == "windows"}
    pools = (NodePool(str(row), row, platform_labels(row)) for row in sorted(rows))
    return any(
        all(use_compatibility(use, pool).runnable is not Runnable.NO for use in uses)
        for pool in pools
    )


def _could_select(scheduling: Scheduling, wanted: Family) -> bool:
    """Return whether a node of the family can meet the selector, given suitable other labels."""
    node = NodeView("", platform_labels(Platform(*wanted)), open_labels=True)
    selector = every(_may_hold(item, node) for item in scheduling.node_selector)
    terms = scheduling.required_terms
    affinity = True if terms is None else some(_term_may_match(term, node) for term in terms)
    return every((selector, affinity)) is not False


def _term_may_match(term: NodeSelectorTerm, node: NodeView) -> Answer:
    if not term.expressions:
        return term_matches(term, node)
    return every(_may_hold(item, node) for item in term.expressions)


def _may_hold(requirement: Requirement, node: NodeView) -> Answer:
    if requirement.key == WINDOWS_BUILD_LABEL and node.labels[OS_LABEL] == "windows":
        return None  # a family says nothing about the build
    return requirement_holds(requirement, node)
