"""The shortest demand that keeps a workload off the pools that cannot run it."""

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
    """The fewest requirements that refuse the offending pools and keep those that can run it.

    Found by evaluation, not by rule of thumb: every candidate is tried on every pool. As many good
    pools are kept as can be, and always the first of each cluster, or at least the very first: so
    the guards against different gaps of one workload hold together. Where no pool is good, what the
    images themselves support is demanded. Empty where nothing helps, and where `spec.nodeName` goes
    past every guard.
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
    """Whether the guard alone would let the pod onto the pool."""
    node = view(fit.pool)
    return all(requirement_holds(item, node) is not False for item in guard.requirements)


def _good_pools(assessment: Assessment) -> list[PoolFit]:
    """Those where it may land and runs; else those where it would run, if it were let there."""
    suiting = [fit for fit in assessment.fits if suits_declaration(assessment.workload, fit.pool)]
    surely = [fit for fit in suiting if fit.runnable is Runnable.YES]
    perhaps = [fit for fit in suiting if fit.runnable is Runnable.UNKNOWN]
    for fits in (surely, perhaps):
        if landing := [fit for fit in fits if fit.placement.verdict is not Verdict.REFUSED]:
            return landing
    return surely or perhaps


def _candidates(
    assessment: Assessment, good: Sequence[PoolFit], offending: Sequence[PoolFit]
) -> Iterator[Guard]:
    """Guards from short to long: for all good pools together, for each alone, by exclusion."""
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
    together = list(_demands(_pool_labels(good)))
    yield together
    for fit in good:
        yield list(_demands(_pool_labels([fit])))
    if builds := {fit.pool.platform.windows_build for fit in offending} - {""}:
        yield [*together, Requirement(WINDOWS_BUILD_LABEL, "NotIn", tuple(sorted(builds)))]


def _demands(values: Callable[[str], Iterable[str]]) -> Iterator[Requirement]:
    for key in _LABELS:
        if wanted := sorted(set(values(key))):
            yield Requirement(key, "In", tuple(wanted))


def _pool_labels(fits: Sequence[PoolFit]) -> Callable[[str], Iterable[str]]:
    return lambda key: (fit.pool.labels[key] for fit in fits if key in fit.pool.labels)


def _image_labels(assessment: Assessment) -> Callable[[str], Iterable[str]]:
    """The labels of the nodes that the images were built for, be there such nodes or not."""
    families = selected_families(assessment.workload.scheduling, common_families(assessment))
    rows = (row for use in assessment.judged if use.known for row in use.known.platforms)
    values = {
        OS_LABEL: {system for system, _ in families},
        ARCHITECTURE_LABEL: {architecture for _, architecture in families},
        WINDOWS_BUILD_LABEL: {row.windows_build for row in rows} - {""},
    }
    return lambda key: values[key]
