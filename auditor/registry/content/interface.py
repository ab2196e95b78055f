"""Where the documents of one image come from: a registry's repository, or a layout on disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auditor.registry.content.documents import Descriptor


@dataclass(frozen=True, slots=True)
class Fetched:
    """content_type: the header, or what the descriptor said."""

    body: bytes
    digest: str
    content_type: str


class Content(Protocol):
    """What one image's reference leads to, verified.

    Everything may raise RegistryFailure (`Missing` for what is not there) and TimeOver.
    """

    def top(self) -> Fetched:
        """The index or manifest that the reference names."""
        ...

    def manifest(self, descriptor: Descriptor) -> Fetched:
        """The child of an index."""
        ...

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the child of an index is there."""
        ...

    def config(self, descriptor: Descriptor) -> bytes:
        """An image's config blob."""
        ...
