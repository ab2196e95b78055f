"""A toleration so broad that tainting the foreign nodes would not help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.nodes import Taint
from auditor.phrases import consequence, listed, unique
from auditor.predicates import tolerates

ANY_TAINT: Final = Taint("podfit.example/any", "any", "NoSchedule")
"""Stands for whatever taint somebody might put on the foreign nodes."""


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    workload = assessment.workload
    broad = [item for item in workload.scheduling.tolerations if tolerates(item, ANY_TAINT)]
    failing = [fit for fit in assessment.failing if fit.culprits]
    if not broad or not failing:
        return
    pools = listed(unique(fit.name for fit in failing))
    yield Observation(
        workload=workload,
        message=f"{workload} tolerates every taint, so tainting {pools} would not keep it off",
        location=workload.place(broad[0].place),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in failing),
        why="a toleration without a key and with operator Exists matches any taint",
        fix="name the taints that it needs to bear, or select the nodes by label",
        consequence=consequence(workload),
    )


CHECK: Final = Check(_observe)
