"""What to do for a workload that no pool of a cluster both takes and runs, or that asks amiss.

Words that observations share, so that every rule says the same thing in the same way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Consequence, Guard, Subject
from auditor.checks.guards import shortest_guard
from auditor.checks.root_cause import common_families, could_run, declared_systems, family
from auditor.images.platforms import Platform, normalise
from auditor.kubernetes.pod_spec import Requirement, Scheduling
from auditor.kubernetes.workloads import Container, Role, Workload
from auditor.scheduling.compatibility import Failure, Runnable
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
    """An operating system as people write it."""
    return _SYSTEMS.get(name, name)


def listed(items: Iterable[str], last: str = "and", limit: int = 0) -> str:
    """`a`, `a and b`, `a, b and c`; with a limit, `a, b and 7 others`. Nothing gives ""."""
    names = list(items)
    if limit and len(names) > limit + 1:
        names = [*names[:limit], f"{len(names) - limit} others"]
    *head, tail = names or [""]
    return f"{', '.join(head)} {last} {tail}" if head else tail


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Each once, in the order of their first appearance."""
    return tuple(dict.fromkeys(items))


def count(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def built_for(platforms: Iterable[Platform], last: str = "and") -> str:
    """`linux/amd64, linux/arm64 and Windows 10.0.20348`: builds where a platform states one."""
    names = (
        f"{system(platform.os)} {platform.windows_build}"
        if platform.windows_build
        else normalise(platform).family
        for platform in platforms
    )
    return listed(unique(names), last, limit=6) or "no platform"


def only_for(platforms: Sequence[Platform]) -> str:
    """Which operating systems there are: `Linux-only`, `for Linux and macOS only`."""
    systems = sorted({system(platform.os) for platform in platforms})
    return f"{systems[0]}-only" if len(systems) == 1 else f"for {listed(systems)} only"


def subject(use: ImageUse, problem: str = "") -> Subject:
    """A container as an observation shows it."""
    platforms = tuple(map(str, use.known.platforms)) if use.known else ()
    container = use.container
    return Subject(container.name, container.role.value, container.image, platforms, problem)


def container_text(container: Container) -> str:
    """`container `web``, `init container `migrate``."""
    return f"{_ROLES.get(container.role, 'container')} `{container.name}`"


def images_are(guilty: Sequence[ImageUse], assessment: Assessment) -> str:
    """Subject and verb for the images at fault: `its image is`, `2 of its 3 images are`."""
    total = len(assessment.judged)
    if total == 1:
        return "its image is"
    if len(guilty) == total:
        return "its images are"
    if len(guilty) == 1:
        return f"the image of {container_text(guilty[0].container)} is"
    return f"{len(guilty)} of its {total} images are"


def pool_ids(fits: Iterable[PoolFit]) -> tuple[str, ...]:
    """The pools as an observation names them: `cluster/pool`."""
    return tuple(f"{fit.cluster.name}/{fit.name}" for fit in fits)


def pool_names(fits: Iterable[PoolFit], assessment: Assessment) -> str:
    """The pools in a sentence; with their clusters only where there are several."""
    fits = list(fits)
    several = len(assessment.by_cluster) > 1
    return listed(unique(pool_ids(fits) if several else (fit.name for fit in fits)), limit=4)


def reasons_by_pool(fits: Sequence[PoolFit], assessment: Assessment) -> str:
    """Why each pool is none, those with the same reason together."""
    groups: dict[str, list[PoolFit]] = {}
    for fit in fits:
        if fit.reasons:
            groups.setdefault(fit.reasons[0], []).append(fit)
    return "; ".join(f"{pool_names(group, assessment)}: {why}" for why, group in groups.items())


def lands(workload: Workload) -> str:
    """Subject and verb, as sure as the kind of workload makes it."""
    if workload.is_daemon_set:
        return f"{workload} puts a pod on"
    if workload.is_hook:
        return f"{workload} ({workload.hooks[0]} hook) can land on"
    if workload.is_test:
        return f"{workload} (Helm test) can land on"
    return f"{workload} can land on"


def consequence(workload: Workload, *, certain: bool = False) -> Consequence:
    """A hook blocks the release, a DaemonSet fails for certain, others may be lucky.

    certain: there is no node on which it would not fail.
    """
    if _is_waited_for(workload):
        return Consequence.BLOCKS
    return Consequence.CERTAIN if certain or workload.is_daemon_set else Consequence.POSSIBLE


def aftermath(workload: Workload, failure: Failure | None = None) -> str:
    """What a failure means for the release, one clause."""
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
    """How the failure shows, with the text that the user will find."""
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
    """A guard as an instruction, in the words of the workload's kind."""
    parts = []
    affinity = guard.affinity if workload.selector_path else guard.requirements
    if workload.selector_path and (selector := guard.node_selector):
        inner = ", ".join(f"{key}: {_quoted(value)}" for key, value in selector.items())
        parts.append(f"{_selector_name(workload)}: {{{inner}}}")
    parts += [f"required node affinity: {requirement}" for requirement in affinity]
    return " and ".join(parts)


def _selector_name(workload: Workload) -> str:
    """`nodeSelector`, with its path in custom resources, where it may stand in any place."""
    group = workload.ref.api_version.rpartition("/")[0]
    return "nodeSelector" if group in _WELL_KNOWN_GROUPS else workload.selector_path


def _kind(workload: Workload) -> str:
    """Whose rules the pods follow."""
    return workload.controller or workload.ref.kind


def _is_waited_for(workload: Workload) -> bool:
    return workload.is_hook and workload.ref.kind in _WAITED_FOR


def _actions(workload: Workload) -> str:
    actions = (hook.partition("-")[2] for hook in workload.hooks)
    named = unique(_HOOK_ACTIONS.get(action, action) for action in actions if action)
    return listed(named, "or") or "release"


def _after_rejection(workload: Workload) -> str:
    if workload.is_daemon_set:
        return "its controller deletes and makes it again without end"
    if _kind(workload) in ("CronJob", "Job"):
        return "every rejected pod counts against the Job's backoffLimit"
    if _kind(workload) == "Pod":
        return "nobody makes another"
    return "its controller makes another, which may land there again"


def _quoted(value: str) -> str:
    """Build numbers look like text to YAML, but people drop the last dot: quote them."""
    return f'"{value}"' if value[:1].isdigit() else value


def new_home(assessment: Assessment, fits: Sequence[PoolFit], guard: str = "") -> str:
    """The ways out, as one instruction.

    fits: all pools of the clusters without a home for it. guard: what keeps it on nodes that run
    its images as they are, as an instruction; "" where nothing does, or nothing has to.
    """
    able = [
        fit for fit in fits if fit.runnable is not Runnable.NO and not _lacking(assessment, [fit])
    ]
    if able:
        reasons = min(map(_obstacles, able), key=len)
        names = pool_names((fit for fit in able if _obstacles(fit) == reasons), assessment)
        why = "; ".join(reasons)
        then = f"; either way {guard}" if guard else ""
        return f"let it onto {names}, which can run it ({why}), or add nodes that take it{then}"
    lacking = _lacking(assessment, fits)
    offer = f" that offer {listed(lacking)}" if lacking else ""
    nodes = f"add nodes for {built_for(_homes(assessment), 'or')}{offer}"
    hosts = [fit.pool.platform for fit in fits if _wants_another_image(fit)]
    image = f"use an image that is built for {built_for(hosts, 'or')}, or " if hosts else ""
    then = f" and {guard}" if guard else ""
    return f"{image}{nodes}{then}"


def corrected(assessment: Assessment, corrections: Mapping[str, Sequence[str]]) -> Assessment:
    """What there would be to say of the workload if it demanded these values of these labels.

    A label without any values is not demanded at all.
    """
    scheduling = _corrected(assessment.workload.scheduling, corrections)
    workload = replace(assessment.workload, scheduling=scheduling)
    fits = tuple(
        replace(fit, placement=place(workload, fit.pool, fit.cluster)) for fit in assessment.fits
    )
    return replace(assessment, workload=workload, fits=fits)


def rest_to_do(assessment: Assessment) -> str:
    """What else the workload needs in order to run wherever it lands; "" where that is all."""
    foreign = [fit for fit in assessment.fits if fit.culprits and _is_open(fit)]
    guard = shortest_guard(assessment, foreign) if foreign else Guard()
    instruction = f"set {guard_text(guard, assessment.workload)}" if guard.requirements else ""
    homeless = [
        fit
        for _, fits in assessment.by_cluster
        if not any(map(could_run, fits)) and not assessment.workload.is_daemon_set
        for fit in fits
    ]
    return new_home(assessment, homeless, instruction) if homeless else instruction


def _corrected(scheduling: Scheduling, corrections: Mapping[str, Sequence[str]]) -> Scheduling:
    def right(items: Iterable[Requirement]) -> tuple[Requirement, ...]:
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
            dataclasses.replace(term, expressions=right(term.expressions)) for term in terms
        )
    return dataclasses.replace(
        scheduling, node_selector=right(scheduling.node_selector), required_terms=terms
    )


def _is_open(fit: PoolFit) -> bool:
    """Whether nothing but a taint keeps it off, if anything does."""
    return fit.lands_and_fails or fit.placement.by_taint_only


def _obstacles(fit: PoolFit) -> tuple[str, ...]:
    return tuple(step.message for step in fit.placement.deciding)


def _lacking(assessment: Assessment, fits: Sequence[PoolFit]) -> tuple[str, ...]:
    """The resources that it asks for and that no node of these pools offers."""
    offers = [fit.pool.resources for fit in fits]
    return tuple(
        name
        for name in assessment.workload.scheduling.resources
        if all(offer is not None and name not in offer for offer in offers)
    )


def _wants_another_image(fit: PoolFit) -> bool:
    """Whether the pod may land there, and nothing but its image is wrong."""
    lands = fit.placement.verdict is not Verdict.REFUSED
    return lands and bool(fit.culprits) and fit.refusal is None


def _homes(assessment: Assessment) -> Iterator[Platform]:
    """The platforms that all images support, and that the pod does not declare to be wrong."""
    common = common_families(assessment)
    declared = declared_systems(assessment.workload)
    for use in assessment.judged:
        for row in use.known.platforms if use.known else ():
            if family(row) in common and declared <= {row.os}:
                yield row
