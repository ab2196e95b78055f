"""A real registry (distribution's `docker-registry`) on loopback, and pushing to it."""

import contextlib
import hashlib
import http.client
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.images.images import ImageReference
from auditor.images.platforms import Platform, parse_platform
from tests.support.images import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Pushed,
    config_of,
    manifest_of,
    row_of,
)
from tests.support.tools import require_tool

_READY_SECONDS = 10.0


@dataclass
class Registry:
    """A running registry. host: as references name it, `127.0.0.1:PORT`."""

    host: str
    headers: Mapping[str, str] = field(default_factory=dict)
    context: ssl.SSLContext | None = None

    def reference(self, repository: str, tag: str = "", digest: str = "") -> ImageReference:
        return ImageReference(self.host, repository, tag or ("" if digest else "latest"), digest)

    def push_image(
        self, repository: str, tag: str, platforms: Sequence[str] = ("linux/amd64",)
    ) -> str:
        """An index of one image per platform, each written as podfit does. Gives its digest."""
        rows = [
            row_of(self.push_single(repository, parse_platform(text)), parse_platform(text))
            for text in platforms
        ]
        return self.push_index(repository, tag, rows)

    def push_single(
        self,
        repository: str,
        platform: Platform | None = None,
        *,
        tag: str = "",
        docker: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> Pushed:
        """One image without layers: its config blob and its manifest, by tag or by digest."""
        blob = json.dumps(config_of(platform) if config is None else config).encode()
        self.push_blob(repository, blob)
        body = json.dumps(manifest_of(blob, docker=docker)).encode()
        return self.push_manifest(
            repository, tag, body, DOCKER_MANIFEST if docker else OCI_MANIFEST
        )

    def push_index(
        self, repository: str, tag: str, rows: Sequence[Mapping[str, Any]], *, docker: bool = False
    ) -> str:
        media_type = DOCKER_LIST if docker else OCI_INDEX
        index = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(rows)}
        return self.push_manifest(repository, tag, json.dumps(index).encode(), media_type).digest

    def push_manifest(self, repository: str, tag: str, body: bytes, media_type: str) -> Pushed:
        """Any document, byte for byte; by its digest where there is no tag."""
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        path = f"/v2/{repository}/manifests/{tag or digest}"
        self.request("PUT", path, body, {"Content-Type": media_type}, expect=201)
        return Pushed(digest, len(body), media_type)

    def push_blob(self, repository: str, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        headers = self.request("POST", f"/v2/{repository}/blobs/uploads/", expect=202)
        location = headers["location"].partition(self.host)[2] or headers["location"]
        self.request(
            "PUT",
            f"{location}&digest={digest}",
            content,
            {"Content-Type": "application/octet-stream"},
            expect=201,
        )
        return digest

    def delete_manifest(self, repository: str, digest: str) -> None:
        self.request("DELETE", f"/v2/{repository}/manifests/{digest}", expect=202)

    def fetch(self, path: str, accept: str = "*/*") -> bytes:
        """What a client gets that accepts this."""
        with contextlib.closing(self._connect()) as connection:
            connection.request("GET", path, headers={**self.headers, "Accept": accept})
            return connection.getresponse().read()

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        expect: int,
    ) -> dict[str, str]:
        """The answer's headers, names in lower case."""
        with contextlib.closing(self._connect()) as connection:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == expect, (method, path, answer.status, text[:500])
            return {name.lower(): value for name, value in answer.getheaders()}

    def _connect(self) -> http.client.HTTPConnection:
        if self.context:
            return http.client.HTTPSConnection(self.host, timeout=10, context=self.context)
        return http.client.HTTPConnection(self.host, timeout=10)


@contextmanager
def run_registry(
    folder: Path,
    *,
    auth: Mapping[str, Any] | None = None,
    tls: Mapping[str, Any] | None = None,
    proxy: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    context: ssl.SSLContext | None = None,
) -> Iterator[Registry]:
    """A registry that keeps everything in memory; `auth`, `tls`, `proxy` as in its configuration.

    headers, context: what pushing needs. A missing program skips the test.
    """
    program = require_tool("docker-registry")
    port = free_port()
    http_options: dict[str, Any] = {"addr": f"127.0.0.1:{port}", "secret": "x"}
    if tls:
        http_options["tls"] = tls
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "storage": {"inmemory": {}, "delete": {"enabled": True}},
        "http": http_options,
        "compatibility": {"schema1": {"enabled": True}},
        **({"auth": auth} if auth else {}),
        **({"proxy": proxy} if proxy else {}),
    }
    file = folder / "registry.yml"
    file.write_text(json.dumps(config))
    log = (folder / "registry.log").open("wb")
    process = subprocess.Popen([program, "serve", str(file)], stdout=log, stderr=log)
    try:
        _wait_until_ready(process, port, folder / "registry.log")
        yield Registry(f"127.0.0.1:{port}", headers or {}, context)
    finally:
        process.kill()
        process.wait(10)
        log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _READY_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise AssertionError(f"no registry after {_READY_SECONDS} s: {log.read_text()}")
