"""Find images in arguments and environment variables, which operators use for their pods.

Examples: `--prometheus-config-reloader=quay.io/prometheus-operator/prometheus-config-reloader:v0.9`
and `RELATED_IMAGE_AGENT`. Addresses, roles and resources contain colons too, so the text must be a
complete reference with a tag or digest that cannot be anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from auditor.files.yaml_nodes import Node
from auditor.images.images import ImageReference
from auditor.images.references import parse_reference

_FLAG: Final = re.compile(r"(?P<flag>--?[A-Za-z][\w.-]*)=(?P<value>\S+)")
_LONE_FLAG: Final = re.compile(r"--?[A-Za-z][\w.-]*")
_PORT: Final = re.compile(r"[0-9]{2,5}")
_CANDIDATE: Final = re.compile(r"[a-z0-9\[][\w.:/@\[\]-]{2,511}", re.IGNORECASE)


class Mention(Struct, frozen=True):
    """An image named in a flag, an argument or a variable.

    Attributes:
        name: The name of the flag or variable.
        node: The text of the image.
    """

    name: str
    image: str
    node: Node


def find_mentions(containers: Iterable[Node]) -> Iterator[Mention]:
    """Yield the images that containers mention, in order."""
    for container in containers:
        for key in ("command", "args"):
            yield from _in_arguments(_list(container, key))
        for variable in _list(container, "env"):
            if variable.is_mapping:
                name, value = variable.get("name"), variable.get("value")
                if name is not None and value is not None and name.is_text and value.is_text:
                    yield from _mention(name.text(), value.text(), value)


def _list(container: Node, key: str) -> tuple[Node, ...]:
    node = container.get(key)
    return node.items() if node is not None and node.is_sequence else ()


def _in_arguments(arguments: Iterable[Node]) -> Iterator[Mention]:
    flag = ""
    for node in arguments:
        if not node.is_text:
            continue
        text = node.text()
        if match := _FLAG.fullmatch(text):
            yield from _mention(match["flag"], match["value"], node)
        else:
            yield from _mention(flag or "argument", text, node)
        flag = text if _LONE_FLAG.fullmatch(text) else ""


def _mention(name: str, text: str, node: Node) -> Iterator[Mention]:
    if _CANDIDATE.fullmatch(text):
        reference = parse_reference(text)
        if isinstance(reference, ImageReference) and is_surely_image(name, text, reference):
            yield Mention(name, text, node)


def is_surely_image(name: str, text: str, reference: ImageReference) -> bool:
    """Whether a valid reference, in a flag or variable of this name, is meant as an image."""
    if reference.digest:
        return True
    tag = text[len(text.rpartition("/")[0]) :].partition(":")[2]
    if not tag or _PORT.fullmatch(tag):
        return False
    named, numbered = "image" in name.lower(), any(map(str.isdigit, tag))
    first, slash, _ = text.partition("/")
    if not slash:
        return named and numbered
    return named or numbered or "." in first
