"""Passwords, tokens and certificates before a real registry, tricks before a fake."""

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.images.images import KnownPlatforms, UnknownPlatforms, UnknownReason
from auditor.images.platforms import parse_platform
from auditor.registry.auth.credentials import Credential, DockerKeychain
from auditor.registry.client import RegistryInspector
from auditor.registry.options import HostOptions
from tests.registry.conftest import Logins, NewAsker
from tests.registry.test_hostile import SECRET, index_body, reference, trusted
from tests.support.certificates import Certificates, make_certificates
from tests.support.faults import FaultServer, Reply, Seen, challenge, index, redirect
from tests.support.registry import Registry, run_registry
from tests.support.tokens import TokenService, run_token_service

LINUX = parse_platform("linux/amd64")
BCRYPT_OF_SECRET = "user:$2b$04$wdkNYe8NAog/oEc2l2behOnmcgbNT8Qv50Ya/U45EaVbBbYnHEEiS\n"
BASIC = base64.b64encode(b"user:secret").decode()
GOOD = Credential("~/.docker/config.json", "user", "secret")
STALE = Credential("~/.docker/config.json", "user", "changed-since")


# Passwords


@pytest.fixture(scope="module")
def password_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("htpasswd")
    (folder / "htpasswd").write_text(BCRYPT_OF_SECRET)
    auth = {"htpasswd": {"realm": "basic-realm", "path": str(folder / "htpasswd")}}
    with run_registry(folder, auth=auth, headers={"Authorization": f"Basic {BASIC}"}) as running:
        running.push_image("private/app", "1")
        running.push_image("private/other", "1")
        yield running


def test_a_password(password_registry: Registry, new_asker: NewAsker) -> None:
    asker = new_asker(keychain=Logins({password_registry.host: GOOD}))
    one = password_registry.reference("private/app", "1")
    other = password_registry.reference("private/other", "1")

    asker.known(one)
    asker.known(other)

    assert [sent.authentication for sent in asker.sent] == ["", "Basic", "Basic"]
    assert asker.inspector.remarks == ()


def test_a_password_of_docker_s_configuration(password_registry: Registry) -> None:
    folder = Path.home() / ".docker"
    folder.mkdir()
    (folder / "config.json").write_text(
        f'{{"auths": {{"{password_registry.host}": {{"auth": "{BASIC}"}}}}}}'
    )
    image = password_registry.reference("private/app", "1")

    with RegistryInspector(keychain=DockerKeychain({}, Path.home())) as inspector:
        assert isinstance(inspector.inspect([image])[image], KnownPlatforms)


def test_no_password(password_registry: Registry, new_asker: NewAsker) -> None:
    host = password_registry.host
    asker = new_asker(keychain=Logins())

    answer = asker.unknown(password_registry.reference("private/app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.NOT_FOUND_OR_DENIED,
        f"repository {host}/private/app does not exist or needs credentials",
        f"no credentials for {host} are configured (searched ~/.docker/config.json); "
        "log in if it is private",
    )
    assert len(asker.sent) == 1


def test_a_wrong_password_is_sent_twice_at_most(
    password_registry: Registry, new_asker: NewAsker
) -> None:
    """Every try counts against the account, which may be locked in the end."""
    host = password_registry.host
    asker = new_asker(keychain=Logins({host: STALE}))
    images = [password_registry.reference(f"private/app{number}", "1") for number in range(12)]

    answers = asker.inspector.inspect(images)

    assert set(answers.values()) == {
        UnknownPlatforms(
            UnknownReason.AUTHENTICATION_FAILED,
            f"credentials for {host} (from ~/.docker/config.json) were rejected",
            f"log in to {host} again",
        )
    }
    assert [sent.authentication for sent in asker.sent].count("Basic") == 2


@pytest.mark.parametrize("closed", ["app0", "app1"])
def test_a_repository_that_is_closed_to_good_credentials(
    server: FaultServer, new_asker: NewAsker, closed: str
) -> None:
    """Some registries say 401 where they mean 403; the other repositories stay open."""
    asked = challenge('Basic realm="x"')
    server.handle(
        "*",
        lambda seen: (
            index(index_body())
            if "authorization" in seen.headers and closed not in seen.path
            else asked
        ),
    )
    asker = new_asker(keychain=Logins({server.host: GOOD}), workers_per_host=1)
    images = [reference(server, f"app{number}") for number in range(4)]

    answers = asker.inspector.inspect(images)

    refused = [image for image, answer in answers.items() if isinstance(answer, UnknownPlatforms)]
    assert refused == [reference(server, closed)]
    assert asker.inspector.remarks == ()


# Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenService]:
    with run_token_service(tmp_path) as running:
        running.public = {"public/app", "public/other"}
        running.accounts = {"user": "secret"}
        running.refresh_tokens = {"refresh-me": "user"}
        yield running


@pytest.fixture
def token_registry(tokens: TokenService, tmp_path: Path) -> Iterator[Registry]:
    repositories = ["public/app", "public/other", "private/app"]
    headers = tokens.pusher(repositories)
    with run_registry(tmp_path, auth=tokens.auth, headers=headers) as running:
        for repository in repositories:
            running.push_image(repository, "1")
        yield running


def test_an_anonymous_token_for_each_repository(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    asker = new_asker(workers_per_host=1)

    for repository in ("public/app", "public/other", "public/app"):
        asker.known(token_registry.reference(repository, "1"))

    service = "service=podfit-test-registry"
    assert tokens.server.paths() == [
        f"GET /token?{service}&scope=repository%3Apublic%2F{name}%3Apull&client_id=podfit"
        for name in ("app", "other")
    ]
    requests = [(sent.method, sent.status, sent.authentication) for sent in asker.sent]
    assert requests == [
        ("GET", 401, ""),
        ("GET", 200, ""),
        ("GET", 200, "Bearer"),
        ("GET", 200, ""),
        ("GET", 200, "Bearer"),
        ("GET", 200, "Bearer"),
    ]


def test_a_token_for_a_password(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    asker = new_asker(keychain=Logins({token_registry.host: GOOD}))

    asker.known(token_registry.reference("private/app", "1"))

    assert "account=user" in tokens.server.seen[0].path
    assert tokens.server.seen[0].headers["authorization"] == f"Basic {BASIC}"


def test_a_repository_that_a_token_does_not_open(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    asker = new_asker()

    answer = asker.unknown(token_registry.reference("private/app", "1"))

    assert answer.reason is UnknownReason.NOT_FOUND_OR_DENIED
    assert len(tokens.server.seen) == 1


def test_a_stale_password_does_not_hide_a_public_image(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    host = token_registry.host
    asker = new_asker(keychain=Logins({host: STALE}), workers_per_host=1)

    asker.known(token_registry.reference("public/app", "1"))
    asker.known(token_registry.reference("public/other", "1"))

    assert asker.inspector.remarks == (
        (
            f"credentials for {host} (from ~/.docker/config.json) were rejected; "
            "its images were requested without them"
        ),
    )
    assert sum("authorization" in seen.headers for seen in tokens.server.seen) == 1


def test_a_stale_password_is_the_reason_for_a_private_image(
    token_registry: Registry, new_asker: NewAsker
) -> None:
    asker = new_asker(keychain=Logins({token_registry.host: STALE}))

    answer = asker.unknown(token_registry.reference("private/app", "1"))

    assert answer.reason is UnknownReason.AUTHENTICATION_FAILED


def test_a_refresh_token_goes_by_post(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    login = Credential("config", identity_token="refresh-me")
    asker = new_asker(keychain=Logins({token_registry.host: login}))

    asker.known(token_registry.reference("private/app", "1"))

    seen = tokens.server.seen[0]
    assert (seen.method, seen.path) == ("POST", "/token")
    assert seen.body == (
        b"grant_type=refresh_token&service=podfit-test-registry"
        b"&scope=repository%3Aprivate%2Fapp%3Apull&client_id=podfit&refresh_token=refresh-me"
    )
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("status", [400, 401, 404, 405])
def test_a_service_without_post_is_asked_with_get(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker, status: int
) -> None:
    tokens.post_status = status
    tokens.accounts[""] = "refresh-me"
    login = Credential("config", identity_token="refresh-me")
    asker = new_asker(keychain=Logins({token_registry.host: login}))

    tokens.public.add("private/app")
    asker.known(token_registry.reference("private/app", "1"))

    assert [seen.method for seen in tokens.server.seen] == ["POST", "GET"]
    assert "authorization" in tokens.server.seen[1].headers


def test_a_token_is_renewed_before_it_expires(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    tokens.expires_in = 300
    asker = new_asker()
    image = token_registry.reference("public/app", "1")

    asker.known(image)
    asker.clock.time += 294
    asker.known(image)
    assert len(tokens.server.seen) == 1
    asker.clock.time += 1
    asker.known(image)
    assert len(tokens.server.seen) == 2


@pytest.mark.parametrize("expires_in", [None, 0, 5])
def test_a_token_lives_a_minute_at_least(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker, expires_in: int | None
) -> None:
    tokens.expires_in = expires_in
    asker = new_asker()
    image = token_registry.reference("public/app", "1")

    asker.known(image)
    asker.clock.time += 54
    asker.known(image)

    assert len(tokens.server.seen) == 1


def test_a_token_that_the_registry_calls_expired_is_renewed_once(
    token_registry: Registry, tokens: TokenService, new_asker: NewAsker
) -> None:
    """Its clock and the token service's need not agree; 60 s are its tolerance."""
    asker = new_asker()
    image = token_registry.reference("public/app", "1")
    asker.known(image)
    tokens.lifetime = -120
    (host,) = asker.inspector._hosts._hosts.values()
    host._authenticator._cached.clear()

    answer = asker.unknown(image)

    assert answer.reason is UnknownReason.NOT_FOUND_OR_DENIED
    assert len(tokens.server.seen) == 2
    tokens.lifetime = 300
    asker.known(image)


def test_a_held_token_that_expired_meanwhile_is_renewed(
    server: FaultServer, new_asker: NewAsker
) -> None:
    asked = f'Bearer realm="http://{server.host}/token",service="s"'
    server.on(
        "/v2/app/manifests/1",
        challenge(asked),
        index(index_body()),
        challenge(f'{asked},error="invalid_token"'),
        index(index_body()),
    )
    server.on("/token", Reply(200, b'{"token": "one"}'), Reply(200, b'{"token": "two"}'))
    asker = new_asker()

    asker.known(reference(server))
    asker.known(reference(server))

    assert [seen.headers.get("authorization") for seen in server.seen if seen.path != "/token"]
    assert server.seen[-1].headers["authorization"] == "Bearer two"


def test_a_ready_registry_token_is_sent_as_it_is(server: FaultServer, new_asker: NewAsker) -> None:
    login = Credential("config", registry_token="ready")
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{server.host}/token"'),
        index(index_body()),
    )

    new_asker(keychain=Logins({server.host: login})).known(reference(server))

    assert server.seen[-1].headers["authorization"] == "Bearer ready"
    assert len(server.seen) == 2


def test_a_challenge_per_repository(server: FaultServer, new_asker: NewAsker) -> None:
    """One repository is public, the next is not: the registry asks only then."""
    server.on("/v2/open/manifests/1", index(index_body()))
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{server.host}/token"'),
        index(index_body()),
    )
    server.on("/token", Reply(200, b'{"token": "t"}'))
    asker = new_asker()

    asker.known(reference(server, "open"))
    asker.known(reference(server))


def test_bearer_is_preferred_to_basic(server: FaultServer, new_asker: NewAsker) -> None:
    headers = (
        ("WWW-Authenticate", 'Negotiate, Basic realm="x"'),
        ("WWW-Authenticate", f'Bearer realm="http://{server.host}/token"'),
    )
    server.on("/v2/app/manifests/1", Reply(401, b"{}", headers), index(index_body()))
    server.on("/token", Reply(200, b'{"token": "t"}'))

    new_asker(keychain=Logins({server.host: GOOD})).known(reference(server))

    assert server.seen[-1].headers["authorization"] == "Bearer t"


def test_a_challenge_without_a_realm_is_none(server: FaultServer, new_asker: NewAsker) -> None:
    asked = challenge('Bearer service="x", Basic realm="x"')
    server.handle("*", lambda seen: index(index_body()) if _is_basic(seen) else asked)

    new_asker(keychain=Logins({server.host: GOOD})).known(reference(server))


def _is_basic(seen: Seen) -> bool:
    return seen.headers.get("authorization") == f"Basic {BASIC}"


def test_what_is_forbidden_is_not_asked_for_again(server: FaultServer, new_asker: NewAsker) -> None:
    """403 tells no one to log in, with a challenge or without."""
    forbidden = Reply(403, b"{}", (("WWW-Authenticate", 'Basic realm="x"'),))
    server.handle("*", lambda _: forbidden)

    new_asker(keychain=Logins({server.host: GOOD})).unknown(reference(server))

    assert len(server.seen) == 1


def test_a_refusal_without_a_challenge(server: FaultServer, new_asker: NewAsker) -> None:
    server.on("/v2/app/manifests/1", Reply(401))

    answer = new_asker(keychain=Logins({server.host: GOOD})).unknown(reference(server))

    assert answer.reason is UnknownReason.NOT_FOUND_OR_DENIED
    assert len(server.seen) == 1


def test_a_registry_that_never_has_enough(server: FaultServer, new_asker: NewAsker) -> None:
    asked = f'Bearer realm="http://{server.host}/token",error="invalid_token"'
    server.on("/v2/app/manifests/1", challenge(asked))
    server.on("/token", Reply(200, b'{"token": "t"}'))

    answer = new_asker(keychain=Logins({server.host: GOOD})).unknown(reference(server))

    assert answer.reason is UnknownReason.NOT_FOUND_OR_DENIED
    assert len(server.seen) == 5


def test_many_images_of_a_new_registry_are_challenged_once(
    server: FaultServer, new_asker: NewAsker
) -> None:
    """And two tags of one repository share a token."""
    asked = challenge(f'Bearer realm="http://{server.host}/token",service="s"')
    server.handle("/token", lambda _: Reply(200, b'{"token": "t"}'))
    server.handle(
        "*", lambda seen: index(index_body()) if "authorization" in seen.headers else asked
    )
    asker = new_asker()
    images = [reference(server, f"app{n}", tag) for n in range(20) for tag in ("1", "2")]

    answers = asker.inspector.inspect(images)

    assert all(isinstance(answer, KnownPlatforms) for answer in answers.values())
    assert sum(sent.status == 401 for sent in asker.sent) == 1
    assert len(asker.sent) == 1 + 20 + 40


def test_a_token_that_is_forbidden_to_a_user_may_be_had_by_anyone(
    server: FaultServer, new_asker: NewAsker
) -> None:
    def token(seen: Seen) -> Reply:
        known = "authorization" in seen.headers
        return Reply(403) if known else Reply(200, b'{"token": "anonymous"}')

    wants_token = challenge(f'Bearer realm="http://{server.host}/token"')
    server.on("/v2/app/manifests/1", wants_token, index(index_body()))
    server.handle("/token", token)
    logins = Logins({server.host: Credential("config", "user", SECRET)})
    asker = new_asker(keychain=logins)

    asker.known(reference(server))

    assert server.seen[-1].headers["authorization"] == "Bearer anonymous"
    assert asker.inspector.remarks == ()


# Token services that are not what they should be


def test_credentials_do_not_go_to_another_host(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    elsewhere = f"localhost:{other_server.port}"
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="http://{elsewhere}/token"'))
    other_server.on("/token", Reply(200, b'{"token": "t"}'))
    logins = Logins({server.host: Credential("config", "user", SECRET)})
    asker = new_asker(keychain=logins, hosts={elsewhere: HostOptions()})

    answer = asker.unknown(reference(server))

    assert answer == UnknownPlatforms(
        UnknownReason.REFUSED,
        f"registry {server.host} asked to send its credentials to {elsewhere}",
        f"if {elsewhere} belongs to {server.host}, add it to its `trusted-realms`",
    )
    assert asker.inspector.remarks == (
        (
            f"refused to send the credentials for {server.host} to {elsewhere}; if it belongs to "
            f"{server.host}, add it to its `trusted-realms`"
        ),
    )
    assert "authorization" not in other_server.seen[0].headers
    assert "account" not in other_server.seen[0].path


def test_a_refresh_token_does_not_go_to_another_host(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    elsewhere = f"localhost:{other_server.port}"
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{elsewhere}/token"'),
        index(index_body()),
    )
    other_server.on("/token", Reply(200, b'{"token": "t"}'))
    logins = Logins({server.host: Credential("config", identity_token=SECRET)})
    asker = new_asker(keychain=logins, hosts={elsewhere: HostOptions()})

    asker.known(reference(server))

    assert [seen.method for seen in other_server.seen] == ["GET"]
    assert all(SECRET not in repr(seen) for seen in other_server.seen)


def test_credentials_go_to_a_trusted_realm(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    elsewhere = f"localhost:{other_server.port}"
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{elsewhere}/token"'),
        index(index_body()),
    )
    other_server.on("/token", Reply(200, b'{"token": "t"}'))
    hosts = {server.host: HostOptions(trusted_realms=frozenset({elsewhere}))}
    asker = new_asker(keychain=Logins({server.host: GOOD}), hosts=hosts)

    asker.known(reference(server))

    assert other_server.seen[0].headers["authorization"] == f"Basic {BASIC}"


@pytest.mark.parametrize(
    ("realm", "why"),
    [
        (f"http://user:{SECRET}@127.0.0.1/token", "it names an address with credentials in it"),
        ("ftp://127.0.0.1/token", "it names an address that is not an http or https URL"),
        ("/token", "it names an address that is not an http or https URL"),
    ],
)
def test_a_realm_that_is_no_plain_address_is_not_asked(
    server: FaultServer, new_asker: NewAsker, realm: str, why: str
) -> None:
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="{realm}"'))

    answer = new_asker().unknown(reference(server))

    assert answer == UnknownPlatforms(
        UnknownReason.REFUSED,
        f"cannot request a token for registry {server.host}: {why} as its token service",
    )
    assert len(server.seen) == 1


def test_a_realm_at_a_private_address_is_not_asked(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://localhost:{other_server.port}/token"'),
    )

    answer = new_asker().unknown(reference(server))

    assert answer.reason is UnknownReason.REFUSED
    assert other_server.seen == []


def test_a_token_service_that_redirects_gets_no_credentials_there(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{server.host}/token"'),
        index(index_body()),
    )
    server.on("/token", Reply(307, headers=(("Location", f"http://{other_server.host}/token"),)))
    other_server.on("/token", Reply(200, b'{"token": "t"}'))
    asker = new_asker(keychain=Logins({server.host: GOOD}), hosts=trusted(other_server))

    asker.known(reference(server))

    assert "authorization" in server.seen[1].headers
    assert "authorization" not in other_server.seen[0].headers


@pytest.mark.parametrize(
    ("status", "method", "body"), [(307, "POST", True), (308, "POST", True), (303, "GET", False)]
)
def test_a_refresh_token_within_one_origin(
    server: FaultServer, new_asker: NewAsker, status: int, method: str, body: bool
) -> None:
    server.on(
        "/v2/app/manifests/1",
        challenge(f'Bearer realm="http://{server.host}/token"'),
        index(index_body()),
    )
    server.on("/token", redirect("/moved", status))
    server.on("/moved", Reply(200, b'{"token": "t"}'))
    login = Credential("config", identity_token=SECRET)

    new_asker(keychain=Logins({server.host: login})).known(reference(server))

    moved = server.seen[2]
    assert (moved.method, SECRET.encode() in moved.body) == (method, body)


def test_a_refresh_token_is_not_redirected(
    server: FaultServer, other_server: FaultServer, new_asker: NewAsker
) -> None:
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="http://{server.host}/token"'))
    server.on("/token", Reply(307, headers=(("Location", f"http://{other_server.host}/token"),)))
    login = Credential("config", identity_token=SECRET)
    asker = new_asker(keychain=Logins({server.host: login}), hosts=trusted(other_server))

    answer = asker.unknown(reference(server))

    assert answer.reason is UnknownReason.REFUSED
    assert other_server.seen == []


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(200, b'{"token": "' + b"x" * 70_000 + b'"}'), UnknownReason.MALFORMED),
        (Reply(200, b'{"token": "two\\r\\nX-Evil: lines"}'), UnknownReason.MALFORMED),
        (Reply(200, b'{"token": ["t"]}'), UnknownReason.MALFORMED),
        (Reply(200, b"{}"), UnknownReason.MALFORMED),
        (Reply(200, b"not json"), UnknownReason.MALFORMED),
        (Reply(200, endless=True), UnknownReason.TOO_LARGE),
        (Reply(404), UnknownReason.FAILED),
        (Reply(403), UnknownReason.NOT_FOUND_OR_DENIED),
        (Reply(503), UnknownReason.UNREACHABLE),
    ],
)
def test_a_token_service_without_a_usable_token(
    server: FaultServer, new_asker: NewAsker, reply: Reply, reason: UnknownReason
) -> None:
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="http://{server.host}/token"'))
    server.on("/token", reply)

    assert new_asker().unknown(reference(server)).reason is reason


def test_a_helper_that_failed_is_the_reason(server: FaultServer, new_asker: NewAsker) -> None:
    server.on("/v2/app/manifests/1", challenge('Basic realm="x"'))
    logins = Logins(problems=("docker-credential-ecr-login not found on PATH",))
    asker = new_asker(keychain=logins)

    answer = asker.unknown(reference(server))

    assert answer == UnknownPlatforms(
        UnknownReason.AUTHENTICATION_FAILED,
        f"no credentials for {server.host}: docker-credential-ecr-login not found on PATH",
    )
    assert asker.inspector.remarks == ("docker-credential-ecr-login not found on PATH",)


# Certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def tls_registry(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    tls = {"certificate": str(certificates.server), "key": str(certificates.server_key)}
    context = ssl.create_default_context(cafile=certificates.ca)
    with run_registry(tmp_path_factory.mktemp("tls"), tls=tls, context=context) as running:
        running.push_image("tls/app", "1")
        yield running


@pytest.fixture(scope="module")
def mutual_registry(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    tls = {
        "certificate": str(certificates.server),
        "key": str(certificates.server_key),
        "clientcas": [str(certificates.ca)],
    }
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(certificates.client, certificates.client_key)
    with run_registry(tmp_path_factory.mktemp("mutual"), tls=tls, context=context) as running:
        running.push_image("tls/app", "1")
        yield running


def test_a_private_ca(
    tls_registry: Registry, certificates: Certificates, new_asker: NewAsker
) -> None:
    asker = new_asker(hosts={tls_registry.host: HostOptions(cas=(certificates.ca,))})

    asker.known(tls_registry.reference("tls/app", "1"))

    assert asker.sent[0].url.startswith("https://")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_private_ca_of_the_environment(
    tls_registry: Registry,
    certificates: Certificates,
    new_asker: NewAsker,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, str(certificates.ca))
    hosts = {
        tls_registry.host: HostOptions(
            client_certificate=certificates.client, client_key=certificates.client_key
        )
    }

    new_asker(hosts=hosts).known(tls_registry.reference("tls/app", "1"))


def test_a_certificate_that_nobody_vouches_for(
    tls_registry: Registry, certificates: Certificates, new_asker: NewAsker
) -> None:
    hosts = {
        tls_registry.host: HostOptions(
            client_certificate=certificates.client, client_key=certificates.client_key
        )
    }
    asker = new_asker(hosts=hosts)

    answer = asker.unknown(tls_registry.reference("tls/app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.TLS,
        f"registry {tls_registry.host}: its certificate is not valid: "
        "unable to get local issuer certificate",
        "set SSL_CERT_FILE to the registry's CA, or `ca` of this host under `registries`",
    )
    assert asker.clock.pauses == []


def test_a_certificate_that_need_not_be_valid(tls_registry: Registry, new_asker: NewAsker) -> None:
    asker = new_asker(hosts={tls_registry.host: HostOptions(insecure="skip-verify")})

    asker.known(tls_registry.reference("tls/app", "1"))


def test_insecure_as_docker_means_it_is_no_reason_to_ask_again_without_tls(
    tls_registry: Registry, new_asker: NewAsker
) -> None:
    asker = new_asker(hosts={tls_registry.host: HostOptions(insecure="any")})

    answer = asker.unknown(tls_registry.reference("tls/app", "none"))

    assert answer.reason is UnknownReason.NOT_FOUND
    assert [sent.url.partition(":")[0] for sent in asker.sent] == ["https"]


def test_a_client_certificate(
    mutual_registry: Registry, certificates: Certificates, new_asker: NewAsker
) -> None:
    hosts = {
        mutual_registry.host: HostOptions(
            cas=(certificates.ca,),
            client_certificate=certificates.client,
            client_key=certificates.client_key,
        )
    }

    new_asker(hosts=hosts).known(mutual_registry.reference("tls/app", "1"))


def test_a_missing_client_certificate(
    mutual_registry: Registry, certificates: Certificates, new_asker: NewAsker
) -> None:
    asker = new_asker(hosts={mutual_registry.host: HostOptions(cas=(certificates.ca,))})

    answer = asker.unknown(mutual_registry.reference("tls/app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.TLS,
        f"registry {mutual_registry.host}: it requires a client certificate",
        "set `client-cert` and `client-key` of this host under `registries`",
    )


def test_tls_to_a_registry_that_speaks_plain_http(
    registry: Registry, certificates: Certificates, new_asker: NewAsker
) -> None:
    asker = new_asker(hosts={registry.host: HostOptions(cas=(certificates.ca,))})

    answer = asker.unknown(registry.reference("any/app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.TLS,
        f"registry {registry.host}: it uses plain HTTP, but TLS was expected",
        "if you trust the network, set --insecure-registry for this host",
    )


def test_plain_http_to_a_registry_that_speaks_tls(
    tls_registry: Registry, new_asker: NewAsker
) -> None:
    answer = new_asker().unknown(tls_registry.reference("tls/app", "1"))

    assert answer == UnknownPlatforms(
        UnknownReason.TLS,
        f"registry {tls_registry.host}: it uses TLS, but plain HTTP was expected",
        "remove `insecure: http`; for a host on this machine set `ca` under `registries`",
    )


def test_a_ca_file_that_is_none(
    tls_registry: Registry, tmp_path: Path, new_asker: NewAsker
) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    for ca, why in (
        (tmp_path / "ca.pem", "it is not PEM"),
        (tmp_path / "none.pem", "No such file"),
    ):
        answer = new_asker(hosts={tls_registry.host: HostOptions(cas=(ca,))}).unknown(
            tls_registry.reference("tls/app", "1")
        )
        assert answer.reason is UnknownReason.TLS
        assert f"the CA file {ca} cannot be used: {why}" in answer.message
