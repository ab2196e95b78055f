"""`Need`: a finding that a guard would resolve, and what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.assessment import Assessment, PoolFit
from auditor.causes import could_run
from auditor.findings import Guard, Observation
from auditor.guards import admits, shortest_guard
from auditor.manifests import Document
from auditor.phrases import pool_ids
from auditor.policy import Judged
from auditor.remedies.renderings import WorkloadId, workload_id
from auditor.rulebook import Rule


@dataclass(frozen=True, slots=True)
class Need:
    """An observation that names a guard, and what it takes to resolve it.

    number: of the observation among all of the audit. offending: the pools that the guard has to
    refuse. whole: the guard against everything that is wrong with the workload's placement.
    """

    number: int
    rule: Rule
    observation: Observation
    assessment: Assessment
    offending: tuple[PoolFit, ...]
    whole: Guard

    @property
    def workload(self) -> WorkloadId:
        return workload_id(self.observation.workload)

    @property
    def guard(self) -> Guard:
        return self.observation.guard

    @property
    def document(self) -> Document:
        return self.observation.workload.document

    @property
    def has_home(self) -> bool:
        """Whether a guard is all that it needs: every cluster keeps a node that may run it.

        A DaemonSet needs none: its controller makes no pod where none may run.
        """
        homes = {id(fit.cluster) for fit in self.assessment.fits if could_run(fit)}
        return self.observation.workload.is_daemon_set or all(
            id(fit.cluster) in homes for fit in self.offending
        )

    def is_met_by(self, guard: Guard) -> bool:
        """Whether a pod with this guard is kept off the offending pools."""
        return not any(admits(guard, fit) for fit in self.offending)

    def is_met_in(self, after: Assessment | None) -> bool:
        """Whether the rule no longer sees what it saw, now that the workload is like this."""
        if after is None:
            return False
        seen = self.rule.check.observe(after, self.rule.parameters)
        return all(set(item.pools).isdisjoint(self.observation.pools) for item in seen)


def find_needs(observed: Sequence[Judged], assessments: Iterable[Assessment]) -> tuple[Need, ...]:
    """The needs among what was observed in these workloads."""
    by_workload = {id(item.workload): item for item in assessments}
    found: dict[int, list[tuple[int, Judged]]] = {}
    for number, (rule, seen) in enumerate(observed):
        if seen.guard.requirements and id(seen.workload) in by_workload:
            found.setdefault(id(seen.workload), []).append((number, (rule, seen)))
    return tuple(
        need for name, numbered in found.items() for need in _needs(numbered, by_workload[name])
    )


def _needs(numbered: Sequence[tuple[int, Judged]], assessment: Assessment) -> Iterable[Need]:
    pools = {name for _, (_, seen) in numbered for name in seen.pools}
    whole = shortest_guard(assessment, _fits(assessment, pools))
    for number, (rule, seen) in numbered:
        offending = _fits(assessment, set(seen.pools))
        yield Need(number, rule, seen, assessment, offending, whole)


def _fits(assessment: Assessment, pools: set[str]) -> tuple[PoolFit, ...]:
    names = pool_ids(assessment.fits)
    return tuple(fit for fit, name in zip(assessment.fits, names, strict=True) if name in pools)
