"""What to do for a workload that no pool of a cluster both takes and runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.assessment import Assessment, PoolFit
from auditor.causes import common_families, declared_systems, family
from auditor.compatibility import Runnable
from auditor.phrases import built_for, listed, pool_names
from auditor.placement import Verdict
from auditor.platforms import Platform


def new_home(assessment: Assessment, fits: Sequence[PoolFit], guard: str = "") -> str:
    """The ways out, as one instruction.

    fits: all pools of the clusters without a home for it. guard: what keeps it on nodes that run
    its images as they are, as an instruction; "" where nothing does, or nothing has to.
    """
    able = [
        fit for fit in fits if fit.runnable is not Runnable.NO and not _lacking(assessment, [fit])
    ]
    if able:
        reasons = min(map(_obstacles, able), key=len)
        names = pool_names((fit for fit in able if _obstacles(fit) == reasons), assessment)
        why = "; ".join(reasons)
        then = f"; either way {guard}" if guard else ""
        return f"let it onto {names}, which can run it ({why}), or add nodes that take it{then}"
    lacking = _lacking(assessment, fits)
    offer = f" that offer {listed(lacking)}" if lacking else ""
    nodes = f"add nodes for {built_for(_homes(assessment), 'or')}{offer}"
    hosts = [fit.pool.platform for fit in fits if _wants_another_image(fit)]
    image = f"use an image that is built for {built_for(hosts, 'or')}, or " if hosts else ""
    then = f" and {guard}" if guard else ""
    return f"{image}{nodes}{then}"


def _obstacles(fit: PoolFit) -> tuple[str, ...]:
    return tuple(step.message for step in fit.placement.deciding)


def _lacking(assessment: Assessment, fits: Sequence[PoolFit]) -> tuple[str, ...]:
    """The resources that it asks for and that no node of these pools offers."""
    offers = [fit.pool.resources for fit in fits]
    return tuple(
        name
        for name in assessment.workload.scheduling.resources
        if all(offer is not None and name not in offer for offer in offers)
    )


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
