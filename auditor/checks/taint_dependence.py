"""Pools that cannot run the workload, and that nothing but a taint keeps it off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.guards import shortest_guard
from auditor.phrases import guard_text, listed, unique


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    fits = [
        fit
        for fit in assessment.fits
        if fit.placement.by_taint_only and fit.runnable is Runnable.NO and fit.culprits
    ]
    if not fits:
        return
    workload = assessment.workload
    guard = shortest_guard(assessment, fits)
    step = fits[0].placement.deciding[0]
    yield Observation(
        workload=workload,
        message=f"{workload} is kept off {listed(unique(fit.name for fit in fits))} by a taint alone",
        location=workload.pod_location,
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits),
        why=f"{step.message}; in a cluster without this taint, the pod would land there and fail",
        fix=f"set {guard_text(guard)}, which holds in every cluster" if guard.requirements else "",
        guard=guard,
        consequence=Consequence.NONE,
    )


CHECK: Final = Check(_observe)
