"""The fields of a pod spec that keep it off nodes, and that charts let their users set."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from auditor.scheduling import Scheduling

_DOMAIN: Final = "probe.podfit.example"
_MARK: Final = re.compile(rf"{re.escape(_DOMAIN)}/n(\d+)")


@dataclass(frozen=True, slots=True)
class Field:
    """One such field.

    keys: how charts call the values for it. marked: a value for it that carries a mark, such as no
    chart has. marks: the keys of labels or taints that a scheduling names in this field.
    """

    name: str
    keys: re.Pattern[str]
    marked: Callable[[str], Any]
    marks: Callable[[Scheduling], Iterator[str]]


def mark(number: int) -> str:
    """The key of a label or taint by which a value is recognised."""
    return f"{_DOMAIN}/n{number}"


def holds_mark(text: str) -> bool:
    """Whether any mark is in a text."""
    return _DOMAIN in text


def marked_numbers(field: Field, scheduling: Scheduling) -> frozenset[int]:
    """The numbers of the marks in a field of a pod."""
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
"""In the order in which they are tried."""
