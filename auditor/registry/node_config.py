"""Read the registry configuration of container runtimes (`--registry-config`).

    FILE   `registries.conf` of Podman, CRI-O and skopeo (containers-registries.conf(5), version 2)
           `daemon.json` of Docker: mirrors of Docker Hub, insecure registries
           `hosts.toml` of containerd (`docker/config/hosts.go`): mirrors and their TLS settings
    DIR    `certs.d` of containerd or Docker, with a folder per registry: <host>, <host>:<port>,
           <host>_<port>_ or _default, each with a `hosts.toml`, or with CAs (`*.crt`) and a
           client certificate (`*.cert` and `*.key` of the same name)
           or a folder with any of these, such as /etc/docker and /etc/containers

Only paths given by the user are read. Files have a size limit, and values a type.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.errors import ConfigurationError, printable, shorten
from auditor.files.addresses import origin_of
from auditor.files.paths import real_path
from auditor.images.references import DOCKER_HUB
from auditor.registry.json_text import JsonError, parse_object
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions, place_of

MAX_FILE: Final = 2**20
_T = TypeVar("_T")
_WHAT: Final = "cannot use the registry configuration"


class NodeConfig(Struct, frozen=True):
    """Registry settings from files, in order; see `RegistryOptions`."""

    hosts: Mapping[str, HostOptions] = field(default_factory=dict)
    insecure_ranges: tuple[str, ...] = ()
    namespaces: tuple[Namespace, ...] = ()

    def applied_to(self, options: RegistryOptions) -> RegistryOptions:
        """Add these settings to options, which take precedence."""
        return replace(
            options,
            hosts={**self.hosts, **options.hosts},
            insecure_ranges=(*options.insecure_ranges, *self.insecure_ranges),
            namespaces=(*options.namespaces, *self.namespaces),
        )


class Table(Struct, frozen=True):
    """A table of a file. Every method raises `ConfigurationError` for a value of another type."""

    path: Path
    values: Mapping[str, Any]

    def text(self, key: str) -> str:
        """Return the string under a key, or ""."""
        return self._typed(key, "", "a string")

    def flag(self, key: str) -> bool:
        return self._typed(key, False, "true or false")

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; a single string counts as a list of one."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.wrong(f"`{key}` must be a list of strings")

    def table(self, key: str) -> Table:
        return Table(self.path, self._typed(key, dict[str, Any](), "a table"))

    def tables(self, key: str) -> tuple[Table, ...]:
        """Return a list of tables."""
        found = self._typed(key, list[Any](), "a list of tables")
        if not all(isinstance(item, dict) for item in found):
            raise self.wrong(f"`{key}` must be a list of tables")
        return tuple(Table(self.path, item) for item in found)

    def file(self, text: str) -> Path:
        """Resolve a path relative to the folder of this file."""
        return self.path.parent / text

    def wrong(self, why: str) -> ConfigurationError:
        return config_error(self.path, why)

    def _typed(self, key: str, default: _T, expected: str) -> _T:
        value = self.values.get(key, default)
        if not isinstance(value, type(default)):
            raise self.wrong(f"`{key}` must be {expected}")
        return value


def read_toml(path: Path) -> Table:
    """Read a TOML file. Raises `ConfigurationError`."""
    try:
        return Table(path, tomllib.loads(_content(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise config_error(path, f"it is not TOML: {error}") from error


def read_json(path: Path) -> Table:
    """Read a JSON file with an object. Raises `ConfigurationError`."""
    try:
        return Table(path, parse_object(_content(path)))
    except JsonError as error:
        raise config_error(path, str(error)) from error


def config_error(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(_WHAT, where=str(path), why=shorten(printable(why), 300))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise config_error(path, error.strerror or "it cannot be read") from error
    if len(content) > MAX_FILE:
        raise config_error(path, f"it is larger than {MAX_FILE} bytes")
    return content


_ROOT: Final = "/v2"
_MAX_HEADERS: Final = 50
_HEADER: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]{0,8190}[\x21-\x7e])?")
_OWN_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "host", "transfer-encoding"}
)
"""Headers that podfit sets itself; other values would make its answers unreliable."""


def read_hosts(path: Path, host: str) -> NodeConfig:
    """Read the `hosts.toml` of a registry, "" for all. Raises `ConfigurationError`."""
    table = read_toml(path)
    named = table.table("host")
    places = (_containerd_place(url, named.table(url)) for url in named.values)
    mirrors = tuple(place for place in places if place is not None)
    options = _options(table, plain=False)
    server = table.text("server")
    origin = _containerd_place(server, table) if server else None
    if origin is not None and origin.host == host and origin.root == _ROOT and not origin.path:
        options, origin = origin.options or options, None
    hosts = {host: options} if host and options != HostOptions() else {}
    return NodeConfig(hosts, (), (Namespace(host, mirrors, origin),))


def _containerd_place(text: str, table: Table) -> Place | None:
    """Return a host of a `hosts.toml`, or None if it lacks the `pull` capability."""
    url = text if "://" in text else f"https://{text}"
    try:
        origin = origin_of(url)
    except ValueError as error:
        raise table.wrong(f"`{text.rpartition('@')[2][:100]}` is {error}") from error
    capabilities = table.texts("capabilities") or ("pull", "resolve", "push")
    if "pull" not in capabilities:
        return None
    root = urlsplit(url).path.rstrip("/")
    if not table.flag("override_path") and not root.endswith(_ROOT):
        root += _ROOT
    path = ""
    if root.startswith(f"{_ROOT}/"):
        root, path = _ROOT, root.removeprefix(f"{_ROOT}/")
    options = _options(table, plain=origin.scheme == "http")
    own = None if options == HostOptions() else options
    return Place(str(origin), path, root, own, "all" if "resolve" in capabilities else "digest")


def _options(table: Table, *, plain: bool) -> HostOptions:
    certificate, key = next(_clients(table), (None, None))
    skip = table.flag("skip_verify")
    return HostOptions(
        insecure="http" if plain else "skip-verify" if skip else "",
        cas=tuple(map(table.file, table.texts("ca"))),
        client_certificate=certificate,
        client_key=key,
        headers=tuple(_headers(table.table("header"))),
    )


def _clients(table: Table) -> Iterator[tuple[Path, Path | None]]:
    """Return the client certificates: a file, a list of files, or pairs of certificate and key."""
    value = table.values.get("client", [])
    for item in value if isinstance(value, list) else [value]:
        pair = item if isinstance(item, list) else [item]
        if not 1 <= len(pair) <= 2 or not all(isinstance(part, str) for part in pair):  # noqa: PLR2004
            raise table.wrong("`client` must be files, or pairs of certificate and key")
        yield table.file(pair[0]), table.file(pair[1]) if pair[1:] and pair[1] else None


def _headers(table: Table) -> Iterator[tuple[str, str]]:
    """Return the headers to send. Errors never quote a value, as it may be secret."""
    if len(table.values) > _MAX_HEADERS:
        raise table.wrong(f"`header` has more than {_MAX_HEADERS} names")
    for name in table.values:
        value = ", ".join(table.texts(name))
        if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise table.wrong("`header` contains an invalid header name or value")
        if name.lower() not in _OWN_HEADERS:
            yield name, value


def read_daemon(path: Path) -> NodeConfig:
    """Read a `daemon.json`. Raises `ConfigurationError`."""
    table = read_json(path)
    insecure = table.texts("insecure-registries")
    ranges = tuple(text for text in insecure if "/" in text)
    for network in ranges:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise table.wrong(f"`insecure-registries`: {error}") from error
    hosts = {text: HostOptions(insecure="any") for text in insecure if "/" not in text}
    mirrors = tuple(_docker_mirror(text, table, hosts) for text in table.texts("registry-mirrors"))
    return NodeConfig(hosts, ranges, (Namespace(DOCKER_HUB, mirrors),) if mirrors else ())


def read_certificates(folder: Path) -> HostOptions:
    """Read the CAs and the client certificate in a folder. Raises `ConfigurationError`."""
    options = HostOptions(cas=tuple(sorted(folder.glob("*.crt"))))
    certificate = min(folder.glob("*.cert"), default=None)
    if certificate is None:
        return options
    key = certificate.with_suffix(".key")
    if not key.is_file():
        raise config_error(certificate, f"its key {key.name} does not exist")
    return dataclasses.replace(options, client_certificate=certificate, client_key=key)


def _docker_mirror(text: str, table: Table, hosts: dict[str, HostOptions]) -> Place:
    try:
        origin = origin_of(text)
    except ValueError as error:
        raise table.wrong(f"`registry-mirrors` contains {error}") from error
    host, path = str(origin), urlsplit(text).path.strip("/")
    plain = HostOptions(insecure="http") if origin.scheme == "http" else None
    return Place(host, path, options=plain or hosts.get(host))


_PULLS: Final[dict[str, Literal["all", "tag", "digest"]]] = {
    "": "all",
    "all": "all",
    "digest-only": "digest",
    "tag-only": "tag",
}
_INSECURE: Final = HostOptions(insecure="any")


def read_registries(path: Path) -> NodeConfig:
    """Read a `registries.conf`. Raises `ConfigurationError`."""
    table = read_toml(path)
    if "registries" in table.values:
        raise table.wrong("version 1 ([registries]) is not supported: use [[registry]]")
    hosts: dict[str, HostOptions] = {}
    namespaces = []
    for registry in table.tables("registry"):
        location = registry.text("location")
        prefix = registry.text("prefix") or location
        if not prefix:
            raise registry.wrong("a [[registry]] has neither `prefix` nor `location`")
        insecure = registry.flag("insecure")
        if insecure and not prefix.startswith("*."):
            hosts[(location or prefix).partition("/")[0]] = _INSECURE
        by_digest = registry.flag("mirror-by-digest-only")
        namespaces.append(
            Namespace(
                prefix,
                tuple(
                    _podman_mirror(table, by_digest=by_digest)
                    for table in registry.tables("mirror")
                ),
                _podman_place(registry) if location not in ("", prefix) else None,
                f"by {path}" if registry.flag("blocked") else "",
            )
        )
    return NodeConfig(hosts, (), tuple(namespaces))


def _podman_mirror(table: Table, *, by_digest: bool) -> Place:
    pull = "digest-only" if by_digest else table.text("pull-from-mirror")
    if not table.text("location"):
        raise table.wrong("a [[registry.mirror]] has no `location`")
    if pull not in _PULLS:
        raise table.wrong("`pull-from-mirror` must be all, digest-only or tag-only")
    return _podman_place(table, pulls=_PULLS[pull])


def _podman_place(table: Table, *, pulls: Literal["all", "tag", "digest"] = "all") -> Place:
    try:
        place = place_of(table.text("location"))
    except ValueError as error:
        raise table.wrong(f"`location` is {error}") from error
    return replace(place, options=_INSECURE if table.flag("insecure") else None, pulls=pulls)


_NAMES: Final = ("registries.conf.d", "registries.conf", "daemon.json", "certs.d")
"""Contents of a runtime's configuration folder; the first setting for a host applies."""
_DEFAULT: Final = "_default"
_PORT: Final = re.compile(r"(.+)_([0-9]{1,5})_")


def read_node_configs(paths: Sequence[Path]) -> NodeConfig:
    """Merge configurations; the first setting for a host applies. Raises `ConfigurationError`."""
    merged = NodeConfig()
    for path in paths:
        try:
            configs = tuple(_read(path))
        except OSError as error:
            raise config_error(path, error.strerror or "it cannot be read") from error
        if not configs:
            raise config_error(path, "it has no settings for any registry")
        for found in configs:
            merged = NodeConfig(
                {**found.hosts, **merged.hosts},
                (*merged.insecure_ranges, *found.insecure_ranges),
                (*merged.namespaces, *found.namespaces),
            )
    return merged


def _read(path: Path) -> Iterator[NodeConfig]:
    if path.is_dir():
        yield from _read_folder(path)
    elif path.name == "hosts.toml":
        yield read_hosts(path, _host(path.parent))
    elif path.suffix == ".json":
        yield read_daemon(path)
    elif path.suffix in (".conf", ".toml"):
        yield read_registries(path)
    else:
        why = "it is not a registries.conf, daemon.json, hosts.toml or certs.d"
        raise config_error(path, why if path.exists() else "the file does not exist")


def _read_folder(path: Path) -> Iterator[NodeConfig]:
    """Read a folder; later `*.conf` files take precedence (containers-registries.conf.d(5))."""
    named = [path / name for name in _NAMES if (path / name).exists()]
    for inner in (found := named or sorted(path.glob("*.conf"), reverse=True)):
        yield from _read(inner)
    if not found:
        yield from _read_certs(path)


def _read_certs(folder: Path) -> Iterator[NodeConfig]:
    """Read a `certs.d`; other files are ignored next to a `hosts.toml`, as in containerd."""
    has_default = (folder / _DEFAULT / "hosts.toml").is_file()
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        host, hosts = _host(path), path / "hosts.toml"
        if hosts.is_file():
            yield read_hosts(hosts, host)
        elif host and (options := read_certificates(path)) != HostOptions():
            own = (Namespace(host),) if has_default else ()  # replaces `_default`
            yield NodeConfig({host: options}, (), own)


def _host(folder: Path) -> str:
    """Return the registry of a folder, "" for `_default`; `host_5000_` is `host:5000`."""
    name = real_path(folder).name
    if name == _DEFAULT:
        return ""
    found = _PORT.fullmatch(name)
    return f"{found[1]}:{found[2]}" if found else name
