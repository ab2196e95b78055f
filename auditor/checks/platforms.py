"""Checks that compare the platforms of a workload's images with the node pools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Consequence, Guard, Observation
from auditor.checks.guards import admits, shortest_guard
from auditor.checks.interface import Check, Parameters
from auditor.checks.root_cause import (
    ARCHITECTURES,
    SYSTEMS,
    Cause,
    common_families,
    could_run,
    declared_systems,
    fits_by_cause,
    platform_demands,
    root_cause,
    selected_families,
    suits_declaration,
    unmeetable,
)
from auditor.checks.wording import (
    aftermath,
    built_for,
    consequence,
    container_text,
    corrected,
    guard_text,
    images_are,
    lands,
    listed,
    only_for,
    outcome,
    pool_ids,
    pool_names,
    reasons_by_pool,
    remaining_fixes,
    subject,
    system,
    toleration_text,
    unique,
    ways_to_place,
)
from auditor.images.platforms import make_platform, normalise
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_spec import Requirement, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit
from auditor.scheduling.compatibility import Compatibility, Mismatch, Runnable
from auditor.scheduling.nodes import DEPRECATED_LABELS, OS_LABEL, WINDOWS_BUILD_LABEL, Taint
from auditor.scheduling.placement import BLOCKING, Predicate, Verdict

_GROUPS: Final = {
    Mismatch.OS: "os",
    Mismatch.ARCHITECTURE: "architecture",
    Mismatch.VARIANT: "architecture",
    Mismatch.FEATURES: "windows-build",
    Mismatch.WINDOWS_BUILD: "windows-build",
}


def _incompatible_pool(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find pools that the pod can be scheduled onto without a guard, and cannot run on."""
    wanted = parameters["mismatch"]
    failing = [fit for fit in assessment.failing if fit.incompatible and _group(fit) == wanted]
    fits = fits_by_cause(assessment, Cause.MISSING_GUARD) if failing else ()
    offending = [fit for fit in failing if any(fit is item for item in fits)]
    if not offending:
        return
    workload = assessment.workload
    mismatched = _mismatched(offending, wanted)
    guard = shortest_guard(assessment, offending)
    first = offending[0]
    event = first.refusal.reason if first.refusal else first.incompatible[0][1].event
    without_node = _pools_without_node(fits, offending)
    yield Observation(
        workload=workload,
        message=f"{lands(workload)} {_nodes(offending, wanted)}, "
        f"but {_lack(mismatched, assessment, wanted)}",
        location=workload.pod_location,
        subjects=tuple(subject(use, result.message) for use, result in mismatched),
        pools=pool_ids(offending),
        why=f"the scheduler does not look at images: on {pool_names([first], assessment)} "
        f"{outcome(first.failure, event)}; {aftermath(workload, first.failure)}",
        fix=_fix(assessment, guard, without_node),
        guard=Guard() if _needs_more(assessment, guard) else guard,
        consequence=consequence(workload, certain=bool(without_node)),
    )


def _group(fit: PoolFit) -> str:
    """Return the widest mismatch: an image for another OS also lacks the architecture."""
    mismatches = (result.mismatch for _, result in fit.incompatible)
    return _GROUPS[min(item for item in mismatches if item is not None)]


def _mismatched(offending: Sequence[PoolFit], wanted: str) -> list[tuple[ImageUse, Compatibility]]:
    """Return each mismatched container once, in the pod's order."""
    found: dict[int, tuple[ImageUse, Compatibility]] = {}
    for fit in offending:
        for index, (use, result) in enumerate(fit.results):
            if result.mismatch is not None and _GROUPS[result.mismatch] == wanted:
                found.setdefault(index, (use, result))
    return [found[index] for index in sorted(found)]


def _pools_without_node(fits: Sequence[PoolFit], offending: Sequence[PoolFit]) -> list[PoolFit]:
    """Return all pools of the offending clusters that have no pool that could run the pod."""
    usable = {id(fit.cluster) for fit in fits if could_run(fit)}
    without = {id(fit.cluster) for fit in offending} - usable
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
    mismatched: Sequence[tuple[ImageUse, Compatibility]], assessment: Assessment, wanted: str
) -> str:
    uses = [use for use, _ in mismatched]
    platforms = [row for use in uses if use.known for row in use.known.platforms]
    owner = images_are(uses, assessment)
    if wanted == "os":
        return f"{owner} {only_for(platforms)}"
    if wanted == "architecture":
        return f"{owner} built for {built_for(platforms)} only"
    own = [row for row in platforms if row.os == "windows"]
    return f"{owner} built for {built_for(own or platforms)}"


def _fix(assessment: Assessment, guard: Guard, without_node: Sequence[PoolFit]) -> str:
    workload = assessment.workload
    if workload.scheduling.node_name:
        return "remove spec.nodeName, which bypasses the scheduler, and select nodes by label"
    if not guard.requirements:
        return "no label distinguishes these nodes: taint them, or build the image for them too"
    if wrong := _contradicted(workload.scheduling, guard):
        if without_node and not any(_suits_and_runs(workload, fit) for fit in without_node):
            return ways_to_place(assessment, without_node)
        return _correction(assessment, wrong, guard)
    instruction = f"set {guard_text(guard, workload)}"
    if taints := _taints_of_home(assessment, guard):
        return f"{instruction} and add to tolerations: {listed(map(toleration_text, taints))}"
    if without_node and (not workload.is_daemon_set or _runs_nowhere(assessment)):
        return ways_to_place(assessment, without_node, instruction)
    return instruction


def _suits_and_runs(workload: Workload, fit: PoolFit) -> bool:
    return fit.runnable is not Runnable.NO and suits_declaration(workload, fit.pool)


def _needs_more(assessment: Assessment, guard: Guard) -> bool:
    """Return whether a DaemonSet would run nowhere with the guard alone."""
    return _runs_nowhere(assessment) or bool(_taints_of_home(assessment, guard))


def _taints_of_home(assessment: Assessment, guard: Guard) -> tuple[Taint, ...]:
    """Return the taints of the pools that a guard leaves to a DaemonSet, if only they are left."""
    admitted = [fit for fit in assessment.fits if admits(guard, fit)]
    if not assessment.workload.is_daemon_set or any(map(could_run, admitted)):
        return ()
    closed = (f for f in admitted if f.placement.by_taint_only and f.runnable is Runnable.YES)
    taints = (taint for fit in closed for taint in fit.pool.taints if taint.effect in BLOCKING)
    return tuple(dict.fromkeys(taints))


def _runs_nowhere(assessment: Assessment) -> bool:
    """Return whether a guard would leave a DaemonSet without any node that it is for."""
    workload = assessment.workload
    declares = platform_demands(workload.scheduling) or declared_systems(workload)
    runs = any(map(could_run, assessment.fits))
    return not runs and workload.is_daemon_set and bool(declares)


def _contradicted(scheduling: Scheduling, guard: Guard) -> list[Requirement]:
    """Return the pod's demands on platform labels that contradict the guard."""
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
    required = {item.key: item for item in guard.requirements}
    steps, corrections = [], {}
    for demand in wrong:
        instead = required.get(_current(demand.key))
        corrections[demand.key] = instead.values if instead else ()
        if instead is None:
            steps.append(f"drop {demand.key}")
        elif demand.operator == "In":
            old, new = (listed(item.values, "or") for item in (demand, instead))
            steps.append(f"change {demand.key} from {old} to {new}")
        else:
            steps.append(f"require {instead} instead of {demand}")
    rest = remaining_fixes(corrected(assessment, corrections))
    return listed((*steps, rest) if rest else steps)


def _current(key: str) -> str:
    return DEPRECATED_LABELS.get(key, key)


INCOMPATIBLE_POOL: Final = Check(
    _incompatible_pool, parameters={"mismatch": ("architecture", "os", "windows-build")}
)


_SELECTORS: Final = (Predicate.NODE_SELECTOR, Predicate.NODE_AFFINITY)


def _excluded_pool(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find pools that could run the workload but that its own selector excludes.

    Skips clusters without any pool that can run the workload; `no-compatible-node` covers those.
    """
    del parameters
    usable = {id(fit.cluster) for fit in assessment.fits if could_run(fit)}
    fits = [fit for fit in assessment.fits if id(fit.cluster) in usable and _is_excluded(fit)]
    if not fits:
        return
    workload = assessment.workload
    step = fits[0].placement.deciding[0]
    yield Observation(
        workload=workload,
        message=f"{workload} could run on {pool_names(fits, assessment)}, "
        "but its selector keeps it off",
        location=workload.place(step.place),
        pools=pool_ids(fits),
        why=f"{step.message}; the images support these nodes",
        fix="remove this requirement if the workload should run on these nodes",
        consequence=Consequence.NONE,
    )


def _is_excluded(fit: PoolFit) -> bool:
    return (
        fit.runnable is Runnable.YES
        and fit.placement.verdict is Verdict.REFUSED
        and all(step.predicate in _SELECTORS for step in fit.placement.deciding)
    )


EXCLUDED_POOL: Final = Check(_excluded_pool)


def _mixed_platforms(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find pods whose images have no platform in common."""
    del parameters
    fits = fits_by_cause(assessment, Cause.MIXED)
    if not fits:
        return
    workload = assessment.workload
    uses = [use for use in assessment.judged if use.known is not None]
    parts = (
        f"{container_text(use.container)} is built for {built_for(use.known.platforms)}"
        for use in uses
        if use.known is not None
    )
    yield Observation(
        workload=workload,
        message=f"{workload} cannot run on any node: its images have no platform in common",
        location=workload.pod_location,
        subjects=tuple(map(subject, uses)),
        pools=pool_ids(fits),
        why=f"all containers of a pod run on one node; {'; '.join(parts)}",
        fix="use images of one operating system and architecture, or split the pod",
        consequence=consequence(workload, certain=True),
    )


MIXED_PLATFORMS: Final = Check(_mixed_platforms)


_OWN_CAUSES: Final = (Cause.MISSING_GUARD, Cause.DECLARATION)


def _no_compatible_node(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    """Find clusters without any pool that both admits the workload and can run it."""
    del parameters
    for cluster, fits in assessment.by_cluster:
        if any(map(_is_usable, fits)) or _needs_no_node(assessment, fits):
            continue
        if fits[0].placement.rejected:
            yield _rejected(assessment, fits)
        elif root_cause(assessment, cluster, fits) in _OWN_CAUSES:
            yield _without_node(assessment, fits)


def _is_usable(fit: PoolFit) -> bool:
    """Return whether the pod can run there, now or once the nodes are uncordoned."""
    deciding = fit.placement.deciding
    cordoned = bool(deciding) and all(step.predicate is Predicate.CORDON for step in deciding)
    return could_run(fit) or (cordoned and not fit.incompatible and fit.refusal is None)


def _needs_no_node(assessment: Assessment, fits: Sequence[PoolFit]) -> bool:
    """Return whether it is fine that no pool fits: a DaemonSet may have no pods.

    A pod with `spec.nodeName` that fails on its node is reported by other checks.
    """
    if fits[0].placement.rejected:
        return False
    bound = assessment.workload.scheduling.node_name
    return assessment.workload.is_daemon_set or any(bound and fit.lands_and_fails for fit in fits)


def _rejected(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    workload = assessment.workload
    return Observation(
        workload=workload,
        message=f"{workload} never gets a pod: the API server rejects it",
        location=_location(assessment, fits),
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(fits),
        why="; ".join(step.message for step in fits[0].placement.deciding),
        fix="correct the field; `kubectl apply --dry-run=server` on a bare Pod shows the error",
        consequence=consequence(workload, certain=True),
        aspect=fits[0].cluster.name,
    )


def _without_node(assessment: Assessment, fits: Sequence[PoolFit]) -> Observation:
    """Return the observation, without a fix if the pod can be scheduled onto a failing pool.

    In that case it explains another finding, which has the fix.
    """
    workload, cluster = assessment.workload, fits[0].cluster
    lands = any(fit.lands_and_fails for fit in fits)
    return Observation(
        workload=workload,
        message=f"{workload} has no node in cluster {cluster.name} that accepts and can run it",
        location=_location(assessment, fits),
        subjects=tuple(map(subject, assessment.judged)),
        pools=pool_ids(fits),
        why=reasons_by_pool(fits, assessment),
        fix="" if lands else _fix_without_node(assessment, fits),
        consequence=consequence(workload, certain=True),
        aspect=fits[0].cluster.name,
    )


def _fix_without_node(assessment: Assessment, fits: Sequence[PoolFit]) -> str:
    scheduling = admit(assessment.workload, fits[0].cluster).scheduling
    for demand in unmeetable(assessment, scheduling):
        return f"no node carries {demand}; {_correction_without_node(assessment, demand)}"
    advice = ways_to_place(assessment, fits)
    return f"{advice}; if the cluster has other nodes, describe them with `--cluster`"


def _correction_without_node(assessment: Assessment, demand: Requirement) -> str:
    """Return advice such as `write linux`, in the spelling of the node's labels."""
    is_system = DEPRECATED_LABELS.get(demand.key, demand.key) == OS_LABEL
    known = SYSTEMS if is_system else ARCHITECTURES
    meant = [make_platform(value, value) for value in demand.values]
    words = [platform.os if is_system else platform.architecture for platform in meant]
    fixed = corrected(assessment, {demand.key: words})
    fits = selected_families(fixed.workload.scheduling, common_families(fixed))
    if demand.operator != "In" or not set(words) <= set(known) or not fits:
        return f"valid values are {listed(known)}"
    rest = remaining_fixes(fixed)
    return f"write {listed(words, 'or')}{f', and {rest}' if rest else ''}"


def _location(assessment: Assessment, fits: Sequence[PoolFit]) -> Location:
    for fit in fits:
        for step in fit.placement.deciding:
            if step.place != (0, 0):
                return assessment.workload.place(step.place)
    return assessment.workload.pod_location


NO_COMPATIBLE_NODE: Final = Check(_no_compatible_node)
