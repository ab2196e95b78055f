"""Load clusters: built-in profiles, profile files, and the output of `kubectl get nodes`.

RuntimeClass and Namespace manifests among the audited objects extend a cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from auditor.clusters.kubectl import (
    is_kubernetes_object,
    is_runtime_class,
    namespace_selector,
    read_objects,
    read_runtime_class,
)
from auditor.errors import ConfigurationError, Problem, printable
from auditor.files.strict import (
    key_node,
    naming,
    one_of,
    only_keys,
    parse_strict,
    parsed,
    read_bounded,
    required,
    suggestion,
)
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.images.platforms import Platform, make_platform, parse_platform
from auditor.kubernetes.manifests import Manifest, shape_error
from auditor.scheduling.admission import NAMESPACE_PLUGINS, is_label_key, is_label_value
from auditor.scheduling.nodes import (
    HOSTNAME_LABEL,
    ClusterProfile,
    NodePool,
    Retirement,
    RuntimeClass,
    parse_runtime,
    parse_taint,
    platform_labels,
)
from auditor.scheduling.predicates import COMPARISON_GATE

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
    "retirements",
)
RETIREMENT_KEYS: Final = ("platform", "date", "what", "source")
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
    """Read the profile in a cluster file. Raises `ShapeError`."""
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
        plugins=_words(root, "plugins", PLUGINS, "a supported admission plug-in"),
        namespace_selectors=_namespaces(root),
        default_selector=root.texts_at("defaultNodeSelector"),
        gates=_words(root, "featureGates", GATES, "a feature gate that affects placement"),
        selector_tolerations=tuple(
            parsed(item, _label) for item in root.items_at("selectorTolerations")
        ),
        retirements=tuple(map(_retirement, root.items_at("retirements"))),
    )


def _retirement(node: Node) -> Retirement:
    only_keys(node, RETIREMENT_KEYS, "a retirement")
    texts = {key: required(node, key, "a retirement") for key in RETIREMENT_KEYS}
    return Retirement(
        platform=parsed(texts["platform"], parse_node_platform),
        date=parsed(texts["date"], _date),
        what=texts["what"].text(),
        source=texts["source"].text(),
    )


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a date; write it as 2027-03-15") from None


def _unique(
    nodes: tuple[Node, ...], read: Callable[[Node], _T], name: Callable[[_T], str], what: str
) -> tuple[_T, ...]:
    found: dict[str, _T] = {}
    for node in nodes:
        item = read(node)
        if name(item) in found:
            raise ShapeError(f"duplicate {what} `{name(item)}`", node)
        found[name(item)] = item
    return tuple(found.values())


def _pool(node: Node) -> NodePool:
    only_keys(node, POOL_KEYS, "a pool")
    name = required(node, "name", "a pool").text()
    if not name.strip():
        raise ShapeError("a pool's name must not be blank", node)
    platform = parsed(required(node, "platform", f"pool `{name}`"), parse_node_platform)
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


def parse_node_platform(text: str) -> Platform:
    """Parse the platform of a node, such as `linux/arm64`. Raises ValueError."""
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
        raise ValueError(f"`{text}` is not a valid label key")
    return text


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not is_label_key(key) or not is_label_value(value):
        raise ValueError(f"`{text}` is not a label; write it as key=value")
    return key, value


def _labels(node: Node, platform: Platform) -> Mapping[str, str]:
    """Return the pool's labels and those of its platform, which must not conflict."""
    own = node.texts_at("labels")
    derived = platform_labels(platform)
    for key, value in own.items():
        where = key_node(required(node, "labels", "a pool"), key)
        if not is_label_key(key) or not is_label_value(value):
            raise ShapeError(f"`{key}={value}` is not a valid label", where)
        if derived.get(key, value) != value:
            raise ShapeError(
                f"label {key}={value} contradicts the platform, which sets {derived[key]}", where
            )
        if key == HOSTNAME_LABEL:
            raise ShapeError(f"{key} differs for each node; list the names as `nodes`", where)
    return {**derived, **own}


def _words(root: Node, key: str, known: tuple[str, ...], what: str) -> frozenset[str]:
    return frozenset(one_of(item, known, what) for item in root.items_at(key))


def _namespaces(root: Node) -> Mapping[str, Mapping[str, str]]:
    selectors = {}
    for name, node in root.mapping_at("namespaces").items():
        only_keys(node, ("nodeSelector",), "a namespace")
        selectors[name] = node.texts_at("nodeSelector")
    return selectors


def extend_cluster(
    cluster: ClusterProfile, manifests: Iterable[Manifest]
) -> tuple[ClusterProfile, tuple[Problem, ...]]:
    """Add RuntimeClass and Namespace manifests to a cluster; return it and the problems found.

    A class replaces the cluster's class of that name, as `kubectl apply` would. A Namespace counts
    only if an admission plug-in of the cluster reads its annotation.
    """
    classes: dict[str, RuntimeClass] = {}
    selectors: dict[str, Mapping[str, str]] = {}
    problems: list[Problem] = []
    for manifest in manifests:
        try:
            if is_runtime_class(manifest.root):
                found = read_runtime_class(manifest.root)
                classes[found.name] = found
            elif (manifest.ref.api_version, manifest.ref.kind) == ("v1", "Namespace"):
                selectors |= _selectors(manifest, cluster)
        except ShapeError as error:
            problem = shape_error(error, manifest.document).problem
            problems.append(replace(problem, what=f"{manifest.ref}: {problem.what}"))
    extended = replace(
        cluster,
        runtime_classes={**cluster.runtime_classes, **classes},
        namespace_selectors={**cluster.namespace_selectors, **selectors},
    )
    return (extended if classes or selectors else cluster), tuple(problems)


def _selectors(manifest: Manifest, cluster: ClusterProfile) -> dict[str, Mapping[str, str]]:
    for plugin in NAMESPACE_PLUGINS:
        if plugin in cluster.plugins:
            selector = namespace_selector(manifest.root, plugin)
            if selector is not None:
                return {manifest.ref.name: selector}
    return {}


DEFAULT: Final = "hybrid"
BUILT_IN: Final = (
    "aks",
    "eks",
    "gke",
    "hybrid",
    "hybrid-arm64",
    "linux",
    "openshift",
    "rke1",
)
"""The names of the built-in profiles, each a YAML file in this package."""

MAX_BYTES: Final = 32 * 2**20
"""Maximum bytes of a cluster file. `kubectl get nodes` prints about 10 KB for each node."""

_WHAT: Final = "cluster file"
_HINT: Final = (
    "docs/clusters.md describes the format; the output of `kubectl get nodes -o yaml` works too"
)
_LARGE: Final = (
    "remove what is not needed: kubectl get nodes -o json | jq 'del(.items[].status.images)'"
)


def load_cluster(name_or_path: str) -> ClusterProfile:
    """Load a built-in cluster, or a file with a profile or the output of `kubectl get nodes`.

    A built-in name is never read as a file; `./hybrid` is. Raises `ConfigurationError` with file,
    line and column.
    """
    if name_or_path in BUILT_IN:
        return _load_built_in(name_or_path)
    path = Path(name_or_path)
    if not name_or_path or not path.exists():
        near = suggestion(name_or_path, BUILT_IN)
        raise ConfigurationError(
            f'there is no cluster profile or file "{printable(name_or_path)}"',
            hint=near or f"pass a file, or one of {', '.join(BUILT_IN)}",
        )
    text = read_bounded(path, what=_WHAT, limit=MAX_BYTES, hint=_LARGE)
    return _parse(text, name_or_path, path.stem)


def _load_built_in(name: str) -> ClusterProfile:
    resource = Path(__file__).with_name(f"{name}.yaml")
    return _parse(resource.read_text(encoding="utf-8"), f"auditor/clusters/{name}.yaml", name)


def _parse(text: str, path: str, default_name: str) -> ClusterProfile:
    documents = parse_strict(text, path, what=_WHAT, hint=_HINT)
    if not documents:
        raise ConfigurationError(f"the {_WHAT} is empty", where=path, hint=_HINT)
    with naming(path, hint=_HINT):
        if any(map(is_kubernetes_object, documents)):
            return read_objects(documents, default_name)
        if len(documents) > 1:
            raise ConfigurationError(
                f"a {_WHAT} has one YAML document, not {len(documents)}", where=path, hint=_HINT
            )
        return read_profile(documents[0], default_name)
