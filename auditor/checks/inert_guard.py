"""What looks like a guard to its author and is none to the scheduler."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from auditor.admission import admit, origin
from auditor.assessment import Assessment, PoolFit
from auditor.causes import ARCHITECTURES, SYSTEMS, Cause, fits_by_cause, platform_demands
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Mismatch, Runnable
from auditor.findings import Confidence, Consequence, Guard, Observation
from auditor.nodes import (
    ARCHITECTURE_LABEL,
    DEPRECATED_LABELS,
    OS_LABEL,
    PLATFORM_LABELS,
    WINDOWS_BUILD_LABEL,
)
from auditor.phrases import consequence, guard_text, listed, pool_ids, pool_names, unique
from auditor.placement import Predicate, Verdict
from auditor.predicates import requirement_holds, term_matches, view
from auditor.scheduling import NodeSelectorTerm, Place, Requirement
from auditor.workloads import Workload

_WORDS: Final = (*SYSTEMS, *ARCHITECTURES)
_HINT: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(_WORDS)}|win|(?<=/)(?:os|arch)\b)")
"""The beginning of a word that seems to mean a platform: `win2019`, but not `alarm`."""
_REJECTED: Final = "the scheduler ignores it; the kubelet of the wrong node rejects the pod"


@dataclass(frozen=True, slots=True)
class _Illusion:
    """aspect: tells it from others. holds_off: the pools that its author thinks it keeps off."""

    aspect: str
    message: str
    why: str
    place: Place
    holds_off: Callable[[PoolFit], bool]


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Said only of pools where the pod may land all the same, and is not sure to run."""
    del parameters
    illusions = tuple(_illusions(assessment.workload))
    exposed = [
        fit
        for fit in (fits_by_cause(assessment, Cause.MISSING_GUARD) if illusions else ())
        if fit.placement.verdict is Verdict.ADMITTED and fit.runnable is not Runnable.YES
    ]
    for illusion in illusions:
        if fits := [fit for fit in exposed if illusion.holds_off(fit)]:
            yield _observation(assessment.workload, illusion, fits)
    if stranded := [fit for fit in assessment.fits if _is_stranded(assessment.workload, fit)]:
        yield _unseen(assessment, stranded)


def _observation(workload: Workload, illusion: _Illusion, fits: Sequence[PoolFit]) -> Observation:
    sure = any(fit.runnable is Runnable.NO for fit in fits)
    return Observation(
        workload=workload,
        message=f"{workload}: {illusion.message}",
        location=workload.place(illusion.place),
        pools=pool_ids(fits),
        why=illusion.why,
        fix="use nodeSelector or required node affinity",
        consequence=consequence(workload),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        aspect=illusion.aspect,
    )


def _illusions(workload: Workload) -> Iterator[_Illusion]:
    yield from _wishes(workload)
    yield from _declarations(workload)
    yield from _permissions(workload)
    yield from _negations(workload)


def _wishes(workload: Workload) -> Iterator[_Illusion]:
    for term in workload.scheduling.preferred_terms:
        if any(item.key in PLATFORM_LABELS for item in term.expressions):
            yield _Illusion(
                f"preferred {term}",
                f"preferred node affinity for {term} is only a wish",
                "it raises the score of some nodes; when they are full, the pod lands on others",
                term.place,
                partial(_is_refused_by, term),
            )


def _declarations(workload: Workload) -> Iterator[_Illusion]:
    name = workload.scheduling.os_name
    if name:
        yield _Illusion(
            "spec.os",
            "spec.os.name does not choose the node",
            _REJECTED,
            workload.scheduling.place("os"),
            partial(_is_other, name),
        )
    label = workload.labels.get(OS_LABEL)
    if label:
        yield _Illusion(
            "label",
            f"{OS_LABEL} is a label of the pod here, not a selector",
            _REJECTED,
            (0, 0),
            partial(_is_other, label),
        )


def _permissions(workload: Workload) -> Iterator[_Illusion]:
    """Nobody takes a toleration for a selector beside a selector of the same thing."""
    demands = platform_demands(workload.scheduling)
    chosen = {DEPRECATED_LABELS.get(d.key, d.key) for d in demands if d.operator == "In"}
    for toleration in workload.scheduling.tolerations:
        word = toleration.value.lower()
        label = OS_LABEL if word in SYSTEMS else ARCHITECTURE_LABEL
        if word in _WORDS and label not in chosen:
            yield _Illusion(
                f"toleration {toleration}",
                f"the toleration of {toleration} permits nodes, and chooses none",
                "a toleration lets the pod onto tainted nodes; it keeps it off no other",
                toleration.place,
                partial(_is_other, word),
            )


def _negations(workload: Workload) -> Iterator[_Illusion]:
    for term in workload.scheduling.required_terms or ():
        for item in term.expressions:
            if item.operator in ("NotIn", "DoesNotExist") and _is_about_platforms(item):
                yield _Illusion(
                    f"affinity {item}",
                    f"{item} holds on every node without that label",
                    "NotIn and DoesNotExist are true where the label is missing, as it is here",
                    item.place,
                    partial(_lacks_label, item),
                )


def _is_refused_by(term: NodeSelectorTerm, fit: PoolFit) -> bool:
    return term_matches(term, view(fit.pool)) is False


def _is_other(word: str, fit: PoolFit) -> bool:
    return word not in (fit.pool.platform.os, fit.pool.platform.architecture)


def _lacks_label(requirement: Requirement, fit: PoolFit) -> bool:
    """A build that is excluded tells of Windows pods, not of those that run on Linux as well."""
    if requirement.key == WINDOWS_BUILD_LABEL and not _is_foreign(fit):
        return False
    known = requirement.key in fit.pool.labels
    return not known and requirement_holds(requirement, view(fit.pool)) is True


def _is_foreign(fit: PoolFit) -> bool:
    return any(result.mismatch is Mismatch.OS for _, result in fit.culprits)


def _is_about_platforms(requirement: Requirement) -> bool:
    """Whether a demand on somebody's own label seems to mean a platform."""
    text = " ".join((f"/{requirement.key}", *requirement.values)).lower()
    return bool(_HINT.search(text))


def _is_stranded(workload: Workload, fit: PoolFit) -> bool:
    """Whether the DaemonSet controller makes a pod that the scheduler then finds no place for."""
    placement = fit.placement
    return (
        workload.is_daemon_set
        and placement.verdict is Verdict.REFUSED
        and placement.creates_pod is True
        and any(step.predicate is Predicate.NODE_SELECTOR for step in placement.deciding)
    )


def _unseen(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    workload, cluster = assessment.workload, fits[0].cluster
    added = {
        item: source
        for item in admit(workload, cluster).scheduling.node_selector
        if (source := origin(item, workload, cluster))
    }
    guard = Guard(tuple(added))
    sources = listed(unique(added.values()))
    return Observation(
        workload=workload,
        message=f"{workload} is not kept off {pool_names(fits, assessment)} by the selector of "
        f"{sources}",
        location=workload.place(workload.scheduling.place("runtimeClassName")),
        pools=pool_ids(fits),
        why="the DaemonSet controller does not see that selector: it makes a pod for every such "
        "node, which stays Pending, and the rollout never completes",
        fix=f"set {guard_text(guard, workload)} in the pod template as well",
        guard=guard,
        consequence=Consequence.CERTAIN,
        aspect="namespace" if sources == "its namespace" else "runtime class",
    )


CHECK: Final = Check(_observe)
