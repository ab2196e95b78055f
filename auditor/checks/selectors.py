"""Checks of node selectors: conflicts with the images, deprecated labels, ineffective guards."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Confidence, Consequence, Guard, Observation
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import (
    ARCHITECTURES,
    SYSTEMS,
    Cause,
    Family,
    all_families,
    common_families,
    family,
    fits_by_cause,
    platform_demands,
    selected_families,
)
from auditor.checks.wording import (
    built_for,
    consequence,
    corrected,
    guard_text,
    images_are,
    listed,
    only_for,
    pool_ids,
    pool_names,
    remaining_fixes,
    subject,
    unique,
)
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Place, Requirement, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit, origin
from auditor.scheduling.compatibility import Mismatch, Runnable
from auditor.scheduling.nodes import (
    ARCHITECTURE_LABEL,
    DEPRECATED_LABELS,
    OS_LABEL,
    PLATFORM_LABELS,
    WINDOWS_BUILD_LABEL,
    ClusterProfile,
)
from auditor.scheduling.placement import Predicate, Verdict
from auditor.scheduling.predicates import requirement_holds, term_matches, view

_OTHER_IMAGE: Final = "use an image that meets it"


def _conflicting_selector(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find selectors that demand a platform the images lack, or that contradict themselves."""
    del parameters
    fits = fits_by_cause(assessment, Cause.CONFLICT)
    if not fits:
        return
    workload, cluster = assessment.workload, fits[0].cluster
    scheduling = admit(workload, cluster).scheduling
    pinned = selected_families(scheduling, all_families(assessment))
    wrong = _wrong_demands(assessment, scheduling)
    text = listed(unique(_text(demand, workload, cluster) for demand in wrong))
    uses = _images_without(assessment, pinned)
    if pinned:
        message = f"{workload} demands {text}, but {_lack(uses, assessment, pinned)}"
        why = (
            "the image has no platform of the selected nodes: the pod stays Pending, or fails "
            "on every node that it lands on"
        )
        fix = _fix(assessment, cluster, wrong)
    else:
        message = f"{workload} demands {text}, which no node meets"
        why = "nodeSelector and required node affinity must both hold, so the pod stays Pending"
        fix = "remove the wrong requirement"
    yield Observation(
        workload=workload,
        message=message,
        location=_location(workload, wrong),
        subjects=tuple(map(subject, uses)),
        pools=pool_ids([fit for fit in fits if fit.lands_and_fails] or fits),
        why=why,
        fix=fix,
        consequence=consequence(workload, certain=True),
    )


def _wrong_demands(assessment: Assessment, scheduling: Scheduling) -> list[Scheduling]:
    """Return each demand that excludes the images by itself, or all if only together they do."""
    demands = [demand for demand in _demands(scheduling) if platform_demands(demand)]
    runs_on = common_families(assessment)
    excluding = [demand for demand in demands if not selected_families(demand, runs_on)]
    contradiction = not selected_families(scheduling, all_families(assessment))
    return demands if contradiction else excluding or demands


def _demands(scheduling: Scheduling) -> Iterator[Scheduling]:
    """Yield each entry of nodeSelector, and the affinity as a whole."""
    for requirement in scheduling.node_selector:
        yield Scheduling(node_selector=(requirement,))
    yield Scheduling(required_terms=scheduling.required_terms)


def _text(demand: Scheduling, workload: Workload, cluster: ClusterProfile) -> str:
    """Return a demand as text, with its origin if an admission plug-in adds it."""
    if demand.required_terms is not None:
        return " or ".join(map(str, demand.required_terms))
    (requirement,) = demand.node_selector
    source = origin(requirement, workload, cluster)
    return f"{requirement} ({source})" if source else str(requirement)


def _images_without(assessment: Assessment, pinned: frozenset[Family]) -> list[ImageUse]:
    """Return the images without a selected platform, or all known images if each has one."""
    known = [use for use in assessment.judged if use.known is not None]
    return [use for use in known if pinned.isdisjoint(_families(use))] or known


def _families(use: ImageUse) -> Iterator[Family]:
    return map(family, use.known.platforms if use.known else ())


def _lack(uses: Sequence[ImageUse], assessment: Assessment, pinned: frozenset[Family]) -> str:
    rows = [row for use in uses if use.known for row in use.known.platforms]
    owner = images_are(uses, assessment)
    if {name for name, _ in pinned}.isdisjoint(row.os for row in rows):
        return f"{owner} {only_for(rows)}"
    return f"{owner} built for {built_for(rows)} only"


def _fix(assessment: Assessment, cluster: ClusterProfile, wrong: Sequence[Scheduling]) -> str:
    """Return the fix. A demand added on admission cannot be changed in the pod itself."""
    workload = assessment.workload
    entries = (item for demand in wrong for item in demand.node_selector)
    sources = unique(filter(None, (origin(item, workload, cluster) for item in entries)))
    if sources:
        return f"remove it from {listed(sources)}, or {_OTHER_IMAGE}"
    supported = _supported_values(assessment, wrong)
    demands = unique(
        f"{_current(k)}={listed(values, 'or')}" for k, values in supported.items() if values
    )
    dropped = [key for key, values in supported.items() if not values]
    steps = [f"require {listed(demands)} instead"] if demands else []
    steps += [f"drop {listed(dropped)}"] if dropped else []
    rest = remaining_fixes(corrected(assessment, supported))
    if rest.startswith("use an image"):
        return f"{listed(steps)}, and {rest}"
    return f"{listed((*steps, rest) if rest else steps)}, or {_OTHER_IMAGE}"


def _supported_values(
    assessment: Assessment, wrong: Sequence[Scheduling]
) -> dict[str, tuple[str, ...]]:
    """Return the values that the images support for each label in `wrong`; () for none."""
    families = sorted(common_families(assessment))
    values = {
        OS_LABEL: unique(name for name, _ in families),
        ARCHITECTURE_LABEL: unique(architecture for _, architecture in families),
    }
    keys = unique(demand.key for item in wrong for demand in platform_demands(item))
    return {key: values.get(_current(key), ()) for key in keys}


def _current(key: str) -> str:
    return DEPRECATED_LABELS.get(key, key)


def _location(workload: Workload, wrong: Sequence[Scheduling]) -> Location:
    places = (demand.place for item in wrong for demand in platform_demands(item))
    written = (place for place in places if place != (0, 0))
    return workload.place(next(written, workload.scheduling.place("runtimeClassName")))


CONFLICTING_SELECTOR: Final = Check(_conflicting_selector)


def _deprecated_label(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find demands on the `beta.kubernetes.io` labels: one observation per label."""
    del parameters
    workload = assessment.workload
    demands = platform_demands(workload.scheduling)
    first = {demand.key: demand for demand in reversed(demands)}
    for key, label in DEPRECATED_LABELS.items():
        if key not in first:
            continue
        yield Observation(
            workload=workload,
            message=f"{workload} selects by {key}, which is deprecated since Kubernetes 1.14",
            location=workload.place(first[key].place),
            why="nodes still carry it, but an autoscaler may not set it on the nodes it would add",
            fix=f"write {label}",
            consequence=Consequence.NONE,
            aspect=key,
        )


DEPRECATED_LABEL: Final = Check(_deprecated_label)


_WORDS: Final = (*SYSTEMS, *ARCHITECTURES)
_HINT: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(_WORDS)}|win|(?<=/)(?:os|arch)\b)")
"""The start of a word that seems to name a platform: `win2019`, but not `alarm`."""
_REJECTED: Final = "the scheduler ignores it; the kubelet of an incompatible node rejects the pod"


class _Ineffective(Struct, frozen=True):
    """Part of a pod spec that looks like a guard but does not affect scheduling.

    Attributes:
        aspect: Identifies it among the others of the workload.
        seems_to_exclude: Returns whether it appears to keep the pod off a pool.

    """

    aspect: str
    message: str
    why: str
    place: Place
    seems_to_exclude: Callable[[PoolFit], bool]


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
        fix="use nodeSelector or required node affinity",
        consequence=consequence(workload),
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
        aspect=item.aspect,
    )


def _ineffective(workload: Workload) -> Iterator[_Ineffective]:
    yield from _preferences(workload)
    yield from _declarations(workload)
    yield from _tolerations(workload)
    yield from _negations(workload)


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
    label = workload.labels.get(OS_LABEL)
    if label:
        yield _Ineffective(
            "label",
            f"{OS_LABEL} is set as a label of the pod, not as a selector",
            _REJECTED,
            (0, 0),
            partial(_is_other, label),
        )


def _tolerations(workload: Workload) -> Iterator[_Ineffective]:
    """Yield tolerations that name a platform, unless the pod also selects it."""
    demands = platform_demands(workload.scheduling)
    chosen = {DEPRECATED_LABELS.get(d.key, d.key) for d in demands if d.operator == "In"}
    for toleration in workload.scheduling.tolerations:
        word = toleration.value.lower()
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
