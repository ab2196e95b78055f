"""Pools that could run the workload, and that its own selector keeps it off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.causes import could_run
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.phrases import pool_ids, pool_names
from auditor.placement import Predicate, Verdict

_SELECTORS: Final = (Predicate.NODE_SELECTOR, Predicate.NODE_AFFINITY)


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """A workload without any home has another problem than this."""
    del parameters
    homes = {id(fit.cluster) for fit in assessment.fits if could_run(fit)}
    fits = [fit for fit in assessment.fits if id(fit.cluster) in homes and _is_excluded(fit)]
    if not fits:
        return
    workload = assessment.workload
    step = fits[0].placement.deciding[0]
    yield Observation(
        workload=workload,
        message=f"{workload} could run on {pool_names(fits, assessment)}, "
        "but its selector keeps it off",
        location=workload.place(step.place),
        pools=pool_ids(fits),
        why=f"{step.message}; the images support these nodes",
        fix="leave out the demand, if these nodes are meant to run it",
        consequence=Consequence.NONE,
    )


def _is_excluded(fit: PoolFit) -> bool:
    return (
        fit.runnable is Runnable.YES
        and fit.placement.verdict is Verdict.REFUSED
        and all(step.predicate in _SELECTORS for step in fit.placement.deciding)
    )


CHECK: Final = Check(_observe)
