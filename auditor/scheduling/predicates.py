"""The scheduler's tests of one node, as pure functions.

Three-valued where a profile may not know a node's labels: True, False, or None for "cannot tell".
Sources: component-helpers `nodeaffinity.go` and `helpers.go`, apimachinery `labels/selector.go`
(Requirement.Matches), api `core/v1/toleration.go` (ToleratesTaint).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import Struct

from auditor.images.references import is_unfilled
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
"""A whole number as the value of a label can be one: no sign stands at either end of such a value
(`NewRequirement` refuses it in a selector, the API server on a node)."""
_CANONICAL: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_INT64: Final = range(-(2**63), 2**63)


class NodeView(Struct, frozen=True):
    """One node, or any node of a pool, as the scheduler sees it.

    name: "" where it is unknown. labels: those with a known value. varying: keys of labels that it
    carries with a value that nobody told us. open_labels: it may carry others beside these.
    """

    name: str
    labels: Mapping[str, str]
    varying: frozenset[str] = frozenset()
    open_labels: bool = False

    def presence(self, key: str) -> Answer:
        """Whether the node carries this label; None where nobody knows."""
        if key in self.labels or key in self.varying:
            return True
        foreign = CONTROL_PLANE_LABELS if self.labels.get(OS_LABEL) == "windows" else ()
        return None if self.open_labels and key not in (*PLATFORM_LABELS, *foreign) else False


def view(pool: NodePool, name: str = "") -> NodeView:
    """A node of the pool; without a name, any of them.

    Every kubelet sets the label with the node's host name. Where the profile gives none, it is the
    node's name, as it is everywhere but on a few clouds.
    """
    labels = {**({HOSTNAME_LABEL: name} if name else {}), **pool.labels}
    labels |= pool.node_labels.get(name, {})
    return NodeView(name, labels, pool.varying | {HOSTNAME_LABEL}, pool.open_labels)


def views(pool: NodePool, scheduling: Scheduling) -> list[NodeView]:
    """The nodes of a pool to look at: one for all that do not differ in what a pod asks for."""
    if not pool.nodes:
        return [view(pool)]
    asked = _asked_labels(scheduling)
    fields = any(term.fields for term in scheduling.required_terms or ())
    by_name = bool(scheduling.node_name) or fields or HOSTNAME_LABEL in asked
    distinct: dict[tuple[str | None, ...], str] = {}
    for name in pool.nodes:
        labels = pool.node_labels.get(name, {})
        distinct.setdefault((name if by_name else "", *map(labels.get, asked)), name)
    return [view(pool, name) for name in distinct.values()]


def _asked_labels(scheduling: Scheduling) -> set[str]:
    terms = scheduling.required_terms or ()
    asked = {item.key for item in scheduling.node_selector}
    asked |= {item.key for term in terms for item in term.expressions}
    return asked | set(scheduling.spread_keys)


def every(answers: Iterable[Answer]) -> Answer:
    """AND: one False decides, else one None leaves it open."""
    seen = list(answers)
    if False in seen:
        return False
    return None if None in seen else True


def some(answers: Iterable[Answer]) -> Answer:
    """OR: one True decides, else one None leaves it open. No answer at all is False."""
    seen = list(answers)
    if True in seen:
        return True
    return None if None in seen else False


def requirement_holds(requirement: Requirement, node: NodeView) -> Answer:
    """A requirement on a label. A malformed one holds for no node.

    On a label whose value or presence nobody knows, a positive demand cannot be told, while NotIn
    and DoesNotExist are taken to hold where they can: the pod could be placed there.
    """
    if _is_unfilled(requirement):
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


def _is_unfilled(requirement: Requirement) -> bool:
    return any(map(is_unfilled, (requirement.key, requirement.operator, *requirement.values)))


def _unfilled_holds(requirement: Requirement, node: NodeView) -> Answer:
    """Evaluate a requirement with placeholders: a value that is filled in can decide alone."""
    if is_unfilled(requirement.key) or is_unfilled(requirement.operator):
        return None
    actual = node.labels.get(requirement.key)
    found = actual is not None and actual in requirement.values
    match requirement.operator:
        case "In":
            return True if found else None if node.presence(requirement.key) is not False else False
        case "NotIn":
            return False if found else None
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
    """A requirement under matchFields: only `metadata.name` with In or NotIn of one value."""
    if _is_unfilled(requirement):
        return None
    if requirement.operator not in ("In", "NotIn") or len(requirement.values) != 1:
        return False
    name = node.name if requirement.key == "metadata.name" else ""
    if requirement.key == "metadata.name" and not name:
        return None if requirement.operator == "In" else True
    return (name == requirement.values[0]) is (requirement.operator == "In")


def term_matches(term: NodeSelectorTerm, node: NodeView) -> Answer:
    """All of a term's requirements; an empty term matches no node."""
    if not term.expressions and not term.fields:
        return False
    return every(
        (
            *(requirement_holds(requirement, node) for requirement in term.expressions),
            *(field_holds(requirement, node) for requirement in term.fields),
        )
    )


def tolerates(toleration: Toleration, taint: Taint, gates: Collection[str] = ()) -> bool:
    """Whether a toleration matches a taint. An empty key or effect matches any."""
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


def may_tolerate(toleration: Toleration, taint: Taint) -> bool:
    """Return whether a toleration could match a taint once its placeholders are filled in."""
    unfilled = False
    for wanted, actual in (
        (toleration.effect, taint.effect),
        (toleration.key, taint.key),
        ("" if toleration.operator == "Exists" else toleration.value, taint.value),
    ):
        if is_unfilled(wanted):
            unfilled = True
        elif wanted not in ("", actual):
            return False
    return unfilled or is_unfilled(toleration.operator)


def _taint_compares(toleration: Toleration, taint: Taint) -> bool:
    wanted, actual = as_integer(toleration.value), as_integer(taint.value)
    if wanted is None or actual is None:
        return False
    return actual > wanted if toleration.operator == "Gt" else actual < wanted


def as_integer(text: str) -> int | None:
    """A number as Lt and Gt of tolerations take it; None where the text is none.

    Decimal, without leading zeros, within 64 bits (`toleration.go`, compareNumericValues).
    """
    return int(text) if _CANONICAL.fullmatch(text) and int(text) in _INT64 else None


def untolerated(
    taints: Iterable[Taint],
    tolerations: Collection[Toleration],
    effects: Collection[str],
    gates: Collection[str] = (),
) -> tuple[Taint, ...]:
    """The taints with one of the effects that no toleration matches."""
    return tuple(
        taint
        for taint in taints
        if taint.effect in effects
        and not any(tolerates(toleration, taint, gates) for toleration in tolerations)
    )
