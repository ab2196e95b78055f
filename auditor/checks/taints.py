"""Checks of taints and tolerations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Consequence, Observation
from auditor.checks.guards import admits, shortest_guard
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import Cause, could_run, fits_by_cause
from auditor.checks.wording import (
    consequence,
    guard_text,
    listed,
    pool_ids,
    pool_names,
    subject,
    toleration_text,
    unique,
)
from auditor.kubernetes.pod_spec import Requirement, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import Taint
from auditor.scheduling.placement import BLOCKING, Verdict, place
from auditor.scheduling.predicates import term_matches, tolerates, untolerated, view
from auditor.scheduling.tolerations import daemon_tolerations

ANY_TAINT: Final = Taint("podfit.example/any", "any", "NoSchedule")
"""A placeholder for any taint that may be added to the incompatible nodes."""


def _broad_toleration(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find tolerations so broad that tainting the incompatible nodes does not help."""
    del parameters
    workload = assessment.workload
    broad = [item for item in workload.scheduling.tolerations if tolerates(item, ANY_TAINT)]
    if not broad or workload.scheduling.node_name:
        return
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD)
    failing = [fit for fit in fits if fit.lands_and_fails and fit.incompatible]
    if not failing:
        return
    toleration = broad[0]
    every = f"every {toleration.effect} taint" if toleration.effect else "every taint"
    yield Observation(
        workload=workload,
        message=f"{workload} tolerates {every}, {_effect(toleration, failing, assessment)}",
        location=workload.place(toleration.place),
        pools=pool_ids(failing),
        why="a toleration without a key and with operator Exists matches any taint",
        fix="list the taints that it must tolerate, or select the nodes by label",
        consequence=consequence(workload),
    )


def _effect(toleration: Toleration, failing: Sequence[PoolFit], assessment: Assessment) -> str:
    """Describe which taints of the failing pools the toleration defeats, or would defeat."""
    tolerated = [
        taint
        for fit in failing
        for taint in fit.pool.taints
        if taint.effect in BLOCKING and tolerates(toleration, taint)
    ]
    if tolerated:
        return f"which defeats {listed(unique(map(str, tolerated)), limit=3)}"
    return f"so tainting {pool_names(failing, assessment)} would not keep it off"


BROAD_TOLERATION: Final = Check(_broad_toleration)


def _taint_dependence(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find pools that cannot run the workload and that only a taint keeps it off."""
    del parameters
    fits = list(_kept_off_by_taint(assessment))
    if not fits:
        return
    workload = assessment.workload
    guard = shortest_guard(assessment, fits)
    step = fits[0].placement.deciding[0]
    incompatible = [use for use, _ in fits[0].incompatible]
    yield Observation(
        workload=workload,
        message=f"{workload} is kept off {pool_names(fits, assessment)} only by a taint",
        location=workload.pod_location,
        subjects=tuple(map(subject, incompatible)),
        pools=pool_ids(fits),
        why=f"{step.message}; in a cluster without this taint, the pod could land there and fail",
        fix=f"set {guard_text(guard, workload)}, which works in every cluster"
        if guard.requirements
        else "",
        guard=guard,
        consequence=Consequence.NONE,
    )


def _kept_off_by_taint(assessment: Assessment) -> Iterator[PoolFit]:
    """Yield the incompatible pools that only a taint keeps the pod off.

    Skips clusters without any pool that can run the pod, and pools that the guard for another
    finding excludes as well.
    """
    if not any(fit.placement.by_taint_only for fit in assessment.fits):
        return
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD)
    failing = [fit for fit in fits if fit.lands_and_fails]
    proposed = shortest_guard(assessment, failing) if failing else None
    clusters = {id(fit.cluster) for fit in fits if could_run(fit)}
    for fit in fits:
        only_taint = fit.placement.by_taint_only and id(fit.cluster) in clusters
        if only_taint and fit.incompatible and (proposed is None or admits(proposed, fit)):
            yield fit


TAINT_DEPENDENCE: Final = Check(_taint_dependence)


CONTROL_PLANE: Final = (
    "CriticalAddonsOnly",
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
)
"""Keys of taints that keep ordinary workloads off on purpose."""


def _untolerated(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find DaemonSets that only taints keep off nodes that they are for.

    `no-compatible-node` reports workloads of other kinds without a node.
    """
    del parameters
    workload = assessment.workload
    if not workload.is_daemon_set or workload.scheduling.node_name:
        return
    found = [fit for _, fits in assessment.by_cluster for fit in closed_by_taints(workload, fits)]
    taints = list(dict.fromkeys(taint for fit in found for taint in keeping_taints(workload, fit)))
    tolerations = tuple(Toleration(t.key, "Equal", t.value, t.effect) for t in taints)
    if not found or not _opens(workload, found, tolerations):
        return
    demands = _selecting(workload, found[0])
    selects = "selects" if demands else "could run on"
    runs = any(map(could_run, assessment.fits))
    yield Observation(
        workload=workload,
        message=f"{workload} {selects} {pool_names(found, assessment)}, but does not tolerate "
        f"{listed(map(str, taints), limit=3)}",
        location=workload.place(demands[0].place) if demands else workload.pod_location,
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(found),
        why="the DaemonSet controller creates no pod for a node whose taint the pod template does "
        f"not tolerate: {'these nodes get no pod' if runs else 'no node gets a pod'}, and nothing "
        "reports an error",
        fix=f"add to tolerations: {listed(map(toleration_text, taints))}",
        consequence=Consequence.NONE,
    )


def closed_by_taints(workload: Workload, fits: Sequence[PoolFit]) -> list[PoolFit]:
    """Return the pools that only taints close: selected ones, or any if the pod has no pool."""
    closed = [
        fit
        for fit in fits
        if fit.placement.by_taint_only
        and fit.runnable is Runnable.YES
        and keeping_taints(workload, fit)
        and not any(taint.key in CONTROL_PLANE for taint in fit.pool.taints)
    ]
    selected = [fit for fit in closed if _selecting(workload, fit)]
    return selected if any(map(could_run, fits)) else selected or closed


def keeping_taints(workload: Workload, fit: PoolFit) -> tuple[Taint, ...]:
    """Return the taints that keep the pods off a pool."""
    scheduling = workload.scheduling
    tolerations = (*scheduling.tolerations, *daemon_tolerations(scheduling))
    return untolerated(fit.pool.taints, tolerations, BLOCKING, fit.cluster.gates)


def _selecting(workload: Workload, fit: PoolFit) -> list[Requirement]:
    """Return the demands by which a workload selects a pool."""
    scheduling, node = workload.scheduling, view(fit.pool)
    matching = (term for term in scheduling.required_terms or () if term_matches(term, node))
    expressions = [item for term in matching for item in term.expressions]
    positive = [item for item in expressions if item.operator in ("In", "Exists", "Gt", "Lt")]
    return [*scheduling.node_selector, *positive]


def _opens(
    workload: Workload, found: Sequence[PoolFit], tolerations: tuple[Toleration, ...]
) -> bool:
    """Return whether the tolerations let the pod onto each of the pools."""
    known = workload.scheduling
    scheduling = dataclasses.replace(known, tolerations=known.tolerations + tolerations)
    changed = replace(workload, scheduling=scheduling)
    placements = (place(changed, fit.pool, fit.cluster) for fit in found)
    return all(placement.verdict is Verdict.ADMITTED for placement in placements)


UNTOLERATED: Final = Check(_untolerated)
