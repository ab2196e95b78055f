"""What the API server makes of a pod before anybody schedules it.

Validation (core/v1 `validation.go`, as far as it concerns placement) and the admission plug-ins
that change placement: RuntimeClass (`admission.go` setScheduling) and PodNodeSelector.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from auditor.nodes import ClusterProfile
from auditor.predicates import COMPARISON_GATE
from auditor.scheduling import NodeSelectorTerm, Requirement, Scheduling, Toleration
from auditor.workloads import Workload

SYSTEMS: Final = ("linux", "windows")
NAMESPACE_PLUGINS: Final[Mapping[str, str]] = {
    "PodNodeSelector": "scheduler.alpha.kubernetes.io/node-selector",
    "OriginPodNodeEnvironment": "openshift.io/node-selector",
}
"""Admission plug-ins that merge a namespace's node selector into its pods, and the annotation of
the Namespace that each reads: Kubernetes' own, off by default, and OpenShift's, on by default."""

_EXPRESSION_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


@dataclass(frozen=True, slots=True)
class Admission:
    """What becomes of a pod at the API server.

    scheduling: the pod's, after admission plug-ins. refusals: why no pod is ever made, a sentence
    each. open_question: why the scheduling may be incomplete (an unknown RuntimeClass), or "".
    """

    scheduling: Scheduling
    refusals: tuple[str, ...] = ()
    open_question: str = ""


def admit(workload: Workload, cluster: ClusterProfile) -> Admission:
    """The admission of a workload's pods into a cluster."""
    refusals = tuple(_invalidities(workload.scheduling, cluster))
    classed = _runtime_class(workload.scheduling, cluster)
    selected = _namespace_selector(classed.scheduling, workload.ref.namespace, cluster)
    return Admission(
        selected.scheduling,
        refusals + classed.refusals + selected.refusals,
        classed.open_question,
    )


def _runtime_class(scheduling: Scheduling, cluster: ClusterProfile) -> Admission:
    name = scheduling.runtime_class
    if not name:
        return Admission(scheduling)
    found = cluster.runtime_classes.get(name)
    if found is None:
        sentence = f"RuntimeClass {name} is neither in the cluster profile nor among the manifests"
        if cluster.all_classes_known:
            return Admission(scheduling, refusals=(f"RuntimeClass {name} does not exist",))
        return Admission(scheduling, open_question=sentence)
    return _merge(scheduling, found.node_selector, found.tolerations, f"RuntimeClass {name}")


def _namespace_selector(
    scheduling: Scheduling, namespace: str, cluster: ClusterProfile
) -> Admission:
    if cluster.plugins.isdisjoint(NAMESPACE_PLUGINS):
        return Admission(scheduling)
    namespace = namespace or "default"
    selector = cluster.namespace_selectors.get(namespace, {})
    return _merge(scheduling, selector, (), f"the node selector of namespace {namespace}")


def _merge(
    scheduling: Scheduling,
    selector: Mapping[str, str],
    tolerations: tuple[Toleration, ...],
    origin: str,
) -> Admission:
    own = {requirement.key: requirement.values[0] for requirement in scheduling.node_selector}
    conflicts = tuple(
        f"{origin} demands {key}={value}, the pod {key}={own[key]}: the pod is forbidden"
        for key, value in selector.items()
        if own.get(key, value) != value
    )
    added = tuple(
        Requirement(key, "In", (value,)) for key, value in selector.items() if key not in own
    )
    merged = replace(
        scheduling,
        node_selector=scheduling.node_selector + added,
        tolerations=scheduling.tolerations
        + tuple(item for item in tolerations if item not in scheduling.tolerations),
    )
    return Admission(merged, conflicts)


def _invalidities(scheduling: Scheduling, cluster: ClusterProfile) -> Iterator[str]:
    if scheduling.required_terms == ():
        yield "required node affinity must have at least one node selector term"
    for term in scheduling.required_terms or ():
        yield from _invalid_requirements(term)
    for toleration in scheduling.tolerations:
        yield from _invalid_toleration(toleration, cluster)
    yield from _invalid_os(scheduling)


def _invalid_requirements(term: NodeSelectorTerm) -> Iterator[str]:
    for item in term.expressions:
        count = len(item.values)
        wrong = {
            "In": count == 0,
            "NotIn": count == 0,
            "Exists": count > 0,
            "DoesNotExist": count > 0,
            "Gt": count != 1,
            "Lt": count != 1,
        }
        if item.operator not in _EXPRESSION_OPERATORS:
            yield f"`{item.operator}` is not a node selector operator"
        elif wrong[item.operator]:
            yield f"operator {item.operator} on {item.key} has the wrong number of values ({count})"
    for item in term.fields:
        if item.key != "metadata.name":
            yield f"matchFields knows only metadata.name, not {item.key}"
        elif item.operator not in ("In", "NotIn") or len(item.values) != 1:
            yield "matchFields wants operator In or NotIn with exactly one value"


def _invalid_toleration(toleration: Toleration, cluster: ClusterProfile) -> Iterator[str]:
    operator = toleration.operator or "Equal"
    if operator in ("Gt", "Lt") and COMPARISON_GATE not in cluster.gates:
        yield f"toleration operator {operator} needs the feature gate {COMPARISON_GATE}"
    elif operator not in ("Equal", "Exists", "Gt", "Lt"):
        yield f"`{operator}` is not a toleration operator"
    if not toleration.key and operator != "Exists":
        yield "a toleration without a key must have operator Exists"
    if operator == "Exists" and toleration.value:
        yield "a toleration with operator Exists must have no value"


def _invalid_os(scheduling: Scheduling) -> Iterator[str]:
    name = scheduling.os_name
    if name and name not in SYSTEMS:
        yield f"spec.os.name is {name}; it must be linux or windows"
    forbidden = {"windows": scheduling.linux_only, "linux": scheduling.windows_only}.get(name, ())
    if forbidden:
        yield f"spec.os.name is {name}, which forbids {', '.join(forbidden)}"
