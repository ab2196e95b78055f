"""A pod whose containers have no platform in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.causes import Cause, root_cause
from auditor.checks.interface import Check, Parameters
from auditor.findings import Consequence, Observation
from auditor.phrases import families, listed, subject, unique


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    if root_cause(assessment) is not Cause.MIXED:
        return
    workload = assessment.workload
    uses = [use for use in assessment.judged if use.known is not None]
    parts = unique(
        f"`{use.container.name}` runs on {listed(families(use.known.platforms)[:4])}"
        for use in uses
        if use.known is not None
    )
    yield Observation(
        workload=workload,
        message=f"{workload} runs nowhere: its containers have no platform in common",
        location=workload.pod_location,
        subjects=tuple(subject(use) for use in uses),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in assessment.failing),
        why=f"all containers of a pod run on one node; {'; '.join(parts)}",
        fix="use images of one operating system and architecture, or split the pod",
        consequence=Consequence.CERTAIN,
    )


CHECK: Final = Check(_observe)
