"""Pools whose nodes get the pod, and whose kubelet then refuses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.nodes import OS_LABEL
from auditor.phrases import aftermath, consequence, lands, listed, subject, system, unique


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Where an image fails too, the missing guard is the finding; this is for the others."""
    del parameters
    fits = [fit for fit in assessment.failing if fit.refusal is not None and not fit.culprits]
    if not fits:
        return
    workload, refusal = assessment.workload, fits[0].refusal
    if refusal is None:
        return
    systems = listed(unique(system(fit.pool.platform.os) for fit in fits))
    yield Observation(
        workload=workload,
        message=f"{lands(workload)} {systems} nodes, whose kubelet rejects it",
        location=workload.place(refusal.place),
        subjects=tuple(subject(use) for use in assessment.judged),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits),
        why=f"{refusal.message}: the pod fails with {refusal.reason}, and its controller makes "
        f"another; {aftermath(workload)}",
        fix=_fix(assessment),
        consequence=consequence(workload),
    )


def _fix(assessment: Assessment) -> str:
    workload = assessment.workload
    if workload.scheduling.node_name:
        return "remove spec.nodeName, or make it agree with the rest of the pod spec"
    wanted = workload.scheduling.os_name or workload.labels.get(OS_LABEL, "")
    return f"set nodeSelector: {{{OS_LABEL}: {wanted}}}; the scheduler reads nothing else"


CHECK: Final = Check(_observe)
