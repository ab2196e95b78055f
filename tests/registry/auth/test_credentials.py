"""Where credentials come from, in which order, and under which names."""

import base64
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor.registry.auth.credentials import (
    Credential,
    DockerKeychain,
    HelperAnswer,
    HelperError,
    Lookup,
    user_home,
)

BOUND = 5.0


def auth(user: str, secret: str = "secret") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{secret}".encode()).decode()}


def write(path: Path, content: Mapping[str, Any] | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.fixture
def home() -> Path:
    return Path.home()


class Helper:
    """Stands for the programs. asked: every (name, server)."""

    def __init__(self, answers: Mapping[str, HelperAnswer | None] | None = None) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    def __call__(self, name: str, server: str) -> HelperAnswer | None:
        self.asked.append((name, server))
        if self.answers is None:
            raise HelperError(f"docker-credential-{name} not found on PATH")
        return self.answers.get(server)


def test_nobody_is_logged_in(home: Path) -> None:
    assert DockerKeychain({}, home).find("ghcr.io", "a/b") == Lookup(None)


@pytest.mark.parametrize(("user", "secret"), [("", "secret"), ("me", "")])
def test_half_a_login_is_none(home: Path, user: str, secret: str) -> None:
    write(home / ".docker" / "config.json", {"auths": {"ghcr.io": auth(user, secret)}})

    assert DockerKeychain({}, home).find("ghcr.io", "a").credential is None


def test_a_user_without_a_home_may_have_credentials(tmp_path: Path) -> None:
    path = write(tmp_path / "auth.json", {"auths": {"ghcr.io": auth("me")}})
    assert DockerKeychain({}, None).find("ghcr.io", "a") == Lookup(None)
    found = DockerKeychain({"REGISTRY_AUTH_FILE": str(path)}, None).find("ghcr.io", "a")
    assert found.credential == Credential(str(path), "me", "secret")


def test_nobody_knows_where_a_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("could not determine home directory")

    monkeypatch.setattr(Path, "home", nobody)
    assert user_home() is None


def test_the_order_of_the_places(home: Path, tmp_path: Path) -> None:
    environ = {
        "DOCKER_AUTH_CONFIG": json.dumps({"auths": {"one.example": auth("inline")}}),
        "REGISTRY_AUTH_FILE": str(tmp_path / "auth-file.json"),
        "DOCKER_CONFIG": str(tmp_path / "docker"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        "XDG_CONFIG_HOME": str(tmp_path / "settings"),
    }
    hosts = ["one", "two", "three", "four", "five", "six"]
    places = [
        tmp_path / "auth-file.json",
        tmp_path / "docker" / "config.json",
        tmp_path / "run" / "containers" / "auth.json",
        tmp_path / "settings" / "containers" / "auth.json",
    ]
    for number, place in enumerate(places, 1):
        auths = {f"{host}.example": auth(place.parent.name) for host in hosts[: number + 1]}
        write(place, {"auths": auths})
    write(home / ".dockercfg", {f"{host}.example": auth("legacy") for host in hosts})
    keychain = DockerKeychain(environ, home)

    found = [keychain.find(f"{host}.example", "app").credential for host in hosts]

    assert [credential.source for credential in found if credential] == [
        "DOCKER_AUTH_CONFIG",
        *map(str, places),
        "~/.dockercfg",
    ]
    assert keychain.find("seven.example", "app").searched == (
        "DOCKER_AUTH_CONFIG",
        *map(str, places),
        "~/.dockercfg",
    )


def test_the_default_places(home: Path) -> None:
    write(home / ".docker" / "config.json", {"auths": {"one.example": auth("docker")}})
    write(home / ".config" / "containers" / "auth.json", {"auths": {"two.example": auth("podman")}})
    keychain = DockerKeychain({}, home)

    assert keychain.find("one.example", "a").credential == Credential(
        "~/.docker/config.json", "docker", "secret"
    )
    assert keychain.find("two.example", "a").credential == Credential(
        "~/.config/containers/auth.json", "podman", "secret"
    )


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v1/", "ghcr.io"),
        ("http://ghcr.io/v2/", "ghcr.io"),
        ("https://ghcr.io/v2/_catalog", "ghcr.io"),
        ("https://ghcr.io:5000/", "ghcr.io:5000"),
        ("https://registry-1.docker.io/v2", "docker.io"),
        ("ghcr.io:5000", "ghcr.io:5000"),
        ("ghcr.io/team", "ghcr.io"),
        ("ghcr.io/team/app", "ghcr.io"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("docker.io/team", "docker.io"),
    ],
)
def test_names_that_match(home: Path, key: str, registry: str) -> None:
    write(home / ".docker" / "config.json", {"auths": {key: auth("user")}})

    assert DockerKeychain({}, home).find(registry, "team/app").credential


@pytest.mark.parametrize(
    ("key", "registry"),
    [
        ("ghcr.io", "ghcr.io:5000"),
        ("ghcr.io", "evil-ghcr.io"),
        ("ghcr.io", "io"),
        ("ghcr.io/tea", "ghcr.io"),
        ("ghcr.io/team/app/deeper", "ghcr.io"),
        ("*.io", "ghcr.io"),
        ("https://ghcr.io.evil.example/ghcr.io", "ghcr.io"),
        ("https://ghcr.io@evil.example/", "ghcr.io"),
        ("ftp://ghcr.io/", "ghcr.io"),
        ("https://index.docker.io/v1/", "index.docker.io.evil.example"),
    ],
)
def test_names_that_do_not(home: Path, key: str, registry: str) -> None:
    write(home / ".docker" / "config.json", {"auths": {key: auth("user")}})

    assert DockerKeychain({}, home).find(registry, "team/app").credential is None


def test_the_longest_path_wins(home: Path) -> None:
    auths = {"r.example": auth("host"), "r.example/a": auth("a"), "r.example/a/b": auth("ab")}
    write(home / ".docker" / "config.json", {"auths": auths})
    keychain = DockerKeychain({}, home)

    found = [keychain.find("r.example", name).credential for name in ("a/b/c", "a/x", "x", "ab")]

    assert [credential.username for credential in found if credential] == [
        "ab",
        "a",
        "host",
        "host",
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"auth": "dXNlcjpzZWNyZXQ="}, Credential("s", "user", "secret")),
        ({"auth": "dXNlcjpzZWNyZXQ"}, Credential("s", "user", "secret")),
        ({"auth": base64.b64encode(b"user:se:cret").decode()}, Credential("s", "user", "se:cret")),
        ({"auth": base64.b64encode(b"user:secret\0").decode()}, Credential("s", "user", "secret")),
        ({"username": "user", "password": "secret"}, Credential("s", "user", "secret")),
        ({"identitytoken": "i", **auth("user")}, Credential("s", identity_token="i")),
        ({"registrytoken": "r"}, Credential("s", registry_token="r")),
        ({}, None),
        ({"auth": "%%%"}, None),
        ({"auth": 7}, None),
        ({"auth": base64.b64encode(b"nocolon").decode()}, None),
        ({"auth": base64.b64encode(b"\xff\xfe:x").decode()}, None),
        ("text", None),
    ],
)
def test_entries(home: Path, entry: Any, expected: Credential | None) -> None:
    keychain = DockerKeychain({"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"r": entry}})}, home)

    found = keychain.find("r", "app").credential

    if expected is None:
        assert found is None
    else:
        assert found == Credential(
            "DOCKER_AUTH_CONFIG",
            expected.username,
            expected.secret,
            expected.identity_token,
            expected.registry_token,
        )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("not json", "it is not JSON"),
        ("[]", "it is not a JSON object"),
        ("[" * 100_000, "it is nested too deep"),
        ('"' + "x" * 1024 * 1024 + '"', "is larger than 1048576 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_does_not_hide_the_others(
    home: Path, content: str, why: str
) -> None:
    write(home / ".docker" / "config.json", content)
    write(home / ".dockercfg", {"r.example": auth("user")})

    lookup = DockerKeychain({}, home).find("r.example", "app")

    assert lookup.credential
    assert len(lookup.problems) == 1
    assert lookup.problems[0].startswith("~/.docker/config.json ")
    assert why in lookup.problems[0]


def test_a_file_that_may_not_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home / ".docker" / "config.json", "{}")

    def refuse(self: Path, *_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)

    assert path.exists()
    assert DockerKeychain({}, home).find("r", "a").problems == (
        "~/.docker/config.json cannot be read: Permission denied",
    )


def test_a_helper_of_a_host_comes_before_stored_credentials(home: Path) -> None:
    helper = Helper({"r.example": HelperAnswer("helped", "s", identity=False)})
    write(
        home / ".docker" / "config.json",
        {
            "auths": {"r.example": auth("stored"), "other.example": auth("stored")},
            "credHelpers": {"r.example": "ecr-login"},
        },
    )
    keychain = DockerKeychain({}, home, helper)

    assert keychain.find("r.example", "app").credential == Credential(
        "docker-credential-ecr-login, named in ~/.docker/config.json", "helped", "s"
    )
    other = keychain.find("other.example", "app").credential
    assert other is not None
    assert other.username == "stored"
    assert helper.asked == [("ecr-login", "r.example")]


def test_a_store_is_asked_for_what_is_not_in_the_file(home: Path) -> None:
    hub = "https://index.docker.io/v1/"
    helper = Helper({hub: HelperAnswer("hub", "s", identity=False)})
    write(
        home / ".docker" / "config.json",
        {"auths": {hub: {}, "r.example": auth("stored")}, "credsStore": "desktop"},
    )
    keychain = DockerKeychain({}, home, helper)

    found = [keychain.find(name, "app").credential for name in ("docker.io", "r.example")]

    assert [credential.username for credential in found if credential] == ["hub", "stored"]
    assert helper.asked == [("desktop", hub)]


@pytest.mark.parametrize("key", ["docker.io", "index.docker.io", "https://index.docker.io/v1/"])
def test_a_helper_of_docker_hub_under_any_of_its_names(home: Path, key: str) -> None:
    helper = Helper({key: HelperAnswer("hub", "s", identity=False)})
    write(home / ".docker" / "config.json", {"credHelpers": {key: "pass"}})

    assert DockerKeychain({}, home, helper).find("docker.io", "library/nginx").credential
    assert helper.asked == [("pass", key)]


def test_a_helper_may_give_a_refresh_token(home: Path) -> None:
    helper = Helper({"r.example": HelperAnswer("<token>", "refresh", identity=True)})
    write(home / ".docker" / "config.json", {"credsStore": "acr"})

    found = DockerKeychain({}, home, helper).find("r.example", "app").credential

    assert found == Credential(
        "docker-credential-acr, named in ~/.docker/config.json", identity_token="refresh"
    )


def test_a_helper_is_asked_once(home: Path) -> None:
    helper = Helper({})
    write(home / ".docker" / "config.json", {"credsStore": "desktop"})
    keychain = DockerKeychain({}, home, helper)

    for repository in ("a", "b"):
        assert keychain.find("r.example", repository).credential is None

    assert helper.asked == [("desktop", "r.example")]


def test_a_helper_that_fails_is_a_problem_and_is_not_run_again(home: Path) -> None:
    helper = Helper(None)
    write(home / ".docker" / "config.json", {"credsStore": "desktop"})
    write(home / ".dockercfg", {"r.example": auth("legacy")})
    keychain = DockerKeychain({}, home, helper)

    for registry in ("r.example", "other.example"):
        assert keychain.find(registry, "app").problems == (
            "docker-credential-desktop not found on PATH (named in ~/.docker/config.json)",
        )

    assert helper.asked == [("desktop", "r.example")]
    assert keychain.find("r.example", "app").credential


def test_a_helper_that_hangs_holds_up_no_other_registry(home: Path) -> None:
    go, asked = threading.Event(), threading.Event()

    def ask(helper: str, server: str) -> HelperAnswer | None:
        asked.set()
        assert go.wait(BOUND)
        return None

    helpers = {"slow.example": "slow"}
    write(
        home / ".docker" / "config.json",
        {"credHelpers": helpers, "auths": {"r.example": auth("me")}},
    )
    keychain = DockerKeychain({}, home, ask)
    slow = threading.Thread(target=keychain.find, args=("slow.example", "app"), daemon=True)
    slow.start()
    assert asked.wait(BOUND)
    try:
        found: list[Lookup] = []
        other = threading.Thread(target=lambda: found.append(keychain.find("r.example", "app")))
        other.start()
        other.join(BOUND / 2)
        assert [lookup.credential for lookup in found] == [
            Credential("~/.docker/config.json", "me", "secret")
        ]
    finally:
        go.set()
    slow.join(BOUND)


def test_secrets_are_not_shown() -> None:
    credential = Credential("s", "name", "hunter2", "hunter3", "hunter4")

    assert repr(credential) == "Credential(source='s')"
    assert "hunter" not in repr(HelperAnswer("name", "hunter2", identity=False))
