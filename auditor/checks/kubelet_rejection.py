"""Check for pods that can be scheduled onto nodes whose kubelet rejects them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Guard, Observation
from auditor.checks.guards import shortest_guard
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import Cause, common_families, declared_systems, fits_by_cause
from auditor.checks.wording import (
    aftermath,
    consequence,
    guard_text,
    images_are,
    lands,
    listed,
    only_for,
    pool_ids,
    subject,
    system,
    unique,
)
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.compatibility import Failure
from auditor.scheduling.nodes import OS_LABEL


def _kubelet_rejection(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find pools whose kubelet rejects the pod.

    Pools that cannot run the images either are left to the `incompatible-pool` check.
    """
    del parameters
    if not any(fit.refusal for fit in assessment.failing):
        return
    fits = [
        fit
        for fit in fits_by_cause(assessment, Cause.MISSING_GUARD)
        if fit.lands_and_fails and not fit.incompatible
    ]
    if fits:
        yield _observation(assessment, fits, shortest_guard(assessment, fits))
    wrong = [fit for fit in fits_by_cause(assessment, Cause.DECLARATION) if fit.lands_and_fails]
    if any(fit.refusal is not None for fit in wrong):
        yield _observation(assessment, wrong, Guard())


def _observation(assessment: Assessment, fits: Sequence[PoolFit], guard: Guard) -> Observation:
    workload = assessment.workload
    rejecting = [(fit.pool, fit.refusal) for fit in fits if fit.refusal is not None]
    systems = listed(unique(system(pool.platform.os) for pool, _ in rejecting))
    _, refusal = rejecting[0]
    return Observation(
        workload=workload,
        message=f"{lands(workload)} {systems} nodes, whose kubelet rejects it",
        location=workload.place(refusal.place),
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(fits),
        why=f"{refusal.message}: the pod fails with {refusal.reason}; "
        f"{aftermath(workload, Failure.KUBELET)}",
        fix=_fix(assessment, guard),
        guard=guard,
        consequence=consequence(workload, certain=not guard.requirements),
        aspect="" if guard.requirements else "declaration",
    )


def _fix(assessment: Assessment, guard: Guard) -> str:
    workload = assessment.workload
    if workload.scheduling.node_name:
        return "remove spec.nodeName, or make it agree with the rest of the pod spec"
    if guard.requirements:
        return f"set {guard_text(guard, workload)}, because the scheduler reads nothing else"
    return f"correct {_declarations(workload)}: {_images(assessment)}"


def _declarations(workload: Workload) -> str:
    """Return the fields that declare an operating system, as text."""
    declared = (workload.scheduling.os_name, workload.labels.get(OS_LABEL, ""))
    places = ("spec.os.name", f"the pod's label {OS_LABEL}")
    return listed(place for place, value in zip(places, declared, strict=True) if value)


def _images(assessment: Assessment) -> str:
    known = [use for use in assessment.judged if use.known is not None]
    rows = [row for use in known if use.known for row in use.known.platforms]
    systems = {name for name, _ in common_families(assessment)}
    if known and not systems & declared_systems(assessment.workload):
        return f"{images_are(known, assessment)} {only_for(rows)}"
    return "it contradicts the selector"


KUBELET_REJECTION: Final = Check(_kubelet_rejection)
