"""Bodies of answers: never more of them than asked for, packed or unpacked."""

from __future__ import annotations

import zlib
from typing import Final, Protocol

from auditor.registry.network.faults import Fault, FaultKind

MAX_ERROR_BODY: Final = 64 * 1024
MAX_IGNORED_BODY: Final = 4096
"""Bytes of a redirect's body that are read to keep the connection; a longer one ends it."""
_CHUNK: Final = 64 * 1024
_PACKED: Final = ("gzip", "x-gzip", "deflate")


class Stream(Protocol):
    """A body on its way. `read1` gives what is there, so that a slow server cannot hold it up."""

    def read1(self, amount: int, /, *, decode_content: bool) -> bytes: ...


def read_whole(stream: Stream, length: str, encoding: str, limit: int) -> bytes:
    """A body in full, unpacked. Raises Fault where it is larger than the limit, or damaged.

    length, encoding: the headers, or "". Some proxies compress although `identity` was asked for.
    """
    if length.isascii() and length.isdigit() and int(length[:20]) > limit:
        raise _too_large(limit)
    body = read_beginning(stream, limit + 1)
    if len(body) > limit:
        raise _too_large(limit)
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _PACKED:
        raise Fault(FaultKind.MALFORMED, "its answer is in an encoding that was not asked for")
    return _unpacked(body, limit)


def read_beginning(stream: Stream, most: int) -> bytes:
    """At most so many bytes of a body."""
    chunks: list[bytes] = []
    while most > 0 and (chunk := stream.read1(min(_CHUNK, most), decode_content=False)):
        chunks.append(chunk)
        most -= len(chunk)
    return b"".join(chunks)


def _unpacked(body: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, as the header says
    try:
        content = inflate.decompress(body, limit + 1)
    except zlib.error:
        raise Fault(FaultKind.MALFORMED, "its compressed answer is damaged") from None
    if len(content) > limit:
        raise _too_large(limit)
    if not inflate.eof:
        raise Fault(FaultKind.CUT, "the connection was closed too early", transient=True)
    return content


def _too_large(limit: int) -> Fault:
    return Fault(FaultKind.TOO_LARGE, f"its answer is larger than {limit} bytes")
