"""Changes to a cluster: added, replaced and removed node pools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.clusters.kubectl import POOL_LABELS, base_name
from auditor.clusters.profiles import load_cluster, parse_node_platform
from auditor.errors import UsageError
from auditor.files.strict import suggestion
from auditor.images.platforms import Platform, normalise
from auditor.scheduling.nodes import (
    PLATFORM_LABELS,
    ClusterProfile,
    NodePool,
    Retirement,
    platform_labels,
)
from auditor.scheduling.windows import WINDOWS_RELEASES

_OF_THE_IMAGE: Final = frozenset(
    (
        *POOL_LABELS,
        "beta.kubernetes.io/instance-type",
        "cloud.google.com/machine-family",
        "kubernetes.azure.com/node-image-version",
        "kubernetes.azure.com/os-sku",
        "node.kubernetes.io/instance-type",
    )
)
"""Labels that name the pool, its machines or its image, so that a new pool has other values."""


class PoolChange(Struct, frozen=True):
    """A change of pools, as the user wrote it.

    Attributes:
        old: Name or platform of the pools that are replaced; "" for an added pool.
        new: Name of a pool of the cluster, or platform of the new pool.
    """

    old: str
    new: str


def parse_replacement(text: str) -> PoolChange:
    """Parse `OLD=NEW`. Raises `UsageError`."""
    old, equals, new = text.partition("=")
    if not (old.strip() and equals and new.strip()):
        hint = "write --replace OLD=NEW, such as windows-2019=windows-2025"
        raise UsageError(f"--replace {text} does not name two pools", hint=hint)
    return PoolChange(old.strip(), new.strip())


def changed(
    clusters: Sequence[ClusterProfile], changes: Iterable[PoolChange]
) -> tuple[ClusterProfile, ...]:
    """Apply changes to clusters in order.

    Raises `UsageError` if a replaced pool is in none of the clusters, or a platform is invalid.
    """
    result = list(clusters)
    for change in changes:
        if not change.old:
            result = [_with_pool(cluster, _platform(change.new)) for cluster in result]
            continue
        found = [_matching(cluster, change.old) for cluster in result]
        if not any(found):
            raise _no_pool(change.old, result)
        result = [
            _replaced(cluster, pools, change.new) if pools else cluster
            for cluster, pools in zip(result, found, strict=True)
        ]
    return tuple(result)


def _no_pool(name: str, clusters: Sequence[ClusterProfile]) -> UsageError:
    names = [pool.name for cluster in clusters for pool in cluster.pools]
    known = f"the pools are {', '.join(dict.fromkeys(names))}"
    return UsageError(f"there is no node pool `{name}`", hint=suggestion(name, names) or known)


def _platform(text: str) -> Platform:
    """Parse a platform of nodes; `windows-2025` is short for that of Windows Server 2025."""
    year = text.removeprefix("windows-")
    if year in WINDOWS_RELEASES and year != text:
        return Platform("windows", "amd64", os_version=WINDOWS_RELEASES[year])
    try:
        return parse_node_platform(text)
    except ValueError as error:
        years = ", ".join(f"windows-{year}" for year in WINDOWS_RELEASES)
        hint = f"write a platform such as linux/arm64, or one of {years}"
        raise UsageError(f"`{text}` is not the platform of a pool: {error}", hint=hint) from error


def _matching(cluster: ClusterProfile, text: str) -> tuple[NodePool, ...]:
    named = tuple(pool for pool in cluster.pools if pool.name == text)
    if named:
        return named
    try:
        wanted = _platform(text)
    except UsageError:
        return ()
    return tuple(pool for pool in cluster.pools if _same(pool.platform, wanted))


def _same(platform: Platform, wanted: Platform) -> bool:
    """Return whether a platform is the wanted one; without a version, any of the same family."""
    one, other = normalise(platform), normalise(wanted)
    return one.family == other.family and other.windows_build in ("", one.windows_build)


def _with_pool(cluster: ClusterProfile, platform: Platform) -> ClusterProfile:
    """Add a pool with the labels that all pools of the cluster have, and without taints."""
    pools = cluster.pools
    first = pools[0].labels.items()
    common = {key: value for key, value in first if all(p.labels.get(key) == value for p in pools)}
    model = NodePool(
        name="",
        platform=platform,
        labels=common,
        varying=frozenset.intersection(*(pool.varying for pool in pools)),
        open_labels=all(pool.open_labels for pool in pools),
    )
    name = _free_name(base_name({}, platform), pools)
    return replace(cluster, pools=(*pools, _on(platform, model, name)))


def _replaced(cluster: ClusterProfile, old: Sequence[NodePool], new: str) -> ClusterProfile:
    """Put a pool of the new platform in place of each old one; drop it if the new one is there."""
    rest = [pool for pool in cluster.pools if pool not in old]
    if any(pool.name == new for pool in rest):
        return replace(cluster, pools=tuple(rest))
    platform = _platform(new)
    pools: list[NodePool] = []
    for pool in cluster.pools:
        if pool in old:
            name = base_name({}, platform)
            name = name if len(old) == 1 else f"{pool.name}-{name}"
            pools.append(_on(platform, pool, _free_name(name, [*rest, *pools])))
        else:
            pools.append(pool)
    return replace(cluster, pools=tuple(pools))


def _on(platform: Platform, model: NodePool, name: str) -> NodePool:
    """Return a pool with the labels and taints of another one, and new nodes of a platform."""
    kept = {key: value for key, value in model.labels.items() if key not in PLATFORM_LABELS}
    of_nodes = {key for labels in model.node_labels.values() for key in labels}
    unknown = of_nodes | (_OF_THE_IMAGE & set(kept))
    labels = {key: value for key, value in kept.items() if key not in unknown}
    return NodePool(
        name=name,
        platform=platform,
        labels={**labels, **platform_labels(platform)},
        taints=model.taints,
        open_labels=model.open_labels,
        varying=(model.varying | unknown) - set(platform_labels(platform)),
        resources=model.resources,
    )


def _free_name(name: str, pools: Iterable[NodePool]) -> str:
    taken = {pool.name for pool in pools}
    candidates = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


_CLOUDS: Final = {"kubernetes.azure.com/": "aks"}
"""Prefix of the labels of a cloud's nodes, and the profile that has its retirement dates."""


def retirements(cluster: ClusterProfile) -> tuple[tuple[str, Retirement], ...]:
    """Return the retirements that concern pools of a cluster, each with the name of the pool.

    The labels of the nodes tell their cloud if the cluster itself has no dates.
    """
    keys = {key for pool in cluster.pools for key in (*pool.labels, *pool.varying)}
    clouds = [name for prefix, name in _CLOUDS.items() if any(k.startswith(prefix) for k in keys)]
    known = cluster.retirements or tuple(
        item for name in clouds for item in load_cluster(name).retirements
    )
    return tuple(
        (pool.name, item)
        for pool in cluster.pools
        for item in known
        if _same(pool.platform, item.platform)
    )
