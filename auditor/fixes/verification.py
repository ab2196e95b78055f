"""Verify remedies: compare the assessments before and after, and find harm to any workload.

A `Need` is a finding that a guard would resolve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from auditor.checks.assessment import Assessment, PoolFit
from auditor.checks.findings import Guard, Observation
from auditor.checks.guards import admits, shortest_guard
from auditor.checks.root_cause import could_run
from auditor.checks.rulebook import Rule
from auditor.checks.wording import listed, pool_ids, pool_names
from auditor.files.yaml_nodes import ShapeError, repeated_keys
from auditor.fixes.paths import AFFINITY, REQUIRED, TOLERATIONS
from auditor.fixes.renderings import ChartView, WorkloadId, workload_id
from auditor.fixes.value_search import Setting
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.policy.policy import Judged
from auditor.sources.rendering import makes_pods


def find_harm(
    old: Assessment, new: Assessment, settings: Collection[Setting], whole: Guard | None
) -> str:
    """Return what is worse for a workload, as the end of a sentence; "" for nothing.

    Args:
        settings: The settings that affect it.
        whole: The guard that it needs, or None.
    """
    lost = _lost_pools(old, new, whole)
    if lost:
        return f"is kept off {pool_names(lost, old)}, which may run it"
    failing = set(pool_ids(new.failing)) - set(pool_ids(old.failing))
    if failing:
        return f"can then land on {listed(sorted(failing))}, which cannot run it"
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
        return "no longer has the node affinity of its template"
    fields = {made.knob.field for made in settings}
    if TOLERATIONS not in fields and before.tolerations != after.tolerations:
        return "no longer has the same tolerations"
    if AFFINITY in fields and _other_affinity(old.workload) != _other_affinity(new.workload):
        return "no longer has the affinity of its template"
    return ""


def _still_requires(before: Scheduling, after: Scheduling) -> bool:
    """Return whether every new term includes all requirements of an old one."""
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
    """Return preferred node affinity and pod affinity, which a value may have replaced."""
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


class Need(Struct, frozen=True):
    """An observation with a guard, and what is needed to resolve it.

    Attributes:
        number: The index of the observation in the audit.
        offending: The pools that the guard must exclude.
        whole: The guard for all observations of the workload.
    """

    number: int
    rule: Rule
    observation: Observation
    assessment: Assessment
    offending: tuple[PoolFit, ...]
    whole: Guard

    @property
    def workload(self) -> WorkloadId:
        return workload_id(self.observation.workload)

    @property
    def guard(self) -> Guard:
        return self.observation.guard

    @property
    def document(self) -> Document:
        return self.observation.workload.document

    @property
    def has_home(self) -> bool:
        """Whether a guard is sufficient, because every cluster has a node that may run the pod.

        A DaemonSet needs no node: its controller creates no pods for excluded nodes.
        """
        homes = {id(fit.cluster) for fit in self.assessment.fits if could_run(fit)}
        return self.observation.workload.is_daemon_set or all(
            id(fit.cluster) in homes for fit in self.offending
        )

    def is_met_by(self, guard: Guard) -> bool:
        """Return whether a pod with this guard is kept off the offending pools."""
        return not any(admits(guard, fit) for fit in self.offending)

    def is_met_in(self, after: Assessment | None) -> bool:
        """Return whether the rule no longer reports the pools for the changed workload."""
        if after is None:
            return False
        seen = self.rule.check.observe(after, self.rule.parameters)
        return all(set(item.pools).isdisjoint(self.observation.pools) for item in seen)


def find_needs(observed: Sequence[Judged], assessments: Iterable[Assessment]) -> tuple[Need, ...]:
    """Return the needs among the observations."""
    by_workload = {id(item.workload): item for item in assessments}
    found: dict[int, list[tuple[int, Judged]]] = {}
    for number, (rule, seen) in enumerate(observed):
        if seen.guard.requirements and id(seen.workload) in by_workload:
            found.setdefault(id(seen.workload), []).append((number, (rule, seen)))
    return tuple(
        need for name, numbered in found.items() for need in _needs(numbered, by_workload[name])
    )


def _needs(numbered: Sequence[tuple[int, Judged]], assessment: Assessment) -> Iterable[Need]:
    pools = {name for _, (_, seen) in numbered for name in seen.pools}
    whole = shortest_guard(assessment, _fits(assessment, pools))
    for number, (rule, seen) in numbered:
        offending = _fits(assessment, set(seen.pools))
        yield Need(number, rule, seen, assessment, offending, whole)


def _fits(assessment: Assessment, pools: set[str]) -> tuple[PoolFit, ...]:
    names = pool_ids(assessment.fits)
    return tuple(fit for fit, name in zip(assessment.fits, names, strict=True) if name in pools)


class Before(Struct, frozen=True):
    """A chart as audited.

    Attributes:
        needs: What is to be resolved.
        texts: Rendered templates that create pods, by name.
        unreadable: Number of objects that cannot be read.
    """

    view: ChartView
    assessments: Mapping[WorkloadId, Assessment]
    needs: Sequence[Need]
    texts: Mapping[str, str]
    unreadable: int = 0


class Outcome(Struct):
    """The effect of a proposal.

    Attributes:
        met: The numbers of the needs that it resolves.
        harmed: Workloads that are worse than before, with the end of a sentence about each.
        broken: What is wrong with the chart as a whole, or "".
    """

    met: set[int] = field(default_factory=set)
    harmed: dict[WorkloadId, str] = field(default_factory=dict)
    broken: str = ""


def judge_outcome(
    before: Before, settings: Collection[Setting], texts: Mapping[str, str]
) -> Outcome:
    """Compare the chart before with the texts rendered with the settings."""
    rendered = {
        name: text for name, text in texts.items() if name in before.texts or makes_pods(text)
    }
    reading = before.view.read(rendered)
    assess = before.view.judging.assess
    after = {name: assess(item) for name, item in reading.workloads.items()}
    whole = {need.workload: need.whole for need in before.needs}
    outcome = Outcome()
    for name, old in before.assessments.items():
        feeding = [made for made in settings if name in made.knob.feeds]
        new = after.get(name)
        if new is None:
            outcome.harmed[name] = "is no longer rendered"
        elif why := find_harm(old, new, feeding, whole.get(name)):
            outcome.harmed[name] = why
        elif _repeats_more(before.texts[name[0]], rendered[name[0]]):
            outcome.harmed[name] = "has a duplicate key in its manifest"
    if reading.unreadable > before.unreadable:
        outcome.broken = "a template renders an invalid manifest with it"
    elif after.keys() - before.assessments.keys():
        outcome.broken = "the chart renders other workloads with it"
    outcome.met = {need.number for need in before.needs if need.is_met_in(after.get(need.workload))}
    return outcome


def _repeats_more(before: str, after: str) -> bool:
    if before == after:
        return False
    then, now = (Counter(key.text() for key in repeated_keys(text)) for text in (before, after))
    return bool(now - then)
