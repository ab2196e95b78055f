"""OpenShift Templates: objects with parameters, as `oc process` fills them in.

The syntax is that of `templateprocessing.go` in github.com/openshift/library-go: `${NAME}` in keys
and texts, and `${{NAME}}` as a whole text, which is replaced by a JSON value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from auditor.files.yaml_nodes import Node

_VERSIONS: Final = ("template.openshift.io/v1", "v1")
"""Old Templates have the API version of the core group, which has no such kind."""
_TEXT: Final = re.compile(r"\$\{(\w+?)\}", re.ASCII)
_VALUE: Final = re.compile(r"\$\{\{(\w+)\}\}", re.ASCII)
_MAX_SIZE: Final = 100_000
_MAX_DEPTH: Final = 100
_MAX_LENGTH: Final = 10_000
"""Larger objects, and deeper or longer values, keep their `${NAME}`."""


def template_objects(root: Node) -> tuple[Node, ...] | None:
    """Return the objects of a Template with the default values of its parameters.

    A parameter without a value, or with a generated one, stays as `${NAME}`: the user may set it,
    and podfit treats it as not filled in. Returns None if this is not a Template.

    Args:
        root: An object.
    """
    version, kind, objects = (root.get(key) for key in ("apiVersion", "kind", "objects"))
    if kind is None or kind.value != "Template" or objects is None or not objects.is_sequence:
        return None
    if version is None or version.value not in _VERSIONS:
        return None
    values = _defaults(root.get("parameters")) if root.size <= _MAX_SIZE else {}
    if not values:
        return objects.items()
    return tuple(_filled(node, values) for node in objects.items())


def _defaults(parameters: Node | None) -> dict[str, str]:
    if parameters is None or not parameters.is_sequence:
        return {}
    found = {}
    for parameter in parameters.items():
        if parameter.is_mapping:
            name, value = parameter.get("name"), parameter.get("value")
            if name and value and isinstance(name.value, str) and isinstance(value.value, str):
                found[name.value] = value.value
    return {name: value for name, value in found.items() if 0 < len(value) <= _MAX_LENGTH}


def _filled(node: Node, values: Mapping[str, str], depth: int = 0) -> Node:
    """Return a node with parameters filled in. Every value keeps its line and column."""
    if depth > _MAX_DEPTH:
        return node
    match node.value:
        case str() as text:
            whole = _VALUE.fullmatch(text)
            if whole and whole[1] in values:
                return _json(values[whole[1]], node)
            return Node(_text(text, values), node.line, node.column)
        case tuple() as items:
            value: tuple[Node, ...] | dict[str, Node] = tuple(
                _filled(item, values, depth + 1) for item in items
            )
        case Mapping() as entries:
            value = {
                _text(key, values): _filled(item, values, depth + 1)
                for key, item in entries.items()
            }
        case _:
            return node
    keys = {_text(key, values): place for key, place in (node.keys or {}).items()}
    return Node(value, node.line, node.column, keys or None, node.size)


def _text(text: str, values: Mapping[str, str]) -> str:
    if len(text) > _MAX_LENGTH:
        return text
    filled = _TEXT.sub(lambda match: values.get(match[1], match[0]), text)
    return filled if len(filled) <= _MAX_LENGTH else text


def _json(text: str, node: Node) -> Node:
    """Return a scalar; `oc process` takes a value that is not JSON as text."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    is_scalar = value is None or isinstance(value, bool | int | float | str)
    return Node(value if is_scalar else text, node.line, node.column)
