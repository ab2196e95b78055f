"""What to do for a workload that no pool of a cluster both takes and runs, or that asks amiss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from auditor.assessment import Assessment, PoolFit
from auditor.causes import common_families, could_run, declared_systems, family
from auditor.compatibility import Runnable
from auditor.findings import Guard
from auditor.guards import shortest_guard
from auditor.phrases import built_for, guard_text, listed, pool_names
from auditor.placement import Verdict, place
from auditor.platforms import Platform
from auditor.scheduling import Requirement, Scheduling


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


def corrected(assessment: Assessment, corrections: Mapping[str, Sequence[str]]) -> Assessment:
    """What there would be to say of the workload if it demanded these values of these labels.

    A label without any values is not demanded at all.
    """
    scheduling = _corrected(assessment.workload.scheduling, corrections)
    workload = replace(assessment.workload, scheduling=scheduling)
    fits = tuple(
        replace(fit, placement=place(workload, fit.pool, fit.cluster)) for fit in assessment.fits
    )
    return replace(assessment, workload=workload, fits=fits)


def rest_to_do(assessment: Assessment) -> str:
    """What else the workload needs in order to run wherever it lands; "" where that is all."""
    foreign = [fit for fit in assessment.fits if fit.culprits and _is_open(fit)]
    guard = shortest_guard(assessment, foreign) if foreign else Guard()
    instruction = f"set {guard_text(guard, assessment.workload)}" if guard.requirements else ""
    homeless = [
        fit
        for _, fits in assessment.by_cluster
        if not any(map(could_run, fits)) and not assessment.workload.is_daemon_set
        for fit in fits
    ]
    return new_home(assessment, homeless, instruction) if homeless else instruction


def _corrected(scheduling: Scheduling, corrections: Mapping[str, Sequence[str]]) -> Scheduling:
    def right(items: Iterable[Requirement]) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(item.key, "In", tuple(corrections[item.key]))
            if item.key in corrections
            else item
            for item in items
            if corrections.get(item.key, item.key)
        )

    terms = scheduling.required_terms
    if terms is not None:
        terms = tuple(replace(term, expressions=right(term.expressions)) for term in terms)
    return replace(scheduling, node_selector=right(scheduling.node_selector), required_terms=terms)


def _is_open(fit: PoolFit) -> bool:
    """Whether nothing but a taint keeps it off, if anything does."""
    return fit.lands_and_fails or fit.placement.by_taint_only


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
