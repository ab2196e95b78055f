"""The CPU and memory that the pods of a workload request, and how many pods it makes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, Decimal
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node

_QUANTITY: Final = re.compile(
    r"\+?(?P<number>[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})"
    r"(?P<suffix>[numkMGTPE]?|[KMGTPE]i|[eE][+-]?[0-9]{1,2})"
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
"""Suffixes of quantities, and the exponent of 10 or 2 that they stand for."""


class Requests(Struct, frozen=True):
    """What one pod requests.

    Attributes:
        cpu: Thousandths of a CPU; None if podfit found no request.
        memory: Bytes; None if podfit found no request.
    """

    cpu: int | None = None
    memory: int | None = None


def read_requests(spec: Node) -> Requests:
    """Return the requests of a pod spec, as the scheduler adds them up.

    Containers and sidecars count together; init containers run one after the other, so that the
    largest counts (`PodRequests` in k8s.io/component-helpers/resource). Requests of the pod itself
    replace those of its containers; its overhead is added.
    """
    return Requests(_total(spec, "cpu", 1000), _total(spec, "memory", 1))


def read_replicas(root: Node, kind: str) -> int:
    """Return how many pods an object makes at a time; 1 if it does not say.

    A DaemonSet makes one pod for each node, so that it counts as 1.
    """
    path = {
        "CronJob": ("spec", "jobTemplate", "spec", "parallelism"),
        "Job": ("spec", "parallelism"),
    }.get(kind, ("spec", "replicas"))
    node: Node | None = root
    for key in path:
        node = node.get(key) if node is not None and node.is_mapping else None
    value = node.value if node is not None else None
    known = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return int(str(value)) if known and kind != "DaemonSet" else 1


def _total(spec: Node, name: str, scale: int) -> int | None:
    running = _sum(_amount(item, name) for item in _containers(spec, "containers"))
    sidecars: Decimal | None = None
    largest: Decimal | None = None
    for item in _containers(spec, "initContainers"):
        own = _amount(item, name)
        if _word(item.get("restartPolicy")) == "Always":
            sidecars = _sum((sidecars, own))
            largest = _largest(largest, sidecars)
        else:
            largest = _largest(largest, _sum((sidecars, own)))
    total = _amount(spec, name)
    if total is None:
        total = _largest(_sum((running, sidecars)), largest)
    total = _sum((total, _quantity(_entry(spec, "overhead", name))))
    return None if total is None else int((total * scale).to_integral_value(ROUND_CEILING))


def _containers(spec: Node, key: str) -> tuple[Node, ...]:
    found = spec.get(key)
    items = found.items() if found is not None and found.is_sequence else ()
    return tuple(item for item in items if item.is_mapping)


def _amount(holder: Node, name: str) -> Decimal | None:
    """Return the request, by default the limit (`SetDefaults_Pod` in core/v1/defaults.go)."""
    request = _quantity(_entry(holder, "resources", "requests", name))
    return _quantity(_entry(holder, "resources", "limits", name)) if request is None else request


def _entry(node: Node | None, *path: str) -> Node | None:
    for key in path:
        node = node.get(key) if node is not None and node.is_mapping else None
    return node


def _word(node: Node | None) -> str:
    return str(node.value) if node is not None and not node.is_sequence else ""


def _quantity(node: Node | None) -> Decimal | None:
    """Return a quantity (apimachinery `resource.ParseQuantity`); None if it is not valid."""
    match = _QUANTITY.fullmatch(_word(node).strip())
    if match is None:
        return None
    suffix, number = match["suffix"], Decimal(match["number"])
    if suffix in _BINARY:
        return number * Decimal(1 << _BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:] or 0)
    return number.scaleb(exponent)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal()) if known else None


def _largest(*amounts: Decimal | None) -> Decimal | None:
    return max((amount for amount in amounts if amount is not None), default=None)
