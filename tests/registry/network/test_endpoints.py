"""Mirrors, registries that moved, blocked ones: asked in turn, each with its own credentials."""

import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from auditor.images.images import ImageReference, UnknownReason
from auditor.images.platforms import parse_platform
from auditor.images.references import parse_reference
from auditor.registry.auth.credentials import Credential
from auditor.registry.network.endpoints import endpoints_of, rest_of, stops_of
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions
from tests.registry.conftest import FakeClock, Logins, NewAsker
from tests.registry.test_hostile import index_body
from tests.support.certificates import make_certificates
from tests.support.faults import (
    FaultServer,
    OverIpv6,
    Reply,
    challenge,
    index,
    redirect,
    run_server,
)
from tests.support.registry import Registry, run_registry

LINUX = parse_platform("linux/amd64")
DIGEST = f"sha256:{'a' * 64}"
MANIFEST = "/v2/app/manifests/1"


@pytest.mark.parametrize(
    ("prefix", "rest"),
    [
        ("", "team/app"),
        ("r.corp", "team/app"),
        ("r.corp/team", "app"),
        ("r.corp/team/app", ""),
        ("*.corp", "team/app"),
        ("r.corp/te", None),
        ("r.corp:5000", None),
        ("corp", None),
        ("*.other", None),
    ],
)
def test_what_is_below_a_prefix(prefix: str, rest: str | None) -> None:
    assert rest_of(ImageReference("r.corp", "team/app", "1"), prefix) == rest


class TickingClock(FakeClock):
    """Two seconds pass whenever somebody looks."""

    def monotonic(self) -> float:
        self.time += 2
        return self.time


def stops(image: ImageReference, *namespaces: Namespace) -> list[str]:
    options = RegistryOptions(namespaces=namespaces)
    return [
        stop.endpoint.address(stop.repository, "manifests/x") for stop in stops_of(image, options)
    ]


def test_the_longest_prefix_counts_and_of_two_the_first() -> None:
    namespaces = (
        Namespace("docker.io", (Place("short.corp"),)),
        Namespace("docker.io/library", (Place("long.corp", "hub"),)),
        Namespace("docker.io/library", (Place("second.corp"),)),
        Namespace("", (Place("any.corp"),)),
    )

    assert stops(ImageReference("docker.io", "library/nginx", "1"), *namespaces) == [
        "https://long.corp/v2/hub/nginx/manifests/x?ns=docker.io",
        "https://registry-1.docker.io/v2/library/nginx/manifests/x",
    ]
    assert stops(ImageReference("ghcr.io", "a/b", "1"), *namespaces) == [
        "https://any.corp/v2/a/b/manifests/x?ns=ghcr.io",
        "https://ghcr.io/v2/a/b/manifests/x",
    ]


def test_a_host_is_longer_than_the_domain_it_is_in() -> None:
    namespaces = (
        Namespace("*.example.com", (Place("domain.corp"),)),
        Namespace("r.example.com", (Place("host.corp"),)),
    )

    assert stops(ImageReference("r.example.com", "a", "1"), *namespaces)[0] == (
        "https://host.corp/v2/a/manifests/x?ns=r.example.com"
    )


def test_what_a_mirror_is_asked_for() -> None:
    namespace = Namespace(
        "ghcr.io", (Place("t.corp", pulls="tag"), Place("d.corp", pulls="digest"), Place("a.corp"))
    )

    by_tag = stops(ImageReference("ghcr.io", "a", "1"), namespace)
    by_digest = stops(ImageReference("ghcr.io", "a", "1", DIGEST), namespace)

    assert [url.split("/")[2] for url in by_tag] == ["t.corp", "a.corp", "ghcr.io"]
    assert [url.split("/")[2] for url in by_digest] == ["d.corp", "a.corp", "ghcr.io"]


def test_a_registry_that_moved() -> None:
    moved = Namespace("docker.io", origin=Place("harbor.corp", "hub", root="/api/v2"))

    assert stops(ImageReference("docker.io", "library/nginx", "1"), moved) == [
        "https://harbor.corp/api/v2/hub/library/nginx/manifests/x"
    ]


def mirrored(registry: FaultServer | Registry, *mirrors: Place) -> tuple[Namespace, ...]:
    return (Namespace(registry.host, mirrors),)


def test_a_mirror_answers_and_the_answer_says_so(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    registry.push_image("hub/mirrored/app", "1")
    asker = new_asker(namespaces=mirrored(server, Place(registry.host, "hub")))

    answer = asker.known(ImageReference(server.host, "mirrored/app", "1"))

    assert answer.platforms == (LINUX,)
    assert answer.source == f"mirror {registry.host}"
    assert server.seen == []
    assert [sent.url for sent in asker.sent] == [
        f"http://{registry.host}/v2/hub/mirrored/app/manifests/1"
    ]


@pytest.mark.parametrize(
    ("reply", "remark"),
    [
        (Reply(404), False),
        (Reply(401), False),
        (Reply(403), False),
        (Reply(500), True),
        (Reply(503), True),
        (Reply(429), True),
        (Reply(200, b"<html>log in</html>"), True),
        (Reply(200, b"x", (("Content-Length", "100"),), cut=1), True),
    ],
)
def test_a_mirror_that_fails_is_passed_over(
    registry: Registry, server: FaultServer, new_asker: NewAsker, reply: Reply, *, remark: bool
) -> None:
    registry.push_image("passed/app", "1")
    server.handle("*", lambda _: reply)
    asker = new_asker(namespaces=mirrored(registry, Place(server.host)))

    assert asker.known(registry.reference("passed/app", "1")).source == "registry"
    assert bool(asker.inspector.remarks) == remark


def test_a_mirror_that_is_down_is_told_once(registry: Registry, new_asker: NewAsker) -> None:
    images = [registry.reference("down/app", str(number)) for number in range(3)]
    for image in images:
        registry.push_image("down/app", image.tag)
    asker = new_asker(namespaces=mirrored(registry, Place("127.0.0.1:9")))

    answers = asker.inspector.inspect(images)

    assert {getattr(answer, "source", answer) for answer in answers.values()} == {"registry"}
    (remark,) = asker.inspector.remarks
    assert remark.startswith(f"the mirror 127.0.0.1:9 of {registry.host} failed: ")


def test_a_mirror_that_is_silent_leaves_time_for_the_registry(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    registry.push_image("silent/app", "1")
    server.handle("*", lambda _: Reply(silent=True))
    place = Place(server.host)
    asker = new_asker(namespaces=mirrored(registry, place), read_timeout=0.1, mirror_timeout=0.3)

    assert asker.known(registry.reference("silent/app", "1")).source == "registry"


def test_a_silent_mirror_is_given_up_for_all_images(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    registry.push_image("given-up/app", "1")
    server.handle("*", lambda _: Reply(silent=True))
    images = [registry.reference("given-up/app", str(number)) for number in range(6)]
    namespaces = mirrored(registry, Place(server.host))
    asker = new_asker(namespaces=namespaces, mirror_timeout=0.3, workers_per_host=1)

    answers = asker.inspector.inspect(images)

    assert getattr(answers[images[1]], "source", "") == "registry"
    assert len(server.seen) == 3


def test_the_time_of_a_mirror_is_not_that_of_the_image(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    registry.push_image("slow/app", "1")
    asker = new_asker(
        clock=TickingClock(),
        namespaces=mirrored(registry, Place(server.host)),
        mirror_timeout=3,
        image_timeout=1e6,
        run_timeout=1e6,
    )

    assert asker.known(registry.reference("slow/app", "1")).source == "registry"
    (remark,) = asker.inspector.remarks
    assert remark.endswith("failed: no answer within 3 s")


def test_the_registry_has_the_last_word(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    asker = new_asker(namespaces=mirrored(server, Place(other_server.host)))

    answer = asker.unknown(ImageReference(server.host, "app", "1"))

    assert answer.message == f'tag "1" not found in {server.host}/app'
    assert len(server.seen) == len(other_server.seen) == 1


def test_a_mirror_gets_its_own_credentials_alone(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    for each in (server, other_server):
        each.on(MANIFEST, challenge('Basic realm="x"'))
    keychain = Logins(
        {
            server.host: Credential("x", "registry", "1"),
            other_server.host: Credential("x", "mirror", "2"),
        }
    )
    asker = new_asker(keychain=keychain, namespaces=mirrored(server, Place(other_server.host)))

    asker.ask(ImageReference(server.host, "app", "1"))

    def sent(which: FaultServer) -> set[str]:
        return {seen.headers.get("authorization", "") for seen in which.seen}

    assert sent(server) == {"", "Basic cmVnaXN0cnk6MQ=="}
    assert sent(other_server) == {"", "Basic bWlycm9yOjI="}


def test_a_mirror_is_told_whose_it_is(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    other_server.on(MANIFEST, index(index_body()))
    asker = new_asker(namespaces=mirrored(server, Place(other_server.host)))

    asker.known(ImageReference(server.host, "app", "1"))

    assert other_server.paths() == [f"GET {MANIFEST}?ns={server.host.replace(':', '%3A')}"]


def test_manifests_that_a_mirror_lacks_are_not_dangling(
    registry: Registry, tmp_path: Path, new_asker: NewAsker
) -> None:
    digest = registry.push_image("partly/app", "1")
    with run_registry(tmp_path) as mirror:
        assert mirror.push_image("partly/app", "1") == digest
        rows = new_asker().known(mirror.reference("partly/app", "1")).rows
        mirror.delete_manifest("partly/app", rows[0])
        asker = new_asker(namespaces=mirrored(registry, Place(mirror.host)), verify_children=True)

        answer = asker.known(registry.reference("partly/app", "1"))

    assert (answer.dangling, answer.source) == ((), "registry")


def test_a_pull_through_mirror(
    registry: Registry, server: FaultServer, tmp_path: Path, new_asker: NewAsker
) -> None:
    """A real one: it fetches from the registry what it is asked for, and keeps it."""
    registry.push_single("through/single", LINUX, tag="1")
    registry.push_image("through/app", "1", ["linux/amd64", "linux/arm64"])
    with run_registry(tmp_path, proxy={"remoteurl": f"http://{registry.host}"}) as mirror:
        asker = new_asker(namespaces=mirrored(server, Place(mirror.host)))
        single = asker.known(ImageReference(server.host, "through/single", "1"))
        both = asker.known(ImageReference(server.host, "through/app", "1"))
        absent = asker.unknown(ImageReference(server.host, "through/none", "1"))

    assert {single.source, both.source} == {f"mirror {mirror.host}"}
    assert (single.platforms, len(both.platforms)) == ((LINUX,), 2)
    assert absent.reason is UnknownReason.NOT_FOUND
    assert len(server.seen) == 1


def test_digests_come_from_mirrors_too(
    registry: Registry, server: FaultServer, new_asker: NewAsker
) -> None:
    digest = registry.push_image("digests/app", "1")
    asker = new_asker(namespaces=mirrored(server, Place(registry.host)))

    assert asker.digest(ImageReference(server.host, "digests/app", "1")) == digest
    assert server.seen == []


def test_a_mirror_with_a_private_ca(
    server: FaultServer, tmp_path: Path, new_asker: NewAsker
) -> None:
    certificates = make_certificates(tmp_path)
    tls = {"certificate": str(certificates.server), "key": str(certificates.server_key)}

    context = ssl.create_default_context(cafile=str(certificates.ca))
    with run_registry(tmp_path, tls=tls, context=context) as mirror:
        mirror.push_image("app", "1")
        for options in (
            HostOptions(cas=(certificates.ca,)),
            HostOptions(insecure="skip-verify"),
            HostOptions(insecure="any"),
        ):
            place = Place(mirror.host, options=options)
            answer = new_asker(namespaces=mirrored(server, place)).known(
                ImageReference(server.host, "app", "1")
            )
            assert answer.source == f"mirror {mirror.host}"
    assert server.seen == []


def test_an_ipv6_address(new_asker: NewAsker) -> None:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(run_server(kind=OverIpv6))
        except OSError:
            pytest.skip("the machine does not speak IPv6")
        server.on(MANIFEST, redirect(f"http://{server.host}/elsewhere"))
        server.on("/elsewhere", index(index_body()))
        parsed = parse_reference(f"{server.host}/app:1")

        assert isinstance(parsed, ImageReference)
        assert new_asker().known(parsed).platforms == (LINUX,)


def test_insecure_as_docker_means_it_speaks_plain_http_where_there_is_no_tls(
    registry: Registry, new_asker: NewAsker
) -> None:
    registry.push_image("insecure/app", "1")
    hosts = {registry.host: HostOptions(insecure="any")}
    asker = new_asker(hosts=hosts)

    assert asker.known(registry.reference("insecure/app", "1")).platforms == (LINUX,)
    answer = asker.unknown(registry.reference("insecure/app", "2"))
    assert answer.reason is UnknownReason.NOT_FOUND
    in_range = new_asker(insecure_ranges=("127.0.0.0/8",))
    assert in_range.known(registry.reference("insecure/app", "1")).source == "registry"


def test_a_blocked_registry_is_not_asked(server: FaultServer, new_asker: NewAsker) -> None:
    blocked = Namespace(f"{server.host}/bad", blocked="by registries.conf")
    asker = new_asker(namespaces=(blocked,))

    answer = asker.unknown(ImageReference(server.host, "bad/app", "1"))

    assert answer.reason is UnknownReason.REFUSED
    assert answer.message == f"{server.host}/bad is blocked: by registries.conf"
    assert server.connections == 0


@pytest.mark.parametrize(
    ("registry", "name", "url"),
    [
        ("docker.io", "docker.io", "https://registry-1.docker.io"),
        ("registry-1.docker.io", "docker.io", "https://registry-1.docker.io"),
        ("registry.hub.docker.com", "docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "ghcr.io", "https://ghcr.io"),
        ("ghcr.io:5000", "ghcr.io:5000", "https://ghcr.io:5000"),
        ("10.0.0.1:5000", "10.0.0.1:5000", "https://10.0.0.1:5000"),
        ("localhost", "localhost", "http://localhost"),
        ("localhost:5000", "localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:443", "127.0.0.1:443", "http://127.0.0.1:443"),
        ("[::1]:5000", "[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_where_a_registry_is_reached(registry: str, name: str, url: str) -> None:
    (endpoint,) = endpoints_of(registry, RegistryOptions())

    assert (endpoint.name, endpoint.url) == (name, url)


@pytest.mark.parametrize(
    ("registry", "options", "scheme", "private"),
    [
        ("r.example", None, "https", False),
        ("r.example", HostOptions(), "https", True),
        ("r.example", HostOptions(insecure="http"), "http", True),
        ("r.example", HostOptions(insecure="skip-verify"), "https", True),
        ("localhost", None, "http", True),
        ("localhost", HostOptions(), "http", True),
        ("localhost", HostOptions(insecure="skip-verify"), "https", True),
        ("localhost.example", None, "https", False),
        ("10.0.0.1", None, "https", False),
    ],
)
def test_plain_http_and_private_addresses(
    registry: str, options: HostOptions | None, scheme: str, private: bool
) -> None:
    hosts = {registry: options} if options else {}

    (endpoint,) = endpoints_of(registry, RegistryOptions(hosts=hosts))

    assert (endpoint.origin.scheme, endpoint.private) == (scheme, private)
