"""A toleration so broad that tainting the foreign nodes does not help.

Pools that cannot run the workload, and that nothing but a taint keeps it off.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Consequence, Observation
from auditor.checks.guards import admits, shortest_guard
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import Cause, could_run, fits_by_cause
from auditor.checks.wording import (
    consequence,
    guard_text,
    listed,
    pool_ids,
    pool_names,
    subject,
    unique,
)
from auditor.kubernetes.pod_spec import Toleration
from auditor.scheduling.nodes import Taint
from auditor.scheduling.placement import BLOCKING
from auditor.scheduling.predicates import tolerates

ANY_TAINT: Final = Taint("podfit.example/any", "any", "NoSchedule")
"""Stands for whatever taint somebody might put on the foreign nodes."""


def _broad_toleration(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    workload = assessment.workload
    broad = [item for item in workload.scheduling.tolerations if tolerates(item, ANY_TAINT)]
    if not broad or workload.scheduling.node_name:
        return
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD)
    failing = [fit for fit in fits if fit.lands_and_fails and fit.culprits]
    if not failing:
        return
    toleration = broad[0]
    every = f"every {toleration.effect} taint" if toleration.effect else "every taint"
    yield Observation(
        workload=workload,
        message=f"{workload} tolerates {every}, {_effect(toleration, failing, assessment)}",
        location=workload.place(toleration.place),
        pools=pool_ids(failing),
        why="a toleration without a key and with operator Exists matches any taint",
        fix="name the taints that it has to bear, or select the nodes by label",
        consequence=consequence(workload),
    )


def _effect(toleration: Toleration, failing: Sequence[PoolFit], assessment: Assessment) -> str:
    """The taints that are there for this very purpose; else those that somebody might add."""
    borne = [
        taint
        for fit in failing
        for taint in fit.pool.taints
        if taint.effect in BLOCKING and tolerates(toleration, taint)
    ]
    if borne:
        return f"which defeats {listed(unique(map(str, borne)), limit=3)}"
    return f"so tainting {pool_names(failing, assessment)} would not keep it off"


BROAD_TOLERATION: Final = Check(_broad_toleration)


def _taint_dependence(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
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


TAINT_DEPENDENCE: Final = Check(_taint_dependence)
