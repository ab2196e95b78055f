"""Is a workload worse off than before? A remedy must not take from one what it gives to another."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from auditor.assessment import Assessment, PoolFit
from auditor.causes import could_run
from auditor.findings import Guard
from auditor.guards import admits
from auditor.manifests import Manifest, read_manifests
from auditor.phrases import listed, pool_ids, pool_names
from auditor.remedies.fields import AFFINITY, TOLERATIONS
from auditor.remedies.pod_values import REQUIRED
from auditor.remedies.settings import Setting
from auditor.scheduling import NodeSelectorTerm, Requirement, Scheduling
from auditor.workloads import Workload
from auditor.yaml.nodes import ShapeError


def find_harm(
    old: Assessment, new: Assessment, settings: Collection[Setting], whole: Guard | None
) -> str:
    """What is worse, as the end of a sentence on the workload; "" for nothing.

    settings: those whose knob feeds it. whole: the guard that it needs; None where it needs none.
    """
    lost = _lost_pools(old, new, whole)
    if lost:
        return f"is kept off {pool_names(lost, old)}, which may run it"
    failing = set(pool_ids(new.failing)) - set(pool_ids(old.failing))
    if failing:
        return f"can land on {listed(sorted(failing))} then, which cannot run it"
    return _lost_demands(old, new, settings)


def _lost_pools(old: Assessment, new: Assessment, whole: Guard | None) -> list[PoolFit]:
    left = {name for fit, name in zip(new.fits, pool_ids(new.fits), strict=True) if could_run(fit)}
    return [
        fit
        for fit, name in zip(old.fits, pool_ids(old.fits), strict=True)
        if could_run(fit) and name not in left and (whole is None or admits(whole, fit))
    ]


def _lost_demands(old: Assessment, new: Assessment, settings: Collection[Setting]) -> str:
    before, after = old.workload.scheduling, new.workload.scheduling
    changed = {item.key for made in settings for item in made.guard.requirements}
    entries = {item.key: item.values for item in after.node_selector}
    gone = [
        item.key
        for item in before.node_selector
        if item.key not in changed and entries.get(item.key) != item.values
    ]
    if gone:
        return f"no longer selects {listed(gone)}"
    if not _still_requires(before, after):
        return "no longer has the node affinity that its template gives it"
    fields = {made.knob.field for made in settings}
    if TOLERATIONS not in fields and before.tolerations != after.tolerations:
        return "no longer has the same tolerations"
    if AFFINITY in fields and _other_affinity(old.workload) != _other_affinity(new.workload):
        return "no longer has the affinity that its template gives it"
    return ""


def _still_requires(before: Scheduling, after: Scheduling) -> bool:
    """Whether every term that is enough now includes one that was enough before."""
    if before.required_terms is None:
        return True
    old = [_demands(term) for term in before.required_terms]
    new = [_demands(term) for term in after.required_terms or ()]
    return bool(new) and all(any(_includes(term, part) for part in old) for term in new)


def _demands(term: NodeSelectorTerm) -> tuple[Requirement, ...]:
    return (*term.expressions, *term.fields)


def _includes(term: Iterable[Requirement], part: Iterable[Requirement]) -> bool:
    stated = list(term)
    return all(item in stated for item in part)


def _other_affinity(workload: Workload) -> dict[str, Any]:
    """Preferred node affinity, and affinity to pods: a value replaces the template's as a whole."""
    path = workload.selector_path.split(".")[:-1]
    for manifest in read_manifests(workload.document):
        if isinstance(manifest, Manifest) and manifest.ordinal == workload.ordinal and path:
            try:
                affinity = manifest.root.at(*path, "affinity")
            except ShapeError:  # a path that leads into a list
                return {}
            return {} if affinity is None else _without_required(affinity.plain())
    return {}


def _without_required(affinity: dict[str, Any]) -> dict[str, Any]:
    nodes = affinity.pop("nodeAffinity", None)
    if isinstance(nodes, dict):
        nodes.pop(REQUIRED, None)
        if nodes:
            affinity["nodeAffinity"] = nodes
    return affinity
