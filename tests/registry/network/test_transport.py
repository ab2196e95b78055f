"""Proxies, and what of a request can be shown."""

import socket
from typing import Any

import pytest

from auditor.images.images import ImageReference, UnknownReason
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import HostOptions
from tests.registry.conftest import NewAsker
from tests.registry.test_hostile import SECRET, index_body
from tests.support.faults import FaultServer, Reply, index

IMAGE = ImageReference("registry.example", "app", "1")
PLAIN = {"registry.example": HostOptions(insecure="http")}


def test_a_proxy_of_the_environment(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:secret@{server.host}")
    server.on("http://registry.example/v2/app/manifests/1", index(index_body()))

    new_asker(hosts=PLAIN).known(IMAGE)

    assert server.seen[0].headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="


def test_an_address_is_judged_before_a_proxy_is_asked(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{server.host}")

    answer = new_asker().unknown(ImageReference("169.254.169.254", "app", "1"))

    assert answer.reason is UnknownReason.REFUSED
    assert server.connections == 0


def test_loopback_needs_no_proxy(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.on("/v2/app/manifests/1", index(index_body()))

    new_asker().known(ImageReference(server.host, "app", "1"))


def test_no_proxy_ranges(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{server.host}")
    monkeypatch.setenv("NO_PROXY", "192.0.2.0/24")
    look_up = socket.getaddrinfo

    def refuse(host: Any, *args: Any, **keywords: Any) -> Any:
        if host == "192.0.2.1":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return look_up(host, *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    server.on("http://198.51.100.1/v2/app/manifests/1", index(index_body()))
    hosts = dict.fromkeys(("192.0.2.1", "198.51.100.1"), HostOptions(insecure="http"))
    asker = new_asker(hosts=hosts)

    asker.known(ImageReference("198.51.100.1", "app", "1"))
    direct = asker.unknown(ImageReference("192.0.2.1", "app", "1"))

    assert direct.message == "registry 192.0.2.1 unreachable: its name does not resolve"
    assert len(server.seen) == 1


def test_a_proxy_that_is_down(new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    answer = new_asker(hosts=PLAIN).unknown(IMAGE)

    assert answer.message == (
        "registry registry.example (via the proxy) unreachable: connection refused (3 attempts)"
    )


@pytest.mark.parametrize(
    ("proxy", "why"),
    [
        ("socks5://127.0.0.1:9", "is a SOCKS proxy; podfit supports only HTTP proxies"),
        ("SOCKS5H://127.0.0.1:9", "is a SOCKS proxy; podfit supports only HTTP proxies"),
        ("http://", "is not written as http://host:port"),
        ("::::", "is not written as http://host:port"),
        ("ftp://127.0.0.1:9", "is not written as http://host:port"),
        (f"http://user:{SECRET}@127.0.0.1:99999", "is not written as http://host:port"),
    ],
)
def test_a_proxy_that_is_none(
    new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch, proxy: str, why: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)

    answer = new_asker(hosts=PLAIN).unknown(IMAGE)

    assert answer.message == f"registry registry.example unreachable: the proxy {why}"
    assert answer.hint == "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (403, "denied the connection (403)"),
        (407, "requires authentication, or rejected the credentials (407)"),
        (502, "answered 502"),
    ],
)
def test_a_proxy_that_refuses(
    server: FaultServer,
    new_asker: NewAsker,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    why: str,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{SECRET}@{server.host}")
    server.on("CONNECT registry.example:443", Reply(status))

    answer = new_asker().unknown(IMAGE)

    assert answer.message == f"registry registry.example unreachable: the proxy {why}"
    assert server.paths() == ["CONNECT registry.example:443"]


def test_a_head_request_leaves_its_connection_to_the_next_one(server: FaultServer) -> None:
    server.on("/v2/app/manifests/1", index(index_body()))
    request = Request("HEAD", f"http://{server.host}/v2/app/manifests/1", {}, 1000)
    transport = Transport()

    with transport.live.until(lambda: False):
        answers = [transport.send(request, HostOptions(), (5, 5), private=True) for _ in range(3)]
    transport.close()

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert server.connections == 1


def test_secrets_are_not_shown() -> None:
    request = Request("GET", f"http://x/?sig={SECRET}", {"Authorization": SECRET}, 1, {"a": SECRET})
    answer = Answer(200, f"http://x/?sig={SECRET}", (("set-cookie", SECRET),), SECRET.encode())

    assert SECRET not in repr(request) + repr(answer)
