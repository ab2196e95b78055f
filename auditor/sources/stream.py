"""Standard input: manifests, or what `helm template` prints."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document
from auditor.sources.files import MAX_BYTES, decode
from auditor.sources.splitting import Piece, normalise_all, read_pieces

SHOWN: Final = "<stdin>"

_TEMPLATE: Final = re.compile(r"[A-Za-z0-9._-]+/(templates|charts|crds)/[^\\:]+")


@dataclass(slots=True)
class StandardInput:
    """What is piped in. It can be read only once, so it is kept."""

    namespace: str = ""
    name: str = "-"
    _text: str | None = field(default=None, init=False)

    def documents(self) -> Iterator[Document | Problem]:
        """A document for each template that `# Source:` comments name, and one for the rest."""
        try:
            if self._text is None:
                self._text = decode(sys.stdin.buffer.read(MAX_BYTES + 1), SHOWN)
        except (OSError, SourceError) as error:
            yield error.problem if isinstance(error, SourceError) else _unreadable(error)
            return
        pieces = tuple(read_pieces(self._text))
        rendered = [piece for piece in pieces if _is_template(piece.template)]
        for template, text in normalise_all(rendered).items():
            yield Document(
                path=template,
                text=text,
                source=self.name,
                chart=template.partition("/")[0],
                namespace=self.namespace,
                template=template,
            )
        rest = _in_place(piece for piece in pieces if not _is_template(piece.template))
        text = rest if rendered else self._text
        if text.strip():
            yield Document(SHOWN, text, self.name, namespace=self.namespace)


def _in_place(pieces: Iterable[Piece]) -> str:
    """The pieces as one text, each on the line that it has in the stream."""
    parts: list[str] = []
    line = 1
    for piece in pieces:
        gap = piece.line - line
        start = "\n" * (gap - 1) + "---\n" if gap else "--- " if parts else ""
        parts += (start, piece.text)
        line = piece.line + piece.text.count("\n")
    return "".join(parts)


def _is_template(name: str) -> bool:
    """Whether a `# Source:` is Helm's, and not a comment of the user's or a path to elsewhere."""
    parts = name.split("/")
    return bool(_TEMPLATE.match(name)) and name.isprintable() and not {"..", ""} & set(parts)


def _unreadable(error: OSError) -> Problem:
    return SourceError(
        "standard input cannot be read", where=SHOWN, why=error.strerror or str(error)
    ).problem
