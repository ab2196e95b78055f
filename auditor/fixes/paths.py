"""Keys of chart values, and the pod spec fields that they set.

Finds keys, formats them and merges changes into an overlay. Also converts guards to fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from auditor.checks.findings import Guard
from auditor.kubernetes.pod_spec import Requirement, Scheduling
from auditor.sources.rendering import Values

Key = tuple[str | int, ...]
"""The path of a value in a chart's values: names of mappings and indexes of lists."""

MAX_DEPTH: Final = 40
MAX_KEYS: Final = 1000
"""The maximum among 535 charts is 123."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+")


def find_keys(values: Values, name: re.Pattern[str]) -> list[Key]:
    """Return the keys whose last name matches fully, in document order; at most `MAX_KEYS`."""
    found: list[Key] = []
    for key in _walk(values, name):
        if len(found) >= MAX_KEYS:
            break
        found.append(key)
    return found


def _walk(values: Values, name: re.Pattern[str]) -> Iterator[Key]:
    pending: list[tuple[Key, Any]] = [((), values)]
    while pending:
        key, value = pending.pop()
        if key and isinstance(key[-1], str) and name.fullmatch(key[-1]):
            yield key
        elif len(key) < MAX_DEPTH:
            items = reversed(list(_items(value)))
            pending += (((*key, part), item) for part, item in items)


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:
    match value:
        case Mapping():
            return [(str(name), item) for name, item in value.items()]
        case list():
            return list(enumerate(value))
        case _:
            return ()


def value_at(values: Any, key: Key) -> Any:
    """Return the value of a key; None if it does not exist."""
    for part in key:
        match values:
            case Mapping():
                values = values.get(part)
            case list() if isinstance(part, int) and part < len(values):
                values = values[part]
            case _:
                return None
    return values


def overlay(values: Values, changes: Mapping[Key, Any]) -> dict[str, Any]:
    """Return values that change only these keys when Helm merges them over the others.

    Helm merges mappings but replaces lists, so lists in the path are copied from the values.
    """
    root: dict[str, Any] = {}
    for key, value in changes.items():
        _set(root, key, value, values)
    return root


def _set(root: dict[str, Any], key: Key, value: Any, values: Values) -> None:
    holder: Any = root
    for depth, part in enumerate(key[:-1], start=1):
        following = _below(holder, part)
        if not isinstance(following, dict | list):
            following = {} if isinstance(key[depth], str) else copied(value_at(values, key[:depth]))
            holder[part] = following
        holder = following
    holder[key[-1]] = value


def _below(holder: Any, part: str | int) -> Any:
    return holder.get(part) if isinstance(holder, dict) else holder[part]


def copied(value: Any) -> Any:
    """Return a deep copy of a value."""
    match value:
        case Mapping():
            return {name: copied(item) for name, item in value.items()}
        case list():
            return [copied(item) for item in value]
        case _:
            return value


def key_text(key: Key) -> str:
    """Format a key as `agent.nodeSelector`, `zones[0].nodeSelector` or `a."b.c".x`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _PLAIN.fullmatch(part) else json.dumps(part)
            text += f".{name}" if text else name
    return text


def list_of(key: Key) -> Key:
    """Return the outermost list in the path, which an overlay copies; () for none."""
    for depth, part in enumerate(key):
        if isinstance(part, int):
            return key[:depth]
    return ()


_DOMAIN: Final = "probe.podfit.example"
_MARK: Final = re.compile(rf"{re.escape(_DOMAIN)}/n(\d+)")


class Field(Struct, frozen=True):
    """A pod spec field that affects scheduling and that charts let users set.

    Attributes:
        keys: The names of values that charts use for it.
        marked: Makes a value for it from a mark.
        marks: Returns the keys of labels or taints in this field of a pod.
    """

    name: str
    keys: re.Pattern[str]
    marked: Callable[[str], Any]
    marks: Callable[[Scheduling], Iterator[str]]


def mark(number: int) -> str:
    """Return a unique key of a label or taint to recognise a value in rendered manifests."""
    return f"{_DOMAIN}/n{number}"


def holds_mark(text: str) -> bool:
    return _DOMAIN in text


def marked_numbers(field: Field, scheduling: Scheduling) -> frozenset[int]:
    """Return the numbers of the marks in a field of a pod."""
    found = map(_MARK.fullmatch, field.marks(scheduling))
    return frozenset(int(match[1]) for match in found if match)


def _required(expression: dict[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def _affinity_marks(scheduling: Scheduling) -> Iterator[str]:
    for term in scheduling.required_terms or ():
        yield from (item.key for item in term.expressions)


NODE_SELECTOR: Final = Field(
    "nodeSelector",
    re.compile(r"(?:[a-z][A-Za-z]*)?[nN]ode_?[sS]electors?"),
    lambda key: {key: "podfit"},
    lambda scheduling: (item.key for item in scheduling.node_selector),
)
AFFINITY: Final = Field(
    "affinity",
    re.compile(r"affinity|(?!session|(?:\w*[nN]ode|\w*[pP]od(?:Anti)?)Affinity)[a-z]\w*Affinity"),
    lambda key: _required({"key": key, "operator": "Exists"}),
    _affinity_marks,
)
TOLERATIONS: Final = Field(
    "tolerations",
    re.compile(r"tolerations|[a-z][A-Za-z]*Tolerations"),
    lambda key: [{"key": key, "operator": "Exists", "effect": "NoSchedule"}],
    lambda scheduling: (item.key for item in scheduling.tolerations),
)
FIELDS: Final = (NODE_SELECTOR, AFFINITY, TOLERATIONS)
"""In order of preference."""


REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"


def match_expressions(requirements: Iterable[Requirement]) -> list[dict[str, Any]]:
    """Return `core/v1` NodeSelectorRequirement objects."""
    return [
        {"key": item.key, "operator": item.operator, "values": list(item.values)}
        for item in requirements
    ]


def required_affinity(requirements: Iterable[Requirement]) -> dict[str, Any]:
    """Return the field `affinity` for a pod without one."""
    terms = [{"matchExpressions": match_expressions(requirements)}]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}


def pod_fields(guard: Guard) -> dict[str, Any]:
    """Return the pod spec fields of a guard, for a pod without these fields."""
    fields: dict[str, Any] = {}
    if guard.node_selector:
        fields["nodeSelector"] = guard.node_selector
    if guard.affinity:
        fields["affinity"] = required_affinity(guard.affinity)
    return fields
