"""containerd's `hosts.toml` ("Registry Configuration" in its docs, `docker/config/hosts.go`).

Mirrors in their order, and how to speak to each of them and to the registry itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from auditor.addresses import origin_of
from auditor.registry.node_config.tables import NodeConfig, Table, read_toml
from auditor.registry.options import HostOptions, Namespace, Place

_ROOT: Final = "/v2"
_MAX_HEADERS: Final = 50
_HEADER: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,100}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]{0,8190}[\x21-\x7e])?")
_OWN_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "connection", "content-length", "host", "transfer-encoding"}
)
"""What podfit has to decide itself, or its answers could not be trusted."""


def read_hosts(path: Path, host: str) -> NodeConfig:
    """What the file says of a registry, "" for all of them. Raises `ConfigurationError`."""
    table = read_toml(path)
    named = table.table("host")
    places = (_place(url, named.table(url)) for url in named.values)
    mirrors = tuple(place for place in places if place is not None)
    options = _options(table, plain=False)
    server = table.text("server")
    origin = _place(server, table) if server else None
    if origin is not None and origin.host == host and origin.root == _ROOT and not origin.path:
        options, origin = origin.options or options, None
    said = options != HostOptions() and host
    return NodeConfig({host: options} if said else {}, (), (Namespace(host, mirrors, origin),))


def _place(text: str, table: Table) -> Place | None:
    """A host to ask, None for one that is not asked: what resolves nothing and holds nothing."""
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
    said = None if options == HostOptions() else options
    return Place(str(origin), path, root, said, "all" if "resolve" in capabilities else "digest")


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
    """The client certificates: a file, files, or pairs of certificate and key."""
    value = table.values.get("client", [])
    for item in value if isinstance(value, list) else [value]:
        pair = item if isinstance(item, list) else [item]
        if not 1 <= len(pair) <= 2 or not all(isinstance(part, str) for part in pair):  # noqa: PLR2004
            raise table.wrong("`client` must be files, or pairs of certificate and key")
        yield table.file(pair[0]), table.file(pair[1]) if pair[1:] and pair[1] else None


def _headers(table: Table) -> Iterator[tuple[str, str]]:
    """Several values of a header are sent as one list. No value is ever shown: it may be secret."""
    if len(table.values) > _MAX_HEADERS:
        raise table.wrong(f"`header` has more than {_MAX_HEADERS} names")
    for name in table.values:
        value = ", ".join(table.texts(name))
        if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise table.wrong("`header` holds what cannot be the name or the value of a header")
        if name.lower() not in _OWN_HEADERS:
            yield name, value
