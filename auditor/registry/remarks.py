"""What a user should hear about the registries, said once however many images it concerns."""

from __future__ import annotations

import threading


class Remarks:
    """A set of sentences. Added to from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_topic: dict[str, str] = {}

    def add(self, text: str, topic: str = "") -> None:
        """topic: a later remark on the same one takes the place of the earlier."""
        with self._lock:
            self._by_topic[topic or text] = text

    def all(self) -> tuple[str, ...]:
        """Sorted, so that threads do not show."""
        with self._lock:
            return tuple(sorted(self._by_topic.values()))
