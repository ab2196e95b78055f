"""Index rows whose manifest the registry does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit, use_compatibility
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.phrases import built_for, consequence, pool_ids, subject
from auditor.placement import Verdict


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """pools: those where the pod may land, and whose nodes would take a row that is missing.

    An image without any manifest at all is another finding.
    """
    del parameters
    workload = assessment.workload
    for use in assessment.judged:
        if use.known is None or not use.known.dangling or not use.known.platforms:
            continue
        hit = [fit for fit in assessment.fits if _needs_missing_row(use, fit)]
        yield Observation(
            workload=workload,
            message=f"{workload}: image {use.container.image} lists "
            f"{built_for(use.known.dangling)}, but the registry has no manifest for it",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(hit),
            why="a node of that platform finds its row in the index, and cannot pull what it names",
            fix="push the image again, or have the mirror fetch all of it",
            consequence=consequence(workload) if hit else Consequence.NONE,
        )


def _needs_missing_row(use: ImageUse, fit: PoolFit) -> bool:
    if use.known is None or fit.placement.verdict is Verdict.REFUSED:
        return False
    missing = replace(use, platforms=replace(use.known, platforms=use.known.dangling))
    return (
        use_compatibility(use, fit.pool).runnable is Runnable.NO
        and use_compatibility(missing, fit.pool).runnable is not Runnable.NO
    )


CHECK: Final = Check(_observe)
