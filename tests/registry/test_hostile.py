"""Registries that misbehave, by accident or on purpose."""

import base64
import contextlib
import gzip
import json
import logging
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from auditor.images.images import ImageReference, UnknownPlatforms, UnknownReason
from auditor.images.platforms import parse_platform
from auditor.registry.auth.credentials import Credential
from auditor.registry.content.documents import MAX_DOCUMENT
from auditor.registry.content.resolution import resolve
from auditor.registry.options import Clock, HostOptions
from tests.registry.conftest import Asker, Logins, NewAsker
from tests.support.certificates import make_certificates
from tests.support.faults import (
    FaultServer,
    Reply,
    Seen,
    challenge,
    index,
    manifest,
    redirect,
    run_server,
)
from tests.support.images import (
    OCI_INDEX,
    Pushed,
    config_of,
    digest_of,
    manifest_of,
    row_of,
)

LINUX = parse_platform("linux/amd64")
WINDOWS = parse_platform("windows/amd64")
SECRET = "hunter2-do-not-tell"
DIGEST = f"sha256:{'a' * 64}"


def index_body(*rows: dict[str, Any]) -> bytes:
    rows = rows or (row_of(Pushed(DIGEST, 500, manifest_type()), LINUX),)
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": rows}).encode()


def manifest_type() -> str:
    return "application/vnd.oci.image.manifest.v1+json"


def reference(server: FaultServer, name: str = "app", tag: str = "1") -> ImageReference:
    return ImageReference(server.host, name, tag)


def trusted(*servers: FaultServer) -> dict[str, HostOptions]:
    return {server.host: HostOptions() for server in servers}


# Redirects


def test_a_redirect_within_the_origin_keeps_the_accept_header(
    server: FaultServer, asker: Asker
) -> None:
    server.on("/v2/app/manifests/1", redirect("/elsewhere"))
    server.on("/elsewhere", index(index_body()))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert server.seen[1].headers["accept"] == server.seen[0].headers["accept"]
    assert OCI_INDEX in server.seen[1].headers["accept"]


def test_a_redirect_to_a_configured_host_is_followed_without_credentials(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    """The pull-through of registry.k8s.io: another host answers."""
    logins = Logins({server.host: Credential("config", "user", SECRET)})
    server.on(
        "/v2/app/manifests/1",
        challenge('Basic realm="x"'),
        redirect(f"http://{other_server.host}/x"),
    )
    other_server.on("/x", index(index_body()))
    asker = new_asker(keychain=logins, hosts=trusted(other_server))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert "authorization" in server.seen[1].headers
    assert "authorization" not in other_server.seen[0].headers
    assert OCI_INDEX in other_server.seen[0].headers["accept"]


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/x",
        "http://localhost:{port}/x",
        "http://[::ffff:127.0.0.1]:{port}/x",
        "http://0.0.0.0:{port}/x",
        "http://2130706433:{port}/x",
        "http://0x7f000001:{port}/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/x",
        "http://100.64.0.1/x",
        "http://[fd00::1]/x",
        "http://[fe80::1]/x",
        "http://[64:ff9b::7f00:1]/x",
    ],
)
def test_a_redirect_to_a_private_address_is_refused_before_a_byte_is_sent(
    server: FaultServer, other_server: FaultServer, asker: Asker, target: str
) -> None:
    server.on("/v2/app/manifests/1", redirect(target.format(port=other_server.port)))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.REFUSED, answer
    assert answer.message.startswith("refused to contact private address ")
    assert other_server.seen == []


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("ftp://example.com/x", "redirects to an address that is not an http or https URL"),
        ("file:///etc/passwd", "redirects to an address that is not an http or https URL"),
        (f"http://user:{SECRET}@127.0.0.1/x", "redirects to an address with credentials in it"),
        ("http://[::1/x", "redirects to an address that is not a URL"),
        ("http://127.0.0.1:99999/x", "redirects to an address that is not a URL"),
    ],
)
def test_a_redirect_to_what_is_no_web_address_is_refused(
    server: FaultServer, asker: Asker, location: str, what: str
) -> None:
    server.on("/v2/app/manifests/1", redirect(location))

    answer = asker.unknown(reference(server))

    assert answer == UnknownPlatforms(UnknownReason.REFUSED, f"registry {server.host} {what}")


def test_endless_redirects_are_ended(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", redirect("/v2/app/manifests/1"))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.REFUSED
    assert answer.message == f"registry {server.host} redirects more than 5 times"
    assert len(server.seen) == 6


def test_a_redirect_with_an_endless_body_is_not_read(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", Reply(307, headers=(("Location", "/x"),), endless=True))
    server.on("/x", index(index_body()))

    assert asker.known(reference(server)).platforms == (LINUX,)


def test_a_redirect_from_https_to_plain_http_is_refused(
    other_server: FaultServer, new_asker: NewAsker, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path)
    with run_server(certificates) as server:
        server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x"))
        hosts = {server.host: HostOptions(cas=(certificates.ca,)), **trusted(other_server)}

        answer = new_asker(hosts=hosts).unknown(reference(server))

    assert answer == UnknownPlatforms(
        UnknownReason.REFUSED,
        f"registry {server.host} redirects from https to plain http ({other_server.host})",
    )
    assert other_server.seen == []


def test_a_redirect_target_that_is_down(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the image's trouble: the registry itself answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        down = f"127.0.0.1:{probe.getsockname()[1]}"
        server.on("/v2/app/manifests/1", redirect(f"http://{down}/x"))
        server.on("/v2/other/manifests/1", index(index_body()))
        asker = new_asker(hosts={down: HostOptions()})

        answer = asker.unknown(reference(server))

    assert answer.message == (
        f"registry {server.host} (via {down}) unreachable: connection refused (4 attempts)"
    )
    asker.known(reference(server, "other"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_redirect_target_that_refuses(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker, status: int
) -> None:
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x"))
    realm = ("WWW-Authenticate", 'Basic realm="x", Bearer realm="http://10.0.0.1/token"')
    other_server.on("/x", Reply(status, b"{}", (realm,)))
    logins = Logins({server.host: Credential("config", "user", SECRET)})
    asker = new_asker(hosts=trusted(other_server), keychain=logins)

    answer = asker.unknown(reference(server))

    assert answer.reason in (UnknownReason.NOT_FOUND_OR_DENIED, UnknownReason.REFUSED)
    assert all("authorization" not in seen.headers for seen in other_server.seen)


def test_a_redirect_target_that_wants_a_token_gets_an_anonymous_one(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    realm = f'Bearer realm="http://{other_server.host}/token",scope="repository:x:pull"'
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x"))
    other_server.on("/x", challenge(realm), index(index_body()))
    other_server.on("/token", Reply(200, b'{"token": "anonymous"}'))
    logins = Logins({other_server.host: Credential("config", "user", SECRET)})
    asker = new_asker(hosts=trusted(other_server), keychain=logins)

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert other_server.paths() == [
        "GET /x",
        "GET /token?scope=repository%3Ax%3Apull&client_id=podfit",
        "GET /x",
    ]
    assert "authorization" not in other_server.seen[1].headers
    assert other_server.seen[2].headers["authorization"] == "Bearer anonymous"


@pytest.mark.parametrize("realm", ["http://{host}/token", "ftp://{host}/token"])
def test_a_redirect_target_that_gives_no_token_stays_closed(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker, realm: str
) -> None:
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x"))
    other_server.on("/x", challenge(f'Bearer realm="{realm.format(host=other_server.host)}"'))
    other_server.on("/token", Reply(403))

    answer = new_asker(hosts=trusted(other_server)).unknown(reference(server))

    assert answer.reason is UnknownReason.NOT_FOUND_OR_DENIED


def test_a_failure_behind_a_redirect_shows_neither_query_nor_body(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x?signature={SECRET}"))
    other_server.on(
        "/x", Reply(418, b'{"errors": [{"message": "root:x:0:0 ' + SECRET.encode() + b'"}]}')
    )
    asker = new_asker(hosts=trusted(other_server))

    answer = asker.unknown(reference(server))

    assert answer == UnknownPlatforms(UnknownReason.FAILED, f"registry {server.host} answered 418")
    assert SECRET not in repr(asker.sent)


# Addresses


def test_a_name_that_resolves_to_a_private_address_is_refused(
    server: FaultServer, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def rebound(host: Any, *args: Any, **keywords: Any) -> Any:
        return look_up("127.0.0.1" if host == "registry.example" else host, *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)

    answer = asker.unknown(ImageReference(f"registry.example:{server.port}", "app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.REFUSED,
        f"refused to contact private address 127.0.0.1 for registry.example:{server.port}",
        f"if registry.example:{server.port} is yours, list it under `registries` of a trusted "
        f"configuration, or set --allow-registry registry.example:{server.port} "
        "--allow-registry '*'",
    )
    assert server.seen == []


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.1:5000", "[fd00::1]:5000"])
def test_an_image_named_after_a_private_address_is_refused(asker: Asker, host: str) -> None:
    answer = asker.unknown(ImageReference(host, "latest/meta-data", "1"))

    assert answer.reason is UnknownReason.REFUSED
    assert asker.clock.pauses == []


def test_a_private_registry_is_asked_where_it_is_configured(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def internal(host: Any, *args: Any, **keywords: Any) -> Any:
        return look_up("127.0.0.1" if host == "registry.corp" else host, *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", internal)
    name = f"registry.corp:{server.port}"
    server.on("/v2/app/manifests/1", index(index_body()))
    asker = new_asker(hosts={name: HostOptions(insecure="http")})

    assert asker.known(ImageReference(name, "app", "1")).platforms == (LINUX,)


def test_a_checked_connection_is_not_shared_with_a_trusted_one(
    server: FaultServer, other_server: FaultServer, asker: Asker
) -> None:
    """A loopback registry that was asked for may not be reached by way of another's redirect."""
    other_server.on("/v2/app/manifests/1", index(index_body()))
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/v2/app/manifests/1"))

    assert asker.known(reference(other_server)).platforms == (LINUX,)
    assert asker.unknown(reference(server)).reason is UnknownReason.REFUSED
    assert len(other_server.seen) == 1


def test_a_connection_that_nobody_checked_is_not_used(
    server: FaultServer, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should urllib3 stop calling `_new_conn`, nothing may be sent."""
    from auditor.registry.network import connections

    monkeypatch.delattr(connections._Watched, "_new_conn")
    server.on("/v2/app/manifests/1", index(index_body()))

    assert asker.unknown(reference(server)).reason is UnknownReason.REFUSED
    assert server.seen == []


# Secrets


def test_netrc_is_never_read(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    machines = f"machine 127.0.0.1 login user password {SECRET}\n"
    (Path.home() / ".netrc").write_text(machines + "default login user password x\n")
    (Path.home() / ".netrc").chmod(0o600)
    server.on("/v2/app/manifests/1", redirect(f"http://{other_server.host}/x"))
    other_server.on("/x", index(index_body()))

    new_asker(hosts=trusted(other_server)).known(reference(server))

    assert all("authorization" not in seen.headers for seen in server.seen + other_server.seen)


def test_netrc_does_not_replace_a_token(server: FaultServer, asker: Asker) -> None:
    (Path.home() / ".netrc").write_text(f"machine 127.0.0.1 login user password {SECRET}\n")
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{server.host}/token",service="s"'),
        index(index_body()),
    )
    server.on("/token", Reply(200, b'{"access_token": "mine"}'))

    asker.known(reference(server))

    assert server.seen[-1].headers["authorization"] == "Bearer mine"


def test_cookies_are_not_sent_back(server: FaultServer, asker: Asker) -> None:
    cookie = ("Set-Cookie", "session=abc; Path=/")
    server.on("/v2/app/manifests/1", Reply(307, headers=(("Location", "/x"), cookie)))
    server.on("/x", index(index_body(), cut=None))

    asker.known(reference(server))

    assert all("cookie" not in seen.headers for seen in server.seen)


def test_no_secret_in_urllib3_s_warnings(
    server: FaultServer, new_asker: NewAsker, caplog: pytest.LogCaptureFixture
) -> None:
    """It warns with the whole URL, and Python prints warnings of a logger nobody set up."""
    caplog.set_level(logging.DEBUG)
    server.on("/v2/app/manifests/1", redirect(f"/x?signature={SECRET}"))
    server.on("/x", Reply(200, index_body(), (("Broken header\r\n\x00", "x"),), cut=9999))

    new_asker().ask(reference(server))

    assert SECRET not in caplog.text


def test_no_secret_in_logs_or_answers(
    server: FaultServer, new_asker: NewAsker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logins = Logins({server.host: Credential("config", "user", SECRET)})
    encoded = base64.b64encode(f"user:{SECRET}".encode()).decode()
    realm = f"http://{server.host}/token?signature={SECRET}"
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="{realm}"'))
    server.on("/token", Reply(200, f'{{"token": "{SECRET}"}}'.encode()))
    asker = new_asker(keychain=logins)

    answer = asker.unknown(reference(server))

    shown = caplog.text + repr(answer) + repr(asker.sent) + repr(asker.inspector.remarks)
    assert SECRET not in shown
    assert encoded not in shown
    assert any("authorization" in seen.headers for seen in server.seen)


def test_a_registrys_words_are_made_harmless(server: FaultServer, asker: Asker) -> None:
    words = "\x1b[31mred\n::error file=x::pwned\u202e" + "y" * 1000
    body = json.dumps({"errors": [{"code": "X", "message": words}]}).encode()
    server.on("/v2/app/manifests/1", Reply(418, body))

    answer = asker.unknown(reference(server))

    assert answer.message.startswith(
        f"registry {server.host} answered 418: \\x1b[31mred ::error file=x::pwned\\u202eyyy"
    )
    assert answer.message.isprintable()
    assert len(answer.message) < 260


def test_platforms_that_are_no_names_are_left_out(server: FaultServer, asker: Asker) -> None:
    row = row_of(Pushed(DIGEST, 500, manifest_type()), LINUX)
    evil = {**row, "platform": {"os": "linux\x1b[2J", "architecture": "amd64"}}
    long = {**row, "platform": {"os": "linux", "architecture": "a" * 10_000}}
    server.on("/v2/app/manifests/1", index(index_body(row, evil, long)))

    answer = asker.known(reference(server))

    assert answer.platforms == (LINUX,)
    assert answer.notes == (
        "row 2 of the index was skipped: its `os` is not a name",
        "row 3 of the index was skipped: its `architecture` is not a name",
    )


# Bodies


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_body_that_is_cut_is_asked_for_again(server: FaultServer, asker: Asker, cut: int) -> None:
    body = index_body()
    server.on("/v2/app/manifests/1", index(body, cut=cut % len(body)), index(body))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert len(server.seen) == 2
    assert asker.clock.pauses == [0.3]


def test_a_body_that_is_always_cut_is_given_up(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", index(index_body(), cut=10))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.UNREACHABLE
    assert answer.message == (
        f"registry {server.host} unreachable: the connection was closed too early (4 attempts)"
    )
    assert asker.clock.pauses == [0.3, 1.0, 3.0]


def test_an_endless_body_is_not_read_to_its_end(server: FaultServer, asker: Asker) -> None:
    server.on(
        "/v2/app/manifests/1", Reply(200, headers=(("Content-Type", OCI_INDEX),), endless=True)
    )

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.TOO_LARGE
    assert answer.message == f"registry {server.host}: its answer is larger than 4194304 bytes"


def test_an_endless_error_is_not_read_to_its_end(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", Reply(418, endless=True))

    assert asker.unknown(reference(server)).message == f"registry {server.host} answered 418"


def test_an_error_in_pieces_of_an_encoding_is_only_shown_in_part(
    server: FaultServer, asker: Asker
) -> None:
    server.on(
        "/v2/app/manifests/1", Reply(418, b"\x1f\x8b garbage", (("Content-Encoding", "gzip"),))
    )

    assert asker.unknown(reference(server)).message == f"registry {server.host} answered 418"


def test_a_length_that_is_too_large_is_refused_unread(server: FaultServer, asker: Asker) -> None:
    server.on(
        "/v2/app/manifests/1",
        Reply(200, b"{}", (("Content-Length", str(MAX_DOCUMENT + 1)),), silent=False, cut=2),
    )

    assert asker.unknown(reference(server)).reason is UnknownReason.TOO_LARGE


def test_a_compressed_answer_is_read(server: FaultServer, asker: Asker) -> None:
    encoding = ("Content-Encoding", "gzip")
    server.on("/v2/app/manifests/1", Reply(200, gzip.compress(index_body()), (encoding,)))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert server.seen[0].headers["accept-encoding"] == "identity"


def test_a_gzip_bomb_is_not_unpacked(server: FaultServer, asker: Asker) -> None:
    bomb = gzip.compress(b" " * 200_000_000, compresslevel=9)
    assert len(bomb) < MAX_DOCUMENT
    server.on("/v2/app/manifests/1", Reply(200, bomb, (("Content-Encoding", "gzip"),)))

    assert asker.unknown(reference(server)).reason is UnknownReason.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"garbage", "gzip"), (b"x", "br"), (gzip.compress(b"{}", mtime=0)[:-4], "gzip")],
)
def test_a_damaged_or_unknown_encoding(
    server: FaultServer, asker: Asker, body: bytes, encoding: str
) -> None:
    server.on("/v2/app/manifests/1", Reply(200, body, (("Content-Encoding", encoding),)))

    answer = asker.unknown(reference(server))

    assert answer.reason in (UnknownReason.MALFORMED, UnknownReason.UNREACHABLE)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "it is not JSON"),
        (b"\n<html>", "it is a web page (of a login or a proxy), not JSON"),
        (b"\xff\xfe{}", "it is not UTF-8 text"),
        (b"[]", "it is not a JSON object"),
        (b"{}", "it is neither an index nor a manifest"),
        (b'{"a":' * 100_000, "it is nested too deep"),
        (b'{"manifests": [], "x": ' + b"[" * 50_000, "it is nested too deep"),
        (b'{"manifests": [], "x": ' + b"1" * 10_000 + b"}", "it is not JSON"),
        (b'{"manifests": [], "x": NaN}', "it is not JSON"),
        (
            b'{"manifests": ' + json.dumps([{}] * 1001).encode() + b"}",
            "it has 1001 rows, more than 1000",
        ),
    ],
)
def test_garbage(server: FaultServer, asker: Asker, body: bytes, why: str) -> None:
    server.on("/v2/app/manifests/1", Reply(200, body))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.MALFORMED
    assert answer.message == f"{reference(server)} cannot be read: {why}"


# Digests


def test_a_wrong_index_for_a_digest(server: FaultServer, asker: Asker) -> None:
    server.on(f"/v2/app/manifests/{DIGEST}", index(index_body()))

    answer = asker.unknown(ImageReference(server.host, "app", digest=DIGEST))

    assert answer.reason is UnknownReason.DIGEST_MISMATCH
    assert answer.message == f"content of {server.host}/app@{DIGEST} does not match its digest"
    assert len(server.seen) == 1


@pytest.mark.parametrize("part", ["child", "child size", "config", "config size"])
def test_a_wrong_child_or_config(server: FaultServer, asker: Asker, part: str) -> None:
    config = json.dumps(config_of(WINDOWS)).encode()
    document = manifest_of(config)
    if part == "config size":
        document["config"]["size"] += 1
    child = json.dumps(document).encode()
    size = len(child) + (part == "child size")
    row = row_of(Pushed(digest_of(child), size, manifest_type()), WINDOWS)
    server.on("/v2/app/manifests/1", index(index_body(row)))
    server.on(
        f"/v2/app/manifests/{digest_of(child)}",
        manifest(child + b" " if part == "child" else child),
    )
    server.on(
        f"/v2/app/blobs/{digest_of(config)}",
        Reply(200, config + b" " if part == "config" else config),
    )

    assert asker.unknown(reference(server)).reason is UnknownReason.DIGEST_MISMATCH


def test_a_wrong_digest_header_is_ignored(server: FaultServer, asker: Asker) -> None:
    wrong = ("Docker-Content-Digest", DIGEST)
    server.on("/v2/app/manifests/1", Reply(200, index_body(), (wrong, ("Content-Type", OCI_INDEX))))

    assert asker.known(reference(server)).digest == digest_of(index_body())


def test_an_index_that_says_it_is_a_manifest(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", manifest(index_body()))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.MALFORMED
    assert "it is an index by its body, a manifest by its header" in answer.message


def test_more_children_than_are_read(server: FaultServer, asker: Asker) -> None:
    rows = [row_of(Pushed(digest_of(b"%d" % n), 500, manifest_type()), WINDOWS) for n in range(65)]
    server.on("/v2/app/manifests/1", index(index_body(*rows)))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.MALFORMED
    assert len(server.seen) == 1


# Registries with habits


@pytest.mark.parametrize("status", [404, 405, 403, 500])
def test_a_registry_that_refuses_head_is_asked_with_get(
    server: FaultServer, asker: Asker, status: int
) -> None:
    server.on("HEAD /v2/app/manifests/1", Reply(status))
    server.on("GET /v2/app/manifests/1", index(index_body()))

    assert asker.digest(reference(server)) == digest_of(index_body())


def test_a_refused_head_says_nothing_of_the_credentials(
    server: FaultServer, new_asker: NewAsker
) -> None:
    def answer(seen: Seen) -> Reply:
        if "authorization" not in seen.headers:
            return challenge('Basic realm="x"')
        return Reply(403) if seen.method == "HEAD" else index(index_body())

    server.handle("/v2/app/manifests/1", answer)
    asker = new_asker(keychain=Logins({server.host: Credential("c", "name", "secret")}))

    assert asker.digest(reference(server)) == digest_of(index_body())


def test_a_head_answer_without_a_digest_is_not_trusted(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", index(index_body()))

    assert asker.digest(reference(server)) == digest_of(index_body())
    assert [seen.method for seen in server.seen] == ["HEAD", "GET"]


@pytest.mark.parametrize(
    "refusal",
    [
        Reply(406),
        Reply(
            404,
            b'{"errors": [{"message": "OCI index found, but accept header does not support OCI"}]}',
        ),
    ],
)
def test_an_old_registry_is_asked_for_anything_at_last(
    server: FaultServer, asker: Asker, refusal: Reply
) -> None:
    server.on("/v2/app/manifests/1", refusal, index(index_body()))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert server.seen[1].headers["accept"].endswith(", */*")


# Limits


def test_a_registry_that_limits_is_given_the_pause_it_asks_for(
    server: FaultServer, asker: Asker
) -> None:
    server.on(
        "/v2/app/manifests/1", Reply(429, headers=(("Retry-After", "7"),)), index(index_body())
    )

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert asker.clock.pauses == [7.0]


def test_a_pause_until_a_date(server: FaultServer, asker: Asker) -> None:
    until = "Fri, 15 Jan 2027 08:16:45 GMT"  # 1_800_001_005, and it is 1_800_001_000 now
    server.on(
        "/v2/app/manifests/1", Reply(503, headers=(("Retry-After", until),)), index(index_body())
    )

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert asker.clock.pauses == [5.0]


def test_a_pause_that_is_too_long_is_not_waited_for(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", Reply(429, headers=(("Retry-After", "3600"),)))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.RATE_LIMITED
    assert answer.hint == "log in, or use a mirror or a lock file"
    assert asker.clock.pauses == []
    assert len(server.seen) == 1


def test_a_used_up_limit_is_not_tried_again(server: FaultServer, asker: Asker) -> None:
    spent = (("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600"))
    server.on("/v2/app/manifests/1", Reply(429, b"{}", spent))

    answer = asker.unknown(reference(server))

    assert answer == UnknownPlatforms(
        UnknownReason.RATE_LIMITED,
        f"registry {server.host} limit reached (0 of 100 left, window 6 h)",
        "log in, or use a mirror or a lock file",
    )
    assert len(server.seen) == 1


def test_one_limit_is_one_answer_for_all_images_of_the_host(
    server: FaultServer, new_asker: NewAsker
) -> None:
    server.on("/v2/first/manifests/1", Reply(429, b"{}", (("Retry-After", "3600"),)))
    asker = new_asker(workers_per_host=1)
    references = [reference(server, name) for name in ("first", "second", "third")]

    answers = asker.inspector.inspect(references)

    assert len(set(answers.values())) == 1
    assert server.paths() == ["GET /v2/first/manifests/1"]


def test_few_remaining_pulls_are_remarked_once(server: FaultServer, asker: Asker) -> None:
    for name, left in (("one", "9"), ("two", "8"), ("three", "11")):
        few = (("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", f"{left};w=21600"))
        server.on(f"/v2/{name}/manifests/1", Reply(200, index_body(), few))

    asker.inspector.inspect([reference(server, name) for name in ("one", "two", "three")])

    assert asker.inspector.remarks == (
        f"registry {server.host} allows 8 more pulls of 100; log in or use a lock file",
    )


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 520])
def test_a_passing_trouble_is_waited_for(server: FaultServer, asker: Asker, status: int) -> None:
    server.on("/v2/app/manifests/1", Reply(status), Reply(status), index(index_body()))

    assert asker.known(reference(server)).platforms == (LINUX,)
    assert asker.clock.pauses == [0.3, 1.0]


def test_a_trouble_that_does_not_pass(server: FaultServer, asker: Asker) -> None:
    server.on("/v2/app/manifests/1", Reply(503))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.UNREACHABLE
    assert answer.message == f"registry {server.host} answered 503 (4 attempts)"
    assert asker.clock.pauses == [0.3, 1.0, 3.0]


def test_a_token_service_in_trouble_is_named(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    asker = new_asker(hosts=trusted(server, other_server))
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="http://{other_server.host}/token"'))
    other_server.on("/token", Reply(503))

    assert asker.unknown(reference(server)).message == (
        f"registry {server.host} (via {other_server.host}) answered 503 (4 attempts)"
    )


@pytest.mark.parametrize("status", [400, 418, 501])
def test_other_errors_are_final(server: FaultServer, asker: Asker, status: int) -> None:
    server.on("/v2/app/manifests/1", Reply(status))

    assert asker.unknown(reference(server)).reason is UnknownReason.FAILED
    assert len(server.seen) == 1


def test_a_registry_that_is_down_is_tried_three_times_for_all_its_images(asker: Asker) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
        references = [ImageReference(host, f"app{number}", "1") for number in range(20)]

        answers = asker.inspector.inspect(references)

    assert set(answers.values()) == {
        UnknownPlatforms(
            UnknownReason.UNREACHABLE,
            f"registry {host} unreachable: connection refused (3 attempts)",
            "check the name and the network, or use a lock file",
        )
    }
    assert asker.clock.pauses == [0.3, 1.0]


def test_a_name_that_does_not_exist_is_asked_for_once(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    answer = asker.unknown(ImageReference("registry.example", "app", "1"))

    assert answer.reason is UnknownReason.UNREACHABLE
    assert answer.message == "registry registry.example unreachable: its name does not resolve"
    assert asker.clock.pauses == []


# Time


def test_an_answer_that_does_not_come(server: FaultServer, new_asker: NewAsker) -> None:
    server.on("/v2/app/manifests/1", Reply(silent=True))
    asker = new_asker(read_timeout=0.05)

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.UNREACHABLE
    assert answer.message == (
        f"registry {server.host} unreachable: it did not answer in time (3 attempts)"
    )


def test_an_image_has_its_time(server: FaultServer, new_asker: NewAsker) -> None:
    """The read time limit starts anew with every byte; the image's does not."""
    server.on("/v2/slow/manifests/1", Reply(silent=True))
    server.on("/v2/app/manifests/1", index(index_body()))
    asker = new_asker(clock=Clock(), image_timeout=0.5, read_timeout=60)

    began = time.monotonic()
    answers = asker.inspector.inspect([reference(server), reference(server, "slow")])

    assert time.monotonic() - began < 5
    slow = answers[reference(server, "slow")]
    assert isinstance(slow, UnknownPlatforms)
    assert slow.message == f"registry {server.host}: no answer within 0.5 s"
    assert not isinstance(answers[reference(server)], UnknownPlatforms)


def test_a_header_that_dribbles_is_cut_off(new_asker: NewAsker) -> None:
    """Every byte comes in time, the answer never does: only cutting the connection helps."""
    stop = threading.Event()

    def dribble(listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return  # nobody came
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=dribble, args=(listener,), daemon=True)
        thread.start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        asker = new_asker(clock=Clock(), image_timeout=0.5, retries=0)
        try:
            answer = asker.unknown(ImageReference(host, "app", "1"))
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)

    assert answer.message == f"registry {host}: no answer within 0.5 s"


def test_the_run_has_its_time(server: FaultServer, new_asker: NewAsker) -> None:
    server.on("/v2/app/manifests/1", Reply(503, headers=(("Retry-After", "15"),)))
    asker = new_asker(run_timeout=20, workers=1)

    answers = asker.inspector.inspect([reference(server), reference(server, "later")])

    later = answers[reference(server, "later")]
    assert isinstance(later, UnknownPlatforms)
    assert asker.clock.pauses == [15.0]


def test_a_name_whose_look_up_hangs(
    server: FaultServer, new_asker: NewAsker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing ends a look-up; so the run ends without it."""
    look_up, go = socket.getaddrinfo, threading.Event()

    def hang(host: Any, *args: Any, **keywords: Any) -> Any:
        if host == "registry.example":
            go.wait(30)
        return look_up("127.0.0.1", *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr("auditor.registry.workers._JOIN_SECONDS", 0.1)
    server.on("/v2/app/manifests/1", index(index_body()))
    hanging = ImageReference("registry.example", "app", "1")
    asker = new_asker(run_timeout=60)

    def pass_time(done: int, total: int) -> None:
        """Once the other image is answered."""
        asker.clock.time += 100

    try:
        answers = asker.inspector.inspect([hanging, reference(server)], pass_time)
    finally:
        go.set()
        for thread in threading.enumerate():
            if thread.name == "podfit-registry":
                thread.join(10)

    assert answers[hanging] == UnknownPlatforms(
        UnknownReason.UNREACHABLE,
        "not looked up: the time limit of 60 s for all images is exceeded",
        "raise the time limit, or use a lock file",
    )
    assert not isinstance(answers[reference(server)], UnknownPlatforms)


def test_a_failure_of_podfit_itself_takes_no_other_image_with_it(
    server: FaultServer, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(repository: Any, name: str, *args: Any, **keywords: Any) -> Any:
        if "broken" in name:
            raise KeyError(SECRET)
        return resolve(repository, name, *args, **keywords)

    monkeypatch.setattr("auditor.registry.client.resolve", broken)
    server.on("/v2/app/manifests/1", index(index_body()))

    answers = asker.inspector.inspect([reference(server), reference(server, "broken")])

    assert answers[reference(server, "broken")] == UnknownPlatforms(
        UnknownReason.FAILED,
        f"podfit failed on {server.host}/broken:1: KeyError",
        "please report it",
    )
    assert not isinstance(answers[reference(server)], UnknownPlatforms)


def test_an_interrupt_leaves_no_thread(server: FaultServer, new_asker: NewAsker) -> None:
    server.on("/v2/app/manifests/1", Reply(503), Reply(silent=True))
    server.on("/v2/other/manifests/1", index(index_body()))
    asker = new_asker(clock=Clock(), read_timeout=60)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        asker.inspector.inspect([reference(server), reference(server, "other")], interrupt)

    assert time.monotonic() - began < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "podfit-registry"]
