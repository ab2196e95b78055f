"""Pools on which the workload may land and cannot run, because nothing keeps it off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor.advice import corrected, new_home, rest_to_do
from auditor.assessment import Assessment, ImageUse, PoolFit
from auditor.causes import Cause, could_run, fits_by_cause, platform_demands
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Compatibility, Mismatch
from auditor.findings import Guard, Observation
from auditor.guards import shortest_guard
from auditor.nodes import DEPRECATED_LABELS, OS_LABEL, WINDOWS_BUILD_LABEL
from auditor.phrases import (
    aftermath,
    built_for,
    consequence,
    guard_text,
    images_are,
    lands,
    listed,
    only_for,
    outcome,
    pool_ids,
    pool_names,
    subject,
    system,
    unique,
)
from auditor.platforms import normalise
from auditor.scheduling import Requirement, Scheduling

_GROUPS: Final = {
    Mismatch.OS: "os",
    Mismatch.ARCHITECTURE: "architecture",
    Mismatch.VARIANT: "architecture",
    Mismatch.FEATURES: "windows-build",
    Mismatch.WINDOWS_BUILD: "windows-build",
}


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    wanted = parameters["mismatch"]
    foreign = [fit for fit in assessment.failing if fit.culprits and _group(fit) == wanted]
    if not foreign:
        return
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD)
    offending = [fit for fit in foreign if any(fit is item for item in fits)]
    if not offending:
        return
    workload = assessment.workload
    culprits = _culprits(offending, wanted)
    guard = shortest_guard(assessment, offending)
    first = offending[0]
    event = first.refusal.reason if first.refusal else first.culprits[0][1].event
    homeless = _homeless(fits, offending)
    yield Observation(
        workload=workload,
        message=f"{lands(workload)} {_nodes(offending, wanted)}, "
        f"but {_lack(culprits, assessment, wanted)}",
        location=workload.pod_location,
        subjects=tuple(subject(use, result.message) for use, result in culprits),
        pools=pool_ids(offending),
        why=f"the scheduler does not look at images: on {pool_names([first], assessment)} "
        f"{outcome(first.failure, event)}; {aftermath(workload, first.failure)}",
        fix=_fix(assessment, guard, homeless),
        guard=guard,
        consequence=consequence(workload, certain=bool(homeless)),
    )


def _group(fit: PoolFit) -> str:
    """The widest gap decides: an image for another OS also lacks the architecture."""
    gaps = [result.mismatch for _, result in fit.culprits if result.mismatch is not None]
    return _GROUPS[min(gaps)]


def _culprits(offending: Sequence[PoolFit], wanted: str) -> list[tuple[ImageUse, Compatibility]]:
    """Each guilty container once, in the pod's order."""
    found: dict[int, tuple[ImageUse, Compatibility]] = {}
    for fit in offending:
        for index, (use, result) in enumerate(fit.results):
            if result.mismatch is not None and _GROUPS[result.mismatch] == wanted:
                found.setdefault(index, (use, result))
    return [found[index] for index in sorted(found)]


def _homeless(fits: Sequence[PoolFit], offending: Sequence[PoolFit]) -> list[PoolFit]:
    """All pools of the clusters that get the pod and have no pool that could run it."""
    homes = {id(fit.cluster) for fit in fits if could_run(fit)}
    without = {id(fit.cluster) for fit in offending} - homes
    return [fit for fit in fits if id(fit.cluster) in without]


def _nodes(offending: Sequence[PoolFit], wanted: str) -> str:
    hosts = [normalise(fit.pool.platform) for fit in offending]
    builds = unique(host.windows_build for host in hosts)
    if wanted == "os":
        return f"{listed(unique(system(host.os) for host in hosts))} nodes"
    if wanted == "windows-build" and all(builds):
        return f"Windows nodes of build {listed(builds)}"
    return f"{listed(unique(host.family for host in hosts))} nodes"


def _lack(
    culprits: Sequence[tuple[ImageUse, Compatibility]], assessment: Assessment, wanted: str
) -> str:
    uses = [use for use, _ in culprits]
    platforms = [row for use in uses if use.known for row in use.known.platforms]
    owner = images_are(uses, assessment)
    if wanted == "os":
        return f"{owner} {only_for(platforms)}"
    if wanted == "architecture":
        return f"{owner} built for {built_for(platforms)} only"
    own = [row for row in platforms if row.os == "windows"]
    return f"{owner} built for {built_for(own or platforms)}"


def _fix(assessment: Assessment, guard: Guard, homeless: Sequence[PoolFit]) -> str:
    workload = assessment.workload
    if workload.scheduling.node_name:
        return "remove spec.nodeName, which goes past every guard, and select nodes by label"
    if not guard.requirements:
        return "no label tells these nodes apart: taint them, or build the image for them too"
    if wrong := _contradicted(workload.scheduling, guard):
        return _correction(assessment, wrong, guard)
    instruction = f"set {guard_text(guard, workload)}"
    if homeless and not workload.is_daemon_set:
        return new_home(assessment, homeless, instruction)
    return instruction


def _contradicted(scheduling: Scheduling, guard: Guard) -> list[Requirement]:
    """The pod's demands on the platform that no node of the guard meets."""
    wanted = {item.key: set(item.values) for item in guard.requirements if item.operator == "In"}
    return [demand for demand in platform_demands(scheduling) if _excludes(demand, wanted)]


def _excludes(demand: Requirement, wanted: Mapping[str, set[str]]) -> bool:
    if demand.key == WINDOWS_BUILD_LABEL and "windows" not in wanted.get(OS_LABEL, {"windows"}):
        return demand.operator in ("In", "Exists")
    values = wanted.get(_current(demand.key))
    if values is None:
        return False
    if demand.operator == "NotIn":
        return values <= set(demand.values)
    return demand.operator == "In" and values.isdisjoint(demand.values)


def _correction(assessment: Assessment, wrong: Sequence[Requirement], guard: Guard) -> str:
    right = {item.key: item for item in guard.requirements}
    steps, corrections = [], {}
    for demand in wrong:
        instead = right.get(_current(demand.key))
        corrections[demand.key] = instead.values if instead else ()
        if instead is None:
            steps.append(f"drop {demand.key}")
        elif demand.operator == "In":
            was, becomes = (listed(item.values, "or") for item in (demand, instead))
            steps.append(f"change {demand.key} from {was} to {becomes}")
        else:
            steps.append(f"demand {instead} instead of {demand}")
    rest = rest_to_do(corrected(assessment, corrections))
    return listed((*steps, rest) if rest else steps)


def _current(key: str) -> str:
    return DEPRECATED_LABELS.get(key, key)


CHECK: Final = Check(_observe, parameters={"mismatch": ("architecture", "os", "windows-build")})
