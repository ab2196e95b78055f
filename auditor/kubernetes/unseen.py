"""Signs of pods in objects from which podfit reads none.

An object of an unknown kind with a nodeSelector, tolerations, affinity, an image or containers
probably makes pods. So does a ConfigMap with a manifest as text, if something applies it.

An object that installs a chart makes the pods of the chart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node, Scalar
from auditor.kubernetes.custom_resources import Table
from auditor.kubernetes.manifests import Manifest
from auditor.kubernetes.pod_finder import MAX_NODES, is_core, is_described, may_make_pods

_SKIPPED: Final = ("metadata", "status")
_IMAGE: Final = re.compile(r"[A-Za-z0-9\[$][\w.:/@\[\]${}-]*")
_NO_IMAGE: Final = re.compile(
    r".*\.(gif|ico|img|iso|jpe?g|png|qcow2|raw|svg|vhdx?|vmdk|webp)", re.IGNORECASE
)
"""Pictures and disks of virtual machines, which have keys of the same name."""
_AFFINITIES: Final = frozenset(("nodeAffinity", "podAffinity", "podAntiAffinity"))
_TERMS: Final = frozenset(
    (
        "preferredDuringSchedulingIgnoredDuringExecution",
        "requiredDuringSchedulingIgnoredDuringExecution",
    )
)
_MANIFEST: Final = re.compile(
    r"^[ \t-]*[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?(?P<kind>CronJob|DaemonSet|Deployment|Job|Pod"
    r"|ReplicaSet|ReplicationController|StatefulSet)\b",
    re.MULTILINE,
)
_POD_TEXT: Final = re.compile(
    r"^[ \t-]*[\"']?(?:initContainers|containers|nodeSelector|tolerations)[\"']?[ \t]*:"
    r"|^[ \t]*\[\[?runners\.kubernetes\b",
    re.MULTILINE,
)
"""Pod specs as text: manifests, templates of sidecar injectors and of Jenkins, GitLab runners."""
_TEXT_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ConfigMap": ("data",),
    "Secret": ("stringData",),
}


_INSTALLING: Final = frozenset(
    (
        ("addons.cluster.x-k8s.io", "HelmChartProxy"),
        ("addons.cluster.x-k8s.io", "HelmReleaseProxy"),
        ("apps.open-cluster-management.io", "HelmRelease"),
        ("argoproj.io", "Application"),
        ("argoproj.io", "ApplicationSet"),
        ("fleet.cattle.io", "HelmOp"),
        ("helm.cattle.io", "HelmChart"),
        ("helm.crossplane.io", "Release"),
        ("helm.k0sproject.io", "Chart"),
        ("helm.m.crossplane.io", "Release"),
        ("helm.toolkit.fluxcd.io", "HelmRelease"),
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
        ("management.cattle.io", "ManagedChart"),
    )
)
"""API groups and kinds whose objects install charts or manifests."""
_CHART_KEYS: Final = frozenset(("chart", "chartname", "chartref", "helmchart"))
_CHARTS_KEYS: Final = frozenset(("charts", "helmcharts", "helmreleases"))
_LOCAL_CHART_KEYS: Final = frozenset(("chartpath", "remotechart"))
_REPOSITORY_KEYS: Final = frozenset(
    (
        "repo",
        "reponame",
        "repository",
        "repositoryname",
        "repositoryurl",
        "repourl",
        "url",
    )
)
"""Keys in lower case: a chart, a list of charts, a chart of Skaffold, the repository of a chart."""
_OCI: Final = "oci://"


class Sign(Struct, frozen=True):
    """What suggests that an object makes pods.

    Args:
        what: Name of the field, or the kind of a manifest that is text.
        path: Its path in the object.
        in_text: Whether it is part of a text, such as a value of a ConfigMap.
    """

    what: str
    path: str
    in_text: bool = False

    def __str__(self) -> str:
        return f"{self.what} at {self.path}"


def find_sign(manifest: Manifest, table: Table | None = None) -> Sign | None:
    """Return the first sign of pods in an object from which no workload was read.

    Args:
        manifest: The object.
        table: Table of custom resources; None for podfit's own.
    """
    if manifest.root.size > MAX_NODES:
        return None
    group = manifest.ref.api_version.rpartition("/")[0]
    if not group and manifest.ref.kind in _TEXT_FIELDS:
        return next(_text_signs(manifest), None)
    if makes_no_pods(manifest, table) or installs_chart(manifest):
        return None
    return next(_signs(manifest.root), None)


def makes_no_pods(manifest: Manifest, table: Table | None = None) -> bool:
    """Return whether objects of this kind make no other pods than those podfit reads."""
    group = manifest.ref.api_version.rpartition("/")[0]
    if (group, manifest.ref.kind) in _INSTALLING:
        return False
    return not may_make_pods(group) or is_described(manifest, table)


def installs_chart(manifest: Manifest) -> bool:
    """Return whether a chart and its repository are named anywhere in a custom resource."""
    group = manifest.ref.api_version.rpartition("/")[0]
    if (group, manifest.ref.kind) in _INSTALLING:
        return True
    if is_core(group) or manifest.root.size > MAX_NODES:
        return False
    return any(_names_chart(node) for _, node in _mappings(manifest.root))


def _names_chart(node: Node) -> bool:
    entries = {key.lower(): item for key, item in node.mapping().items() if item.value}
    if not _LOCAL_CHART_KEYS.isdisjoint(entries):
        return True
    for key in _CHART_KEYS & entries.keys():
        value = entries[key].value
        if isinstance(value, str) and value.startswith(_OCI):
            return True
        own = {name.lower() for name in value} if isinstance(value, Mapping) else entries.keys()
        if not _REPOSITORY_KEYS.isdisjoint(own):
            return True
    lists = (entries[key].value for key in _CHARTS_KEYS & entries.keys())
    items = (item for held in lists if isinstance(held, tuple) for item in held if item.is_mapping)
    return any(item.get("name") and item.get("version") for item in items)


def _text_signs(manifest: Manifest) -> Iterator[Sign]:
    for field in _TEXT_FIELDS[manifest.ref.kind]:
        values = manifest.root.get(field)
        held = values.value if values is not None else None
        for key, node in held.items() if isinstance(held, Mapping) else ():
            text = node.value
            if isinstance(text, str) and (found := _POD_TEXT.search(text)):
                kind = _MANIFEST.search(text)
                what = kind["kind"] if kind else found[0].strip(" \t\"':-[")
                yield Sign(what, f"{field}.{key}", in_text=True)


def _signs(root: Node) -> Iterator[Sign]:
    for path, node in _mappings(root):
        for key, item in node.mapping().items():
            if _is_sign(key, item) and (path or key not in _SKIPPED):
                yield Sign(key, f"{path}.{key}".lstrip("."))


def _mappings(root: Node) -> Iterator[tuple[str, Node]]:
    """Yield the mappings of an object, and their paths, but for its metadata and status.

    Depth first without recursion: a hostile object is nested a thousand deep.
    """
    stack = [("", root)]
    while stack:
        path, node = stack.pop()
        if isinstance(node.value, tuple):
            below = [(f"{path}[{index}]", item) for index, item in enumerate(node.value)]
        elif isinstance(node.value, Mapping):
            yield path, node
            skipped = () if path else _SKIPPED
            fields = ((key, item) for key, item in node.value.items() if key not in skipped)
            below = [(f"{path}.{key}".lstrip("."), item) for key, item in fields]
        else:
            continue
        stack += reversed(below)


def _is_sign(key: str, node: Node) -> bool:
    name = key.lower()
    return any(name.endswith(end) and holds(node) for end, holds in _SIGNS.items())


def _is_flat(node: Node) -> bool:
    """Whether a selector is that of a pod: one with `matchLabels` selects nodes for other ends."""
    if not isinstance(node.value, Mapping):
        return False
    return not any(item.is_mapping or item.is_sequence for item in node.value.values())


def _is_affinity(node: Node) -> bool:
    return isinstance(node.value, Mapping) and not (_AFFINITIES | _TERMS).isdisjoint(node.value)


def _is_image(node: Node) -> bool:
    value = node.value
    if isinstance(value, Mapping):
        name = value.get("repository") or (value.get("name") if "tag" in value else None)
        return name is not None and _is_image(name)
    if not isinstance(value, str) or "://" in value:
        return False
    return bool(_IMAGE.fullmatch(value) and not _NO_IMAGE.match(value))


def _is_containers(node: Node) -> bool:
    value = node.value.values() if isinstance(node.value, Mapping) else node.value
    return not isinstance(value, Scalar) and any(item.is_mapping for item in value)


_SIGNS: Final[Mapping[str, Callable[[Node], bool]]] = {
    "nodeselector": _is_flat,
    "tolerations": lambda node: node.is_sequence,
    "affinity": _is_affinity,
    "image": _is_image,
    "containers": _is_containers,
}
"""End of a key in lower case -> whether a value under it is that of pods."""
