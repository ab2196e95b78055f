"""What a change of the node pools of a cluster means for the workloads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.assessment import Assessment, Cell, PoolFit
from auditor.checks.findings import Finding
from auditor.clusters.changes import retirements
from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE
from auditor.images.platforms import normalise
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Scheduling, Toleration
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import PLATFORM_LABELS, ClusterProfile, NodePool, Retirement
from auditor.scheduling.placement import BLOCKING, Verdict, place


class Readiness(Enum):
    """Whether a workload can use the nodes of a platform, best first; the value is used in JSON."""

    READY = "ready"
    GUARDED = "ready-without-guard"
    UNDETERMINED = "not-determined"
    SELECTOR = "blocked-by-selector"
    IMAGE = "blocked-by-image"
    OTHER_SYSTEM = "for-another-system"


class Standing(Struct, frozen=True):
    """A workload and the pool of a platform that suits it best."""

    assessment: Assessment
    fit: PoolFit
    readiness: Readiness


class Outlook(Struct, frozen=True):
    """How ready the workloads are for the pools of one platform of the target cluster.

    Attributes:
        platform: Such as `linux/arm64` or `windows(10.0.26100)/amd64`.
        pools: The pools of the platform, as `cluster/pool`.
        added: Whether the current cluster has no pool of the platform.
        standings: One for each workload, in document order.
    """

    platform: str
    pools: tuple[str, ...]
    added: bool
    standings: tuple[Standing, ...]

    def of(self, readiness: Readiness) -> tuple[Standing, ...]:
        """Return the workloads with this readiness."""
        return tuple(item for item in self.standings if item.readiness is readiness)


class Weight(Struct, frozen=True):
    """How much some workloads count.

    Attributes:
        pods: The sum of their replicas.
        cpu: Thousandths of a CPU that the pods request together.
        memory: Bytes that they request together.
        unstated: Pods without a request for CPU or for memory, which the sums do not contain.
    """

    workloads: int
    pods: int
    cpu: int
    memory: int
    unstated: int


class Forecast(Struct, frozen=True):
    """Two audits of the same workloads, against the current and the changed clusters.

    Attributes:
        current: The audit of the current clusters.
        target: The audit of the changed clusters.
        outlooks: One for each platform of the changed clusters.
    """

    current: Report
    target: Report
    outlooks: tuple[Outlook, ...]

    @property
    def appearing(self) -> tuple[Finding, ...]:
        """The findings of the target that are not among those of the current clusters."""
        return _new(self.target.findings, self.current.findings)

    @property
    def disappearing(self) -> tuple[Finding, ...]:
        """The findings of the current clusters that are not among those of the target."""
        return _new(self.current.findings, self.target.findings)

    @property
    def removed_pools(self) -> tuple[str, ...]:
        return _missing_pools(self.current.clusters, self.target.clusters)

    @property
    def added_pools(self) -> tuple[str, ...]:
        return _missing_pools(self.target.clusters, self.current.clusters)

    @property
    def retirements(self) -> tuple[tuple[str, Retirement], ...]:
        """When the node images of pools are retired: pool and date, each once."""
        clusters = (*self.current.clusters, *self.target.clusters)
        found = dict.fromkeys(item for cluster in clusters for item in retirements(cluster))
        return tuple(sorted(found, key=lambda item: (item[1].date, item[0])))

    @property
    def incomplete(self) -> bool:
        """Whether part of one of the audits failed."""
        return self.current.incomplete or self.target.incomplete

    @property
    def exit_code(self) -> int:
        """0 clean, 1 new findings at or above the gate, 3 incomplete."""
        if any(self.target.gate.fails(finding.severity) for finding in self.appearing):
            return EXIT_FINDINGS
        return EXIT_INCOMPLETE if self.incomplete else EXIT_CLEAN


def make_forecast(current: Report, target: Report) -> Forecast:
    """Compare the audits of the current and of the changed clusters."""
    before = {_key(pool) for cluster in current.clusters for pool in cluster.pools}
    platforms: dict[str, list[int]] = {}
    pools = [(cluster, pool) for cluster in target.clusters for pool in cluster.pools]
    for index, (_, pool) in enumerate(pools):
        platforms.setdefault(_key(pool), []).append(index)
    outlooks = (
        Outlook(
            platform,
            tuple(f"{pools[index][0].name}/{pools[index][1].name}" for index in indices),
            platform not in before,
            tuple(_best(item, indices) for item in target.assessments),
        )
        for platform, indices in platforms.items()
    )
    order = sorted(outlooks, key=lambda item: not item.added)
    return Forecast(current, target, tuple(order))


def weigh(standings: Iterable[Standing]) -> Weight:
    """Return the sums over some workloads, each pod counted as often as it is replicated."""
    workloads = [item.assessment.workload for item in standings]
    return Weight(
        workloads=len(workloads),
        pods=sum(item.replicas for item in workloads),
        cpu=sum(item.replicas * (item.requests.cpu or 0) for item in workloads),
        memory=sum(item.replicas * (item.requests.memory or 0) for item in workloads),
        unstated=sum(
            item.replicas
            for item in workloads
            if item.requests.cpu is None or item.requests.memory is None
        ),
    )


def _key(pool: NodePool) -> str:
    return str(normalise(pool.platform))


def _new(findings: Sequence[Finding], known: Sequence[Finding]) -> tuple[Finding, ...]:
    ids = {finding.fingerprint for finding in known}
    return tuple(finding for finding in findings if finding.fingerprint not in ids)


def _missing_pools(
    clusters: Sequence[ClusterProfile], others: Sequence[ClusterProfile]
) -> tuple[str, ...]:
    known = {(cluster.name, pool) for cluster in others for pool in map(_named, cluster.pools)}
    return tuple(
        f"{cluster.name}/{pool.name} ({pool.platform})"
        for cluster in clusters
        for pool in cluster.pools
        if (cluster.name, _named(pool)) not in known
    )


def _named(pool: NodePool) -> tuple[str, str]:
    return pool.name, str(pool.platform)


def _best(assessment: Assessment, indices: Iterable[int]) -> Standing:
    order = list(Readiness)
    found = (_standing(assessment, assessment.fits[index]) for index in indices)
    return min(found, key=lambda item: order.index(item.readiness))


def _standing(assessment: Assessment, fit: PoolFit) -> Standing:
    return Standing(assessment, fit, _readiness(assessment, fit))


def _readiness(assessment: Assessment, fit: PoolFit) -> Readiness:
    if fit.incompatible:
        return Readiness.OTHER_SYSTEM if _is_foreign(fit) else Readiness.IMAGE
    if fit.refusal is not None:
        return Readiness.SELECTOR
    if fit.runnable is Runnable.UNKNOWN:
        return Readiness.UNDETERMINED
    if fit.cell is Cell.RUNS:
        return Readiness.READY
    if fit.cell is Cell.UNDECIDED:
        return Readiness.UNDETERMINED
    unguarded = replace(
        assessment.workload, scheduling=_unguarded(assessment.workload.scheduling, fit.pool)
    )
    match place(unguarded, fit.pool, fit.cluster).verdict:
        case Verdict.ADMITTED:
            return Readiness.GUARDED
        case Verdict.UNDECIDED:
            return Readiness.UNDETERMINED
        case Verdict.REFUSED:
            return Readiness.SELECTOR


def _is_foreign(fit: PoolFit) -> bool:
    """Return whether one of the images has no platform of the operating system of the pool."""
    system = fit.pool.platform.os
    return any(
        use.known is not None
        and bool(use.known.platforms)
        and all(row.os != system for row in use.known.platforms)
        for use, _ in fit.incompatible
    )


def _unguarded(scheduling: Scheduling, pool: NodePool) -> Scheduling:
    """Return constraints without those on the platform, that tolerate the taints of a pool."""
    terms = scheduling.required_terms
    opened = tuple(map(_open_term, terms or ()))
    matches_all = any(
        not term.expressions and not term.fields and term != former
        for term, former in zip(opened, terms or (), strict=True)
    )
    tolerations = (
        Toleration(taint.key, "Exists", "", taint.effect)
        for taint in pool.taints
        if taint.effect in BLOCKING
    )
    return dataclasses.replace(
        scheduling,
        node_selector=tuple(filter(_is_other, scheduling.node_selector)),
        required_terms=None if terms is None or matches_all else opened,
        os_name="",
        tolerations=(*scheduling.tolerations, *tolerations),
    )


def _open_term(term: NodeSelectorTerm) -> NodeSelectorTerm:
    return dataclasses.replace(term, expressions=tuple(filter(_is_other, term.expressions)))


def _is_other(requirement: Requirement) -> bool:
    return requirement.key not in PLATFORM_LABELS
