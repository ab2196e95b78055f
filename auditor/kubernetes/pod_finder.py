"""Find the workloads of an object: built-in kinds, known custom resources, and pod specs in others.

In unknown kinds pod specs are recognised by their shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.kubernetes.custom_resources import Match, PodSource, Table, builtin_table
from auditor.kubernetes.manifests import Manifest
from auditor.kubernetes.misplaced import misplaced_fields
from auditor.kubernetes.pods import Pod, assemble, assemble_at, read_workload
from auditor.kubernetes.workloads import Workload

NO_PODS: Final = (
    "cluster.x-k8s.io",
    "constraints.gatekeeper.sh",
    "image.openshift.io",
    "image.toolkit.fluxcd.io",
    "infrastructure.cluster.x-k8s.io",
    "k3d.io",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "kargo.akuity.io",
    "kind.x-k8s.io",
    "kyverno.io",
    "machine.openshift.io",
    "metal3.io",
    "mutations.gatekeeper.sh",
    "nmstate.io",
    "performance.openshift.io",
    "policies.kyverno.io",
    "policy.sigstore.dev",
    "skaffold",
    "sriovnetwork.openshift.io",
    "templates.gatekeeper.sh",
)
"""API groups without pods whose objects hold patterns of pods, images, or selectors of nodes."""

MAX_NODES: Final = 100_000
"""The most values of an object that is searched. Only an alias bomb has more."""

_CORE: Final = ("", "apps", "autoscaling", "batch", "events", "extensions", "policy")
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_IMAGE: Final = re.compile(r"[A-Za-z0-9\[][\w.:/@\[\]-]*")


def is_core(group: str) -> bool:
    """Whether an API group belongs to Kubernetes and has no domain."""
    return group in _CORE


def may_make_pods(group: str) -> bool:
    """Whether unknown kinds of this API group may make pods.

    `k8s.io` without `x-` is reserved for Kubernetes, whose kinds with pods are all known.
    """
    if is_core(group) or group in NO_PODS:
        return False
    return not group.endswith(".k8s.io") or group.endswith("x-k8s.io")


def guess_pods(manifest: Manifest) -> Iterator[Pod]:
    """Yield the mappings with `containers: [{name, image}]` at any path, in document order.

    Objects of more than `MAX_NODES` values and nested pod specs are skipped. For a manifest that is
    embedded in the object, its kind is the controller.
    """
    if manifest.root.size > MAX_NODES:
        return
    for path, spec, controller in _search(manifest.root):
        for pod in assemble_at(PodSource(at=path), Match(spec, path), manifest.root):
            yield replace(pod, controller=controller, component=path, guessed=True)


def _search(root: Node) -> Iterator[tuple[str, Node, str]]:
    """Search depth first, without recursion because hostile objects are nested deeply."""
    stack: list[tuple[str, Node, str]] = [("", root, "")]
    while stack:
        path, node, controller = stack.pop()
        if isinstance(node.value, Mapping):
            if path and node.get("apiVersion") and (kind := node.get("kind")) and kind.is_text:
                controller = kind.text()
            if _looks_like_pod_spec(node):
                yield path, node, controller
                continue
        stack += ((name, item, controller) for name, item in reversed(_children(path, node)))


def _children(path: str, node: Node) -> list[tuple[str, Node]]:
    """Return the children of a value, without the object's `status`."""
    if isinstance(node.value, tuple):
        return [(f"{path}[{index}]", item) for index, item in enumerate(node.value)]
    if not isinstance(node.value, Mapping):
        return []
    items = ((key, item) for key, item in node.value.items() if path or key != "status")
    return [(f"{path}.{key}".lstrip("."), item) for key, item in items]


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


_TEMPLATE: Final = ("spec", "template")
POD_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): _TEMPLATE,
}
"""API group and kind -> path of the pod template (a mapping with `metadata` and `spec`)."""

_FORMER_GROUPS: Final = {"extensions": "apps"}


def find_workloads(manifest: Manifest, table: Table | None = None) -> Iterator[Workload]:
    """Yield the workloads of a manifest; nothing for most kinds.

    Raises `ShapeError` for a pod template that the API server would not decode.

    Args:
        table: The custom resources; None for the built-in table.
    """
    group = _group(manifest)
    path = POD_TEMPLATES.get((group, manifest.ref.kind))
    if path is not None:
        workload = read_workload(manifest, _core_pod(manifest, path))
        yield replace(workload, misplaced=tuple(misplaced_fields(manifest.root, path)))
    elif not is_core(group):
        sources = _sources(manifest, table)
        if sources is not None:
            yield from (read_workload(manifest, pod) for pod in assemble(manifest, sources))
        elif may_make_pods(group):
            yield from _guessed(manifest, guess_pods(manifest))


def is_described(manifest: Manifest, table: Table | None = None) -> bool:
    """Return whether the table of custom resources describes the kind of a manifest."""
    return _sources(manifest, table) is not None


def _group(manifest: Manifest) -> str:
    group = manifest.ref.api_version.rpartition("/")[0]
    return _FORMER_GROUPS.get(group, group)


def _sources(manifest: Manifest, table: Table | None) -> tuple[PodSource, ...] | None:
    known = builtin_table() if table is None else table
    return known.get((_group(manifest), manifest.ref.kind))


def _core_pod(manifest: Manifest, path: tuple[str, ...]) -> Pod:
    template = manifest.root.at(*path)
    if template is None:
        raise ShapeError(f"`{'.'.join(path)}` is missing", manifest.root)
    spec = template.get("spec")
    if spec is None:
        raise ShapeError("the pod template has no `spec`", template)
    if spec.get("containers") is None:
        raise ShapeError("the pod spec has no `containers`", spec)
    selector = ".".join((*path, "spec", "nodeSelector"))
    return Pod(spec, template.get("metadata"), selector_path=selector)


def _guessed(manifest: Manifest, pods: Iterable[Pod]) -> Iterator[Workload]:
    for pod in pods:
        try:
            yield read_workload(manifest, pod)
        except ShapeError:
            continue  # not a pod spec after all
