"""Connections that check whom they reached before a byte is sent, and that can be cut from outside.

urllib3 offers both only by way of its connection classes. `_new_conn` is where a socket is made,
before TLS; should urllib3 ever stop calling it, `connect` refuses to go on.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from auditor.addresses import is_public


class BlockedPeer(Exception):
    """The connection reached an address that is not public."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class LiveConnections:
    """What each thread is waiting for, and whether it does so in vain.

    A socket's time limit starts anew with every byte, so a server could dribble for ever; whoever
    supervises the threads calls `cut`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over: dict[int, Callable[[], bool]] = {}
        self._sockets: dict[int, socket.socket] = {}

    @contextmanager
    def until(self, over: Callable[[], bool]) -> Iterator[None]:
        """What this thread sends and reads within is of no use once `over` says so."""
        thread = threading.get_ident()
        with self._lock:
            self._over[thread] = over
        try:
            yield
        finally:
            with self._lock:
                del self._over[thread]
                self._forget(thread)

    def uses(self, connected: socket.socket) -> None:
        """The socket that this thread is about to use.

        A duplicate is kept: TLS takes the descriptor away from the socket that it wraps.
        """
        thread = threading.get_ident()
        own = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._forget(thread)
            self._sockets[thread] = own
            self._cut(thread)

    def cut(self) -> None:
        """Shuts every connection that is of no use: its reader sees the end of the stream."""
        with self._lock:
            for thread in self._sockets:
                self._cut(thread)

    def _cut(self, thread: int) -> None:
        over = self._over.get(thread)
        if over is None or over():
            with contextlib.suppress(OSError):
                self._sockets[thread].shutdown(socket.SHUT_RDWR)

    def _forget(self, thread: int) -> None:
        if kept := self._sockets.pop(thread, None):
            kept.close()


class _Watched(HTTPConnection):
    live: ClassVar[LiveConnections]
    private: ClassVar[bool]
    admitted = False

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        address = str(made.getpeername()[0])
        if not self.private and not is_public(address):
            made.close()
            raise BlockedPeer(address)
        self.live.uses(made)
        self.admitted = True
        return made

    def connect(self) -> None:
        self.admitted = False
        super().connect()
        if not self.admitted:
            self.close()
            raise BlockedPeer("an address that could not be checked")

    def request(self, *args: Any, **keywords: Any) -> None:
        if isinstance(self.sock, socket.socket):
            self.live.uses(self.sock)
        super().request(*args, **keywords)


class _WatchedTls(_Watched, HTTPSConnection):
    """The same with TLS on top."""


def pool_classes(
    live: LiveConnections, *, private: bool
) -> dict[str, type[HTTPConnectionPool | HTTPSConnectionPool]]:
    """urllib3 pools by scheme. private: addresses that are not public are fine, too."""
    policy = {"live": live, "private": private}
    plain = type("Watched", (_Watched,), policy)
    tls = type("WatchedTls", (_WatchedTls,), policy)
    return {
        "http": type("WatchedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("WatchedTlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }
