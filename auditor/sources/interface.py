"""What the audit needs of a source: its documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from auditor.errors import Problem
from auditor.manifests import Document


class Source(Protocol):
    """Where documents come from: a file, a folder, a chart, a stream.

    name: as the user named it, for messages. why_empty: a clause on why it rightly makes no pods,
    once its documents were read; "" where there is nothing to say.
    """

    @property
    def name(self) -> str: ...

    @property
    def why_empty(self) -> str: ...

    def documents(self) -> Iterator[Document | Problem]:
        """The documents in a stable order; what could not be read comes as a `Problem`.

        Each call reads anew. Never raises for a bad input: one bad chart does not hide the others.
        """
        ...
