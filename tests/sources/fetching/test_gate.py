"""What Helm fetches goes through a proxy that leads to no private address."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from auditor.sources.fetching import proxy as module
from auditor.sources.fetching.fetch import CliFetcher, EmbeddedFetcher, Fetcher, Pull, Repository
from auditor.sources.fetching.proxy import gate
from auditor.sources.interface import HostRules
from auditor.sources.rendering import RenderError
from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import POD, RENDERERS, require_library, write_chart
from tests.support.tools import require_tool

HOST = "charts.test"


@pytest.fixture(autouse=True)
def names_lead_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name stands for this machine; and the user has no proxy."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def connect(_: str, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), 10)

    monkeypatch.setattr(module, "_connect", connect)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    require_library()
    with run_chart_repository(tmp_path / "published") as running:
        running.url = running.url.replace("127.0.0.1", HOST)
        running.add(write_chart(tmp_path / "web", {"pod.yaml": POD}), "0.1.0")
        yield running


def fetcher(name: str, hosts: HostRules) -> Fetcher:
    return EmbeddedFetcher(hosts) if name == "embedded" else CliFetcher(require_tool("helm"), hosts)


def pull(name: str, hosts: HostRules, url: str, into: Path) -> list[str]:
    into.mkdir()
    fetcher(name, hosts).pull(Pull("web", "0.1.0", Repository("", url)), into)
    return [path.name for path in into.iterdir()]


@pytest.mark.parametrize("name", RENDERERS)
def test_a_host_that_may_be_private(repository: ChartRepository, tmp_path: Path, name: str) -> None:
    hosts = HostRules().with_named(repository.url)

    assert pull(name, hosts, repository.url, tmp_path / "x") == ["web-0.1.0.tgz"]


@pytest.mark.parametrize("name", RENDERERS)
def test_no_other_host_has_a_private_address(
    repository: ChartRepository, tmp_path: Path, name: str
) -> None:
    with pytest.raises(
        RenderError, match=r"private address 127\.0\.0\.1 for charts\.test; if it is yours"
    ):
        pull(name, HostRules(), repository.url, tmp_path / "x")

    assert repository.requests == []


@pytest.mark.parametrize("name", RENDERERS)
def test_an_index_cannot_lead_to_another_host(
    repository: ChartRepository, tmp_path: Path, name: str
) -> None:
    index = repository.folder / "index.yaml"
    index.write_text(index.read_text().replace(HOST, "inside.test"))

    with pytest.raises(
        RenderError, match=r"private address 127\.0\.0\.1 for inside\.test; if it is yours"
    ):
        pull(name, HostRules().with_named(repository.url), repository.url, tmp_path / "x")

    assert [path for path in repository.requests if path.endswith(".tgz")] == []


@pytest.mark.parametrize("name", RENDERERS)
def test_the_users_own_repositories_may_be_private(
    repository: ChartRepository, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = tmp_path / "repositories.yaml"
    added.write_text(f"repositories: [{{name: mine, url: '{repository.url}'}}]\n")
    monkeypatch.setenv("HELM_REPOSITORY_CONFIG", str(added))

    assert pull(name, HostRules(), repository.url, tmp_path / "x") == ["web-0.1.0.tgz"]


@pytest.mark.parametrize("name", RENDERERS)
def test_whom_nobody_allowed(repository: ChartRepository, tmp_path: Path, name: str) -> None:
    hosts = HostRules(("*.example",))

    with pytest.raises(RenderError, match=r"charts\.test is not an allowed host"):
        pull(name, hosts, repository.url, tmp_path / "x")
    declared = f"dependencies: [{{name: web, version: 0.1.0, repository: '{repository.url}'}}]\n"
    chart = write_chart(tmp_path / "top", chart_yaml=declared)
    with pytest.raises(RenderError, match=r"charts\.test is not an allowed host"):
        fetcher(name, hosts).complete(chart)

    assert repository.requests == []


@contextmanager
def echo() -> Iterator[int]:
    """A server that answers once with what it reads, in capitals. The port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                there, _ = server.accept()
            except OSError:
                return  # nobody came
            with there:
                there.sendall(there.recv(100).upper())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # ends a wait for a client that never came
            thread.join(10)


def test_a_tunnel() -> None:
    with echo() as port, gate(frozenset({HOST})) as opened:
        proxy = urlsplit(opened.variables["HTTPS_PROXY"])
        with socket.create_connection((proxy.hostname, proxy.port), 10) as client:
            client.sendall(f"CONNECT {HOST}:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert client.recv(100) == b"HTTP/1.1 200 OK\r\n\r\n"
            client.sendall(b"hello")
            assert client.recv(100) == b"HELLO"


@pytest.mark.parametrize(
    "request_line", ["", "x", "GET / HTTP/1.1", "CONNECT [x HTTP/1.1", "GET http://a:b/ HTTP/1.1"]
)
def test_what_is_no_request(request_line: str) -> None:
    with gate(frozenset()) as opened:
        proxy = urlsplit(opened.variables["HTTP_PROXY"])
        with socket.create_connection((proxy.hostname, proxy.port), 10) as client:
            client.sendall(f"{request_line}\r\n\r\n".encode())
            assert client.recv(100).startswith(b"HTTP/1.1 403 ")


def test_a_proxy_of_the_users_has_its_own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")

    with gate(frozenset()) as opened:
        assert opened.variables == {}
