"""Pools that could run the workload, and that its own selector keeps it off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.phrases import listed, unique
from auditor.placement import Predicate, Verdict

_SELECTORS: Final = (Predicate.NODE_SELECTOR, Predicate.NODE_AFFINITY)


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    fits = [fit for fit in assessment.fits if _is_excluded(fit)]
    if not fits:
        return
    workload = assessment.workload
    step = fits[0].placement.deciding[0]
    yield Observation(
        workload=workload,
        message=f"{workload} could run on {listed(unique(fit.name for fit in fits))}, "
        "but its selector keeps it off",
        location=workload.place(step.place),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits),
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
