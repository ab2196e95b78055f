"""A guard as a patch for Kustomize, which also mends what a chart's values do not reach."""

from __future__ import annotations

import textwrap
from typing import Any

from auditor.findings import Guard
from auditor.remedies.pod_values import REQUIRED, match_expressions, pod_fields
from auditor.workloads import Workload
from auditor.yaml.writing import block


def kustomize_patch(workload: Workload, guard: Guard) -> str:
    """The piece of a kustomization.yaml; "" where the object or its pod spec has no plain name."""
    path = workload.selector_path.split(".")[:-1]
    ref = workload.ref
    if not ref.name or not workload.selector_path or "[" in workload.selector_path:
        return ""
    patch = _operations(workload, guard, path)
    entry: dict[str, Any] = {}
    if patch is None:
        space = {} if ref.namespace in ("", "default") else {"namespace": ref.namespace}
        metadata = {"name": ref.name, **space}
        named = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
        entry["patch"] = block({**named, **_nested(path, pod_fields(guard))})
    else:
        group, _, version = ref.api_version.rpartition("/")
        target = {"group": group, "version": version, "kind": ref.kind, "name": ref.name}
        entry["target"] = {key: value for key, value in target.items() if value}
        entry["patch"] = textwrap.dedent(block(patch))
    return block({"patches": [entry]})


def _nested(path: list[str], value: dict[str, Any]) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    return value


def _operations(workload: Workload, guard: Guard, path: list[str]) -> list[dict[str, Any]] | None:
    """JSON patches, where terms of node affinity are there: merging would replace them."""
    terms = workload.scheduling.required_terms
    if not terms or not guard.affinity:
        return None
    pod = "/" + "/".join(path)
    pointer = f"{pod}/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms"
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": f"{pointer}/{index}/matchExpressions/-", "value": expression}
        for index, term in enumerate(terms)
        if term.expressions
        for expression in match_expressions(guard.requirements)
    ]
    return operations
