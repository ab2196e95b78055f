"""What looks like a guard to its author and is none to the scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Runnable
from auditor.findings import Consequence, Observation
from auditor.nodes import OS_LABEL, PLATFORM_LABELS
from auditor.placement import Verdict
from auditor.scheduling import Place, Requirement, Toleration
from auditor.workloads import Workload

_OS_WORDS: Final = ("linux", "windows")


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    del parameters
    workload = assessment.workload
    if any(
        fit.placement.verdict is Verdict.ADMITTED and fit.runnable is not Runnable.YES
        for fit in assessment.fits
    ):
        for message, why, place in _illusions(assessment):
            yield _observation(workload, message, why, place)
    if workload.is_daemon_set and any(_stranded(assessment)):
        name = workload.scheduling.runtime_class
        yield _observation(
            workload,
            f"{workload} is not guarded by the selector of RuntimeClass {name}",
            "the DaemonSet controller does not see it: it makes a pod for every foreign node, which "
            "stays Pending, and the rollout never completes",
            workload.scheduling.place("runtimeClassName"),
        )


def _stranded(assessment: Assessment) -> Iterator[bool]:
    for fit in assessment.fits:
        placement = fit.placement
        yield (
            bool(assessment.workload.scheduling.runtime_class)
            and placement.verdict is Verdict.REFUSED
            and placement.creates_pod is True
        )


def _illusions(assessment: Assessment) -> Iterator[tuple[str, str, Place]]:
    workload = assessment.workload
    scheduling = workload.scheduling
    for term in scheduling.preferred_terms:
        if any(item.key in PLATFORM_LABELS for item in term.expressions):
            yield (
                f"{workload}: preferred node affinity on {term} is only a wish",
                "it raises the score of some nodes; when they are full, the pod lands on the others",
                term.place,
            )
    if scheduling.os_name:
        yield (
            f"{workload}: spec.os.name does not choose the node",
            "the scheduler ignores it; the kubelet of the wrong node rejects the pod",
            scheduling.place("os"),
        )
    if OS_LABEL in workload.labels:
        yield (
            f"{workload}: {OS_LABEL} is a label of the pod here, not a selector",
            "the scheduler ignores it; the kubelet of the wrong node rejects the pod",
            (0, 0),
        )
    for toleration in scheduling.tolerations:
        if _names_an_os(toleration):
            yield (
                f"{workload}: the toleration of {toleration} permits nodes, and chooses none",
                "a toleration lets the pod onto tainted nodes; it keeps it off no other",
                toleration.place,
            )
    for item in _negations(assessment):
        yield (
            f"{workload}: {item} holds on every node that has no such label",
            "NotIn and DoesNotExist are true where the label is missing, and no pool carries it",
            item.place,
        )


def _names_an_os(toleration: Toleration) -> bool:
    return toleration.value.lower() in _OS_WORDS or toleration.key.endswith("/os")


def _negations(assessment: Assessment) -> Iterator[Requirement]:
    labels = {key for fit in assessment.fits for key in fit.pool.labels}
    for term in assessment.workload.scheduling.required_terms or ():
        for item in term.expressions:
            if item.operator in ("NotIn", "DoesNotExist") and item.key not in labels:
                if item.key not in PLATFORM_LABELS:
                    yield item


def _observation(workload: Workload, message: str, why: str, place: Place) -> Observation:
    return Observation(
        workload=workload,
        message=message,
        location=workload.place(place),
        why=why,
        fix="use nodeSelector or required node affinity",
        consequence=Consequence.POSSIBLE,
    )


CHECK: Final = Check(_observe)
