"""What the API server refuses in a pod spec, as far as it concerns placement.

Source: Kubernetes `pkg/apis/core/validation/validation.go` (ValidatePodSpec, ValidateTolerations,
ValidateNodeSelectorTerm, validateOS, validateWindowsHostProcessPod, ValidatePodCreate) and
apimachinery `util/validation` for labels.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from auditor.predicates import COMPARISON_GATE, as_integer
from auditor.scheduling import NodeSelectorTerm, Requirement, Scheduling, Toleration

SYSTEMS: Final = ("linux", "windows")

_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
_EFFECTS: Final = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
_MAX_NAME: Final = 63
_MAX_PREFIX: Final = 253
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL: Final = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_PREFIX: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def invalidities(scheduling: Scheduling, gates: Collection[str] = ()) -> Iterator[str]:
    """Why the API server refuses such a pod: a sentence each. gates: feature gates that are on."""
    for item in scheduling.node_selector:
        yield from _invalid_key(item, "nodeSelector")
        yield from _invalid_values(item, "nodeSelector")
    if scheduling.required_terms == ():
        yield "required node affinity must have at least one node selector term"
    for term in scheduling.required_terms or ():
        yield from _invalid_term(term)
        for item in term.expressions:
            yield from _invalid_values(item, "node affinity")
    for term in scheduling.preferred_terms:
        yield from _invalid_term(term)
    for toleration in scheduling.tolerations:
        yield from _invalid_toleration(toleration, gates)
    yield from _invalid_os(scheduling)
    yield from _invalid_host_process(scheduling)
    if scheduling.node_name and scheduling.gated:
        yield "a pod with scheduling gates must not name its node"


def is_label_key(text: str) -> bool:
    """Whether a text can be the key of a label (`IsQualifiedName`)."""
    prefix, slash, name = text.rpartition("/")
    if slash and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _MAX_PREFIX):
        return False
    return bool(_NAME.fullmatch(name)) and len(name) <= _MAX_NAME


def is_label_value(text: str) -> bool:
    """Whether a text can be the value of a label (`IsValidLabelValue`)."""
    return not text or (len(text) <= _MAX_NAME and bool(_NAME.fullmatch(text)))


def _invalid_key(requirement: Requirement, where: str) -> Iterator[str]:
    if not is_label_key(requirement.key):
        yield f"{where}: `{requirement.key}` cannot be the key of a label"


def _invalid_values(requirement: Requirement, where: str) -> Iterator[str]:
    for value in requirement.values:
        if not is_label_value(value):
            yield f"{where}: `{value}` cannot be the value of label {requirement.key}"


def _invalid_term(term: NodeSelectorTerm) -> Iterator[str]:
    for item in term.expressions:
        yield from _invalid_expression(item)
    for item in term.fields:
        if item.key != "metadata.name":
            yield f"matchFields knows only metadata.name, not {item.key}"
        elif item.operator not in ("In", "NotIn") or len(item.values) != 1:
            yield "matchFields wants operator In or NotIn with exactly one value"


def _invalid_expression(item: Requirement) -> Iterator[str]:
    count = len(item.values)
    wrong = {
        "In": count == 0,
        "NotIn": count == 0,
        "Exists": count > 0,
        "DoesNotExist": count > 0,
        "Gt": count != 1,
        "Lt": count != 1,
    }
    if item.operator not in _OPERATORS:
        yield f"`{item.operator}` is not a node selector operator"
    elif wrong[item.operator]:
        yield f"operator {item.operator} on {item.key} has the wrong number of values ({count})"
    yield from _invalid_key(item, "node affinity")


def _invalid_toleration(toleration: Toleration, gates: Collection[str]) -> Iterator[str]:
    operator = toleration.operator or "Equal"
    if operator in ("Gt", "Lt") and COMPARISON_GATE not in gates:
        yield f"toleration operator {operator} needs the feature gate {COMPARISON_GATE}"
    elif operator in ("Gt", "Lt") and as_integer(toleration.value) is None:
        yield f"toleration operator {operator} wants a whole number, not `{toleration.value}`"
    elif operator == "Equal" and not is_label_value(toleration.value):
        yield f"`{toleration.value}` cannot be the value of a taint"
    elif operator not in ("Equal", "Exists", "Gt", "Lt"):
        yield f"`{operator}` is not a toleration operator"
    if not toleration.key and operator != "Exists":
        yield "a toleration without a key must have operator Exists"
    if toleration.key and not is_label_key(toleration.key):
        yield f"`{toleration.key}` cannot be the key of a taint"
    if operator == "Exists" and toleration.value:
        yield "a toleration with operator Exists must have no value"
    if toleration.effect not in _EFFECTS:
        yield f"`{toleration.effect}` is not the effect of a taint"
    if toleration.seconds is not None and toleration.effect != "NoExecute":
        yield "tolerationSeconds goes only with effect NoExecute"


def _invalid_os(scheduling: Scheduling) -> Iterator[str]:
    name = scheduling.os_name
    if name and name not in SYSTEMS:
        yield f"spec.os.name is {name}; it must be linux or windows"
    forbidden = {"windows": scheduling.linux_only, "linux": scheduling.windows_only}.get(name, ())
    if forbidden:
        yield f"spec.os.name is {name}, which forbids {', '.join(forbidden)}"


def _invalid_host_process(scheduling: Scheduling) -> Iterator[str]:
    if True not in scheduling.host_process:
        return
    if False in scheduling.host_process:
        yield "either all containers of a pod are hostProcess containers, or none"
    if not scheduling.host_network:
        yield "hostProcess containers need hostNetwork: true"
