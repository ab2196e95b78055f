"""The shortest demand that keeps a workload off the pools that cannot run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.compatibility import Runnable, common_platforms
from auditor.findings import Guard
from auditor.nodes import ARCHITECTURE_LABEL, OS_LABEL, WINDOWS_BUILD_LABEL
from auditor.predicates import requirement_holds, view
from auditor.scheduling import Requirement

_LABELS: Final = (OS_LABEL, ARCHITECTURE_LABEL, WINDOWS_BUILD_LABEL)


def shortest_guard(assessment: Assessment, offending: Sequence[PoolFit]) -> Guard:
    """The fewest requirements that refuse the offending pools and keep those that can run it.

    Found by evaluation, not by rule of thumb: every candidate is tried on every pool. When no
    candidate keeps all good pools, the first that keeps one; without any good pool, what the images
    themselves support. Empty where nothing helps.
    """
    good = [fit for fit in assessment.fits if fit.runnable is Runnable.YES]
    candidates = list(_candidates(assessment, good, offending))
    safe = [guard for guard in candidates if not any(_admits(guard, fit) for fit in offending)]
    for keeps in (all, any):
        for guard in safe:
            if not good or keeps(_admits(guard, fit) for fit in good):
                return guard
    return Guard()


def _candidates(
    assessment: Assessment, good: Sequence[PoolFit], offending: Sequence[PoolFit]
) -> Iterator[Guard]:
    single = list(_requirements(assessment, good, offending))
    for size in range(1, len(_LABELS) + 1):
        for chosen in combinations(single, size):
            if len({item.key for item in chosen}) == size:
                yield Guard(chosen)


def _requirements(
    assessment: Assessment, good: Sequence[PoolFit], offending: Sequence[PoolFit]
) -> Iterator[Requirement]:
    wanted = _wanted(assessment, good)
    for key in _LABELS:
        if values := wanted.get(key):
            yield Requirement(key, "In", tuple(sorted(values)))
    builds = {fit.pool.platform.windows_build for fit in offending} - {""}
    if builds:
        yield Requirement(WINDOWS_BUILD_LABEL, "NotIn", tuple(sorted(builds)))


def _wanted(assessment: Assessment, good: Iterable[PoolFit]) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {key: set() for key in _LABELS}
    for fit in good:
        for key in _LABELS:
            if (value := fit.pool.labels.get(key)) is not None:
                wanted[key].add(value)
    if not wanted[OS_LABEL]:
        known = [use.known for use in assessment.uses if use.known is not None]
        for family in common_platforms(known):
            system, _, architecture = family.partition("/")
            wanted[OS_LABEL].add(system)
            wanted[ARCHITECTURE_LABEL].add(architecture)
    return wanted


def _admits(guard: Guard, fit: PoolFit) -> bool:
    node = view(fit.pool)
    return all(requirement_holds(item, node) is not False for item in guard.requirements)
