"""The scheduler's predicates for one node, as pure functions.

They return True, False, or None if the cluster profile does not have the information.

Sources: component-helpers `nodeaffinity.go` and `helpers.go`, apimachinery `labels/selector.go`
(Requirement.Matches), api `core/v1/toleration.go` (ToleratesTaint).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from auditor.kubernetes.placeholders import unfilled
from auditor.kubernetes.pod_spec import NodeSelectorTerm, Requirement, Scheduling, Toleration
from auditor.scheduling.nodes import (
    CONTROL_PLANE_LABELS,
    HOSTNAME_LABEL,
    OS_LABEL,
    PLATFORM_LABELS,
    NodePool,
    Taint,
)

Answer = bool | None

COMPARISON_GATE: Final = "TaintTolerationComparisonOperators"
"""Feature gate of the Lt and Gt toleration operators (KEP-5471): alpha and off up to 1.37."""

_INTEGER: Final = re.compile(r"[0-9]{1,63}")
"""An integer as a label value, without a sign: label values start with a letter or digit
(`NewRequirement` rejects others in a selector, the API server on a node)."""
_CANONICAL: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_INT64: Final = range(-(2**63), 2**63)


class NodeView(Struct, frozen=True):
    """One node, or any node of a pool, as the scheduler sees it.

    Attributes:
        name: "" if unknown.
        labels: Labels with a known value.
        varying: Keys of labels with an unknown value.
        open_labels: Whether the node may have other labels.
    """

    name: str
    labels: Mapping[str, str]
    varying: frozenset[str] = frozenset()
    open_labels: bool = False

    def presence(self, key: str) -> Answer:
        """Return whether the node has this label; None if unknown."""
        if key in self.labels or key in self.varying:
            return True
        absent = CONTROL_PLANE_LABELS if self.labels.get(OS_LABEL) == "windows" else ()
        return None if self.open_labels and key not in (*PLATFORM_LABELS, *absent) else False


def view(pool: NodePool, name: str = "") -> NodeView:
    """Return the view of a node of the pool, or of any node if no name is given.

    The hostname label defaults to the node's name, which is correct except on a few clouds.
    """
    labels = {**({HOSTNAME_LABEL: name} if name else {}), **pool.labels}
    labels |= pool.node_labels.get(name, {})
    return NodeView(name, labels, pool.varying | {HOSTNAME_LABEL}, pool.open_labels)


def views(pool: NodePool, scheduling: Scheduling) -> list[NodeView]:
    """Return the nodes of a pool, one for all nodes that do not differ for this pod."""
    if not pool.nodes:
        return [view(pool)]
    terms = scheduling.required_terms or ()
    keys = {item.key for item in scheduling.node_selector} | set(scheduling.spread_keys)
    keys |= {item.key for term in terms for item in term.expressions}
    fields = any(term.fields for term in terms)
    by_name = bool(scheduling.node_name) or fields or HOSTNAME_LABEL in keys
    distinct: dict[tuple[str | None, ...], str] = {}
    for name in pool.nodes:
        labels = pool.node_labels.get(name, {})
        distinct.setdefault((name if by_name else "", *map(labels.get, keys)), name)
    return [view(pool, name) for name in distinct.values()]


def every(answers: Iterable[Answer]) -> Answer:
    """Return the conjunction: False if any is False, else None if any is None."""
    seen = list(answers)
    if False in seen:
        return False
    return None if None in seen else True


def some(answers: Iterable[Answer]) -> Answer:
    """Return the disjunction: True if any is True, else None if any is None, else False."""
    seen = list(answers)
    if True in seen:
        return True
    return None if None in seen else False


def requirement_holds(requirement: Requirement, node: NodeView) -> Answer:
    """Return whether a node meets a requirement on a label; False if it is malformed.

    If the label's value or presence is unknown, positive requirements are unknown, while NotIn and
    DoesNotExist hold, because the pod could be scheduled onto such a node.
    """
    if requirement.unfilled:
        return _unfilled_holds(requirement, node)
    values = requirement.values
    actual = node.labels.get(requirement.key)
    presence = node.presence(requirement.key)
    unknown = actual is None and presence is not False
    match requirement.operator:
        case "In":
            return bool(values) and (None if unknown else actual in values)
        case "NotIn":
            return bool(values) and actual not in values
        case "Exists":
            return not values and presence
        case "DoesNotExist":
            return not values and presence is not True
        case "Gt" | "Lt":
            return None if unknown and _is_comparison(values) else _compares(requirement, node)
        case _:
            return False


def _unfilled_holds(requirement: Requirement, node: NodeView) -> Answer:
    """Return what holds of a requirement whatever its variables become; None where they decide."""
    if unfilled(requirement.key) or unfilled(requirement.operator):
        return None
    actual = node.labels.get(requirement.key)
    stated = any(value == actual for value in requirement.values if not unfilled(value))
    missing = node.presence(requirement.key) is False
    match requirement.operator:
        case "In":
            return True if stated else False if missing else None
        case "NotIn":
            return False if stated else True if missing else None
        case "Gt" | "Lt":
            return False if missing else None
        case _:
            return None


def _is_comparison(values: tuple[str, ...]) -> bool:
    return len(values) == 1 and _integer(values[0]) is not None


def _compares(requirement: Requirement, node: NodeView) -> bool:
    if not _is_comparison(requirement.values):
        return False
    wanted = _integer(requirement.values[0])
    actual = _integer(node.labels.get(requirement.key, ""))
    if actual is None or wanted is None:
        return False
    return actual > wanted if requirement.operator == "Gt" else actual < wanted


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) and int(text) in _INT64 else None


def field_holds(requirement: Requirement, node: NodeView) -> Answer:
    """Return whether a node meets a `matchFields` requirement.

    Only `metadata.name` with In or NotIn of one value is valid.
    """
    if requirement.unfilled:
        return None
    if requirement.operator not in ("In", "NotIn") or len(requirement.values) != 1:
        return False
    name = node.name if requirement.key == "metadata.name" else ""
    if requirement.key == "metadata.name" and not name:
        return None if requirement.operator == "In" else True
    return (name == requirement.values[0]) is (requirement.operator == "In")


def term_matches(term: NodeSelectorTerm, node: NodeView) -> Answer:
    """Return whether a node meets all requirements of a term; an empty term matches no node."""
    if not term.expressions and not term.fields:
        return False
    return every(
        (
            *(requirement_holds(requirement, node) for requirement in term.expressions),
            *(field_holds(requirement, node) for requirement in term.fields),
        )
    )


def tolerates(toleration: Toleration, taint: Taint, gates: Collection[str] = ()) -> bool:
    """Return whether a toleration matches a taint. An empty key or effect matches any."""
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    match toleration.operator:
        case "" | "Equal":
            return toleration.value == taint.value
        case "Exists":
            return True
        case "Lt" | "Gt" if COMPARISON_GATE in gates:
            return _taint_compares(toleration, taint)
        case _:
            return False


def _taint_compares(toleration: Toleration, taint: Taint) -> bool:
    wanted, actual = as_integer(toleration.value), as_integer(taint.value)
    if wanted is None or actual is None:
        return False
    return actual > wanted if toleration.operator == "Gt" else actual < wanted


def may_tolerate(toleration: Toleration, taint: Taint) -> bool:
    """Return whether a toleration matches a taint once its variables are filled in suitably."""
    if not toleration.unfilled:
        return False
    pairs = ((toleration.key, taint.key), (toleration.effect, taint.effect))
    if any(text not in ("", wanted) and not unfilled(text) for text, wanted in pairs):
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value or bool(unfilled(toleration.value))
    return True


def as_integer(text: str) -> int | None:
    """Parse a value of the Lt and Gt toleration operators; None if it is invalid.

    Valid values are decimal, 64 bits, without leading zeros (`toleration.go`,
    compareNumericValues).
    """
    return int(text) if _CANONICAL.fullmatch(text) and int(text) in _INT64 else None


def untolerated(
    taints: Iterable[Taint],
    tolerations: Collection[Toleration],
    effects: Collection[str],
    gates: Collection[str] = (),
) -> tuple[Taint, ...]:
    """Return the taints with one of the effects that no toleration matches."""
    return tuple(
        taint
        for taint in taints
        if taint.effect in effects
        and not any(tolerates(toleration, taint, gates) for toleration in tolerations)
    )
