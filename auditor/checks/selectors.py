"""Checks of node selectors: conflicts with the images, deprecated labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.checks.assessment import Assessment, ImageUse
from auditor.checks.findings import Consequence, Observation
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import (
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
    images_are,
    listed,
    only_for,
    pool_ids,
    remaining_fixes,
    subject,
    unique,
)
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_spec import Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit, origin
from auditor.scheduling.nodes import (
    ARCHITECTURE_LABEL,
    DEPRECATED_LABELS,
    OS_LABEL,
    ClusterProfile,
)

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
    podless = any(fit.placement.creates_pod is False for fit in fits)
    unplaced = "the DaemonSet controller creates no pod" if podless else "the pod stays Pending"
    if pinned:
        message = f"{workload} demands {text}, but {_lack(uses, assessment, pinned)}"
        why = (
            f"the image has no platform of the selected nodes: {unplaced}, or the pod fails "
            "on every node that it lands on"
        )
        fix = _fix(assessment, cluster, wrong)
    else:
        message = f"{workload} demands {text}, which no node meets"
        why = f"nodeSelector and required node affinity must both hold, so {unplaced}"
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
