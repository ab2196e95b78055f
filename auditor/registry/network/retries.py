"""Which answers are worth asking for again, and after how long. Pure."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

TOO_MANY_REQUESTS: Final = 429
TRANSIENT_STATUSES: Final = frozenset(
    {408, TOO_MANY_REQUESTS, 499, 500, 502, 503, 504, *range(520, 525)}
)
_MOST: Final = (0.3, 1.0, 3.0, 8.0)
"""Seconds before each retry, at most: the delay itself is a random part of it (full jitter)."""


def longest_delay(attempt: int) -> float:
    """The cap of the delay after so many attempts, which count from 1."""
    return _MOST[min(attempt, len(_MOST)) - 1]


def retry_after(header: str, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110 section 10.2.3), or None.

    header: a number of seconds or a date. now: seconds since the epoch.
    """
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
