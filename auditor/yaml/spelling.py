"""Whether a word may stand in a text as a whole scalar, however YAML or JSON lets it be written.

A look before parsing, quick on large files. It may say yes for nothing, but never no for a word
that a parser would find.
"""

from __future__ import annotations

import mmap
import re
from typing import Final

_BREAK: Final = rb"(?:[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])"
"""A line break of YAML 1.1, in UTF-8: CR, LF, NEL, LS, PS."""
_JOINT: Final = rb"(?:\\" + _BREAK + rb"[ \t\r\n\xc2\x85\xe2\x80\xa8\xa9]*)*"
"""Nothing, or a line that is folded away between two characters of a word in double quotes."""
_ESCAPE: Final = re.compile(rb"\\(?:[xuU]|" + _BREAK + rb")")
"""The escapes that can stand in the place of a letter, or of nothing."""
_BINARY: Final = re.compile(rb"!!(?:binary|[^\s]*%)|!<|%TAG")
"""A tag that may be `!!binary`, whose value is the text that it encodes."""
_PART_OF_WORD: Final = b"[A-Za-z0-9_./-]"
"""What, beside a word, makes it another one: `kind-of`, `node.kind`."""


class Word:
    """A word of ASCII letters."""

    __slots__ = ("_plain", "_escaped")

    def __init__(self, word: str) -> None:
        text = word.encode("ascii")
        # The word stands first, so that the search begins with a plain one for it.
        self._plain = re.compile(
            text + b"(?<!" + _PART_OF_WORD + text + b")(?!" + _PART_OF_WORD + b")"
        )
        self._escaped = re.compile(_JOINT.join(map(_letter, text)))

    def may_stand_in(self, data: bytes | mmap.mmap) -> bool:
        """Whether some scalar of this text, in UTF-8, may be the word."""
        if self._plain.search(data):
            return True
        if data.find(b"\\") >= 0 and _ESCAPE.search(data) and self._escaped.search(data):
            return True
        return data.find(b"!") >= 0 and bool(_BINARY.search(data))


def _letter(code: int) -> bytes:
    return b"(?:%c|\\\\(?:x|u00|U000000)(?i:%02x))" % (code, code)
