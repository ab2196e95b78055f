"""Demands on the `beta.kubernetes.io` labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.causes import platform_demands
from auditor.checks.interface import Check, Parameters
from auditor.findings import Consequence, Observation
from auditor.nodes import DEPRECATED_LABELS


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    workload = assessment.workload
    for demand in platform_demands(workload.scheduling):
        if demand.key not in DEPRECATED_LABELS:
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} selects by {demand.key}, which is deprecated since Kubernetes 1.14",
            location=workload.place(demand.place),
            why="nodes still carry it, but autoscalers that start from zero nodes and GKE Autopilot "
            "do not know it",
            fix=f"write {DEPRECATED_LABELS[demand.key]}",
            consequence=Consequence.NONE,
        )


CHECK: Final = Check(_observe)
