"""Text that the messages of several checks share, and advice for workloads without a node."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Consequence, Guard, Subject
from auditor.checks.guards import shortest_guard
from auditor.checks.root_cause import (
    common_families,
    could_run,
    declared_systems,
    family,
    selected_families,
    suits_declaration,
)
from auditor.images.platforms import Platform, normalise
from auditor.kubernetes.pod_spec import Requirement, Scheduling
from auditor.kubernetes.workloads import Container, Role, Workload
from auditor.scheduling.compatibility import Failure, Runnable
from auditor.scheduling.nodes import Taint
from auditor.scheduling.placement import Verdict, place

_SYSTEMS: Final = {"linux": "Linux", "windows": "Windows", "darwin": "macOS"}
_ROLES: Final = {
    Role.INIT: "init container",
    Role.SIDECAR: "sidecar",
    Role.EPHEMERAL: "ephemeral container",
    Role.IMAGE_VOLUME: "image volume",
    Role.INJECTED: "injected container",
}
_WAITED_FOR: Final = ("Job", "Pod")
"""Kinds of hooks that Helm waits for until they complete (helm.sh/docs/topics/charts_hooks)."""
_HOOK_ACTIONS: Final = {"delete": "uninstall"}
_WELL_KNOWN_GROUPS: Final = ("", "apps", "batch", "extensions")


def system(name: str) -> str:
    """Return the display name of an operating system."""
    return _SYSTEMS.get(name, name)


def listed(items: Iterable[str], last: str = "and", limit: int = 0) -> str:
    """Join items: `a`, `a and b`, `a, b and c`; with a limit, `a, b and 7 others`."""
    names = list(items)
    if limit and len(names) > limit + 1:
        names = [*names[:limit], f"{len(names) - limit} others"]
    *head, tail = names or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Remove duplicates, keeping the order."""
    return tuple(dict.fromkeys(items))


def count(number: int, noun: str) -> str:
    """Return a count such as `1 image` or `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def built_for(platforms: Iterable[Platform], last: str = "and") -> str:
    """Return text such as `linux/amd64, linux/arm64 and Windows 10.0.20348`."""
    names = (
        f"{system(platform.os)} {platform.windows_build}"
        if platform.windows_build
        else normalise(platform).family
        for platform in platforms
    )
    return listed(unique(names), last, limit=6) or "no platform"


def only_for(platforms: Sequence[Platform]) -> str:
    """Return the operating systems as `Linux-only` or `for Linux and macOS only`."""
    systems = sorted({system(platform.os) for platform in platforms})
    return f"{systems[0]}-only" if len(systems) == 1 else f"for {listed(systems)} only"


def subject(use: ImageUse, problem: str = "") -> Subject:
    """Return the subject of an observation for a container."""
    platforms = tuple(map(str, use.known.platforms)) if use.known else ()
    container = use.container
    return Subject(container.name, container.role.value, container.image, platforms, problem)


def container_text(container: Container) -> str:
    """Return text such as `init container `migrate``."""
    return f"{_ROLES.get(container.role, 'container')} `{container.name}`"


def images_are(uses: Sequence[ImageUse], assessment: Assessment) -> str:
    """Return subject and verb for some images: `its image is`, `2 of its 3 images are`."""
    total = len(assessment.judged)
    if total == 1:
        return "its image is"
    if len(uses) == total:
        return "its images are"
    if len(uses) == 1:
        return f"the image of {container_text(uses[0].container)} is"
    return f"{len(uses)} of its {total} images are"


def pool_ids(fits: Iterable[PoolFit]) -> tuple[str, ...]:
    """Return the pools as `cluster/pool`."""
    return tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits)


def pool_names(fits: Iterable[PoolFit], assessment: Assessment) -> str:
    """List the pools, with their cluster if there are several clusters."""
    fits = list(fits)
    several = len(assessment.by_cluster) > 1
    return listed(unique(pool_ids(fits) if several else (fit.name for fit in fits)), limit=4)


def reasons_by_pool(fits: Sequence[PoolFit], assessment: Assessment) -> str:
    """Return why each pool cannot run the pod, grouped by reason."""
    groups: dict[str, list[PoolFit]] = {}
    for fit in fits:
        if fit.reasons:
            groups.setdefault(fit.reasons[0], []).append(fit)
    return "; ".join(f"{pool_names(group, assessment)}: {why}" for why, group in groups.items())


def lands(workload: Workload) -> str:
    """Return subject and verb, such as `Deployment/web can land on`."""
    if workload.is_daemon_set:
        return f"{workload} puts a pod on"
    if workload.is_hook:
        return f"{workload} ({workload.hooks[0]} hook) can land on"
    if workload.is_test:
        return f"{workload} (Helm test) can land on"
    return f"{workload} can land on"


def consequence(workload: Workload, *, certain: bool = False) -> Consequence:
    """Return the consequence of a failure for the release.

    Args:
        certain: Whether the pod fails on every node.
    """
    if _is_waited_for(workload):
        return Consequence.BLOCKS
    return Consequence.CERTAIN if certain or workload.is_daemon_set else Consequence.POSSIBLE


def aftermath(workload: Workload, failure: Failure | None = None) -> str:
    """Return what a failure means for the release, as a clause."""
    if _is_waited_for(workload):
        return f"Helm waits for the hook, so the {_actions(workload)} hangs until its timeout"
    if workload.is_test:
        return "`helm test` fails when it lands there"
    if failure is Failure.KUBELET:
        return _after_rejection(workload)
    if workload.is_daemon_set:
        return "every such node gets a pod that never runs, and the rollout never completes"
    if _kind(workload) in ("CronJob", "Job"):
        return "the pod never moves to another node, and the Job never completes"
    return "the pod never moves to another node by itself"


def outcome(failure: Failure | None, event: str) -> str:
    """Describe how the failure appears, with the text of the event."""
    quoted = f" with “{event}”" if event else ""
    match failure:
        case Failure.PULL:
            return f"the pull fails{quoted} (ImagePullBackOff)"
        case Failure.CREATE:
            return f"the image is pulled, then the container cannot be created{quoted}"
        case Failure.EXEC_FORMAT:
            return f"the image is pulled, then the container crashes{quoted}"
        case Failure.KUBELET:
            return f"the kubelet rejects the pod{quoted}"
        case _:
            return "it stays Pending"


def guard_text(guard: Guard, workload: Workload) -> str:
    """Return a guard as an instruction that fits the kind of the workload."""
    parts = []
    affinity = guard.affinity if workload.selector_path else guard.requirements
    if workload.selector_path and (selector := guard.node_selector):
        inner = ", ".join(f"{key}: {_quoted(value)}" for key, value in selector.items())
        parts.append(f"{_selector_name(workload)}: {{{inner}}}")
    parts += [f"required node affinity: {requirement}" for requirement in affinity]
    return " and ".join(parts)


def _selector_name(workload: Workload) -> str:
    """Return `nodeSelector`, or its path in a custom resource."""
    group = workload.ref.api_version.rpartition("/")[0]
    return "nodeSelector" if group in _WELL_KNOWN_GROUPS else workload.selector_path


def _kind(workload: Workload) -> str:
    return workload.controller or workload.ref.kind


def _is_waited_for(workload: Workload) -> bool:
    return workload.is_hook and workload.ref.kind in _WAITED_FOR


def _actions(workload: Workload) -> str:
    actions = (hook.partition("-")[2] for hook in workload.hooks)
    named = unique(_HOOK_ACTIONS.get(action, action) for action in actions if action)
    return listed(named, "or") or "release"


def _after_rejection(workload: Workload) -> str:
    if workload.is_daemon_set:
        return "its controller deletes and recreates it in a loop"
    if _kind(workload) in ("CronJob", "Job"):
        return "every rejected pod counts against the Job's backoffLimit"
    if _kind(workload) == "Pod":
        return "the pod is not recreated"
    return "its controller creates another, which may land there again"


def _quoted(value: str) -> str:
    """Quote numbers: without its last part, a build number would be a YAML float."""
    return f'"{value}"' if value[:1].isdigit() else value


def toleration_text(taint: Taint) -> str:
    """Return a toleration of a taint in YAML flow style."""
    value = f", value: {_quoted(taint.value)}" if taint.value else ""
    return f"{{key: {taint.key}, operator: Equal{value}, effect: {taint.effect}}}"


def ways_to_place(assessment: Assessment, fits: Sequence[PoolFit], guard: str = "") -> str:
    """Return how to get the workload onto a node that runs it, as one instruction.

    Args:
        fits: All pools of the clusters that have no node for it.
        guard: An instruction that keeps it off incompatible nodes, or "".
    """
    fits = [fit for fit in fits if suits_declaration(assessment.workload, fit.pool)] or fits
    able = [
        fit
        for fit in fits
        if fit.runnable is not Runnable.NO and not _missing_resources(assessment, [fit])
    ]
    if able:
        reasons = min(map(_obstacles, able), key=len)
        names = pool_names((fit for fit in able if _obstacles(fit) == reasons), assessment)
        why = "; ".join(reasons)
        then = f"; either way {guard}" if guard else ""
        return f"allow it on {names}, which can run it ({why}), or add nodes that accept it{then}"
    missing = _missing_resources(assessment, fits)
    offer = f" that offer {listed(missing)}" if missing else ""
    nodes = f"add nodes for {built_for(_usable_platforms(assessment), 'or')}{offer}"
    hosts = [fit.pool.platform for fit in fits if _wants_another_image(fit)]
    image = f"use an image that is built for {built_for(hosts, 'or')}, or " if hosts else ""
    then = f" and {guard}" if guard else ""
    return f"{image}{nodes}{then}"


def corrected(assessment: Assessment, corrections: Mapping[str, Sequence[str]]) -> Assessment:
    """Assess the workload as if it demanded these label values; no values drop the demand."""
    scheduling = _corrected(assessment.workload.scheduling, corrections)
    workload = replace(assessment.workload, scheduling=scheduling)
    fits = tuple(
        replace(fit, placement=place(workload, fit.pool, fit.cluster)) for fit in assessment.fits
    )
    return replace(assessment, workload=workload, fits=fits)


def remaining_fixes(assessment: Assessment) -> str:
    """Return what else the workload needs to run on every node it can land on, or ""."""
    incompatible = [fit for fit in assessment.fits if fit.incompatible and _is_open(fit)]
    guard = shortest_guard(assessment, incompatible) if incompatible else Guard()
    instruction = f"set {guard_text(guard, assessment.workload)}" if guard.requirements else ""
    without_node = [
        fit
        for _, fits in assessment.by_cluster
        if not any(map(could_run, fits)) and not assessment.workload.is_daemon_set
        for fit in fits
    ]
    return ways_to_place(assessment, without_node, instruction) if without_node else instruction


def _corrected(scheduling: Scheduling, corrections: Mapping[str, Sequence[str]]) -> Scheduling:
    def correct(items: Iterable[Requirement]) -> tuple[Requirement, ...]:
        return tuple(
            Requirement(item.key, "In", tuple(corrections[item.key]))
            if item.key in corrections
            else item
            for item in items
            if corrections.get(item.key, item.key)
        )

    terms = scheduling.required_terms
    if terms is not None:
        terms = tuple(
            dataclasses.replace(term, expressions=correct(term.expressions)) for term in terms
        )
    return dataclasses.replace(
        scheduling, node_selector=correct(scheduling.node_selector), required_terms=terms
    )


def _is_open(fit: PoolFit) -> bool:
    """Return whether at most a taint keeps the pod off."""
    return fit.lands_and_fails or fit.placement.by_taint_only


def _obstacles(fit: PoolFit) -> tuple[str, ...]:
    return tuple(step.message for step in fit.placement.deciding)


def _missing_resources(assessment: Assessment, fits: Sequence[PoolFit]) -> tuple[str, ...]:
    """Return the requested resources that no node of these pools offers."""
    offers = [fit.pool.resources for fit in fits]
    return tuple(
        name
        for name in assessment.workload.scheduling.resources
        if all(offer is not None and name not in offer for offer in offers)
    )


def _wants_another_image(fit: PoolFit) -> bool:
    """Return whether only the images keep the pod from running on a pool it can land on."""
    lands = fit.placement.verdict is not Verdict.REFUSED
    return lands and bool(fit.incompatible) and fit.refusal is None


def _usable_platforms(assessment: Assessment) -> Iterator[Platform]:
    """Yield the platforms that all images support and the pod's declared OS allows."""
    common = common_families(assessment)
    common = selected_families(assessment.workload.scheduling, common) or common
    declared = declared_systems(assessment.workload)
    for use in assessment.judged:
        for row in use.known.platforms if use.known else ():
            if family(row) in common and declared <= {row.os}:
                yield row
