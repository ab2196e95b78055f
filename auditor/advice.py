"""What to do for a workload that no pool of a cluster both takes and runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.assessment import Assessment, PoolFit
from auditor.causes import common_families, declared_systems, family
from auditor.compatibility import Runnable
from auditor.phrases import built_for, pool_names
from auditor.placement import Verdict
from auditor.platforms import Platform


def new_home(assessment: Assessment, fits: Sequence[PoolFit], guard: str = "") -> str:
    """The ways out, as one instruction.

    fits: all pools of the clusters without a home for it. guard: what keeps it on nodes that run
    its images as they are, as an instruction; "" where nothing does, or nothing has to.
    """
    able = [fit for fit in fits if fit.runnable is not Runnable.NO]
    if able:
        reason = able[0].reasons[0]
        names = pool_names((fit for fit in able if fit.reasons[0] == reason), assessment)
        then = f"; either way {guard}" if guard else ""
        return f"let it onto {names}, which can run it ({reason}), or add nodes that take it{then}"
    nodes = f"add nodes for {built_for(_homes(assessment), 'or')}"
    hosts = [fit.pool.platform for fit in fits if _wants_another_image(fit)]
    image = f"use an image that is built for {built_for(hosts, 'or')}, or " if hosts else ""
    then = f" and {guard}" if guard else ""
    return f"{image}{nodes}{then}"


def _wants_another_image(fit: PoolFit) -> bool:
    """Whether the pod may land there, and nothing but its image is wrong."""
    lands = fit.placement.verdict is not Verdict.REFUSED
    return lands and bool(fit.culprits) and fit.refusal is None


def _homes(assessment: Assessment) -> Iterator[Platform]:
    """The platforms that all images support, and that the pod does not declare to be wrong."""
    common = common_families(assessment)
    declared = declared_systems(assessment.workload)
    for use in assessment.judged:
        for row in use.known.platforms if use.known else ():
            if family(row) in common and declared <= {row.os}:
                yield row
