"""A Kubernetes control plane on loopback, without a kubelet: etcd, API server, scheduler, manager.

Of the controllers, only that of DaemonSets runs. Nodes are objects that nothing watches over.
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

Data = dict[str, Any]

_DISABLED: Final = "ServiceAccount,Priority,TaintNodesByCondition"
_PATIENCE: Final = 60
"""Seconds until a wait fails."""


class ControlPlaneError(Exception):
    """A component does not start, or does not do something in time."""


class ApiServer:
    """A client for the API server."""

    def __init__(self, port: int, token: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=_PATIENCE, context=context
        )
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: Data | None = None) -> tuple[int, Data]:
        """Return the status and the object of a response. Raises OSError."""
        text = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, text, self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except http.client.HTTPException as error:
            self._connection.close()
            raise OSError(str(error)) from error
        except OSError:
            self._connection.close()
            raise
        return response.status, json.loads(content) if content.startswith(b"{") else {}

    def items(self, path: str) -> list[Data]:
        found: list[Data] = self.ask("GET", path)[1].get("items", [])
        return found


def wait(what: str, done: Callable[[], bool]) -> None:
    """Wait until `done` is true. Raises `ControlPlaneError`."""
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise ControlPlaneError(f"{what}: not done after {_PATIENCE} seconds")
        time.sleep(0.1)


@contextmanager
def control_plane(program: Path, folder: Path) -> Iterator[ApiServer]:
    """Start the components, with their data and logs in `folder`, and end them at the end."""
    with ExitStack() as stack:

        def start(component: str, *options: str) -> None:
            log = stack.enter_context((folder / f"{component}.log").open("w"))
            command = (str(program), component, *options)
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
            stack.callback(_end, process)

        store, peer, port = _free_ports(3)
        token = secrets.token_hex(16)
        start("etcd", *_etcd_options(store, peer))
        start("kube-apiserver", *_server_options(folder, store, port, token))
        server = ApiServer(port, token)
        wait("start of the API server", lambda: _is_ready(server))
        _write_kubeconfig(folder / "kubeconfig", port, token)
        common = ("--kubeconfig=kubeconfig", "--leader-elect=false", "--secure-port=0")
        start("kube-scheduler", *common)
        start("kube-controller-manager", *common, "--controllers=daemonset-controller")
        yield server


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_ready(server: ApiServer) -> bool:
    try:
        return server.ask("GET", "/readyz")[0] == 200
    except OSError:
        return False


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]


def _etcd_options(store: int, peer: int) -> Iterator[str]:
    yield from ("--data-dir=etcd", "--unsafe-no-fsync", "--log-level=error")
    for name in ("listen-client-urls", "advertise-client-urls"):
        yield f"--{name}=http://127.0.0.1:{store}"
    for name in ("listen-peer-urls", "initial-advertise-peer-urls"):
        yield f"--{name}=http://127.0.0.1:{peer}"
    yield f"--initial-cluster=default=http://127.0.0.1:{peer}"


def _server_options(folder: Path, store: int, port: int, token: str) -> Iterator[str]:
    tokens, key = folder / "tokens.csv", folder / "accounts.key"
    tokens.touch(mode=0o600)
    tokens.write_text(f'{token},admin,1,"system:masters"\n')
    command = ("openssl", "genrsa", "-out", str(key), "2048")
    subprocess.run(command, check=True, capture_output=True, timeout=_PATIENCE)
    yield from (f"--etcd-servers=http://127.0.0.1:{store}", f"--secure-port={port}")
    yield from ("--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--cert-dir=certs")
    yield from (f"--token-auth-file={tokens}", "--authorization-mode=AlwaysAllow")
    yield from (f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}")
    yield from ("--service-account-issuer=https://kubernetes.default.svc", "--allow-privileged")
    yield from ("--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none")
    yield f"--disable-admission-plugins={_DISABLED}"


def _write_kubeconfig(path: Path, port: int, token: str) -> None:
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": cluster}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "local", "context": {"cluster": "local", "user": "admin"}}],
        "current-context": "local",
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(config))
