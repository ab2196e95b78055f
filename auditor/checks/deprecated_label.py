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
    """One observation for each label, at its first use."""
    del parameters
    workload = assessment.workload
    demands = platform_demands(workload.scheduling)
    first = {demand.key: demand for demand in reversed(demands)}
    for key, label in DEPRECATED_LABELS.items():
        if key not in first:
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} selects by {key}, which is deprecated since Kubernetes 1.14",
            location=workload.place(first[key].place),
            why="nodes still carry it, but an autoscaler that begins with no nodes may not know it",
            fix=f"write {label}",
            consequence=Consequence.NONE,
            aspect=key,
        )


CHECK: Final = Check(_observe)
