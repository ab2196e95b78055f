"""Standard input, and streams as `helm template` writes them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from auditor.errors import Problem, SourceError
from auditor.manifests import Document
from auditor.sources.files import MAX_BYTES, decode

SHOWN: Final = "<stdin>"


@dataclass(slots=True)
class StandardInput:
    """What is piped in. It can be read once, so it is kept."""

    name: str = "-"
    _text: str | None = field(default=None, init=False)

    def documents(self) -> Iterator[Document | Problem]:
        try:
            if self._text is None:
                self._text = decode(sys.stdin.buffer.read(MAX_BYTES + 1), SHOWN)
        except SourceError as error:
            yield error.problem
            return
        yield Document(SHOWN, self._text, source=self.name)
