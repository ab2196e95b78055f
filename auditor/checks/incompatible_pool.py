"""Pools on which the workload may land and cannot run, because nothing keeps it off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit
from auditor.causes import Cause, root_cause
from auditor.checks.interface import Check, Parameters
from auditor.compatibility import Compatibility, Mismatch
from auditor.findings import Guard, Observation
from auditor.guards import shortest_guard
from auditor.nodes import DEPRECATED_LABELS
from auditor.phrases import (
    aftermath,
    consequence,
    count,
    families,
    guard_text,
    lands,
    listed,
    outcome,
    subject,
    system,
    unique,
)

_GROUPS: Final = {
    Mismatch.OS: "os",
    Mismatch.ARCHITECTURE: "architecture",
    Mismatch.VARIANT: "architecture",
    Mismatch.FEATURES: "windows-build",
    Mismatch.WINDOWS_BUILD: "windows-build",
}


def _observe(assessment: Assessment, parameters: Parameters) -> Iterator[Observation]:
    if root_cause(assessment) is not Cause.MISSING_GUARD:
        return
    wanted = parameters["mismatch"]
    offending = [fit for fit in assessment.failing if fit.culprits and _group(fit) == wanted]
    if not offending:
        return
    workload = assessment.workload
    culprits = _culprits(offending, wanted)
    guard = shortest_guard(assessment, offending)
    first = offending[0]
    event = first.refusal.reason if first.refusal else first.culprits[0][1].event
    yield Observation(
        workload=workload,
        message=f"{lands(workload)} {_nodes(offending, wanted)}, {_lack(culprits, wanted)}",
        location=workload.pod_location,
        subjects=tuple(subject(use, result.message) for use, result in culprits),
        pools=tuple(f"{fit.cluster.name}/{fit.name}" for fit in offending),
        why=f"the scheduler does not look at images: on {first.name} "
        f"{outcome(first.failure, event)}; {aftermath(workload)}",
        fix=_fix(assessment, guard),
        guard=guard,
        consequence=consequence(workload),
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


def _nodes(offending: Sequence[PoolFit], wanted: str) -> str:
    hosts = [fit.pool.platform for fit in offending]
    if wanted == "os":
        return f"{listed(unique(system(host.os) for host in hosts))} nodes"
    if wanted == "architecture":
        return f"{listed(unique(f'{host.os}/{host.architecture}' for host in hosts))} nodes"
    return f"Windows nodes of build {listed(unique(host.windows_build for host in hosts))}"


def _lack(culprits: Sequence[tuple[ImageUse, Compatibility]], wanted: str) -> str:
    platforms = [row for use, _ in culprits if use.known for row in use.known.platforms]
    if not platforms:
        return "but its image holds nothing that runs"
    owner = "its image" if len(culprits) == 1 else f"{count(len(culprits), 'of its image')}"
    verb = "is" if len(culprits) == 1 else "are"
    if wanted == "os":
        systems = sorted({system(row.os) for row in platforms})
        kind = f"{systems[0]}-only" if len(systems) == 1 else f"for {listed(systems)} only"
        return f"but {owner} {verb} {kind}"
    if wanted == "architecture":
        return f"but {owner} {verb} built for {listed(families(platforms)[:6])} only"
    builds = unique(row.windows_build for row in platforms if row.os == "windows")
    return f"but {owner} {verb} built for Windows {listed(builds)}"


def _fix(assessment: Assessment, guard: Guard) -> str:
    scheduling = assessment.workload.scheduling
    if scheduling.node_name:
        return "remove spec.nodeName, which goes past every guard, and select nodes by label"
    if not guard.requirements:
        return "no label tells these nodes apart: taint them, or build the image for them too"
    keys = {DEPRECATED_LABELS.get(item.key, item.key) for item in scheduling.node_selector}
    verb = "change" if keys & {item.key for item in guard.requirements} else "set"
    return f"{verb} {guard_text(guard)}"


CHECK: Final = Check(_observe, parameters={"mismatch": ("architecture", "os", "windows-build")})
