"""Why a workload cannot run where it may land: one cause, so that one rule speaks.

A pod whose images share no platform runs nowhere, whatever its selector says; a selector that asks
for a platform which the images lack is wrong, not missing; a pod that declares the wrong operating
system is rejected wherever it lands. Only where none of that holds is a guard missing.
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
    """What is at the bottom of a workload's trouble with platforms in one cluster.

    EMPTY: an image holds nothing that could run. MIXED: its images share no platform. CONFLICT: the
    selector asks for what the images lack, or contradicts itself. DECLARATION: the pod declares an
    operating system (spec.os, label) that its images or its selector exclude. MISSING_GUARD: the
    pod as such is right; where it fails, nothing kept it off.
    """

    EMPTY = auto()
    MIXED = auto()
    CONFLICT = auto()
    DECLARATION = auto()
    MISSING_GUARD = auto()


def fits_by_cause(assessment: Assessment, cause: Cause) -> tuple[PoolFit, ...]:
    """The pools of those clusters in which this is the cause of the workload's trouble."""
    return tuple(
        fit
        for cluster, fits in assessment.by_cluster
        if root_cause(assessment, cluster, fits) is cause
        for fit in fits
    )


def root_cause(assessment: Assessment, cluster: ClusterProfile, fits: Sequence[PoolFit]) -> Cause:
    """The cause that explains every pool of a cluster on which the workload fails."""
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
        hopeless = _matches_nothing(scheduling) or unmeetable(assessment, scheduling)
        return Cause.MISSING_GUARD if hopeless else Cause.CONFLICT
    declared = declared_systems(assessment.workload)
    if any({system} >= declared for system, _ in selected):
        return Cause.MISSING_GUARD
    return Cause.DECLARATION


def could_run(fit: PoolFit) -> bool:
    """Whether a pod might be placed there and run, as far as anybody can tell."""
    return fit.placement.verdict is not Verdict.REFUSED and fit.runnable is not Runnable.NO


def declared_systems(workload: Workload) -> set[str]:
    """What the kubelet compares with its own system: spec.os.name, and a label of the pod."""
    return {workload.scheduling.os_name, workload.labels.get(OS_LABEL, "")} - {""}


def common_families(assessment: Assessment) -> frozenset[Family]:
    """Those of nodes on which all images run whose platforms are known."""
    families = _shared(use.known for use in assessment.judged if use.known is not None)
    if not _share_windows_build(assessment.judged):
        families = frozenset(item for item in families if item[0] != "windows")
    return families | {family(fit.pool.platform) for fit in assessment.fits if not fit.culprits}


def family(platform: Platform) -> Family:
    """The operating system and architecture of a platform."""
    return platform.os, platform.architecture


def all_families(assessment: Assessment) -> frozenset[Family]:
    """Every one that there is, as far as anybody here has heard of it."""
    pools = (fit.pool.platform for fit in assessment.fits)
    rows = (row for use in assessment.judged if use.known for row in use.known.platforms)
    known = map(family, (*pools, *rows))
    return frozenset((*product(SYSTEMS, ARCHITECTURES), *known))


def selected_families(scheduling: Scheduling, families: Iterable[Family]) -> frozenset[Family]:
    """Those of the families whose nodes could meet nodeSelector and required node affinity."""
    return frozenset(item for item in families if _could_select(scheduling, item))


def platform_demands(scheduling: Scheduling) -> tuple[Requirement, ...]:
    """What nodeSelector and required affinity demand of the labels of the platform, in order."""
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
    """The demands on the platform that no node meets by themselves: `kubernetes.io/os: Linux`."""
    families = all_families(assessment)
    return tuple(
        demand
        for demand in platform_demands(scheduling)
        if not selected_families(Scheduling(node_selector=(demand,)), families)
    )


def _matches_nothing(scheduling: Scheduling) -> bool:
    """Whether the required affinity consists of empty terms, which no node matches."""
    terms = scheduling.required_terms
    return terms is not None and not any(term.expressions or term.fields for term in terms)


def _shared(images: Iterable[KnownPlatforms]) -> frozenset[Family]:
    families = [frozenset(map(family, image.platforms)) for image in images]
    return frozenset.intersection(*families) if families else frozenset()


def _share_windows_build(uses: Sequence[ImageUse]) -> bool:
    """Whether some Windows host takes all of the images; older builds run on newer hosts."""
    rows = {row for use in uses if use.known for row in use.known.platforms if row.os == "windows"}
    pools = (NodePool(str(row), row, platform_labels(row)) for row in sorted(rows))
    return any(
        all(use_compatibility(use, pool).runnable is not Runnable.NO for use in uses)
        for pool in pools
    )


def _could_select(scheduling: Scheduling, wanted: Family) -> bool:
    """Whether some node of the family could meet the selector, whatever else it carries."""
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
        return None  # which build is another question than which system
    return requirement_holds(requirement, node)
