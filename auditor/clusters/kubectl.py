"""Read a cluster from the output of `kubectl get nodes -o yaml`; similar nodes become one pool.

RuntimeClass and Namespace objects, which affect placement, are read too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.clusters.node_pools import read_node_pools, with_node_pools
from auditor.errors import printable
from auditor.files.strict import only_keys, required
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.images.platforms import Platform, make_platform
from auditor.kubernetes.pod_spec import read_toleration
from auditor.scheduling.admission import NAMESPACE_PLUGINS, OPENSHIFT_PLUGIN
from auditor.scheduling.nodes import (
    ARCHITECTURE_LABEL,
    EFFECTS,
    OS_LABEL,
    WINDOWS_BUILD_LABEL,
    ClusterProfile,
    NodePool,
    Runtime,
    RuntimeClass,
    Taint,
    parse_runtime,
    platform_labels,
)
from auditor.scheduling.windows import WINDOWS_RELEASES

_SHORT_KEYS: Final = ("name", "handler", "nodeSelector", "tolerations")


def is_runtime_class(node: Node) -> bool:
    """Whether an object is a RuntimeClass of node.k8s.io."""
    group = node.text_at("apiVersion").partition("/")[0]
    return node.text_at("kind") == "RuntimeClass" and group == "node.k8s.io"


def read_runtime_class(node: Node) -> RuntimeClass:
    """Read a RuntimeClass object, or its short form in a cluster file. Raises `ShapeError`."""
    named: Node = node
    scheduling: Node | None = node
    if node.is_mapping and node.get("kind") is not None:
        if node.text_at("kind") != "RuntimeClass":
            raise ShapeError(f"expected a RuntimeClass, not a {node.text_at('kind')}", node)
        named = required(node, "metadata", "a RuntimeClass")
        scheduling = node.get("scheduling")
    else:
        only_keys(node, _SHORT_KEYS, "a RuntimeClass")
    name = required(named, "name", "a RuntimeClass").text()
    if scheduling is None:
        return RuntimeClass(name)
    return RuntimeClass(
        name,
        scheduling.texts_at("nodeSelector"),
        tuple(map(read_toleration, scheduling.items_at("tolerations"))),
    )


def namespace_selector(node: Node, plugin: str) -> Mapping[str, str] | None:
    """Return the node selector that a Namespace sets for an admission plug-in, or None.

    Raises `ShapeError`.
    """
    metadata = required(node, "metadata", "a Namespace")
    annotation = NAMESPACE_PLUGINS[plugin]
    text = metadata.texts_at("annotations").get(annotation)
    return None if text is None else parse_selector(text, node, f"annotation {annotation}")


def parse_selector(text: str, node: Node, what: str) -> Mapping[str, str]:
    """Parse `key=value,...` (apimachinery `labels.ConvertSelectorToLabelsMap`).

    Raises `ShapeError` with `what` and `node`.
    """
    selector = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or "=" in value:
            raise ShapeError(f"{what}: {part!r} is not key=value", node)
        selector[key] = value
    return selector


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
"""Labels with which clouds and provisioners name a node's pool."""

_ROLE_PREFIX: Final = "node-role.kubernetes.io/"


def base_name(labels: Mapping[str, str], platform: Platform) -> str:
    """Return the pool name of the cloud or provisioner, else the node's role, else its platform."""
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
    for release, build in WINDOWS_RELEASES.items():
        if build == platform.windows_build:
            return f"windows-{release}"
    return f"windows-{platform.windows_build.rpartition('.')[2]}"


def unique_names(pools: Sequence[tuple[str, Platform]]) -> list[str]:
    """Make the pools' base names unique by adding the platform, then a number."""
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


_TEMPORARY: Final = frozenset(
    (
        "DeletionCandidateOfClusterAutoscaler",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "node.cloudprovider.kubernetes.io/shutdown",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/out-of-service",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
    )
)
"""Taints for a node's momentary condition. They are ignored, because an audit is about future
placement. (A cordoned node is recognised by `spec.unschedulable`.)"""

_BUILD: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,5}){2}")
_OPENSHIFT_LABEL: Final = "node.openshift.io/os_id"
_SCHEDULER: Final = ("config.openshift.io/v1", "Scheduler")
_GKE_LABEL: Final = "cloud.google.com/gke-nodepool"
_GKE_TOLERATIONS: Final = ((ARCHITECTURE_LABEL, "arm64"), (OS_LABEL, "windows"))
"""Admission behaviour of clusters that node labels identify: see openshift.yaml and gke.yaml."""


class _Kind(Struct, frozen=True):
    """The properties that nodes of one pool share."""

    base: str
    platform: Platform
    taints: tuple[Taint, ...]
    runtime: Runtime | None
    unschedulable: bool


def is_kubernetes_object(root: Node) -> bool:
    """Whether a YAML document is a Kubernetes object or a list of them."""
    return root.is_mapping and root.get("apiVersion") is not None and root.get("kind") is not None


def read_objects(documents: Sequence[Node], name: str) -> ClusterProfile:
    """Return the cluster of these Node, RuntimeClass and Namespace objects.

    Raises `ShapeError` if there is no Node or an invalid one.
    """
    objects = [item for document in documents for item in _expand(document)]
    nodes = [item for item in objects if item.text_at("kind") == "Node"]
    potential = read_node_pools(objects)
    if not nodes and not any(item.pools for item in potential):
        kinds = ", ".join(sorted({item.text_at("kind") for item in objects}))
        only = printable(kinds) or "an empty list"
        raise ShapeError(
            f"it contains no Node, and no NodePool that creates nodes, only {only}", documents[0]
        )
    classes = [read_runtime_class(item) for item in objects if is_runtime_class(item)]
    known = {key for node in nodes for key in _labels(node)}
    openshift = _OPENSHIFT_LABEL in known
    cluster = ClusterProfile(
        name=name,
        pools=_pools(nodes),
        runtime_classes={item.name: item for item in classes},
        all_classes_known=bool(classes),
        plugins=frozenset((OPENSHIFT_PLUGIN,) if openshift else ()),
        namespace_selectors=dict(_namespaces(objects)) if openshift else {},
        default_selector=_default_selector(objects) if openshift else {},
        selector_tolerations=_GKE_TOLERATIONS if _GKE_LABEL in known else (),
    )
    return with_node_pools(cluster, potential)[0]


def _expand(root: Node) -> Iterator[Node]:
    if root.is_mapping and root.get("items") is not None:
        for item in root.items_at("items"):
            yield from _expand(item)
    elif root.text_at("kind") and not root.text_at("kind").endswith("List"):
        yield root


def _namespaces(objects: Sequence[Node]) -> Iterator[tuple[str, dict[str, str]]]:
    for item in objects:
        if item.text_at("kind") == "Namespace":
            selector = namespace_selector(item, OPENSHIFT_PLUGIN)
            if selector is not None:
                yield required(item, "metadata", "a Namespace").text_at("name"), dict(selector)


def _default_selector(objects: Sequence[Node]) -> Mapping[str, str]:
    """Return the selector of OpenShift's Scheduler, used for projects without their own."""
    for item in objects:
        if (item.text_at("apiVersion"), item.text_at("kind")) == _SCHEDULER:
            spec = item.get("spec")
            text = spec.text_at("defaultNodeSelector") if spec else ""
            return parse_selector(text, item, "defaultNodeSelector")
    return {}


def _labels(node: Node) -> dict[str, str]:
    metadata = node.get("metadata")
    return metadata.texts_at("labels") if metadata else {}


def _pools(nodes: Sequence[Node]) -> tuple[NodePool, ...]:
    groups: dict[_Kind, dict[str, dict[str, str]]] = {}
    offers: dict[_Kind, set[str] | None] = {}
    seen: set[str] = set()
    for node in nodes:
        name = required(required(node, "metadata", "a Node"), "name", "a Node").text()
        if name in seen:
            raise ShapeError(f"duplicate node `{printable(name)}`", node)
        seen.add(name)
        kind = _kind(node, name)
        groups.setdefault(kind, {})[name] = {**platform_labels(kind.platform), **_labels(node)}
        offered, capacity = offers.get(kind, set()), node.at("status", "capacity")
        if offered is None or capacity is None:
            offers[kind] = None
        else:  # zero counts too: the device plugin may be restarting
            offers[kind] = offered | set(capacity.mapping())
    names = unique_names([(kind.base, kind.platform) for kind in groups])
    return tuple(
        _pool(name, kind, members, offers[kind])
        for name, (kind, members) in zip(names, groups.items(), strict=True)
    )


def _pool(
    name: str, kind: _Kind, members: dict[str, dict[str, str]], resources: set[str] | None
) -> NodePool:
    common = set.intersection(*(set(labels.items()) for labels in members.values()))
    return NodePool(
        name=name,
        platform=kind.platform,
        labels=dict(sorted(common)),
        taints=kind.taints,
        runtime=kind.runtime,
        nodes=tuple(members),
        unschedulable=kind.unschedulable,
        node_labels={
            node: dict(sorted(set(labels.items()) - common)) for node, labels in members.items()
        },
        resources=None if resources is None else frozenset(resources),
    )


def _kind(node: Node, name: str) -> _Kind:
    labels = _labels(node)
    platform = _platform(node, labels, name)
    spec = node.get("spec")
    return _Kind(
        base=base_name(labels, platform),
        platform=platform,
        taints=tuple(sorted(_taints(spec))) if spec else (),
        runtime=_runtime(node),
        unschedulable=spec is not None and spec.flag_at("unschedulable"),
    )


def _platform(node: Node, labels: dict[str, str], name: str) -> Platform:
    """Return the platform without the Windows revision, which differs between patched nodes.

    An invalid Windows version is ignored.
    """
    info = node.at("status", "nodeInfo")
    system = (info and info.text_at("operatingSystem")) or labels.get(OS_LABEL, "")
    architecture = (info and info.text_at("architecture")) or labels.get(ARCHITECTURE_LABEL, "")
    if not system or not architecture:
        raise ShapeError(
            f"node `{printable(name)}` has no operating system and architecture in "
            "`status.nodeInfo` or its labels",
            node,
        )
    version = (info and info.text_at("kernelVersion")) or labels.get(WINDOWS_BUILD_LABEL, "")
    platform = make_platform(system, architecture)
    if platform.os != "windows":
        return platform
    build = replace(platform, os_version=version).windows_build
    return replace(platform, os_version=build if _BUILD.fullmatch(build) else "")


def _taints(spec: Node) -> Iterator[Taint]:
    for item in spec.items_at("taints"):
        taint = Taint(item.text_at("key"), item.text_at("value"), item.text_at("effect"))
        if taint.effect not in EFFECTS:
            raise ShapeError(f"`{printable(taint.effect)}` is not a taint effect", item)
        if taint.key not in _TEMPORARY:
            yield taint


def _runtime(node: Node) -> Runtime | None:
    info = node.at("status", "nodeInfo")
    try:
        return parse_runtime(info.text_at("containerRuntimeVersion")) if info else None
    except ValueError:
        return None  # an unknown build, such as containerd://Unknown
