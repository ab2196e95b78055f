"""Tolerations that the DaemonSet controller and the cluster add to pods."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from auditor.kubernetes.placeholders import unfilled
from auditor.kubernetes.pod_spec import Requirement, Scheduling, Toleration
from auditor.scheduling.nodes import ClusterProfile, NodePool

_DAEMON_KEYS: Final = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


def daemon_tolerations(scheduling: Scheduling) -> tuple[Toleration, ...]:
    """Return the tolerations that the DaemonSet controller adds (`daemonset_util.go`).

    They do not include any for an operating system or architecture.
    """
    keys = list(_DAEMON_KEYS)
    if scheduling.host_network:
        keys.append(("network-unavailable", "NoSchedule"))
    return tuple(
        Toleration(f"node.kubernetes.io/{key}", "Exists", effect=effect) for key, effect in keys
    )


def cluster_tolerations(
    scheduling: Scheduling, pool: NodePool, cluster: ClusterProfile
) -> tuple[Toleration, ...]:
    """Return the tolerations that a webhook adds to pods that select a pool by platform (GKE).

    The taint keys match the label keys except for the prefix: `node.kubernetes.io/os=windows` for
    `kubernetes.io/os=windows`. The webhook changes pods, so the DaemonSet controller, which reads
    the pod template, does not consider them.
    """
    demands = [*scheduling.node_selector]
    for term in scheduling.required_terms or ():
        demands += [item for item in term.expressions if item.operator == "In"]
    selected = {(item.key, value) for item in demands for value in item.values}
    pairs = selected.intersection(cluster.selector_tolerations)
    granted = {(_bare_name(key), value) for key, value in pairs}
    return tuple(
        Toleration(taint.key, "Equal", taint.value, taint.effect)
        for taint in pool.taints
        if (_bare_name(taint.key), taint.value) in granted
    ) + tuple(_perhaps_granted(demands, pool, cluster))


def _perhaps_granted(
    demands: Iterable[Requirement], pool: NodePool, cluster: ClusterProfile
) -> Iterator[Toleration]:
    """Yield tolerations that the webhook adds if a variable of a demand gets the right value."""
    domains = {(_bare_name(key), value): key for key, value in cluster.selector_tolerations}
    for taint in pool.taints:
        label = domains.get((_bare_name(taint.key), taint.value), "")
        for item in demands:
            variable = next(filter(unfilled, (item.key, *item.values)), "")
            if label and variable and (item.key == label or unfilled(item.key)):
                yield Toleration(taint.key, "Equal", variable, taint.effect)


def _bare_name(key: str) -> str:
    return key.rpartition("/")[2]
