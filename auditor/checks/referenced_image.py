"""Images that a workload hands to something else, and that cannot run everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit, use_compatibility
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Confidence, Consequence, Observation
from auditor.phrases import built_for, pool_ids, pool_names, subject


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Who starts such an image, and where, no manifest says."""
    del parameters
    workload = assessment.workload
    for use in assessment.referenced:
        fits = [fit for fit in assessment.fits if _cannot_run(use, fit)]
        if not fits or use.known is None:
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} names image {use.container.image}, which cannot run on "
            f"{pool_names(fits, assessment)}",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(fits),
            why=f"the image is built for {built_for(use.known.platforms)}; it is not one of the "
            "pod's own containers, so whoever starts it decides where",
            fix="see that the pods made from it select nodes that can run it",
            consequence=Consequence.NONE,
            confidence=Confidence.LOW,
        )


def _cannot_run(use: ImageUse, fit: PoolFit) -> bool:
    return use_compatibility(use, fit.pool).runnable is Runnable.NO


CHECK: Final = Check(_observe)
