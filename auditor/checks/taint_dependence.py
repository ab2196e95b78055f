"""Pools that cannot run the workload, and that nothing but a taint keeps it off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.causes import Cause, could_run, fits_by_cause
from auditor.checks.interface import Check, Parameters
from auditor.findings import Consequence, Observation
from auditor.guards import admits, shortest_guard
from auditor.phrases import guard_text, pool_ids, pool_names, subject


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    fits = list(_depending(assessment))
    if not fits:
        return
    workload = assessment.workload
    guard = shortest_guard(assessment, fits)
    step = fits[0].placement.deciding[0]
    uses = [use for use in assessment.judged if any(use is item for item, _ in fits[0].culprits)]
    yield Observation(
        workload=workload,
        message=f"{workload} is kept off {pool_names(fits, assessment)} by a taint alone",
        location=workload.pod_location,
        subjects=tuple(map(subject, uses)),
        pools=pool_ids(fits),
        why=f"{step.message}; in a cluster without this taint, the pod would land there and fail",
        fix=f"set {guard_text(guard, workload)}, which holds in every cluster"
        if guard.requirements
        else "",
        guard=guard,
        consequence=Consequence.NONE,
    )


def _depending(assessment: Assessment) -> Iterator[PoolFit]:
    """Those pools, as long as the workload has a home and no other finding mends this as well."""
    if not any(fit.placement.by_taint_only for fit in assessment.fits):
        return
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD)
    failing = [fit for fit in fits if fit.lands_and_fails]
    proposed = shortest_guard(assessment, failing) if failing else None
    homes = {id(fit.cluster) for fit in fits if could_run(fit)}
    for fit in fits:
        alone = fit.placement.by_taint_only and fit.culprits and id(fit.cluster) in homes
        if alone and (proposed is None or admits(proposed, fit)):
            yield fit


CHECK: Final = Check(_observe)
