"""Workloads, pools and clusters for tests, from what a user would write."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from auditor.files.yaml_nodes import Node
from auditor.images.platforms import parse_platform
from auditor.kubernetes.manifests import Document, Manifest, read_manifests
from auditor.kubernetes.pod_finder import find_workloads
from auditor.kubernetes.workloads import Workload
from auditor.scheduling.nodes import (
    ClusterProfile,
    NodePool,
    RuntimeClass,
    parse_runtime,
    parse_taint,
    platform_labels,
)

_API_VERSIONS = {"CronJob": "batch/v1", "Job": "batch/v1", "Pod": "v1"}


def manifest(text: str, *, path: str = "app.yaml") -> Manifest:
    """The one object of a YAML text."""
    (read,) = read_manifests(Document(path, textwrap.dedent(text), path))
    assert isinstance(read, Manifest), read
    return read


def pod_spec(text: str) -> Node:
    """The pod spec of a Pod whose spec begins on line 4 of the document."""
    lines = "".join(f"  {line}\n" for line in text.strip().splitlines())
    pod = manifest(f"apiVersion: v1\nkind: Pod\nspec:\n{lines}")
    node = pod.root.get("spec")
    assert node is not None
    return node


def workload(spec: str = "", *, kind: str = "Deployment", namespace: str = "") -> Workload:
    """A workload whose pod spec is given, without its containers."""
    pod = textwrap.dedent(spec).strip() + "\ncontainers: [{name: app, image: app:1}]"
    where = "" if kind == "Pod" else "  template:\n    spec:\n"
    indent = "  " if kind == "Pod" else "      "
    text = (
        f"apiVersion: {_API_VERSIONS.get(kind, 'apps/v1')}\nkind: {kind}\n"
        f"metadata: {{name: app, namespace: '{namespace}'}}\nspec:\n{where}"
        f"{textwrap.indent(pod.strip(), indent)}\n"
    )
    (found,) = find_workloads(manifest(text))
    return found


def pool(
    platform: str = "linux/amd64",
    *,
    labels: Mapping[str, str] | None = None,
    taints: Sequence[str] = (),
    runtime: str = "",
    **fields: Any,
) -> NodePool:
    """A pool named like its platform, with the labels that the kubelet derives from it."""
    parsed = parse_platform(platform)
    return NodePool(
        name=platform,
        platform=parsed,
        labels={**platform_labels(parsed), **(labels or {})},
        taints=tuple(map(parse_taint, taints)),
        runtime=parse_runtime(runtime) if runtime else None,
        **fields,
    )


def cluster(
    *pools: NodePool, classes: Sequence[RuntimeClass] = (), **fields: Any
) -> ClusterProfile:
    return ClusterProfile(
        "test", pools, runtime_classes={item.name: item for item in classes}, **fields
    )
