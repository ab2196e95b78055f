"""The parts of a pod's affinity that have nothing to do with required node labels."""

from __future__ import annotations

from typing import Any

from auditor.manifests import Manifest, read_manifests
from auditor.remedies.pod_values import REQUIRED
from auditor.workloads import Workload
from auditor.yaml.nodes import ShapeError


def other_affinity(workload: Workload) -> dict[str, Any]:
    """Preferred node affinity, and affinity to pods, as plain values; {} for none.

    Charts have defaults for these that a value of the user's replaces as a whole.
    """
    path = workload.selector_path.split(".")[:-1]
    for manifest in read_manifests(workload.document):
        if isinstance(manifest, Manifest) and manifest.ordinal == workload.ordinal and path:
            try:
                affinity = manifest.root.at(*path, "affinity")
            except ShapeError:  # a path that leads into a list
                return {}
            return {} if affinity is None else _others(affinity.plain())
    return {}


def _others(affinity: dict[str, Any]) -> dict[str, Any]:
    nodes = affinity.pop("nodeAffinity", None)
    if isinstance(nodes, dict):
        nodes.pop(REQUIRED, None)
        if nodes:
            affinity["nodeAffinity"] = nodes
    return affinity
