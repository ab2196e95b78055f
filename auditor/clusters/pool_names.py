"""What to call the pools of a real cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from auditor.platforms import Platform

POOL_LABELS: Final = (
    "kubernetes.azure.com/agentpool",
    "agentpool",
    "eks.amazonaws.com/nodegroup",
    "alpha.eksctl.io/nodegroup-name",
    "cloud.google.com/gke-nodepool",
    "karpenter.sh/nodepool",
    "cluster.x-k8s.io/deployment-name",
    "doks.digitalocean.com/node-pool",
)
"""Labels by which clouds and provisioners say which pool a node belongs to."""

_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_SERVERS: Final = {"17763": "2019", "20348": "2022", "25398": "23h2", "26100": "2025"}


def base_name(labels: Mapping[str, str], platform: Platform) -> str:
    """What a cloud or provisioner calls the pool of a node; else the node's role, or platform."""
    for key in POOL_LABELS:
        if labels.get(key):
            return labels[key]
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    roles -= {"worker", "node", ""}
    if "control-plane" in roles:
        return "control-plane"
    return "-".join(sorted(roles)) or _platform_name(platform)


def _platform_name(platform: Platform) -> str:
    if platform.os != "windows" or not platform.windows_build:
        return f"{platform.os}-{platform.architecture}"
    build = platform.windows_build.rpartition(".")[2]
    return f"windows-{_SERVERS.get(build, build)}"


def unique_names(pools: Sequence[tuple[str, Platform]]) -> list[str]:
    """Each pool's base name; where it is not unique, with the platform; then with a number."""
    names = [base for base, _ in pools]
    for suffixed in (True, False):
        count, seen = Counter(names), Counter[str]()
        for index, (name, (_, host)) in enumerate(zip(tuple(names), pools, strict=True)):
            if count[name] == 1:
                continue
            seen[name] += 1
            platform = _platform_name(host)
            if suffixed:
                names[index] = name if name == platform else f"{name}-{platform}"
            elif seen[name] > 1:
                names[index] = f"{name}-{seen[name]}"
    return names
