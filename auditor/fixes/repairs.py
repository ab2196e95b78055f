"""Find the guard and the tolerations that a workload needs, and judge a changed workload."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.assessment import Assess, Assessment, PoolFit
from auditor.checks.findings import Guard, Observation
from auditor.checks.guards import shortest_guard
from auditor.checks.root_cause import could_run
from auditor.checks.rulebook import Rule
from auditor.checks.taints import CONTROL_PLANE, closed_by_taints, keeping_taints
from auditor.checks.wording import pool_ids, pool_names
from auditor.files.yaml_editing import Append, Each
from auditor.fixes.paths import REQUIRED, match_expressions, required_affinity
from auditor.fixes.verification import find_harm
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Scheduling, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.policy.policy import Judged
from auditor.scheduling.compatibility import Runnable
from auditor.scheduling.nodes import Taint


class Repair(Struct, frozen=True):
    """The smallest change of a workload that resolves findings.

    Attributes:
        guard: Which nodes it selects.
        tolerations: What it must tolerate to run on them.
        resolved: The findings that are gone with it.
    """

    before: Assessment
    guard: Guard
    tolerations: tuple[Toleration, ...]
    resolved: tuple[Judged, ...]

    @property
    def workload(self) -> Workload:
        return self.before.workload


class Bench(Struct, frozen=True):
    """Assesses workloads and applies the rules as the audit does."""

    assess: Assess
    rules: tuple[Rule, ...]

    def observed(self, assessment: Assessment) -> list[Judged]:
        return [
            (rule, seen)
            for rule in self.rules
            for seen in rule.check.observe(assessment, rule.parameters)
        ]

    def repair(self, before: Assessment, findings: Sequence[Judged]) -> Repair | None:
        """Return the repair that resolves the most of these findings; None for none."""
        if before.workload.scheduling.node_name:
            return None
        pools = {name for _, seen in findings for name in seen.pools}
        named = zip(before.fits, pool_ids(before.fits), strict=True)
        offending = [fit for fit, name in named if name in pools and fit.runnable is Runnable.NO]
        guards = [seen.guard for _, seen in findings if seen.guard.requirements]
        whole = shortest_guard(before, offending) if offending else Guard()
        if not offending and guards:
            whole = guards[0]
        guarded = self.assess(guarded_workload(before.workload, whole, ()))
        tolerations = _tolerations(guarded)
        after = self.assess(guarded_workload(before.workload, whole, tolerations))
        if not (whole.requirements or tolerations) or self.objection(before, after, whole):
            return None
        resolved = self.resolved(findings, after)
        return Repair(before, whole, tolerations, resolved) if resolved else None

    def resolved(self, findings: Iterable[Judged], after: Assessment) -> tuple[Judged, ...]:
        """Return the findings that the rules no longer make."""
        left = self.observed(after)
        return tuple(
            (rule, seen)
            for rule, seen in findings
            if not any(
                other.id == rule.id and now.aspect == seen.aspect and _share_pools(now, seen)
                for other, now in left
            )
        )

    def objection(self, before: Assessment, after: Assessment, guard: Guard) -> str:
        """Return what is wrong with a changed workload, as the end of a sentence, or ""."""
        known = [(rule.id, set(seen.pools)) for rule, seen in self.observed(before)]
        for rule, seen in self.observed(after):
            if not any(rule.id == old and set(seen.pools) <= pools for old, pools in known):
                return f"would have a finding of {rule.id}"
        lost = _lost_runs(before, after)
        if before.workload.is_daemon_set and lost:
            return f"would no longer run on {pool_names(lost, before)}"
        if not _has_home(before, after):
            return "would not run on any node"
        return find_harm(before, _without_more_tolerations(after, before), (), guard)


def _without_more_tolerations(after: Assessment, before: Assessment) -> Assessment:
    scheduling = after.workload.scheduling
    kept = scheduling.tolerations[: len(before.workload.scheduling.tolerations)]
    scheduling = dataclasses.replace(scheduling, tolerations=kept)
    return replace(after, workload=replace(after.workload, scheduling=scheduling))


def _share_pools(one: Observation, other: Observation) -> bool:
    return not other.pools or not set(one.pools).isdisjoint(other.pools)


def _lost_runs(before: Assessment, after: Assessment) -> list[PoolFit]:
    """Return the pools on which the workload ran, and does not run any more."""
    pairs = zip(before.fits, after.fits, strict=True)
    ran = (fit for fit, now in pairs if could_run(fit) and not could_run(now))
    return [fit for fit in ran if fit.runnable is Runnable.YES]


def _has_home(before: Assessment, after: Assessment) -> bool:
    """Return whether the workload runs in every cluster where it is for some pool.

    The DaemonSet controller creates no pod for other nodes, so a DaemonSet needs one cluster.
    """
    homes = [any(map(could_run, fits)) for _, fits in after.by_cluster]
    if before.workload.is_daemon_set:
        return any(homes)
    had = [any(map(could_run, fits)) for _, fits in before.by_cluster]
    landed = [any(fit.lands_and_fails for fit in fits) for _, fits in before.by_cluster]
    return all(
        home or not (was or lands) for home, was, lands in zip(homes, had, landed, strict=True)
    ) and any(homes)


def _tolerations(guarded: Assessment) -> tuple[Toleration, ...]:
    """Return the tolerations without which a workload has no node, or a DaemonSet lacks some."""
    workload = guarded.workload
    taints: dict[Taint, None] = {}
    for _, fits in guarded.by_cluster:
        closed = closed_by_taints(workload, fits)
        if not workload.is_daemon_set:
            closed = [] if any(map(could_run, fits)) else _nearest(workload, fits)
        for fit in closed:
            taints |= dict.fromkeys(keeping_taints(workload, fit))
    return tuple(_toleration(taint) for taint in taints)


def _nearest(workload: Workload, fits: Iterable[PoolFit]) -> list[PoolFit]:
    """Return the pool that the fewest taints close, if the pod would run there."""
    closed = [
        fit
        for fit in fits
        if fit.placement.by_taint_only
        and fit.runnable is not Runnable.NO
        and not any(taint.key in CONTROL_PLANE for taint in fit.pool.taints)
    ]
    return sorted(closed, key=lambda fit: len(keeping_taints(workload, fit)))[:1]


def _toleration(taint: Taint) -> Toleration:
    return Toleration(taint.key, "Equal", taint.value, taint.effect)


def guarded_workload(
    workload: Workload, guard: Guard, tolerations: tuple[Toleration, ...]
) -> Workload:
    """Return the workload as it is with a guard and tolerations."""
    known = workload.scheduling
    selector, affinity = split_guard(workload, guard)
    terms = known.required_terms
    if affinity.requirements:
        terms = tuple(_narrowed(term, affinity) for term in terms or (_ANY,))
    scheduling: Scheduling = dataclasses.replace(
        known,
        node_selector=(*known.node_selector, *selector.requirements),
        required_terms=terms,
        tolerations=(*known.tolerations, *tolerations),
    )
    return replace(workload, scheduling=scheduling)


_ANY = NodeSelectorTerm()


def _narrowed(term: NodeSelectorTerm, guard: Guard) -> NodeSelectorTerm:
    if term is not _ANY and not (term.expressions or term.fields):
        return term  # an empty term matches no node
    return dataclasses.replace(term, expressions=(*term.expressions, *guard.requirements))


def split_guard(workload: Workload, guard: Guard) -> tuple[Guard, Guard]:
    """Return what is written as nodeSelector, and what as required node affinity.

    The selector is extended if there is one, else existing affinity, else a selector is added.
    """
    known = workload.scheduling
    has_selector = "nodeSelector" in workload.fields
    if not has_selector or (known.required_terms and not known.node_selector):
        return Guard(), guard
    chosen = guard.node_selector
    held = {item.key: item.values for item in known.node_selector}
    return (
        Guard(
            tuple(
                item
                for item in guard.requirements
                if item.key in chosen and item.operator == "In" and item.key not in held
            )
        ),
        Guard(guard.affinity),
    )


def repair_changes(repair: Repair) -> list[tuple[str, Any]] | None:
    """Return the changes of fields by name; None if the object has no field for one of them."""
    workload = repair.workload
    selector, affinity = split_guard(workload, repair.guard)
    changes: list[tuple[str, Any]] = []
    if selector.requirements:
        changes.append(("nodeSelector", selector.node_selector))
    if affinity.requirements:
        required = required_affinity(affinity.requirements)
        if workload.scheduling.required_terms:
            more = Append(tuple(match_expressions(affinity.requirements)))
            terms = {"nodeSelectorTerms": Each({"matchExpressions": more})}
            required = {"nodeAffinity": {REQUIRED: terms}}
        if "nodeAffinity" in workload.fields:
            changes.append(("nodeAffinity", required["nodeAffinity"]))
        else:
            changes.append(("affinity", required))
    if repair.tolerations:
        items = tuple(toleration_fields(item) for item in repair.tolerations)
        changes.append(("tolerations", Append(items)))
    return changes if all(name in workload.fields for name, _ in changes) else None


def toleration_fields(item: Toleration) -> dict[str, str]:
    """Return a `core/v1` Toleration object."""
    named = {"key": item.key, "operator": item.operator, "value": item.value, "effect": item.effect}
    return {key: value for key, value in named.items() if value}


def accepted(repairs: Sequence[Repair], holds: Callable[[Sequence[Repair]], bool]) -> list[Repair]:
    """Return the repairs that hold together; those that fail are tried in halves."""
    done: list[Repair] = []
    pending = [list(repairs)] if repairs else []
    while pending:
        group = pending.pop(0)
        if holds([*done, *group]):
            done += group
        elif len(group) > 1:
            middle = len(group) // 2
            pending[:0] = [group[:middle], group[middle:]]
    return done
