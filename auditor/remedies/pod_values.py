"""A guard as the fields of a pod spec."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from auditor.findings import Guard
from auditor.scheduling import Requirement

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def match_expressions(requirements: Iterable[Requirement]) -> list[dict[str, Any]]:
    """As `core/v1` NodeSelectorRequirement."""
    return [
        {"key": item.key, "operator": item.operator, "values": list(item.values)}
        for item in requirements
    ]


def required_affinity(requirements: Iterable[Requirement]) -> dict[str, Any]:
    """The field `affinity` of a pod that had none."""
    terms = [{"matchExpressions": match_expressions(requirements)}]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}


def pod_fields(guard: Guard) -> dict[str, Any]:
    """The fields of a pod spec that say a guard, where neither is there yet."""
    fields: dict[str, Any] = {}
    if guard.node_selector:
        fields["nodeSelector"] = guard.node_selector
    if guard.affinity:
        fields["affinity"] = required_affinity(guard.affinity)
    return fields
