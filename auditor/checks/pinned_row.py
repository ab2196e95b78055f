"""A digest that names one row of the index which the tag beside it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit, use_compatibility
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.images import KnownPlatforms
from auditor.phrases import built_for, consequence, pool_ids, subject
from auditor.placement import Verdict


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """pools: those where the pod may land, and which another row of the index would run on."""
    del parameters
    workload = assessment.workload
    for use in assessment.judged:
        if use.known is None or use.tagged is None or not _is_one_of_several(use.known, use.tagged):
            continue
        hit = [fit for fit in assessment.fits if _needs_another_row(use, fit)]
        text = use.container.image.partition("@")[0]
        yield Observation(
            workload=workload,
            message=f"{workload}: the digest after {text} pins {built_for(use.known.platforms)}, "
            "one of several platforms of the tag",
            location=use.container.location,
            subjects=(subject(use),),
            pools=pool_ids(hit),
            why=f"the tag names an index of {built_for(use.tagged.platforms)}; the digest of one "
            "row gives every node that row, and nobody looks at its platform before it starts",
            fix=f"pin the index instead: {text}@{use.tagged.digest}",
            consequence=consequence(workload) if hit else Consequence.NONE,
        )


def _is_one_of_several(pinned: KnownPlatforms, tagged: KnownPlatforms) -> bool:
    """An index of one image and its attestations is pinned either way."""
    return pinned.digest in tagged.rows and len(tagged.platforms) > 1


def _needs_another_row(use: ImageUse, fit: PoolFit) -> bool:
    if use.tagged is None or fit.placement.verdict is Verdict.REFUSED:
        return False
    pinned = use_compatibility(use, fit.pool).runnable
    whole = use_compatibility(replace(use, platforms=use.tagged), fit.pool).runnable
    return pinned is Runnable.NO and whole is not Runnable.NO


CHECK: Final = Check(_observe)
