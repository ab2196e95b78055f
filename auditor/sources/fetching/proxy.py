"""A local proxy that refuses connections to private addresses, for programs that fetch charts.

Charts, indexes and redirects name hosts, and Helm contacts any of them. With this proxy podfit
opens every connection and checks the address.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from auditor.files.addresses import is_public

_MAX_HEAD: Final = 64_000
_CONNECT_SECONDS: Final = 15.0
_IDLE_SECONDS: Final = 60.0
_BLOCK: Final = 65_536
_POLL_SECONDS: Final = 0.05
_HOP_BY_HOP: Final = (b"connection:", b"proxy-", b"keep-alive:")


class RefusedError(Exception):
    """Raised with the reason if a host is not contacted."""


class Gate(Struct):
    """A running proxy.

    Attributes:
        variables: Environment variables that make a program use the proxy.
        refusals: Messages about refused connections.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)


@contextmanager
def gate(private: frozenset[str]) -> Iterator[Gate]:
    """Run the proxy during the context.

    If the user has configured a proxy, that one is used unchanged. Go programs use no proxy for
    URLs with `localhost` or 127.0.0.0/8.

    Args:
        private: Hosts that may have private addresses.
    """
    opened = Gate()
    if {"http", "https", "all"} & urllib.request.getproxies_environment().keys():
        yield opened
        return
    handler = partial(_Guard, private=private, refusals=opened.refusals)
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
        opened.variables = {**dict.fromkeys(names, address), "NO_PROXY": "", "no_proxy": ""}
        try:
            yield opened
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Print nothing: the program reports what it could not fetch."""


class _Guard(socketserver.StreamRequestHandler):
    """One connection of the program: a CONNECT tunnel, or one plain HTTP request."""

    timeout = _IDLE_SECONDS

    def __init__(self, *args: Any, private: frozenset[str], refusals: list[str]) -> None:
        self._private, self._refusals = private, refusals
        super().__init__(*args)

    def handle(self) -> None:
        head = self._head()
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0].decode("latin-1")
        tunnel = method == b"CONNECT"
        try:
            parts = urlsplit(f"//{target}" if tunnel else target)
            host, port = parts.hostname or "", parts.port or (443 if tunnel else 80)
            with self._connected(host, port) as server:
                if tunnel:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    threading.Thread(
                        target=_relay, args=(self.connection, server), daemon=True
                    ).start()
                else:
                    path = parts._replace(scheme="", netloc="").geturl() or "/"
                    server.sendall(_forwarded(method, path, head))
                _relay(server, self.connection)
        except (RefusedError, OSError, ValueError) as error:
            self.wfile.write(f"HTTP/1.1 403 {error}\r\nContent-Length: 0\r\n\r\n".encode())

    def _head(self) -> bytes:
        """Read the request line and headers; requests for charts have no body."""
        lines: list[bytes] = []
        while (line := self.rfile.readline(_MAX_HEAD)).strip():
            lines.append(line)
            if sum(map(len, lines)) > _MAX_HEAD:
                return b""
        return b"".join(lines)

    def _connected(self, host: str, port: int) -> socket.socket:
        """Return a connection to an allowed address. Raises RefusedError and OSError."""
        server = _connect(host, port)
        address = str(server.getpeername()[0])
        if host not in self._private and not is_public(address):
            server.close()
            self._refusals.append(f"refused to contact private address {address} for {host}")
            raise RefusedError(self._refusals[-1])
        server.settimeout(_IDLE_SECONDS)
        return server


def _connect(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), _CONNECT_SECONDS)


def _forwarded(method: bytes, path: str, head: bytes) -> bytes:
    lines = head.splitlines()[1:]
    kept = [line for line in lines if not line.lower().startswith(_HOP_BY_HOP)]
    first = b"%s %s HTTP/1.1" % (method, path.encode("latin-1"))
    return b"\r\n".join((first, *kept, b"Connection: close", b"", b""))


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Copy data from one socket to the other until either is closed."""
    try:
        while data := source.recv(_BLOCK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
