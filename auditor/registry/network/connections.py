"""Connections with a check of the peer address before the first byte, and a way to cut them.

urllib3 allows both only in its connection classes. `_new_conn` creates the socket, before TLS; if
urllib3 ever stops calling it, `connect` fails. `Fault` describes a failed request without secrets.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, ClassVar, Final

import urllib3.exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from auditor.files.addresses import is_public


class BlockedPeer(Exception):
    """The peer address is not public."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


class LiveConnections:
    """The connections in use by each thread, with the condition under which to cut them.

    A socket timeout restarts with every byte, so a slow server could keep a connection open for
    ever; the supervising thread calls `cut`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over: dict[int, Callable[[], bool]] = {}
        self._sockets: dict[int, socket.socket] = {}

    @contextmanager
    def until(self, over: Callable[[], bool]) -> Iterator[None]:
        """Mark connections of this thread as no longer needed once `over` returns true."""
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
        """Register the socket of this thread.

        A duplicate is stored, as TLS takes over the descriptor of the socket it wraps.
        """
        thread = threading.get_ident()
        own = socket.fromfd(connected.fileno(), connected.family, connected.type)
        with self._lock:
            self._forget(thread)
            self._sockets[thread] = own
            self._cut(thread)

    def cut(self) -> None:
        """Shut down every connection no longer needed; its reader sees the end of the stream."""
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
    """`_Watched` with TLS."""


def pool_classes(
    live: LiveConnections, *, private: bool
) -> dict[str, type[HTTPConnectionPool | HTTPSConnectionPool]]:
    """Return urllib3 pool classes by scheme. `private` allows non-public addresses."""
    policy = {"live": live, "private": private}
    plain = type("Watched", (_Watched,), policy)
    tls = type("WatchedTls", (_WatchedTls,), policy)
    return {
        "http": type("WatchedPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("WatchedTlsPool", (HTTPSConnectionPool,), {"ConnectionCls": tls}),
    }


PROXY: Final = "the proxy"
_TUNNEL: Final = re.compile(r"Tunnel connection failed: ([0-9]{3})")
_REFUSALS: Final = {
    "403": "denied the connection (403)",
    "407": "requires authentication, or rejected the credentials (407)",
}
_MAX_CAUSES: Final = 20
_PLAIN_HTTP: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_CLIENT_CERTIFICATE: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "HANDSHAKE_FAILURE")


class FaultKind(Enum):
    """What went wrong, in the order of a connection's phases."""

    PROXY = "proxy"
    NAME = "name"
    BLOCKED = "blocked"
    CONNECT = "connect"
    PLAIN_HTTP = "plain-http"
    CERTIFICATE = "certificate"
    CLIENT_CERTIFICATE = "client-certificate"
    TLS = "tls"
    TIMEOUT = "timeout"
    CUT = "cut"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"


class Fault(Exception):
    """A failed request.

    Attributes:
        why: A clause for the user.
        transient: Whether a retry may help.
        where: The failing host, if it is not the registry: a redirect target or `PROXY`.
    """

    def __init__(self, kind: FaultKind, why: str, *, transient: bool = False) -> None:
        super().__init__(why)
        self.kind, self.why, self.transient = kind, why, transient
        self.where = ""


def fault_of(error: Exception) -> Fault:
    """Convert an exception of the HTTP libraries.

    Their texts contain URLs, which may contain secrets, so only the kind of the cause is used.
    """
    causes = tuple(_causes(error))
    reasons = (cause.strerror for cause in causes if isinstance(cause, OSError))
    if known := next(filter(None, map(_known, causes)), None):
        fault = known
    elif reason := next(filter(None, reasons), None):
        fault = Fault(FaultKind.CONNECT, reason.lower(), transient=True)
    else:
        fault = Fault(FaultKind.CUT, "the connection was closed too early", transient=True)
    if any(isinstance(cause, urllib3.exceptions.ProxyError) for cause in causes):
        fault.where = PROXY
    return fault


def _known(cause: BaseException) -> Fault | None:
    match cause:
        case (
            urllib3.exceptions.NewConnectionError()  # A ConnectTimeoutError; use its cause.
            | http.client.IncompleteRead()
            | http.client.RemoteDisconnected()
        ):
            return None
        case BlockedPeer():
            return Fault(FaultKind.BLOCKED, cause.address)
        case socket.gaierror():
            temporary = cause.errno == socket.EAI_AGAIN
            return Fault(FaultKind.NAME, "its name does not resolve", transient=temporary)
        case UnicodeError() | urllib3.exceptions.LocationValueError():
            return Fault(FaultKind.NAME, "its name is not a valid host name")
        case http.client.HTTPException():
            return Fault(FaultKind.MALFORMED, "its answer is not HTTP")
        case ssl.SSLError():
            return _tls_fault(cause)
        case OSError() if refusal := _TUNNEL.match(str(cause)):
            return proxy_fault(_REFUSALS.get(refusal[1], f"answered {refusal[1]}"))
        case TimeoutError() | urllib3.exceptions.ConnectTimeoutError():
            return Fault(FaultKind.TIMEOUT, "the connection timed out", transient=True)
        case urllib3.exceptions.ReadTimeoutError():
            return Fault(FaultKind.TIMEOUT, "it did not answer in time", transient=True)
        case _:
            return None


def proxy_fault(why: str) -> Fault:
    """Return a fault of the proxy. `why` follows "the proxy"."""
    fault = Fault(FaultKind.PROXY, f"the proxy {why}")
    fault.where = PROXY
    return fault


def _tls_fault(error: ssl.SSLError) -> Fault:
    if isinstance(error, ssl.SSLEOFError):
        return Fault(FaultKind.CUT, "the connection was closed too early", transient=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Fault(FaultKind.CERTIFICATE, f"its certificate is not valid: {error.verify_message}")
    reason = error.reason or "unknown reason"
    if any(word in reason for word in _PLAIN_HTTP):
        return Fault(FaultKind.PLAIN_HTTP, "it uses plain HTTP, but TLS was expected")
    if any(word in reason for word in _CLIENT_CERTIFICATE):
        return Fault(FaultKind.CLIENT_CERTIFICATE, "it requires a client certificate")
    return Fault(FaultKind.TLS, f"TLS failed: {reason.lower().replace('_', ' ')}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes; urllib3 also keeps them in `reason` and `args`."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending and len(seen) < _MAX_CAUSES:
        found = pending.pop(0)
        if not isinstance(found, BaseException) or id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        pending += [getattr(found, "reason", None), found.__cause__, found.__context__, *found.args]
