"""A cluster file written by hand: a profile."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from auditor.admission import NAMESPACE_PLUGINS
from auditor.clusters.objects import read_runtime_class
from auditor.nodes import (
    HOSTNAME_LABEL,
    ClusterProfile,
    NodePool,
    parse_runtime,
    parse_taint,
    platform_labels,
)
from auditor.platforms import Platform, make_platform, parse_platform
from auditor.predicates import COMPARISON_GATE
from auditor.schema import key_node, one_of, only_keys, parsed, required, suggestion
from auditor.validation import is_label_key, is_label_value
from auditor.yaml.nodes import Node, ShapeError

PLUGINS: Final = tuple(NAMESPACE_PLUGINS)
GATES: Final = (COMPARISON_GATE,)

ARCHITECTURES: Final = ("386", "amd64", "arm", "arm64", "ppc64le", "riscv64", "s390x")

PROFILE_KEYS: Final = (
    "name",
    "description",
    "pools",
    "runtimeClasses",
    "plugins",
    "namespaces",
    "defaultNodeSelector",
    "featureGates",
    "selectorTolerations",
)
POOL_KEYS: Final = (
    "name",
    "platform",
    "labels",
    "varying",
    "openLabels",
    "taints",
    "runtime",
    "nodes",
    "unschedulable",
    "emulation",
    "resources",
)
_NODE_SYSTEMS: Final = ("linux", "windows")
_T = TypeVar("_T")


def read_profile(root: Node, default_name: str) -> ClusterProfile:
    """The profile that a cluster file holds. Raises `ShapeError` at what is wrong."""
    only_keys(root, PROFILE_KEYS, "a cluster profile")
    nodes = required(root, "pools", "a cluster profile").items()
    if not nodes:
        raise ShapeError("a cluster profile needs at least one pool", root)
    return ClusterProfile(
        name=root.text_at("name") or default_name,
        description=root.text_at("description").strip(),
        pools=_unique(nodes, _pool, lambda pool: pool.name, "pool"),
        runtime_classes={
            item.name: item
            for item in _unique(
                root.items_at("runtimeClasses"),
                read_runtime_class,
                lambda item: item.name,
                "RuntimeClass",
            )
        },
        all_classes_known=root.get("runtimeClasses") is not None,
        plugins=_words(root, "plugins", PLUGINS, "an admission plug-in that podfit knows"),
        namespace_selectors=_namespaces(root),
        default_selector=root.texts_at("defaultNodeSelector"),
        gates=_words(root, "featureGates", GATES, "a feature gate that matters to placement"),
        selector_tolerations=tuple(
            parsed(item, _label) for item in root.items_at("selectorTolerations")
        ),
    )


def _unique(
    nodes: tuple[Node, ...], read: Callable[[Node], _T], name: Callable[[_T], str], what: str
) -> tuple[_T, ...]:
    found: dict[str, _T] = {}
    for node in nodes:
        item = read(node)
        if name(item) in found:
            raise ShapeError(f"there are two of {what} `{name(item)}`", node)
        found[name(item)] = item
    return tuple(found.values())


def _pool(node: Node) -> NodePool:
    only_keys(node, POOL_KEYS, "a pool")
    name = required(node, "name", "a pool").text()
    if not name.strip():
        raise ShapeError("a pool's name must not be blank", node)
    platform = parsed(required(node, "platform", f"pool `{name}`"), _platform)
    runtime = node.get("runtime")
    return NodePool(
        name=name,
        platform=platform,
        labels=_labels(node, platform),
        varying=frozenset(parsed(item, _label_key) for item in node.items_at("varying")),
        taints=tuple(parsed(item, parse_taint) for item in node.items_at("taints")),
        runtime=parsed(runtime, parse_runtime) if runtime else None,
        nodes=tuple(dict.fromkeys(item.text() for item in node.items_at("nodes"))),
        open_labels=node.flag_at("openLabels"),
        unschedulable=node.flag_at("unschedulable"),
        emulation=frozenset(map(_architecture, node.items_at("emulation"))),
        resources=_resources(node),
    )


def _resources(node: Node) -> frozenset[str] | None:
    if node.get("resources") is None:
        return None
    return frozenset(item.text() for item in node.items_at("resources"))


def _architecture(node: Node) -> str:
    architecture = make_platform("linux", node.text()).architecture
    return one_of(Node(architecture, node.line, node.column), ARCHITECTURES, "an architecture")


def _platform(text: str) -> Platform:
    platform = parse_platform(text)
    if platform.architecture not in ARCHITECTURES:
        advice = suggestion(platform.architecture, ARCHITECTURES)
        raise ValueError(f"no node has the architecture {platform.architecture}; {advice}")
    if platform.os not in _NODE_SYSTEMS:
        raise ValueError(
            f"no Kubernetes node runs {platform.os}; write linux/... or windows(...)/..."
        )
    return platform


def _label_key(text: str) -> str:
    if not is_label_key(text):
        raise ValueError(f"`{text}` cannot be the key of a label")
    return text


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not is_label_key(key) or not is_label_value(value):
        raise ValueError(f"`{text}` is not a label; write it as key=value")
    return key, value


def _labels(node: Node, platform: Platform) -> Mapping[str, str]:
    """The pool's labels and those that follow from its platform, which it must not contradict."""
    own = node.texts_at("labels")
    derived = platform_labels(platform)
    for key, value in own.items():
        where = key_node(required(node, "labels", "a pool"), key)
        if not is_label_key(key) or not is_label_value(value):
            raise ShapeError(f"`{key}={value}` cannot be a label", where)
        if derived.get(key, value) != value:
            raise ShapeError(
                f"label {key}={value} contradicts the platform, which gives {derived[key]}", where
            )
        if key == HOSTNAME_LABEL:
            raise ShapeError(f"{key} differs from node to node; give the names as `nodes`", where)
    return {**derived, **own}


def _words(root: Node, key: str, known: tuple[str, ...], what: str) -> frozenset[str]:
    return frozenset(one_of(item, known, what) for item in root.items_at(key))


def _namespaces(root: Node) -> Mapping[str, Mapping[str, str]]:
    selectors = {}
    for name, node in root.mapping_at("namespaces").items():
        only_keys(node, ("nodeSelector",), "a namespace")
        selectors[name] = node.texts_at("nodeSelector")
    return selectors
