"""A selector that asks for a platform which the images lack, or that contradicts itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.admission import admit, origin
from auditor.advice import corrected, rest_to_do
from auditor.assessment import Assessment, ImageUse
from auditor.causes import (
    Cause,
    Family,
    all_families,
    common_families,
    family,
    fits_by_cause,
    platform_demands,
    selected_families,
)
from auditor.checks.interface import Check, Parameters
from auditor.findings import Observation
from auditor.manifests import Location
from auditor.nodes import ARCHITECTURE_LABEL, DEPRECATED_LABELS, OS_LABEL, ClusterProfile
from auditor.phrases import (
    built_for,
    consequence,
    images_are,
    listed,
    only_for,
    pool_ids,
    subject,
    unique,
)
from auditor.scheduling import Scheduling
from auditor.workloads import Workload

_OTHER_IMAGE: Final = "use an image that meets it"


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
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


CHECK: Final = Check(_observe)
