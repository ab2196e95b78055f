"""Registries for measurements: three hosts that answer after a delay, as if they were far away.

    python -m bench.registries SECONDS

Prints where they are as one line of JSON and serves until standard input ends. 30 images are
behind tokens, 20 are redirected by 307 to another host, as registry.k8s.io does, and 10 are plain.
The delay comes before every answer, and once more when a connection is made. They run in a process
of their own, so that they do not compete with the client for its interpreter.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Final
from urllib.parse import parse_qs, urlsplit

INDEX: Final = "application/vnd.oci.image.index.v1+json"
TAG: Final = "1"
BEHIND_TOKENS, REDIRECTED, PLAIN = 30, 20, 10
_Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_TLS: Final = b"\x16"
_ROLES: Final = ("guarded", "tokens", "redirecting", "region", "plain", "control")


@dataclass(frozen=True)
class Counts:
    """What the registries were asked. manifests: those that were sent, not only looked at."""

    requests: int
    heads: int
    manifests: int


@dataclass(frozen=True)
class Far:
    """Registries that run. hosts: `127.0.0.1:PORT` by role."""

    hosts: Mapping[str, str]

    @property
    def images(self) -> tuple[tuple[str, str], ...]:
        """Host and repository of each of the 60."""
        many = (("guarded", BEHIND_TOKENS), ("redirecting", REDIRECTED), ("plain", PLAIN))
        return tuple(
            (self.hosts[role], f"bench/{role}-{number}")
            for role, count in many
            for number in range(count)
        )

    def take_counts(self) -> Counts:
        """What was asked since the last time."""
        connection = HTTPConnection(self.hosts["control"], timeout=10)
        connection.request("GET", "/")
        counted = json.loads(connection.getresponse().read())
        connection.close()
        return Counts(**counted)


@contextmanager
def far_registries(delay: float) -> Iterator[Far]:
    """Registries that answer after so many seconds."""
    command = [sys.executable, "-m", "bench.registries", str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Far(json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()
            process.wait(10)


@dataclass
class _Service:
    delay: float
    hosts: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    async def run(self) -> None:
        for role in _ROLES:
            server = await asyncio.start_server(self._connected(role), "127.0.0.1", 0)
            self.hosts[role] = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        print(json.dumps(self.hosts), flush=True)
        await asyncio.to_thread(sys.stdin.read)

    def _connected(self, role: str) -> _Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            delay = 0 if role == "control" else self.delay
            await asyncio.sleep(delay)
            try:
                while True:
                    start = await reader.readexactly(1)
                    if start == _TLS:
                        # What servers of plain HTTP say, so that clients know it at once.
                        writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                        writer.close()
                        return
                    head = (start + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    await asyncio.sleep(delay)
                    writer.write(self._answer(role, head))
                    await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()

        return serve

    def _answer(self, role: str, head: str) -> bytes:
        request, *lines = head.split("\r\n")
        method, path, _ = request.split(" ")
        headers = {name.lower(): value for name, _, value in (li.partition(": ") for li in lines)}
        status, more, body = self._content(role, path, headers)
        if role != "control":
            self.counts["requests"] += 1
            self.counts["heads"] += method == "HEAD"
            self.counts["manifests"] += method == "GET" and INDEX in more.values()
        said = {"Content-Length": str(len(body)), **more}
        text = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        sent = b"" if method == "HEAD" else body
        return f"HTTP/1.1 {status} -\r\n{text}\r\n".encode() + sent

    def _content(
        self, role: str, path: str, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        repository = path.removeprefix("/v2/").partition("/manifests/")[0]
        if role == "control":
            keys = ("requests", "heads", "manifests")
            counted = {key: self.counts[key] for key in keys}
            self.counts.clear()
            return 200, {}, json.dumps(counted).encode()
        if role == "tokens":
            scope = parse_qs(urlsplit(path).query).get("scope", [""])[0]
            return 200, {}, json.dumps({"token": scope, "expires_in": 300}).encode()
        wanted = f"repository:{repository}:pull"
        if role == "guarded" and headers.get("authorization") != f"Bearer {wanted}":
            challenge = f'Bearer realm="http://{self.hosts["tokens"]}/token",service="bench"'
            scope = f',scope="{wanted}"' if repository else ""
            return 401, {"WWW-Authenticate": challenge + scope}, b"{}"
        if not repository:
            return 200, {}, b"{}"
        if role == "redirecting":
            return 307, {"Location": f"http://{self.hosts['region']}{path}"}, b""
        body = index_of(repository)
        return 200, {"Content-Type": INDEX, "Docker-Content-Digest": digest_of(body)}, body


def index_of(repository: str) -> bytes:
    """An index of its own for each repository, so that nothing is known from another."""
    rows = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest_of(f"{repository} {architecture}".encode()),
            "size": 500,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture in ("amd64", "arm64")
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": rows}).encode()


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


if __name__ == "__main__":
    asyncio.run(_Service(float(sys.argv[1])).run())
