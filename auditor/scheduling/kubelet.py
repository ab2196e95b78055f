"""The kubelet's admission checks of a pod that was bound to its node.

The kubelet checks the OS, which the scheduler does not, and for a pod bound by `spec.nodeName`, the
node affinity and taints. Sources: kubelet `lifecycle/predicate.go`, scheduler `eventhandlers.go`
AdmissionCheck.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from auditor.kubernetes.pod_spec import Place, Scheduling
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.admission import admit
from auditor.scheduling.nodes import OS_LABEL, ClusterProfile, NodePool
from auditor.scheduling.predicates import (
    may_tolerate,
    requirement_holds,
    some,
    term_matches,
    untolerated,
    view,
)

_STATIC: Final = ("kubernetes.io/config.mirror", "kubernetes.io/config.source")


class KubeletRefusal(Struct, frozen=True):
    """Why the kubelet rejects the pod.

    Attributes:
        reason: The reason in the pod's status.
        place: Line and column of the field that caused it.
    """

    reason: str
    message: str
    place: Place = (0, 0)


def kubelet_refusal(
    workload: Workload, pool: NodePool, cluster: ClusterProfile
) -> KubeletRefusal | None:
    """Return the first reason why the kubelet of such a node rejects the pod, or None."""
    system = pool.platform.os
    labelled = workload.labels.get(OS_LABEL, system)
    if labelled != system:
        return KubeletRefusal(
            "PodOSSelectorNodeLabelDoesNotMatch",
            f"the pod's label {OS_LABEL} is {labelled}, but the node runs {system}",
        )
    scheduling = admit(workload, cluster).scheduling
    if scheduling.os_name not in ("", system):
        return KubeletRefusal(
            "PodOSNotSupported",
            f"spec.os.name is {scheduling.os_name}, but the node runs {system}",
            scheduling.place("os"),
        )
    if scheduling.node_name:
        return _bound_refusal(workload, scheduling, pool, cluster)
    return None


def is_static(workload: Workload) -> bool:
    """Return whether this is a static pod or its mirror pod."""
    return any(workload.annotations.get(key, "api") != "api" for key in _STATIC)


def _bound_refusal(
    workload: Workload, scheduling: Scheduling, pool: NodePool, cluster: ClusterProfile
) -> KubeletRefusal | None:
    node = view(pool, scheduling.node_name)
    for item in scheduling.node_selector:
        if requirement_holds(item, node) is False:
            return KubeletRefusal("NodeAffinity", f"nodeSelector {item} does not hold", item.place)
    terms = scheduling.required_terms
    if terms is not None and some(term_matches(term, node) for term in terms) is False:
        return KubeletRefusal("NodeAffinity", "no term of the required node affinity matches")
    if is_static(workload):
        return None
    left = untolerated(pool.taints, scheduling.tolerations, ("NoExecute",), cluster.gates)
    borne = scheduling.tolerations
    left = tuple(t for t in left if not any(may_tolerate(item, t) for item in borne))
    if left:
        return KubeletRefusal("TaintToleration", f"taint {left[0]} is not tolerated")
    return None
