"""Find the fewest label requirements that keep a workload off the pools that cannot run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Guard
from auditor.checks.root_cause import common_families, selected_families, suits_declaration
from auditor.kubernetes.pod_spec import Requirement
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import ARCHITECTURE_LABEL, OS_LABEL, WINDOWS_BUILD_LABEL
from auditor.scheduling.placement import Verdict
from auditor.scheduling.predicates import requirement_holds, view

_LABELS: Final = (OS_LABEL, ARCHITECTURE_LABEL, WINDOWS_BUILD_LABEL)


def shortest_guard(assessment: Assessment, offending: Sequence[PoolFit]) -> Guard:
    """Return the fewest requirements that exclude the offending pools and keep compatible ones.

    Every candidate is evaluated on every pool. The result keeps as many compatible pools as
    possible, and always the first of each cluster (or at least the first of all), so that the
    guards for different mismatches of one workload do not contradict each other. If no pool is
    compatible, the requirements come from the platforms of the images.

    Returns:
        An empty guard if no candidate works, or if `spec.nodeName` bypasses the scheduler.
    """
    if assessment.workload.scheduling.node_name:
        return Guard()
    good = _good_pools(assessment)
    first = list({id(fit.cluster): fit for fit in reversed(good)}.values())[::-1]
    candidates = _candidates(assessment, good, offending)
    safe = [guard for guard in candidates if not any(admits(guard, fit) for fit in offending)]
    for kept in (first, first[:1]):
        fitting = [guard for guard in safe if all(admits(guard, fit) for fit in kept)]
        if fitting:
            return max(fitting, key=lambda guard: sum(admits(guard, fit) for fit in good))
    return Guard()


def admits(guard: Guard, fit: PoolFit) -> bool:
    """Return whether the nodes of the pool meet the guard."""
    node = view(fit.pool)
    return all(requirement_holds(item, node) is not False for item in guard.requirements)


def _good_pools(assessment: Assessment) -> list[PoolFit]:
    """Return the pools that can run the pod, preferring those that it can be scheduled onto."""
    suiting = [fit for fit in assessment.fits if suits_declaration(assessment.workload, fit.pool)]
    compatible = [fit for fit in suiting if fit.runnable is Runnable.YES]
    unknown = [fit for fit in suiting if fit.runnable is Runnable.UNKNOWN]
    for fits in (compatible, unknown):
        if landing := [fit for fit in fits if fit.placement.verdict is not Verdict.REFUSED]:
            return landing
    return compatible or unknown


def _candidates(
    assessment: Assessment, good: Sequence[PoolFit], offending: Sequence[PoolFit]
) -> Iterator[Guard]:
    """Yield guards, shortest first: for all good pools, for each good pool, by exclusion."""
    for requirements in _requirement_sets(assessment, good, offending):
        for size in range(1, len(_LABELS) + 1):
            for chosen in combinations(requirements, size):
                if len({item.key for item in chosen}) == size:
                    yield Guard(chosen)


def _requirement_sets(
    assessment: Assessment, good: Sequence[PoolFit], offending: Sequence[PoolFit]
) -> Iterator[list[Requirement]]:
    if not good:
        yield list(_demands(_image_labels(assessment)))
        return
    for_all = list(_demands(_pool_labels(good)))
    yield for_all
    for fit in good:
        yield list(_demands(_pool_labels([fit])))
    if builds := {fit.pool.platform.windows_build for fit in offending} - {""}:
        yield [*for_all, Requirement(WINDOWS_BUILD_LABEL, "NotIn", tuple(sorted(builds)))]


def _demands(values: Callable[[str], Iterable[str]]) -> Iterator[Requirement]:
    for key in _LABELS:
        if wanted := sorted(set(values(key))):
            yield Requirement(key, "In", tuple(wanted))


def _pool_labels(fits: Sequence[PoolFit]) -> Callable[[str], Iterable[str]]:
    return lambda key: (fit.pool.labels[key] for fit in fits if key in fit.pool.labels)


def _image_labels(assessment: Assessment) -> Callable[[str], Iterable[str]]:
    """Return the labels of nodes that can run the images, whether or not such nodes exist."""
    families = selected_families(assessment.workload.scheduling, common_families(assessment))
    rows = (row for use in assessment.judged if use.known for row in use.known.platforms)
    values = {
        OS_LABEL: {system for system, _ in families},
        ARCHITECTURE_LABEL: {architecture for _, architecture in families},
        WINDOWS_BUILD_LABEL: {row.windows_build for row in rows} - {""},
    }
    return lambda key: values[key]
