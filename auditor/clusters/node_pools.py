"""Pools that a provisioner may create: Karpenter's NodePool objects with their node classes.

A NodePool constrains the nodes that Karpenter creates by requirements on labels
(karpenter.sh/docs/concepts/nodepools). Its node class chooses the machine image, and so the
operating system.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import Problem, printable
from auditor.files.strict import required
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.images.platforms import Platform, make_platform
from auditor.kubernetes.manifests import Manifest, shape_error
from auditor.scheduling.nodes import (
    ARCHITECTURE_LABEL,
    EFFECTS,
    OS_LABEL,
    WINDOWS_BUILD_LABEL,
    ClusterProfile,
    NodePool,
    Taint,
    platform_labels,
)
from auditor.scheduling.windows import WINDOWS_RELEASES

KINDS: Final = frozenset(("NodePool", "EC2NodeClass", "AKSNodeClass"))
NODE_POOL_LABEL: Final = "karpenter.sh/nodepool"

_GROUP: Final = "karpenter.sh"
_ARCHITECTURES: Final = ("amd64", "arm64")
_SYSTEMS: Final = ("linux", "windows")
_WINDOWS_FAMILY: Final = re.compile(r"windows(?P<year>20[0-9]{2})", re.IGNORECASE)
_VARYING: Final = (
    "karpenter.sh/capacity-type",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "beta.kubernetes.io/instance-type",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.k8s.aws/zone-id",
    *(
        f"karpenter.k8s.aws/instance-{name}"
        for name in (
            *("capability-flex", "category", "cpu", "cpu-manufacturer", "cpu-sustained-clock"),
            *("ebs-bandwidth", "encryption-in-transit-supported", "family", "generation"),
            *("gpu-count", "gpu-manufacturer", "gpu-memory", "gpu-name", "hypervisor"),
            *("accelerator-count", "accelerator-manufacturer", "accelerator-name"),
            *("local-nvme", "memory", "network-bandwidth", "size", "tenancy"),
        )
    ),
    *(
        f"karpenter.azure.com/sku-{name}"
        for name in ("cpu", "family", "gpu-count", "gpu-manufacturer", "gpu-name", "memory")
    ),
    *("karpenter.azure.com/sku-name", "karpenter.azure.com/sku-networking-accelerated"),
    *("karpenter.azure.com/sku-storage-ephemeralos-maxsize", "karpenter.azure.com/sku-version"),
)
"""Well-known labels that every node has, with values that the provider chooses."""


class _Requirement(Struct, frozen=True):
    """A requirement on the label of a node."""

    key: str
    operator: str
    values: tuple[str, ...]

    def admits(self, value: str) -> bool:
        """Return whether a node with this value of the label meets the requirement."""
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "DoesNotExist":
                return False
            case _:
                return True


class PotentialPools(Struct, frozen=True):
    """The pools of one NodePool.

    Attributes:
        name: The name of the NodePool.
        pools: One for each platform of its nodes; empty if it creates no nodes.
        assumption: A clause about what the objects leave open; "" for nothing.
    """

    name: str
    pools: tuple[NodePool, ...]
    assumption: str = ""


def is_node_pool(node: Node) -> bool:
    """Return whether an object is a NodePool of Karpenter."""
    return node.text_at("kind") == "NodePool" and _group(node) == _GROUP


def read_node_pools(objects: Sequence[Node]) -> tuple[PotentialPools, ...]:
    """Return the pools that the NodePools among some objects may create.

    Raises `ShapeError` if an object is not a valid NodePool.
    """
    classes = {
        (_group(item), item.text_at("kind"), _name(item)): item
        for item in objects
        if item.text_at("kind").endswith("NodeClass")
    }
    return tuple(_pools(item, classes) for item in objects if is_node_pool(item))


def with_node_pools(
    cluster: ClusterProfile, found: Iterable[PotentialPools]
) -> tuple[ClusterProfile, tuple[NodePool, ...]]:
    """Add the pools that a cluster may get, and return them.

    A platform for which the cluster has nodes of the same NodePool is not added again.
    """
    known = {(pool.labels.get(NODE_POOL_LABEL), pool.platform) for pool in cluster.pools}
    names = {pool.name for pool in cluster.pools}
    added: list[NodePool] = []
    for item in found:
        for pool in item.pools:
            if (item.name, pool.platform) not in known:
                name = pool.name if pool.name not in names else f"{pool.name}-nodepool"
                names.add(name)
                added.append(replace(pool, name=name))
    if not added:
        return cluster, ()
    return replace(cluster, pools=(*cluster.pools, *added)), tuple(added)


def node_pools_of(
    manifests: Iterable[Manifest],
) -> tuple[tuple[PotentialPools, ...], list[Problem]]:
    """Return the pools of the NodePool manifests of an audit, and what could not be read."""
    roots = [manifest.root for manifest in manifests]
    found: list[PotentialPools] = []
    problems: list[Problem] = []
    for manifest in manifests:
        if is_node_pool(manifest.root):
            others = [root for root in roots if root.text_at("kind").endswith("NodeClass")]
            try:
                found += read_node_pools((manifest.root, *others))
            except ShapeError as error:
                problem = shape_error(error, manifest.document).problem
                problems.append(replace(problem, what=f"{manifest.ref}: {problem.what}"))
    return tuple(found), problems


def _group(node: Node) -> str:
    return node.text_at("apiVersion").partition("/")[0]


def _name(node: Node) -> str:
    metadata = node.get("metadata")
    return metadata.text_at("name") if metadata else ""


def _pools(node: Node, classes: dict[tuple[str, str, str], Node]) -> PotentialPools:
    name = required(required(node, "metadata", "a NodePool"), "name", "a NodePool").text()
    template = required(required(node, "spec", "a NodePool"), "template", "a NodePool")
    spec = required(template, "spec", "a NodePool")
    if _creates_nothing(node):
        return PotentialPools(name, ())
    requirements = tuple(_requirements(spec))
    node_class = _class_of(spec, classes)
    systems, assumption = _systems(requirements, node_class, spec)
    metadata = template.get("metadata")
    own = metadata.texts_at("labels") if metadata else {}
    labels = {NODE_POOL_LABEL: name, **own}
    labels |= {r.key: r.values[0] for r in requirements if _fixes(r)}
    varying = {*_VARYING, *(r.key for r in requirements if r.operator != "DoesNotExist")}
    platforms = tuple(_platforms(systems, requirements, node_class))
    return PotentialPools(
        name,
        tuple(
            NodePool(
                name=f"{name}-{_suffix(platform)}" if len(platforms) > 1 else name,
                platform=platform,
                labels={**labels, **platform_labels(platform)},
                varying=frozenset(varying - set(labels) - set(platform_labels(platform))),
                taints=tuple(_taints(spec)),
            )
            for platform in platforms
        ),
        assumption,
    )


def _suffix(platform: Platform) -> str:
    return platform.architecture if platform.os == "linux" else f"windows-{platform.architecture}"


def _fixes(requirement: _Requirement) -> bool:
    return requirement.operator == "In" and len(requirement.values) == 1


def _creates_nothing(node: Node) -> bool:
    """A limit of zero, or no replicas, keeps Karpenter from creating nodes."""
    limits = node.at("spec", "limits")
    zero = limits is not None and any(
        str(item.value).rstrip("mkKMGTPEi") == "0" for item in limits.mapping().values()
    )
    replicas = node.at("spec", "replicas")
    return zero or (replicas is not None and replicas.value == 0)


def _requirements(spec: Node) -> Iterator[_Requirement]:
    for item in spec.items_at("requirements"):
        key = required(item, "key", "a requirement").text()
        operator = required(item, "operator", "a requirement").text()
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte"):
            raise ShapeError(f"`{printable(operator)}` is not an operator of a requirement", item)
        values = tuple(value.text() for value in item.items_at("values"))
        yield _Requirement(_current(key), operator, values)


def _current(key: str) -> str:
    """Return the label that Karpenter uses for a deprecated one (`NormalizedLabels`)."""
    return {"beta.kubernetes.io/arch": ARCHITECTURE_LABEL, "beta.kubernetes.io/os": OS_LABEL}.get(
        key, key
    )


def _class_of(spec: Node, classes: dict[tuple[str, str, str], Node]) -> Node | None:
    reference = spec.get("nodeClassRef")
    if reference is None:
        return None
    key = (reference.text_at("group"), reference.text_at("kind"), reference.text_at("name"))
    return classes.get(key)


def _families(node_class: Node | None) -> tuple[str, ...]:
    """Return what a node class calls its image family: `windows2022@latest`, `AL2023`."""
    spec = node_class.get("spec") if node_class else None
    if spec is None:
        return ()
    named = [spec.text_at(key) for key in ("amiFamily", "imageFamily")]
    named += [term.text_at("alias") for term in spec.items_at("amiSelectorTerms")]
    return tuple(filter(None, named))


def _systems(
    requirements: Sequence[_Requirement], node_class: Node | None, spec: Node
) -> tuple[tuple[str, ...], str]:
    """Return the operating systems of the nodes, and what was assumed about them."""
    asked = [item for item in requirements if item.key == OS_LABEL]
    allowed = tuple(name for name in _SYSTEMS if all(item.admits(name) for item in asked))
    families = _families(node_class)
    if families:
        windows = any(_WINDOWS_FAMILY.search(family) for family in families)
        system = "windows" if windows else "linux"
        return (system,) if system in allowed else (), ""
    if len(allowed) < len(_SYSTEMS):
        return allowed, ""
    reference = spec.get("nodeClassRef")
    name = printable(reference.text_at("name")) if reference else ""
    return ("linux",), f"podfit did not find its node class {name} and assumed Linux".replace(
        "  ", " "
    )


def _platforms(
    systems: Sequence[str], requirements: Sequence[_Requirement], node_class: Node | None
) -> Iterator[Platform]:
    asked = [item for item in requirements if item.key == ARCHITECTURE_LABEL]
    builds = list(_builds(requirements, node_class))
    for system, architecture in product(systems, _ARCHITECTURES):
        if not all(item.admits(architecture) for item in asked):
            continue
        if system == "linux":
            yield make_platform(system, architecture)
        elif architecture == "amd64":  # the clouds offer no Windows image for arm64
            for build in builds or [""]:
                yield replace(make_platform(system, architecture), os_version=build)


def _builds(requirements: Sequence[_Requirement], node_class: Node | None) -> Iterator[str]:
    for family in _families(node_class):
        if match := _WINDOWS_FAMILY.search(family):
            yield WINDOWS_RELEASES.get(match["year"], "")
            return
    for item in requirements:
        if item.key == WINDOWS_BUILD_LABEL and item.operator == "In":
            yield from item.values


def _taints(spec: Node) -> Iterator[Taint]:
    """Yield the lasting taints; startup taints go before pods are scheduled."""
    for item in spec.items_at("taints"):
        taint = Taint(item.text_at("key"), item.text_at("value"), item.text_at("effect"))
        if taint.effect not in EFFECTS:
            raise ShapeError(f"`{printable(taint.effect)}` is not the effect of a taint", item)
        yield taint
