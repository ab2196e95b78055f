"""Credentials from the logins of Docker and Podman, and Docker's credential helpers.

Sources, the first with credentials for the registry applies: `DOCKER_AUTH_CONFIG` (the content
itself), `REGISTRY_AUTH_FILE`, `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, Podman's
`${XDG_RUNTIME_DIR}/containers/auth.json` and `${XDG_CONFIG_HOME}/containers/auth.json`,
`~/.dockercfg`. Within a source: `credHelpers`, then `auths` from the longest path to the host
(containers-auth.json(5)), then `credsStore`.

Helpers are run as `docker-credential-NAME get` with the host on standard input
(github.com/docker/docker-credential-helpers `credentials/credentials.go`), without a shell and with
a time limit. Their output is never shown, as it contains secrets.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import os
import re
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from auditor.files.paths import find_program
from auditor.images.references import DOCKER_HUB
from auditor.registry.json_text import JsonError, JsonObject, object_at, parse_object, text_at

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_TIMEOUT: Final = 10.0
_MAX_OUTPUT: Final = 64 * 1024
_NOT_FOUND: Final = b"credentials not found"
_IDENTITY: Final = "<token>"


class HelperError(Exception):
    """A credential helper failed. The message is a clause for the user."""


@dataclass(frozen=True, slots=True)
class HelperAnswer:
    """The answer of a helper. `identity`: the secret is a refresh token, not a password."""

    username: str = field(repr=False)
    secret: str = field(repr=False)
    identity: bool


def ask_helper(name: str, server: str, timeout: float = _TIMEOUT) -> HelperAnswer | None:
    """Return the helper's credentials for a server, or None. Raises HelperError."""
    if not _NAME.fullmatch(name) or name in (".", ".."):
        raise HelperError("the name of a credential helper in the configuration is not valid")
    program = find_program(f"docker-credential-{name}")
    if program is None:
        raise HelperError(f"docker-credential-{name} not found on PATH")
    status, output = _run(program, server, timeout)
    if status != 0:
        if _NOT_FOUND in output.lower():
            return None
        raise HelperError(f"docker-credential-{name} failed with status {status}")
    return _answer(name, output)


def _answer(name: str, output: bytes) -> HelperAnswer | None:
    try:
        answer = parse_object(output)
    except JsonError as error:
        raise HelperError(f"docker-credential-{name} did not answer in JSON") from error
    username, secret = text_at(answer, "Username"), text_at(answer, "Secret")
    if not secret:
        return None
    return HelperAnswer(username, secret, username == _IDENTITY)


def _run(program: str, server: str, timeout: float) -> tuple[int, bytes]:
    try:
        process = subprocess.Popen(
            [program, "get"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise HelperError(f"{program} cannot be run: {error.strerror}") from error
    end = partial(_kill, process)
    atexit.register(end)  # an interrupted run does not wait for the helper
    timer = threading.Timer(timeout, end)
    timer.daemon = True
    timer.start()
    try:
        with process:
            output = _exchange(process, server)
            if len(output) == _MAX_OUTPUT:
                end()
        if not timer.is_alive():
            raise HelperError(f"{program} did not answer in {timeout:g} s")
    finally:
        timer.cancel()
        atexit.unregister(end)
    return (0 if len(output) == _MAX_OUTPUT else process.returncode), output


def _exchange(process: subprocess.Popen[bytes], server: str) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    with contextlib.suppress(OSError):
        process.stdin.write(server.encode())
        process.stdin.close()
    return process.stdout.read(_MAX_OUTPUT)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the helper and its children, which could keep the pipe open."""
    if process.returncode is not None:
        return  # The process was reaped: its id may be reused.
    with contextlib.suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


MAX_FILE: Final = 1024 * 1024
_HUB_KEYS: Final = (
    "https://index.docker.io/v1/",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A username and secret, a refresh token (identity_token), or a registry token.

    `source` is its location, for messages.
    """

    source: str
    username: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


class Lookup(Struct, frozen=True):
    """The result of a search for credentials.

    Attributes:
        credential: None if there is none.
        searched: The sources that exist.
        problems: Sources that could not be read, one sentence each.
    """

    credential: Credential | None
    searched: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class Logins(Struct, frozen=True):
    """The configured logins.

    Attributes:
        stores: The sources that exist, each with the names of its credential helpers.
        problems: Sources that could not be read, one sentence each.
    """

    stores: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...] = ()


class Keychain(Protocol):
    """Looks up credentials by registry."""

    def find(self, registry: str, repository: str) -> Lookup:
        """Return the credential for a repository. Never raises. Called from many threads."""
        ...


def user_home() -> Path | None:
    """Return the home folder; users of some containers have none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


class NoCredentials:
    """A keychain without credentials."""

    def find(self, registry: str, repository: str) -> Lookup:  # noqa: ARG002 - a Keychain
        return Lookup(None)


class _Store(Struct, frozen=True):
    """A parsed configuration file."""

    name: str
    auths: JsonObject
    helpers: JsonObject
    default_helper: str


AskHelper = Callable[[str, str], HelperAnswer | None]


class DockerKeychain:
    """The credentials from the user's Docker and Podman logins, read on first use.

    Args:
        environ: Environment of the process.
        home: The user's home, or None.
        ask: Runs a credential helper.
    """

    def __init__(
        self, environ: Mapping[str, str], home: Path | None, ask: AskHelper = ask_helper
    ) -> None:
        self._environ, self._home, self._ask = environ, home or Path(os.devnull), ask
        self._lock = threading.Lock()
        self._helpers: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stores: tuple[_Store, ...] | None = None
        self._problems: list[str] = []
        self._helper_answers: dict[tuple[str, str], HelperAnswer | None] = {}
        self._helper_errors: dict[str, str] = {}

    def logins(self) -> Logins:
        """Return the sources and the helpers that they name. Runs no helper."""
        stores = {
            store.name: tuple(
                sorted({*map(str, store.helpers.values()), store.default_helper} - {""})
            )
            for store in self._loaded()
        }
        return Logins(stores, tuple(self._problems))

    def find(self, registry: str, repository: str) -> Lookup:
        stores = self._loaded()
        problems = list(self._problems)
        found = None
        for store in stores:
            try:
                found = self._find_in(store, registry, repository)
            except HelperError as error:
                problems.append(f"{error} (named in {store.name})")
            if found:
                break
        searched = tuple(store.name for store in stores)
        return Lookup(found, searched, tuple(problems))

    def _loaded(self) -> tuple[_Store, ...]:
        with self._lock:
            if self._stores is None:
                self._stores = tuple(self._load())
            return self._stores

    def _find_in(self, store: _Store, registry: str, repository: str) -> Credential | None:
        for key in _hosts(registry):
            if helper := text_at(store.helpers, key):
                return self._run_helper(helper, key, store)
        for key in _keys(store.auths, registry, repository):
            if credential := _stored(object_at(store.auths, key), store.name):
                return credential
        if store.default_helper:
            server = _HUB_KEYS[0] if registry == DOCKER_HUB else registry
            return self._run_helper(store.default_helper, server, store)
        return None

    def _run_helper(self, helper: str, server: str, store: _Store) -> Credential | None:
        """Run a helper once per server. A lock per helper keeps a slow one from blocking others."""
        with self._lock:
            lock = self._helpers[helper]
        with lock:
            if helper in self._helper_errors:
                raise HelperError(self._helper_errors[helper])
            if (helper, server) not in self._helper_answers:
                try:
                    self._helper_answers[helper, server] = self._ask(helper, server)
                except HelperError as error:
                    self._helper_errors[helper] = str(error)
                    raise
            answer = self._helper_answers[helper, server]
        if answer is None:
            return None
        source = f"docker-credential-{helper}, named in {store.name}"
        if answer.identity:
            return Credential(source, identity_token=answer.secret)
        return Credential(source, answer.username, answer.secret)

    def _load(self) -> Iterator[_Store]:
        if inline := self._environ.get("DOCKER_AUTH_CONFIG"):
            yield from self._parse("DOCKER_AUTH_CONFIG", inline.encode())
        for path in self._files():
            try:
                if not path.is_file():
                    continue
                with path.open("rb") as file:
                    content = file.read(MAX_FILE + 1)
            except OSError as error:
                self._problems.append(f"{self._shown(path)} cannot be read: {error.strerror}")
                continue
            yield from self._parse(self._shown(path), content)

    def _files(self) -> Iterator[Path]:
        if named := self._environ.get("REGISTRY_AUTH_FILE"):
            yield Path(named)
        folder = self._environ.get("DOCKER_CONFIG")
        yield (Path(folder) if folder else self._home / ".docker") / "config.json"
        if runtime := self._environ.get("XDG_RUNTIME_DIR"):
            yield Path(runtime) / "containers" / "auth.json"
        settings = self._environ.get("XDG_CONFIG_HOME")
        yield (Path(settings) if settings else self._home / ".config") / "containers" / "auth.json"
        yield self._home / ".dockercfg"

    def _shown(self, path: Path) -> str:
        inside = path.is_relative_to(self._home)
        return f"~/{path.relative_to(self._home).as_posix()}" if inside else str(path)

    def _parse(self, name: str, content: bytes) -> Iterator[_Store]:
        if len(content) > MAX_FILE:
            self._problems.append(f"{name} is larger than {MAX_FILE} bytes")
            return
        try:
            value = parse_object(content)
        except JsonError as error:
            self._problems.append(f"{name} cannot be read: {error}")
            return
        if name.endswith(".dockercfg"):
            value = {"auths": value}
        helpers, default = object_at(value, "credHelpers"), text_at(value, "credsStore")
        yield _Store(name, object_at(value, "auths"), helpers, default)


def _hosts(registry: str) -> tuple[str, ...]:
    return (registry, *_HUB_KEYS) if registry == DOCKER_HUB else (registry,)


def _keys(auths: JsonObject, registry: str, repository: str) -> Iterator[str]:
    """List the keys of `auths` that match a repository, most specific first.

    Only the host of a URL counts, as in Docker (`cli/config/credentials` `ConvertToHostname`).
    """
    parts = repository.split("/")
    for length in range(len(parts), 0, -1):
        yield "/".join((registry, *parts[:length]))
    hosts = _hosts(registry)
    yield from hosts
    for key in auths:
        scheme, _, rest = key.partition("://")
        if scheme in ("http", "https") and rest.partition("/")[0] in hosts:
            yield key


def _stored(entry: JsonObject, source: str) -> Credential | None:
    if token := text_at(entry, "identitytoken"):
        return Credential(source, identity_token=token)
    if token := text_at(entry, "registrytoken"):
        return Credential(source, registry_token=token)
    username, secret = text_at(entry, "username"), text_at(entry, "password")
    if encoded := text_at(entry, "auth"):
        username, secret = _decoded(encoded)
    return Credential(source, username, secret) if username and secret else None


def _decoded(encoded: str) -> tuple[str, str]:
    """Decode an `auth` entry: base64, padded or not; Docker ends some values with NULs."""
    stripped = encoded.strip().rstrip("=")
    try:
        text = base64.b64decode(stripped + "=" * (-len(stripped) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    username, _, secret = text.partition(":")
    return username, secret.strip("\0")
