"""A toleration so broad that tainting the foreign nodes does not help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.assessment import Assessment, PoolFit
from auditor.causes import Cause, fits_by_cause
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.nodes import Taint
from auditor.phrases import consequence, listed, pool_ids, pool_names, unique
from auditor.placement import BLOCKING
from auditor.predicates import tolerates
from auditor.scheduling import Toleration

ANY_TAINT: Final = Taint("podfit.example/any", "any", "NoSchedule")
"""Stands for whatever taint somebody might put on the foreign nodes."""


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
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


CHECK: Final = Check(_observe)
