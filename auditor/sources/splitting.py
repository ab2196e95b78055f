"""Rendered text, cut into objects as Helm cuts it, in an order that every Helm gives alike.

`helm template` sorts what it prints by kind and puts hooks last; Helm's library gives each template
as it was rendered. Both come to the same text here, so places and ordinals are the same too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = re.compile(r"^---[\t\n\f\r ]*", re.MULTILINE)
"""Helm's `pkg/release/v1/util/manifest.go`, with the space before it left to trimming."""
_SOURCE: Final = re.compile("# Source: (?P<template>[^\r\n\x85\u2028\u2029]+?)[ \t]*(?:\r?\n|$)")
"""To the end of its line, as YAML knows it: what follows is no comment any more."""
_KIND: Final = re.compile(r"^kind:[ \t]*[\"']?(\w*)", re.MULTILINE)
_HOOK: Final = re.compile(r"^[ \t]+[\"']?helm\.sh/hook[\"']?[ \t]*:", re.MULTILINE)
_COMMENT: Final = re.compile(r"[ \t]*(#.*)?")


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two `---` lines of a stream.

    template: what its `# Source:` comment says, as Helm writes it before each object; or "". line:
    where the text begins, from 1.
    """

    template: str
    text: str
    line: int


def read_pieces(stream: str) -> Iterator[Piece]:
    """The pieces of a stream that hold more than space."""
    for line, text in _split(stream):
        header = _SOURCE.match(text)
        if header is None:
            yield Piece("", text, line)
        elif text[header.end() :].strip():
            yield Piece(header["template"], text[header.end() :], line + 1)


def normalise(text: str) -> str:
    """The objects of a rendered template: each trimmed, by kind, hooks last; "" where none is."""
    return _join(piece for _, piece in _split(text))


def normalise_all(pieces: Iterable[Piece]) -> dict[str, str]:
    """The normalised text of each template, by its name."""
    texts: dict[str, list[str]] = {}
    for piece in pieces:
        texts.setdefault(piece.template, []).append(piece.text)
    joined = {template: _join(texts[template]) for template in sorted(texts)}
    return {template: text for template, text in joined.items() if text}


def _split(stream: str) -> Iterator[tuple[int, str]]:
    """What stands between `---` lines, with the line where it begins; not what is but space."""
    start, line = 0, 1
    for match in (*_SEPARATOR.finditer(stream), None):
        piece = stream[start : match.start() if match else len(stream)]
        if piece.strip():
            yield line, piece
        if match:
            line += stream.count("\n", start, match.end())
            start = match.end()


def _join(pieces: Iterable[str]) -> str:
    trimmed = [piece.strip() for piece in pieces]
    full = [piece for piece in trimmed if not all(map(_COMMENT.fullmatch, piece.splitlines()))]
    ordered = sorted(full, key=lambda piece: (bool(_HOOK.search(piece)), _kind(piece)))
    return "\n---\n".join(ordered) + "\n" if ordered else ""


def _kind(piece: str) -> str:
    match = _KIND.search(piece)
    return match[1] if match else ""
