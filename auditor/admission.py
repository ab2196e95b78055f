"""What the API server makes of a pod before anybody schedules it.

The admission plug-ins that change placement: RuntimeClass (`admission.go` setScheduling),
PodNodeSelector, and OpenShift's OriginPodNodeEnvironment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from auditor.nodes import ClusterProfile
from auditor.scheduling import Requirement, Scheduling, Toleration
from auditor.validation import invalidities
from auditor.workloads import Workload

OPENSHIFT_PLUGIN: Final = "OriginPodNodeEnvironment"
NAMESPACE_PLUGINS: Final[Mapping[str, str]] = {
    "PodNodeSelector": "scheduler.alpha.kubernetes.io/node-selector",
    OPENSHIFT_PLUGIN: "openshift.io/node-selector",
}
"""Admission plug-ins that merge a namespace's node selector into its pods, and the annotation of
the Namespace that each reads: Kubernetes' own, off by default, and OpenShift's, on by default."""


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
    refusals = tuple(invalidities(workload.scheduling, cluster.gates))
    classed = _runtime_class(workload.scheduling, cluster)
    selected = _namespace_selector(classed.scheduling, workload.ref.namespace, cluster)
    return Admission(
        selected.scheduling,
        refusals + classed.refusals + selected.refusals,
        classed.open_question,
    )


def origin(demand: Requirement, workload: Workload, cluster: ClusterProfile) -> str:
    """Who adds an entry to the nodeSelector of a workload's pods; "" for one of their own."""
    if demand in workload.scheduling.node_selector:
        return ""
    name = workload.scheduling.runtime_class
    found = cluster.runtime_classes.get(name)
    added_by_class = found is not None and demand.key in found.node_selector
    return f"RuntimeClass {name}" if added_by_class else "its namespace"


def daemon_template(workload: Workload, cluster: ClusterProfile) -> Scheduling:
    """What the controller of a DaemonSet compares with a node: the template, before any plug-in.

    OpenShift's looks at the node selector of the project as well (`patch_nodeselector.go`).
    """
    if OPENSHIFT_PLUGIN not in cluster.plugins:
        return workload.scheduling
    return _namespace_selector(workload.scheduling, workload.ref.namespace, cluster).scheduling


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
    selector = cluster.namespace_selectors.get(namespace, cluster.default_selector)
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
