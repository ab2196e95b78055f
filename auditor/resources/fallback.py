"""Pod specs in kinds that nobody told us about, known by their look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from auditor.manifests import Manifest
from auditor.resources.assembly import assemble_at
from auditor.resources.paths import Match
from auditor.resources.pods import Pod
from auditor.resources.table import PodSource
from auditor.yaml.nodes import Node

NO_PODS: Final = (
    "constraints.gatekeeper.sh",
    "kyverno.io",
    "mutations.gatekeeper.sh",
    "policies.kyverno.io",
    "templates.gatekeeper.sh",
)
"""API groups whose objects hold patterns of pods: policies, not workloads."""

MAX_NODES: Final = 100_000
"""Values of an object that is searched. No custom resource comes near; an alias bomb does."""

_CORE: Final = ("", "apps", "autoscaling", "batch", "events", "extensions", "policy")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_IMAGE: Final = re.compile(r"[A-Za-z0-9\[][\w.:/@\[\]-]*")


def is_core(group: str) -> bool:
    """Whether this is an API group without a domain, all of whose kinds are Kubernetes' own."""
    return group in _CORE


def may_make_pods(group: str) -> bool:
    """Whether a kind of this API group could be a custom resource with pods that nobody knows.

    `k8s.io` without `x-` is kept for Kubernetes itself, of which all kinds with pods are known.
    """
    if is_core(group) or group in NO_PODS:
        return False
    return not group.endswith(".k8s.io") or group.endswith("x-k8s.io")


def guess_pods(manifest: Manifest) -> Iterator[Pod]:
    """Mappings with `containers: [{name, image}]`, wherever they stand, in document order.

    Nothing in an object of more than `MAX_NODES` values. One within another is passed over. An
    object within the object, as in a manifest that is wrapped in another, says by its own kind
    whose rules its pods follow.
    """
    if manifest.root.size > MAX_NODES:
        return
    for path, spec, controller in _search(manifest.root):
        for pod in assemble_at(PodSource(at=path), Match(spec, path), manifest.root):
            yield replace(pod, controller=controller, component=path, guessed=True)


def _search(root: Node) -> Iterator[tuple[str, Node, str]]:
    """Depth first without recursion: a hostile object is nested a thousand deep."""
    stack: list[tuple[str, Node, str]] = [("", root, "")]
    while stack:
        path, node, controller = stack.pop()
        if path == "status":
            continue  # what a controller wrote, not what anybody wants
        if isinstance(node.value, Mapping):
            if path and node.get("apiVersion") and (kind := node.get("kind")) and kind.is_text:
                controller = kind.text()
            if _looks_like_pod_spec(node):
                yield path, node, controller
                continue
            children = [(f"{path}.{key}".lstrip("."), item) for key, item in node.value.items()]
        elif isinstance(node.value, tuple):
            children = [(f"{path}[{index}]", item) for index, item in enumerate(node.value)]
        else:
            continue
        stack += ((name, item, controller) for name, item in reversed(children))


def _looks_like_pod_spec(node: Node) -> bool:
    containers = node.get("containers")
    if containers is None or not isinstance(containers.value, tuple) or not containers.value:
        return False
    return all(map(_looks_like_container, containers.value))


def _looks_like_container(node: Node) -> bool:
    name, image = (node.get("name"), node.get("image")) if node.is_mapping else (None, None)
    if name is None or image is None or not (name.is_text and image.is_text):
        return False
    return bool(_NAME.fullmatch(name.text()) and _IMAGE.fullmatch(image.text()))
