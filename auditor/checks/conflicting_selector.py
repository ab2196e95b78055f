"""A selector that asks for a platform which the images lack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.causes import Cause, pinned_families, platform_demands, root_cause
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import common_platforms
from auditor.findings import Consequence, Observation
from auditor.manifests import Location
from auditor.phrases import families, listed, selector_text, subject


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    if root_cause(assessment) is not Cause.CONFLICT:
        return
    workload = assessment.workload
    pinned = pinned_families(workload.scheduling) or frozenset()
    demands = platform_demands(workload.scheduling)
    uses = [
        use
        for use in assessment.uses
        if use.known is not None and not common_platforms([use.known]) & pinned
    ] or [use for use in assessment.uses if use.known is not None]
    wanted = selector_text(demands) or "its selector"
    supported = families(row for use in uses if use.known for row in use.known.platforms)
    image = "its image is" if len(uses) == 1 else "its images are"
    yield Observation(
        workload=workload,
        message=f"{workload} demands {wanted}, but {image} for {listed(supported)} only",
        location=_location(assessment),
        subjects=tuple(subject(use) for use in uses),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in assessment.failing),
        why="every node that meets the demand lacks a platform of the image, so the pod either "
        "stays Pending or fails wherever it lands",
        fix=f"use an image for {wanted}, or change the selector to one of {listed(supported, 'or')}",
        consequence=Consequence.CERTAIN,
    )


def _location(assessment: Assessment) -> Location:
    workload = assessment.workload
    for demand in platform_demands(workload.scheduling):
        if demand.place != (0, 0):
            return workload.place(demand.place)
    return workload.pod_location


CHECK: Final = Check(_observe)
