"""Check of parts of an object that look like a guard, but do not keep the pod off a node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache, partial
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Confidence, Consequence, Guard, Observation
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import (
    ARCHITECTURES,
    SYSTEMS,
    Cause,
    fits_by_cause,
    platform_demands,
)
from auditor.checks.wording import (
    consequence,
    guard_text,
    listed,
    pool_ids,
    pool_names,
    unique,
)
from auditor.files.yaml_nodes import Node, repeated_keys
from auditor.kubernetes.misplaced import Misplaced
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Place, Requirement, Scheduling, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit, origin
from auditor.scheduling.compatibility import Mismatch, Runnable
from auditor.scheduling.nodes import (
    ARCHITECTURE_LABEL,
    DEPRECATED_LABELS,
    OS_LABEL,
    PLATFORM_LABELS,
    WINDOWS_BUILD_LABEL,
)
from auditor.scheduling.placement import Predicate, Verdict
from auditor.scheduling.predicates import requirement_holds, term_matches, view

_WORDS: Final = (*SYSTEMS, *ARCHITECTURES)
_HINT: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(_WORDS)}|win|(?<=/)(?:os|arch)\b)")
"""The start of a word that seems to name a platform: `win2019`, but not `alarm`."""
_REJECTED: Final = "the scheduler ignores it; the kubelet of an incompatible node rejects the pod"


class _Ineffective(Struct, frozen=True):
    """Part of a pod spec that looks like a guard but does not affect scheduling.

    Attributes:
        aspect: Identifies it among the others of the workload.
        seems_to_exclude: Returns whether it appears to keep the pod off a pool.
        fix: What to do instead.
    """

    aspect: str
    message: str
    why: str
    place: Place
    seems_to_exclude: Callable[[PoolFit], bool]
    fix: str = "use nodeSelector or required node affinity"


def _inert_guard(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find ineffective guards, on pools that the pod can be scheduled onto and may not run on."""
    del parameters
    candidates = tuple(_ineffective(assessment.workload))
    exposed = [
        fit
        for fit in (fits_by_cause(assessment, Cause.MISSING_GUARD) if candidates else ())
        if fit.placement.verdict is Verdict.ADMITTED and fit.runnable is not Runnable.YES
    ]
    for item in candidates:
        if fits := [fit for fit in exposed if item.seems_to_exclude(fit)]:
            yield _observation(assessment.workload, item, fits)
    yield from _misspelt_labels(assessment)
    if pending := [fit for fit in assessment.fits if _gets_pending_pod(assessment.workload, fit)]:
        yield _invisible_selector(assessment, pending)


def _observation(workload: Workload, item: _Ineffective, fits: Sequence[PoolFit]) -> Observation:
    sure = any(fit.runnable is Runnable.NO for fit in fits)
    return Observation(
        workload=workload,
        message=f"{workload}: {item.message}",
        location=workload.place(item.place),
        pools=pool_ids(fits),
        why=item.why,
        fix=item.fix,
        consequence=consequence(workload),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        aspect=item.aspect,
    )


def _ineffective(workload: Workload) -> Iterator[_Ineffective]:
    yield from _preferences(workload)
    yield from _declarations(workload)
    yield from _tolerations(workload)
    yield from _negations(workload)
    yield from _open_terms(workload)
    yield from map(_misplaced, workload.misplaced)
    yield from _repeated_keys(workload)


def _preferences(workload: Workload) -> Iterator[_Ineffective]:
    for term in workload.scheduling.preferred_terms:
        if any(item.key in PLATFORM_LABELS for item in term.expressions):
            yield _Ineffective(
                f"preferred {term}",
                f"preferred node affinity for {term} is not a requirement",
                "it raises the score of some nodes; when they are full, the pod lands on others",
                term.place,
                partial(_is_refused_by, term),
            )


def _declarations(workload: Workload) -> Iterator[_Ineffective]:
    name = workload.scheduling.os_name
    if name:
        yield _Ineffective(
            "spec.os",
            "spec.os.name does not choose the node",
            _REJECTED,
            workload.scheduling.place("os"),
            partial(_is_other, name),
        )
    for key in sorted(PLATFORM_LABELS & set(workload.labels)):
        yield _Ineffective(
            "label" if key == OS_LABEL else f"label {key}",
            f"{key} is set as a label of the pod, not as a selector",
            _REJECTED if key == OS_LABEL else "the scheduler ignores the labels of the pod",
            (0, 0),
            partial(_is_refused, Scheduling((Requirement(key, "In", (workload.labels[key],)),))),
        )


def _tolerations(workload: Workload) -> Iterator[_Ineffective]:
    """Yield tolerations that name a platform, unless the pod also selects it."""
    demands = platform_demands(workload.scheduling)
    chosen = {DEPRECATED_LABELS.get(d.key, d.key) for d in demands if d.operator == "In"}
    for toleration in workload.scheduling.tolerations:
        word = _word(toleration)
        label = OS_LABEL if word in SYSTEMS else ARCHITECTURE_LABEL
        if word in _WORDS and label not in chosen:
            yield _Ineffective(
                f"toleration {toleration}",
                f"the toleration of {toleration} allows nodes but does not select them",
                "a toleration allows tainted nodes; it does not keep the pod off other nodes",
                toleration.place,
                partial(_is_other, word),
            )


def _negations(workload: Workload) -> Iterator[_Ineffective]:
    for term in workload.scheduling.required_terms or ():
        for item in term.expressions:
            if item.operator in ("NotIn", "DoesNotExist") and _is_about_platforms(item):
                yield _Ineffective(
                    f"affinity {item}",
                    f"{item} holds on every node without that label",
                    "NotIn and DoesNotExist match nodes without the label, as in this cluster",
                    item.place,
                    partial(_lacks_label, item),
                )


def _word(toleration: Toleration) -> str:
    return toleration.value.lower()


def _open_terms(workload: Workload) -> Iterator[_Ineffective]:
    """Yield terms without a guard beside terms with one: one term that matches is enough."""
    terms = workload.scheduling.required_terms or ()
    guarded = [term for term in terms if any(i.key in PLATFORM_LABELS for i in term.expressions)]
    if not guarded:
        return
    for term in terms:
        if term not in guarded:
            yield _Ineffective(
                f"term {term}",
                f"the term {term} of the required node affinity has no guard, unlike {guarded[0]}",
                "one matching term is enough: only the requirements within a term must all hold",
                term.place,
                partial(_opens, term, guarded),
                "repeat the requirement on the platform in every term, or use nodeSelector",
            )


def _opens(term: NodeSelectorTerm, guarded: Sequence[NodeSelectorTerm], fit: PoolFit) -> bool:
    node = view(fit.pool)
    closed = all(term_matches(item, node) is False for item in guarded)
    return closed and term_matches(term, node) is not False


def _misplaced(item: Misplaced) -> _Ineffective:
    return _Ineffective(
        f"misplaced {item.path}",
        f"Kubernetes does not read {item.path}",
        "unknown fields are ignored, or refused where validation is strict (kubectl)",
        item.place,
        partial(_is_refused, item.scheduling),
        f"move it to {item.belongs}",
    )


def _is_refused(scheduling: Scheduling, fit: PoolFit) -> bool:
    """Return whether constraints would keep a pod off a pool by platform labels or tolerations."""
    node = view(fit.pool)
    terms = scheduling.required_terms
    if not platform_demands(scheduling):
        return any(
            (word := _word(item)) in _WORDS and _is_other(word, fit)
            for item in scheduling.tolerations
        )
    selected = all(
        requirement_holds(item, node) is not False
        for item in scheduling.node_selector
        if item.key in PLATFORM_LABELS
    )
    matched = terms is None or any(term_matches(term, node) is not False for term in terms)
    return not (selected and matched)


_REPEATABLE: Final = ("affinity", "nodeAffinity", "nodeSelector", "spec", "template")
_END: Final = re.compile(r"^---", re.MULTILINE)


@lru_cache(maxsize=1)
def _repeated(text: str) -> tuple[Node, ...]:
    """Return the repeated keys of a document under which a guard may stand."""
    if not any(label in text for label in PLATFORM_LABELS):
        return ()
    return tuple(key for key in repeated_keys(text) if key.text() in _REPEATABLE)


def _repeated_keys(workload: Workload) -> Iterator[_Ineffective]:
    """Yield keys that stand twice in the object, after a guard: Kubernetes uses the last one."""
    text = workload.document.text
    keys = _repeated(text)
    if not keys:
        return
    lines = text.splitlines()
    start = workload.location.line
    rest = enumerate(lines[start:], start)
    end = next((index for index, line in rest if _END.match(line)), len(lines))
    for key in keys:
        if not start <= key.line <= end:
            continue
        before = "\n".join(lines[start - 1 : key.line - 1])
        if any(label in before for label in PLATFORM_LABELS):
            yield _Ineffective(
                f"repeated {key.text()} {key.line - start}",
                f"the key {key.text()} stands twice, and Kubernetes uses the last one",
                "the first one has no effect",
                (key.line, key.column),
                lambda _: True,
                "merge the two",
            )


_KNOWN_PREFIXES: Final = ("kubernetes.io", "beta.kubernetes.io", "node.kubernetes.io")
_NAMES: Final = {"os": OS_LABEL, "arch": ARCHITECTURE_LABEL, "architecture": ARCHITECTURE_LABEL}
_CLOSE: Final = 0.85


def _meant_label(key: str) -> str:
    """Return the platform label that a key seems to misspell, else ""."""
    prefix, _, name = key.lower().rpartition("/")
    if key in PLATFORM_LABELS or name not in _NAMES:
        return ""
    close = any(SequenceMatcher(None, prefix, it).ratio() >= _CLOSE for it in _KNOWN_PREFIXES)
    return _NAMES[name] if close or prefix in ("k8s.io", "kubernetes") else ""


def _misspelt_labels(assessment: Assessment) -> Iterator[Observation]:
    """Yield demands on a label that no pool has and whose name is close to a platform label."""
    workload = assessment.workload
    fits = assessment.fits
    terms = workload.scheduling.required_terms or ()
    demands = (*workload.scheduling.node_selector, *(i for t in terms for i in t.expressions))
    for item in {demand.key: demand for demand in reversed(demands)}.values():
        meant = _meant_label(item.key)
        if not meant or any(item.key in fit.pool.labels for fit in fits):
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} selects by {item.key}, which is no label of Kubernetes",
            location=workload.place(item.place),
            pools=pool_ids(fits),
            why="a node without this label meets only NotIn and DoesNotExist",
            fix=f"write {meant}",
            consequence=consequence(workload),
            confidence=Confidence.MEDIUM,
            aspect=f"misspelt {item.key}",
        )


def _is_refused_by(term: NodeSelectorTerm, fit: PoolFit) -> bool:
    return term_matches(term, view(fit.pool)) is False


def _is_other(word: str, fit: PoolFit) -> bool:
    return word not in (fit.pool.platform.os, fit.pool.platform.architecture)


def _lacks_label(requirement: Requirement, fit: PoolFit) -> bool:
    """Return whether the requirement matches the pool because the label is missing.

    Excluding a Windows build counts only for pods that cannot run on the pool's operating system.
    """
    if requirement.key in fit.pool.labels:
        return False
    is_build = requirement.key == WINDOWS_BUILD_LABEL
    if is_build and all(result.mismatch is not Mismatch.OS for _, result in fit.incompatible):
        return False
    return requirement_holds(requirement, view(fit.pool)) is True


def _is_about_platforms(requirement: Requirement) -> bool:
    """Return whether a requirement on a custom label seems to name a platform."""
    text = " ".join((f"/{requirement.key}", *requirement.values)).lower()
    return bool(_HINT.search(text))


def _gets_pending_pod(workload: Workload, fit: PoolFit) -> bool:
    """Return whether the DaemonSet controller creates a pod that then stays Pending."""
    placement = fit.placement
    return (
        workload.is_daemon_set
        and placement.verdict is Verdict.REFUSED
        and placement.creates_pod is True
        and any(step.predicate is Predicate.NODE_SELECTOR for step in placement.deciding)
    )


def _invisible_selector(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
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
        why="the DaemonSet controller ignores that selector: it creates a pod for every such "
        "node, which stays Pending, and the rollout never completes",
        fix=f"set {guard_text(guard, workload)} in the pod template as well",
        guard=guard,
        consequence=Consequence.CERTAIN,
        aspect="namespace" if sources == "its namespace" else "runtime class",
    )


INERT_GUARD: Final = Check(_inert_guard)
