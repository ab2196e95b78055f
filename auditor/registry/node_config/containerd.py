"""`certs.d` of containerd ("Registry Configuration" in its docs) and of Docker: a folder for each.

    <host>, <host>:<port>, <host>_<port>_, _default
        hosts.toml           containerd: mirrors in their order, and how to speak to each
        *.crt                authorities beside the system's
        *.cert, *.key        a client certificate and its key, of one name

As in containerd, the other files count only where there is no hosts.toml. Its `header` is not
sent: it may hold credentials, which podfit takes from where Docker and Podman keep them alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from auditor.errors import ConfigurationError
from auditor.registry.addresses import origin_of
from auditor.registry.node_config.tables import Table, config_error, read_toml
from auditor.registry.options import HostOptions, Namespace, Place

_DEFAULT: Final = "_default"
_PORT: Final = re.compile(r"(.+)_([0-9]{1,5})_")
_ROOT: Final = "/v2"
Found = tuple[dict[str, HostOptions], tuple[Namespace, ...]]


def read_certs_folder(folder: Path) -> Found:
    """What it says of every registry. Raises `ConfigurationError` where it says nothing."""
    hosts: dict[str, HostOptions] = {}
    namespaces: list[Namespace] = []
    try:
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise config_error(folder, error.strerror or "it cannot be read") from error
    for path in inner:
        more, found = read_host_folder(path)
        hosts.update(more)
        namespaces += found
    if not hosts and not namespaces:
        raise config_error(folder, "it holds nothing about any registry")
    return hosts, tuple(namespaces)


def read_host_folder(folder: Path) -> Found:
    """What a folder says of the registry it is named after. Raises `ConfigurationError`."""
    host = _host(folder.resolve().name)
    if (folder / "hosts.toml").is_file():
        return _of_containerd(read_toml(folder / "hosts.toml"), host)
    options = _of_docker(folder)
    return ({host: options} if options and host else {}), ()


def _host(name: str) -> str:
    """The registry, "" for all of them: `host_5000_` is how `host:5000` is written elsewhere."""
    if name == _DEFAULT:
        return ""
    found = _PORT.fullmatch(name)
    return f"{found[1]}:{found[2]}" if found else name


def _of_containerd(table: Table, host: str) -> Found:
    mirrors = tuple(
        place
        for url, inner in table.named_tables("host")
        if (place := _place(url, inner)) is not None
    )
    options = _options(table, plain=False)
    server = table.text("server")
    origin = _place(server, table) if server else None
    if origin is not None and origin.host == host and origin.root == _ROOT and not origin.path:
        options, origin = origin.options or options, None
    said = options != HostOptions() and bool(host)
    return ({host: options} if said else {}), (Namespace(host, mirrors, origin),)


def _place(text: str, table: Table) -> Place | None:
    """A host to ask, None for one that is not asked: what resolves nothing and holds nothing."""
    url = text if "://" in text else f"https://{text}"
    try:
        origin = origin_of(url)
    except ValueError as error:
        raise table.wrong(f"`{text[:100]}` is {error}") from error
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
    cas = tuple(map(table.file, table.texts("ca")))
    certificate, key = next(_clients(table), (None, None))
    skip = table.flag("skip_verify")
    return HostOptions(
        insecure="http" if plain else "skip-verify" if skip else "",
        ca=cas[0] if cas else None,
        client_certificate=certificate,
        client_key=key,
        more_cas=cas[1:],
    )


def _clients(table: Table) -> Iterator[tuple[Path, Path | None]]:
    """The client certificates: a file, files, or pairs of certificate and key."""
    value = table.values.get("client", [])
    for item in value if isinstance(value, list) else [value]:
        pair = item if isinstance(item, list) else [item]
        if not 1 <= len(pair) <= 2 or not all(isinstance(part, str) for part in pair):  # noqa: PLR2004
            raise table.wrong("`client` must be files, or pairs of certificate and key")
        yield table.file(pair[0]), table.file(pair[1]) if pair[1:] and pair[1] else None


def _of_docker(folder: Path) -> HostOptions | None:
    cas = tuple(sorted(folder.glob("*.crt")))
    options = HostOptions(ca=cas[0] if cas else None, more_cas=cas[1:])
    for certificate in sorted(folder.glob("*.cert")):
        key = certificate.with_suffix(".key")
        if not key.is_file():
            raise _without_key(certificate)
        options = replace(options, client_certificate=certificate, client_key=key)
        break
    return None if options == HostOptions() else options


def _without_key(certificate: Path) -> ConfigurationError:
    return config_error(certificate, f"its key {certificate.with_suffix('.key').name} is not there")
