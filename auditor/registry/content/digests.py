"""Digests: names of content that the content proves (image-spec `descriptor.md`)."""

from __future__ import annotations

import hashlib
import re
from typing import Final

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}")


def is_digest(text: str) -> bool:
    """Whether it is a digest of a registered algorithm."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(body: bytes) -> str:
    """The digest that content has when nobody says another."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def matches(body: bytes, digest: str, size: int | None = None) -> bool:
    """Whether content is what a digest names. size: in bytes, None where it is not known."""
    algorithm, _, expected = digest.partition(":")
    if not is_digest(digest) or size not in (None, len(body)):
        return False
    return hashlib.new(algorithm, body).hexdigest() == expected
