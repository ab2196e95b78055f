"""`Setting`: a knob and the value it is to get, so that what it holds already is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from auditor.findings import Guard
from auditor.remedies.fields import AFFINITY, NODE_SELECTOR
from auditor.remedies.keys import copied
from auditor.remedies.knobs import Knob
from auditor.remedies.pod_values import REQUIRED, match_expressions
from auditor.scheduling import Requirement, Toleration
from auditor.yaml.writing import block, flow


@dataclass(frozen=True, slots=True)
class Setting:
    """A change of the values. guard: what it demands of nodes."""

    knob: Knob
    guard: Guard
    value: Any

    def __str__(self) -> str:
        return f"{self.knob}: {flow(self.value)}"


def setting(knob: Knob, guard: Guard, kept: Mapping[str, str]) -> Setting | None:
    """The guard as a value of the knob; None where it cannot be said there.

    kept: entries of the pods' selectors that the template replaces once the value is set.
    """
    if knob.field is NODE_SELECTOR and not guard.affinity:
        value: Any = {**kept, **_mapping(knob.current), **guard.node_selector}
    elif knob.field is AFFINITY and guard.requirements:
        value = _affinity(_mapping(knob.current), guard.requirements)
    else:
        return None
    return Setting(knob, guard, block(value).rstrip() if knob.as_text else value)


def _mapping(value: Any) -> dict[str, Any]:
    return copied(value) if isinstance(value, Mapping) else {}


def _affinity(current: dict[str, Any], requirements: Iterable[Requirement]) -> dict[str, Any]:
    """Every term that stands there gets the demands too: one term is enough for a node.

    What else is in the mappings is left to Helm, which keeps it.
    """
    demands = match_expressions(requirements)
    required = _mapping(_mapping(current.get("nodeAffinity")).get(REQUIRED))
    terms = required.get("nodeSelectorTerms")
    known = [_mapping(term) for term in terms] if isinstance(terms, list) and terms else [{}]
    for term in known:
        stated = term.get("matchExpressions")
        term["matchExpressions"] = [*(stated if isinstance(stated, list) else ()), *demands]
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": known}}}


def narrowed(knob: Knob, harmful: Iterable[Toleration]) -> Setting | None:
    """The tolerations without the harmful ones; None where the values do not hold those."""
    if not isinstance(knob.current, list):
        return None
    broad = [_parts(item) for item in harmful]
    left = [item for item in knob.current if _read(item) not in broad]
    if len(left) == len(knob.current):
        return None
    return Setting(knob, Guard(), left)


def _parts(item: Toleration) -> tuple[str, ...]:
    return item.key, item.operator, item.value, item.effect


def _read(item: Any) -> tuple[str, ...]:
    given = item if isinstance(item, Mapping) else {}
    return tuple(str(given.get(name) or "") for name in ("key", "operator", "value", "effect"))
