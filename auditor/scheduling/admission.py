"""Validation and admission of pods, as far as they affect placement.

Implements the admission plug-ins that change placement: RuntimeClass (`admission.go`
setScheduling), PodNodeSelector, and OpenShift's OriginPodNodeEnvironment.

Sources: Kubernetes `pkg/apis/core/validation/validation.go` (ValidatePodSpec, ValidateTolerations,
ValidateNodeSelectorTerm, validateOS, validateWindowsHostProcessPod, ValidatePodCreate) and
apimachinery `util/validation` for labels.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor.kubernetes.placeholders import unfilled
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Scheduling, Toleration
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.nodes import ClusterProfile
from auditor.scheduling.predicates import COMPARISON_GATE, as_integer

SYSTEMS: Final = ("linux", "windows")

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_EFFECTS: Final = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
_MAX_NAME: Final = 63
_MAX_PREFIX: Final = 253
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_PREFIX: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def invalidities(scheduling: Scheduling, gates: Collection[str] = ()) -> Iterator[str]:
    """Yield why the API server rejects such a pod, one sentence each.

    Args:
        gates: Enabled feature gates.
    """
    for item in scheduling.node_selector:
        yield from _invalid_key(item, "nodeSelector")
        yield from _invalid_values(item, "nodeSelector")
    if scheduling.required_terms == ():
        yield "required node affinity must have at least one node selector term"
    for term in scheduling.required_terms or ():
        yield from _invalid_term(term)
        for item in term.expressions:
            yield from _invalid_values(item, "node affinity")
    for term in scheduling.preferred_terms:
        yield from _invalid_term(term)
    for toleration in scheduling.tolerations:
        yield from _invalid_toleration(toleration, gates)
    yield from _invalid_os(scheduling)
    yield from _invalid_host_process(scheduling)
    if scheduling.node_name and scheduling.gated:
        yield "a pod with scheduling gates must not name its node"


def is_label_key(text: str) -> bool:
    """Return whether a text is a valid label key (`IsQualifiedName`)."""
    prefix, slash, name = text.rpartition("/")
    if slash and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _MAX_PREFIX):
        return False
    return bool(_NAME.fullmatch(name)) and len(name) <= _MAX_NAME


def is_label_value(text: str) -> bool:
    """Return whether a text is a valid label value (`IsValidLabelValue`)."""
    return not text or (len(text) <= _MAX_NAME and bool(_NAME.fullmatch(text)))


def _invalid_key(requirement: Requirement, where: str) -> Iterator[str]:
    if not is_label_key(requirement.key) and not unfilled(requirement.key):
        yield f"{where}: `{requirement.key}` is not a valid label key"


def _invalid_values(requirement: Requirement, where: str) -> Iterator[str]:
    for value in requirement.values:
        if not is_label_value(value) and not unfilled(value):
            yield f"{where}: `{value}` is not a valid value of label {requirement.key}"


def _invalid_term(term: NodeSelectorTerm) -> Iterator[str]:
    for item in term.expressions:
        yield from _invalid_expression(item)
    for item in term.fields:
        if item.unfilled:
            continue
        if item.key != "metadata.name":
            yield f"matchFields supports only metadata.name, not {item.key}"
        elif item.operator not in ("In", "NotIn") or len(item.values) != 1:
            yield "matchFields requires operator In or NotIn with exactly one value"


def _invalid_expression(item: Requirement) -> Iterator[str]:
    if item.unfilled:
        yield from _invalid_key(item, "node affinity")
        return
    count = len(item.values)
    wrong = {
        "In": count == 0,
        "NotIn": count == 0,
        "Exists": count > 0,
        "DoesNotExist": count > 0,
        "Gt": count != 1,
        "Lt": count != 1,
    }
    if item.operator not in _OPERATORS:
        yield f"`{item.operator}` is not a node selector operator"
    elif wrong[item.operator]:
        yield f"operator {item.operator} on {item.key} has the wrong number of values ({count})"
    yield from _invalid_key(item, "node affinity")


def _invalid_toleration(toleration: Toleration, gates: Collection[str]) -> Iterator[str]:
    if toleration.unfilled:
        return
    operator = toleration.operator or "Equal"
    if operator in ("Gt", "Lt") and COMPARISON_GATE not in gates:
        yield f"toleration operator {operator} needs the feature gate {COMPARISON_GATE}"
    elif operator in ("Gt", "Lt") and as_integer(toleration.value) is None:
        yield f"toleration operator {operator} requires an integer, not `{toleration.value}`"
    elif operator == "Equal" and not is_label_value(toleration.value):
        yield f"`{toleration.value}` is not a valid taint value"
    elif operator not in ("Equal", "Exists", "Gt", "Lt"):
        yield f"`{operator}` is not a toleration operator"
    if not toleration.key and operator != "Exists":
        yield "a toleration without a key must have operator Exists"
    if toleration.key and not is_label_key(toleration.key):
        yield f"`{toleration.key}` is not a valid taint key"
    if operator == "Exists" and toleration.value:
        yield "a toleration with operator Exists must have no value"
    if toleration.effect not in _EFFECTS:
        yield f"`{toleration.effect}` is not a taint effect"
    if toleration.seconds is not None and toleration.effect != "NoExecute":
        yield "tolerationSeconds requires effect NoExecute"


def _invalid_os(scheduling: Scheduling) -> Iterator[str]:
    name = scheduling.os_name
    if name and name not in SYSTEMS:
        yield f"spec.os.name is {name}; it must be linux or windows"
    forbidden = {"windows": scheduling.linux_only, "linux": scheduling.windows_only}.get(name, ())
    if forbidden:
        yield f"spec.os.name is {name}, which forbids {', '.join(forbidden)}"


def _invalid_host_process(scheduling: Scheduling) -> Iterator[str]:
    if True not in scheduling.host_process:
        return
    if False in scheduling.host_process:
        yield "hostProcess must be the same for a pod and all its containers"
    if not scheduling.host_network:
        yield "hostProcess containers need hostNetwork: true"


OPENSHIFT_PLUGIN: Final = "OriginPodNodeEnvironment"
NAMESPACE_PLUGINS: Final[Mapping[str, str]] = {
    "PodNodeSelector": "scheduler.alpha.kubernetes.io/node-selector",
    OPENSHIFT_PLUGIN: "openshift.io/node-selector",
}
"""Admission plug-ins that merge a namespace's node selector into its pods, with the annotation of
the Namespace that each reads. PodNodeSelector is off by default, OpenShift's is on by default."""


class Admission(Struct, frozen=True):
    """The result of admitting a pod.

    Attributes:
        scheduling: The scheduling fields after the admission plug-ins.
        refusals: Why the API server rejects the pod, one sentence each.
        open_question: Why the scheduling may be incomplete (an unknown RuntimeClass), or "".
    """

    scheduling: Scheduling
    refusals: tuple[str, ...] = ()
    open_question: str = ""


def admit(workload: Workload, cluster: ClusterProfile) -> Admission:
    """Validate a workload's pods and apply the admission plug-ins of a cluster."""
    refusals = tuple(invalidities(workload.scheduling, cluster.gates))
    classed = _runtime_class(workload.scheduling, cluster)
    selected = _namespace_selector(classed.scheduling, workload.ref.namespace, cluster)
    return Admission(
        selected.scheduling,
        refusals + classed.refusals + selected.refusals,
        classed.open_question,
    )


def origin(demand: Requirement, workload: Workload, cluster: ClusterProfile) -> str:
    """Return what adds an entry to the pods' nodeSelector; "" for the workload itself."""
    if demand in workload.scheduling.node_selector:
        return ""
    name = workload.scheduling.runtime_class
    found = cluster.runtime_classes.get(name)
    added_by_class = found is not None and demand.key in found.node_selector
    return f"RuntimeClass {name}" if added_by_class else "its namespace"


def daemon_template(workload: Workload, cluster: ClusterProfile) -> Scheduling:
    """Return the scheduling fields that the DaemonSet controller compares with a node.

    It reads the pod template, before admission. OpenShift's controller also applies the node
    selector of the project (`patch_nodeselector.go`).
    """
    if OPENSHIFT_PLUGIN not in cluster.plugins:
        return workload.scheduling
    return _namespace_selector(workload.scheduling, workload.ref.namespace, cluster).scheduling


def _runtime_class(scheduling: Scheduling, cluster: ClusterProfile) -> Admission:
    name = scheduling.runtime_class
    if not name:
        return Admission(scheduling)
    found = cluster.runtime_classes.get(name)
    if found is None and (what := unfilled(name)):
        return Admission(scheduling, open_question=f"runtimeClassName is not filled in: {what}")
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
    selector = cluster.namespace_selectors.get(namespace, cluster.default_selector)
    return _merge(scheduling, selector, (), f"the node selector of namespace {namespace}")


def _merge(
    scheduling: Scheduling,
    selector: Mapping[str, str],
    tolerations: tuple[Toleration, ...],
    origin: str,
) -> Admission:
    own = {item.key: item.values[0] for item in scheduling.node_selector if item.values}
    conflicts = tuple(
        f"{origin} requires {key}={value}, but the pod requires {key}={own[key]}"
        for key, value in selector.items()
        if own.get(key, value) != value and not unfilled(own[key])
    )
    added = tuple(
        Requirement(key, "In", (value,))
        for key, value in selector.items()
        if key not in own or unfilled(own[key])
    )
    merged = dataclasses.replace(
        scheduling,
        node_selector=scheduling.node_selector + added,
        tolerations=scheduling.tolerations
        + tuple(item for item in tolerations if item not in scheduling.tolerations),
    )
    return Admission(merged, conflicts)
