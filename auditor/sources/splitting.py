"""Rendered text, cut into objects as Helm cuts it, in an order that every Helm gives alike.

`helm template` sorts what it prints by kind and puts hooks last; Helm's library gives each template
as it was rendered. Both come to the same text here, so places and ordinals are the same too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

_SEPARATOR: Final = re.compile(r"^---[\t\n\f\r ]*", re.MULTILINE)
"""Helm's `pkg/release/v1/util/manifest.go`, with the space before it left to trimming."""
_SOURCE: Final = re.compile(r"# Source: (?P<template>[^\r\n]+?)[ \t]*(?:\r?\n|$)")
_KIND: Final = re.compile(r"^kind:[ \t]*[\"']?(\w*)", re.MULTILINE)
_HOOK: Final = re.compile(r"^[ \t]+[\"']?helm\.sh/hook[\"']?[ \t]*:", re.MULTILINE)
_COMMENT: Final = re.compile(r"[ \t]*(#.*)?")


def normalise(text: str) -> str:
    """The objects of a rendered template: each trimmed, by kind, hooks last; "" where none is."""
    return _join(_split(text))


def read_stream(text: str) -> tuple[dict[str, str], str]:
    """What `helm template` printed: normalised text by template, and text that belongs to none.

    The rest keeps the lines it had. A piece without its own `# Source:` follows the one before it,
    which is how Helm prints a template that it could not cut.
    """
    pieces: dict[str, list[str]] = {}
    rest: list[str] = []
    template, line = "", 0
    for start, piece in _pieces(text):
        header = _SOURCE.match(piece)
        if header is not None:
            template = header["template"]
        if template:
            pieces.setdefault(template, []).append(piece[header.end() if header else 0 :])
        else:
            first = text.count("\n", 0, start)
            rest.append("\n" * (first - line) + piece.rstrip() + "\n---\n")
            line = first + piece.rstrip().count("\n") + 2
    templates = {name: _join(map(str.strip, found)) for name, found in sorted(pieces.items())}
    return templates, "".join(rest)


def _split(text: str) -> Iterator[str]:
    return (piece.strip() for _, piece in _pieces(text))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for separator in _SEPARATOR.finditer(text):
        yield start, text[start : separator.start()]
        start = separator.end()
    yield start, text[start:]


def _join(pieces: Iterable[str]) -> str:
    full = [piece for piece in pieces if not all(map(_COMMENT.fullmatch, piece.splitlines()))]
    ordered = sorted(full, key=lambda piece: (bool(_HOOK.search(piece)), _kind(piece)))
    return "\n---\n".join(ordered) + "\n" if ordered else ""


def _kind(piece: str) -> str:
    match = _KIND.search(piece)
    return match[1] if match else ""
