"""A hand-made HTTP server on loopback, for what a real registry never does.

Only for faults: what a registry does right is tested with a real one (tests/support/registry.py).
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.certificates import Certificates
from tests.support.images import OCI_INDEX, OCI_MANIFEST

_CHUNK = b"x" * 65536


@dataclass(frozen=True)
class Seen:
    """A request that arrived. path: with its query. headers: names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """cut: bytes of the body that are sent before the connection is closed, whatever its length.

    endless: the body never stops. silent: nothing is sent until the client gives up.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    endless: bool = False
    silent: bool = False


@dataclass
class FaultServer:
    """Answers by path, query aside.

    seen: every request, in order. connections: how many were accepted. open: those not yet ended.
    """

    host: str
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    done: threading.Event = field(default_factory=threading.Event)
    open: set[socket.socket] = field(default_factory=set)
    _replies: dict[str, list[Reply]] = field(default_factory=dict)
    _handlers: dict[str, Callable[[Seen], Reply]] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])

    def on(self, path: str, *replies: Reply) -> None:
        """Replies in turn, the last for ever. path: `METHOD /path` for one method only."""
        self._replies[path] = list(replies)

    def handle(self, path: str, handler: Callable[[Seen], Reply]) -> None:
        """path: `*` for all that is not set."""
        self._handlers[path] = handler

    def paths(self) -> list[str]:
        return [f"{seen.method} {seen.path}" for seen in self.seen]

    def reply_to(self, seen: Seen) -> Reply:
        path = seen.path.partition("?")[0]
        for key in (f"{seen.method} {path}", path):
            if handler := self._handlers.get(key):
                return handler(seen)
            if replies := self._replies.get(key):
                return replies.pop(0) if len(replies) > 1 else replies[0]
        if handler := self._handlers.get("*"):
            return handler(seen)
        return Reply(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')


def index(body: bytes, **more: Any) -> Reply:
    """A well-formed answer that holds an index."""
    return Reply(200, body, (("Content-Type", OCI_INDEX),), **more)


def manifest(body: bytes, **more: Any) -> Reply:
    return Reply(200, body, (("Content-Type", OCI_MANIFEST),), **more)


def redirect(location: str, status: int = 307) -> Reply:
    return Reply(status, b"gone elsewhere", (("Location", location),))


def challenge(text: str) -> Reply:
    return Reply(401, b"{}", (("WWW-Authenticate", text),))


@contextmanager
def run_server(
    certificates: Certificates | None = None, kind: type[ThreadingHTTPServer] = ThreadingHTTPServer
) -> Iterator[FaultServer]:
    """A server on a free port of loopback. certificates: to speak TLS with. kind: its family."""
    address = "::1" if kind.address_family == socket.AF_INET6 else "127.0.0.1"
    with kind((address, 0), _Handler) as server:
        server.daemon_threads = False  # so that closing the server joins the threads that answer
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.server, certificates.server_key)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        host = f"[{address}]" if ":" in address else address
        running = FaultServer(f"{host}:{server.server_address[1]}")
        server.faults = running  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            running.done.set()
            server.shutdown()
            thread.join(10)
            for connection in tuple(running.open):
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)


class OverIpv6(ThreadingHTTPServer):
    """For `run_server`."""

    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def setup(self) -> None:
        self.faults: FaultServer = self.server.faults  # type: ignore[attr-defined]
        self.faults.open.add(self.request)
        super().setup()
        if isinstance(self.request, ssl.SSLSocket):
            self.request.do_handshake()  # here, where a client that stalls holds up no other
        self.faults.connections += 1

    def finish(self) -> None:
        self.faults.open.discard(self.request)
        with contextlib.suppress(OSError):
            super().finish()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(self.command, self.path, headers, self.rfile.read(length))
        self.faults.seen.append(seen)
        with contextlib.suppress(OSError):
            self._send(self.faults.reply_to(seen))

    do_GET = do_HEAD = do_POST = do_CONNECT = _answer  # noqa: N815 - http.server finds them by name

    def _send(self, reply: Reply) -> None:
        if reply.silent:
            self.close_connection = True
            self.faults.done.wait(30)
            return
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.endless:
            self.close_connection = True
        elif not any(name.lower() == "content-length" for name, _ in reply.headers):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        while reply.endless and not self.faults.done.is_set():
            self.wfile.write(_CHUNK)
        self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
        self.close_connection = self.close_connection or reply.cut is not None

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is not a log."""
