"""A cluster without any pool that both admits the workload and can run it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.admission import admit
from auditor.advice import corrected, new_home, rest_to_do
from auditor.assessment import Assessment, PoolFit
from auditor.causes import (
    ARCHITECTURES,
    SYSTEMS,
    Cause,
    common_families,
    could_run,
    root_cause,
    selected_families,
    unmeetable,
)
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.manifests import Location
from auditor.nodes import DEPRECATED_LABELS, OS_LABEL
from auditor.phrases import (
    consequence,
    listed,
    pool_ids,
    reasons_by_pool,
    subject,
)
from auditor.placement import Predicate
from auditor.platforms import make_platform
from auditor.scheduling import Requirement

_OWN_CAUSES: Final = (Cause.MISSING_GUARD, Cause.DECLARATION)


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    for cluster, fits in assessment.by_cluster:
        if any(map(_is_home, fits)) or _wants_no_home(assessment, fits):
            continue
        if fits[0].placement.rejected:
            yield _rejected(assessment, fits)
        elif root_cause(assessment, cluster, fits) in _OWN_CAUSES:
            yield _homeless(assessment, fits)


def _is_home(fit: PoolFit) -> bool:
    """A cordon ends some day, so a pool that only a cordon closes is a home."""
    deciding = fit.placement.deciding
    cordoned = bool(deciding) and all(step.predicate is Predicate.CORDON for step in deciding)
    return could_run(fit) or (cordoned and not fit.culprits and fit.refusal is None)


def _wants_no_home(assessment: Assessment, fits: Sequence[PoolFit]) -> bool:
    """A DaemonSet has as many pods as nodes: none is no failure. A bound pod has its one node."""
    if fits[0].placement.rejected:
        return False
    bound = assessment.workload.scheduling.node_name
    return assessment.workload.is_daemon_set or any(bound and fit.lands_and_fails for fit in fits)


def _rejected(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    workload = assessment.workload
    return Observation(
        workload=workload,
        message=f"{workload} never gets a pod: the API server refuses it",
        location=_location(assessment, fits),
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(fits),
        why="; ".join(step.message for step in fits[0].placement.deciding),
        fix="correct the field; `kubectl apply --dry-run=server` on a bare Pod shows the refusal",
        consequence=consequence(workload, certain=True),
        aspect=fits[0].cluster.name,
    )


def _homeless(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    """Where the pod lands and fails, another finding gives the advice, and this explains it."""
    workload, cluster = assessment.workload, fits[0].cluster
    lands = any(fit.lands_and_fails for fit in fits)
    return Observation(
        workload=workload,
        message=f"{workload} finds no node in cluster {cluster.name} that takes and runs it",
        location=_location(assessment, fits),
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(fits),
        why=reasons_by_pool(fits, assessment),
        fix="" if lands else _fix(assessment, fits),
        consequence=consequence(workload, certain=True),
        aspect=fits[0].cluster.name,
    )


def _fix(assessment: Assessment, fits: Sequence[PoolFit]) -> str:
    scheduling = admit(assessment.workload, fits[0].cluster).scheduling
    for demand in unmeetable(assessment, scheduling):
        return f"no node carries {demand}; {_correction(assessment, demand)}"
    way_out = new_home(assessment, fits)
    return f"{way_out}; if the cluster has other nodes, describe them with `--cluster`"


def _correction(assessment: Assessment, demand: Requirement) -> str:
    """`write linux`: what was probably meant, in the spelling of the node's labels."""
    is_system = DEPRECATED_LABELS.get(demand.key, demand.key) == OS_LABEL
    known = SYSTEMS if is_system else ARCHITECTURES
    meant = [make_platform(value, value) for value in demand.values]
    words = [platform.os if is_system else platform.architecture for platform in meant]
    right = corrected(assessment, {demand.key: words})
    fits = selected_families(right.workload.scheduling, common_families(right))
    if demand.operator != "In" or not set(words) <= set(known) or not fits:
        return f"it is one of {listed(known, 'or')}"
    rest = rest_to_do(right)
    return f"write {listed(words, 'or')}{f', and {rest}' if rest else ''}"


def _location(assessment: Assessment, fits: Sequence[PoolFit]) -> Location:
    for fit in fits:
        for step in fit.placement.deciding:
            if step.place != (0, 0):
                return assessment.workload.place(step.place)
    return assessment.workload.pod_location


CHECK: Final = Check(_observe)
