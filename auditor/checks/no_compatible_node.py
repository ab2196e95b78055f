"""A cluster without any pool that both admits the workload and can run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.causes import Cause, root_cause
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.manifests import Location
from auditor.phrases import subject
from auditor.placement import Verdict


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Where it lands and fails, other rules speak: this one is about pods without a home."""
    del parameters
    if root_cause(assessment) is not Cause.MISSING_GUARD:
        return
    for _, group in groupby(assessment.fits, key=lambda fit: fit.cluster.name):
        fits = list(group)
        if any(fit.lands_and_fails or _could_run(fit) for fit in fits):
            continue
        yield _observation(assessment, fits)


def _could_run(fit: PoolFit) -> bool:
    return fit.placement.verdict is not Verdict.REFUSED and fit.runnable is not Runnable.NO


def _observation(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    workload, cluster = assessment.workload, fits[0].cluster
    if fits[0].placement.rejected:
        reasons = "; ".join(fits[0].reasons[:1])
        message = f"{workload} never gets a pod: the API server refuses it"
        fix = "correct the field; `kubectl apply --dry-run=server` on a bare Pod shows the refusal"
    else:
        reasons = "; ".join(f"{fit.name}: {fit.reasons[0]}" for fit in fits)
        message = f"{workload} finds no node in cluster {cluster.name} that takes and runs it"
        fix = (
            "change the selector or the tolerations, or describe the missing pool in a cluster file"
        )
    return Observation(
        workload=workload,
        message=message,
        location=_location(assessment, fits),
        subjects=tuple(subject(use) for use in assessment.judged),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits),
        why=reasons,
        fix=fix,
        consequence=Consequence.CERTAIN,
    )


def _location(assessment: Assessment, fits: Sequence[PoolFit]) -> Location:
    for fit in fits:
        for step in fit.placement.deciding:
            if step.place != (0, 0):
                return assessment.workload.place(step.place)
    return assessment.workload.pod_location


CHECK: Final = Check(_observe)
