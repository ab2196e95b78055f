"""A pod whose containers have no platform in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.causes import Cause, fits_by_cause
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.phrases import built_for, consequence, container_text, pool_ids, subject


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    fits = fits_by_cause(assessment, Cause.MIXED)
    if not fits:
        return
    workload = assessment.workload
    uses = [use for use in assessment.judged if use.known is not None]
    parts = (
        f"{container_text(use.container)} is built for {built_for(use.known.platforms)}"
        for use in uses
        if use.known is not None
    )
    yield Observation(
        workload=workload,
        message=f"{workload} runs nowhere: its images have no platform in common",
        location=workload.pod_location,
        subjects=tuple(map(subject, uses)),
        pools=pool_ids(fits),
        why=f"all containers of a pod run on one node; {'; '.join(parts)}",
        fix="use images of one operating system and architecture, or split the pod",
        consequence=consequence(workload, certain=True),
    )


CHECK: Final = Check(_observe)
