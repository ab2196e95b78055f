"""Proxies, and what of a request can be shown."""

import pytest

from auditor.images import ImageReference, UnknownReason
from auditor.registry.network.transport import Answer, Request
from auditor.registry.options import HostOptions
from tests.registry.conftest import NewAsker
from tests.registry.test_hostile import SECRET, index_body
from tests.support.faults import FaultServer, index

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
    server.on("http://198.51.100.1/v2/app/manifests/1", index(index_body()))
    hosts = dict.fromkeys(("192.0.2.1", "198.51.100.1"), HostOptions(insecure="http"))
    asker = new_asker(hosts=hosts, connect_timeout=0.05)

    asker.known(ImageReference("198.51.100.1", "app", "1"))
    asker.ask(ImageReference("192.0.2.1", "app", "1"))

    assert len(server.seen) == 1


def test_a_proxy_that_is_down(new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    answer = new_asker(hosts=PLAIN).unknown(IMAGE)

    assert answer.message == (
        "registry registry.example (by way of the proxy) unreachable: "
        "connection refused (3 attempts)"
    )


def test_secrets_are_not_shown() -> None:
    request = Request("GET", f"http://x/?sig={SECRET}", {"Authorization": SECRET}, 1, {"a": SECRET})
    answer = Answer(200, f"http://x/?sig={SECRET}", (("set-cookie", SECRET),), SECRET.encode())

    assert SECRET not in repr(request) + repr(answer)
