"""Objects of a cluster that change where pods may land: RuntimeClass and Namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from auditor.admission import NAMESPACE_PLUGINS
from auditor.nodes import RuntimeClass
from auditor.scheduling import read_toleration
from auditor.schema import only_keys, required
from auditor.yaml.nodes import Node, ShapeError

_SHORT_KEYS: Final = ("name", "handler", "nodeSelector", "tolerations")


def is_runtime_class(node: Node) -> bool:
    """Whether an object is a RuntimeClass (and not of a group of somebody's own)."""
    group = node.text_at("apiVersion").partition("/")[0]
    return node.text_at("kind") == "RuntimeClass" and group == "node.k8s.io"


def read_runtime_class(node: Node) -> RuntimeClass:
    """A RuntimeClass object, or its short form in a cluster file. Raises `ShapeError`."""
    if node.is_mapping and node.get("kind") is not None:
        return _runtime_class_object(node)
    only_keys(node, _SHORT_KEYS, "a RuntimeClass")
    return _runtime_class(required(node, "name", "a RuntimeClass").text(), node)


def _runtime_class_object(node: Node) -> RuntimeClass:
    if node.text_at("kind") != "RuntimeClass":
        raise ShapeError(f"expected a RuntimeClass, not a {node.text_at('kind')}", node)
    metadata = required(node, "metadata", "a RuntimeClass")
    name = required(metadata, "name", "a RuntimeClass").text()
    return _runtime_class(name, node.get("scheduling"))


def _runtime_class(name: str, scheduling: Node | None) -> RuntimeClass:
    if scheduling is None:
        return RuntimeClass(name)
    return RuntimeClass(
        name,
        scheduling.texts_at("nodeSelector"),
        tuple(map(read_toleration, scheduling.items_at("tolerations"))),
    )


def namespace_selector(node: Node, plugin: str) -> Mapping[str, str] | None:
    """The node selector that a Namespace object carries for an admission plug-in; None without one.

    Raises `ShapeError`.
    """
    metadata = required(node, "metadata", "a Namespace")
    annotation = NAMESPACE_PLUGINS[plugin]
    text = metadata.texts_at("annotations").get(annotation)
    return None if text is None else parse_selector(text, node, f"annotation {annotation}")


def parse_selector(text: str, node: Node, what: str) -> Mapping[str, str]:
    """Labels written `key=value,...` (apimachinery `labels.ConvertSelectorToLabelsMap`).

    what, node: for the `ShapeError` that it raises.
    """
    selector = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or "=" in value:
            raise ShapeError(f"{what}: {part!r} is not key=value", node)
        selector[key] = value
    return selector
