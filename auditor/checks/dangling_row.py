"""Index rows whose manifest the registry does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.phrases import consequence, listed, subject


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    workload = assessment.workload
    for use in assessment.judged:
        if use.known is None or not use.known.dangling:
            continue
        rows = listed(map(str, use.known.dangling))
        yield Observation(
            workload=workload,
            message=f"{workload}: image {use.container.image} lists {rows}, but the registry has "
            "no manifest for it",
            location=use.container.location,
            subjects=(subject(use),),
            why="a node of that platform finds its row in the index, and fails to pull what it names",
            fix="push the image again, or have the mirror fetch all of it",
            consequence=consequence(workload),
        )


CHECK: Final = Check(_observe)
