"""A selector that asks for a platform which the images lack, or that contradicts itself.

Demands on the `beta.kubernetes.io` labels.

What looks like a guard to its author and is none to the scheduler.
"""

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
    rest_to_do,
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
    del parameters
    fits = fits_by_cause(assessment, Cause.CONFLICT)
    if not fits:
        return
    workload, cluster = assessment.workload, fits[0].cluster
    scheduling = admit(workload, cluster).scheduling
    pinned = selected_families(scheduling, all_families(assessment))
    guilty = _guilty(assessment, scheduling)
    text = listed(unique(_text(demand, workload, cluster) for demand in guilty))
    uses = _lacking(assessment, pinned)
    if pinned:
        message = f"{workload} demands {text}, but {_lack(uses, assessment, pinned)}"
        why = (
            "the image has nothing for the nodes that meet the demand: the pod stays Pending, or "
            "fails wherever it lands"
        )
        fix = _fix(assessment, cluster, guilty)
    else:
        message = f"{workload} demands {text}, which no node meets"
        why = "nodeSelector and required node affinity must both hold, so the pod stays Pending"
        fix = "drop the demand that is wrong"
    yield Observation(
        workload=workload,
        message=message,
        location=_location(workload, guilty),
        subjects=tuple(map(subject, uses)),
        pools=pool_ids([fit for fit in fits if fit.lands_and_fails] or fits),
        why=why,
        fix=fix,
        consequence=consequence(workload, certain=True),
    )


def _guilty(assessment: Assessment, scheduling: Scheduling) -> list[Scheduling]:
    """The demands that alone exclude the images; all of them where only together they do."""
    demands = [demand for demand in _demands(scheduling) if platform_demands(demand)]
    runs_on = common_families(assessment)
    alone = [demand for demand in demands if not selected_families(demand, runs_on)]
    contradiction = not selected_families(scheduling, all_families(assessment))
    return demands if contradiction else alone or demands


def _demands(scheduling: Scheduling) -> Iterator[Scheduling]:
    """What must hold, each for itself: the entries of nodeSelector, and the affinity as a whole."""
    for requirement in scheduling.node_selector:
        yield Scheduling(node_selector=(requirement,))
    yield Scheduling(required_terms=scheduling.required_terms)


def _text(demand: Scheduling, workload: Workload, cluster: ClusterProfile) -> str:
    """A demand in a sentence; one that an admission plug-in adds, with its origin."""
    if demand.required_terms is not None:
        return " or ".join(map(str, demand.required_terms))
    (requirement,) = demand.node_selector
    source = origin(requirement, workload, cluster)
    return f"{requirement} ({source})" if source else str(requirement)


def _lacking(assessment: Assessment, pinned: frozenset[Family]) -> list[ImageUse]:
    """The containers whose image has nothing for what is demanded; else all that are known."""
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


def _fix(assessment: Assessment, cluster: ClusterProfile, guilty: Sequence[Scheduling]) -> str:
    """What is added to a pod cannot be demanded otherwise by the pod itself."""
    workload = assessment.workload
    entries = (item for demand in guilty for item in demand.node_selector)
    sources = unique(filter(None, (origin(item, workload, cluster) for item in entries)))
    if sources:
        return f"take it out of {listed(sources)}, or {_OTHER_IMAGE}"
    right = _right_values(assessment, guilty)
    demands = unique(
        f"{_current(k)}={listed(values, 'or')}" for k, values in right.items() if values
    )
    dropped = [key for key, values in right.items() if not values]
    steps = [f"demand {listed(demands)} instead"] if demands else []
    steps += [f"drop {listed(dropped)}"] if dropped else []
    rest = rest_to_do(corrected(assessment, right))
    if rest.startswith("use an image"):
        return f"{listed(steps)}, and {rest}"
    return f"{listed((*steps, rest) if rest else steps)}, or {_OTHER_IMAGE}"


def _right_values(
    assessment: Assessment, guilty: Sequence[Scheduling]
) -> dict[str, tuple[str, ...]]:
    """What to demand of the labels in question, as the images support it; () for nothing."""
    families = sorted(common_families(assessment))
    values = {
        OS_LABEL: unique(name for name, _ in families),
        ARCHITECTURE_LABEL: unique(architecture for _, architecture in families),
    }
    keys = unique(demand.key for item in guilty for demand in platform_demands(item))
    return {key: values.get(_current(key), ()) for key in keys}


def _current(key: str) -> str:
    return DEPRECATED_LABELS.get(key, key)


def _location(workload: Workload, guilty: Sequence[Scheduling]) -> Location:
    places = (demand.place for item in guilty for demand in platform_demands(item))
    written = (place for place in places if place != (0, 0))
    return workload.place(next(written, workload.scheduling.place("runtimeClassName")))


CONFLICTING_SELECTOR: Final = Check(_conflicting_selector)


def _deprecated_label(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """One observation for each label, at its first use."""
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
            why="nodes still carry it, but an autoscaler that begins with no nodes may not know it",
            fix=f"write {label}",
            consequence=Consequence.NONE,
            aspect=key,
        )


DEPRECATED_LABEL: Final = Check(_deprecated_label)


_WORDS: Final = (*SYSTEMS, *ARCHITECTURES)
_HINT: Final = re.compile(rf"(?<![a-z])(?:{'|'.join(_WORDS)}|win|(?<=/)(?:os|arch)\b)")
"""The beginning of a word that seems to mean a platform: `win2019`, but not `alarm`."""
_REJECTED: Final = "the scheduler ignores it; the kubelet of the wrong node rejects the pod"


class _Illusion(Struct, frozen=True):
    """aspect: tells it from others. holds_off: the pools that its author thinks it keeps off."""

    aspect: str
    message: str
    why: str
    place: Place
    holds_off: Callable[[PoolFit], bool]


def _inert_guard(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
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


INERT_GUARD: Final = Check(_inert_guard)
