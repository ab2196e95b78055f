"""What nodes and workstations already know of registries, read for podfit (`--registry-config`).

    FILE   registries.conf (Podman, CRI-O), daemon.json (Docker), or a hosts.toml (containerd)
    DIR    certs.d of containerd or Docker, with a folder for each registry: <host>, <host>:<port>,
           <host>_<port>_, _default; a folder that holds any of these, as /etc/docker and
           /etc/containers do

Nothing is read that was not named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from auditor.registry.node_config.containerd import read_hosts
from auditor.registry.node_config.docker import read_certificates, read_daemon
from auditor.registry.node_config.podman import read_registries
from auditor.registry.node_config.tables import NodeConfig, config_error
from auditor.registry.options import HostOptions, Namespace
from auditor.repositories import real_path

_NAMES: Final = ("registries.conf.d", "registries.conf", "daemon.json", "certs.d")
"""What a folder of a program may hold; the first that speaks of a host counts."""
_DEFAULT: Final = "_default"
_PORT: Final = re.compile(r"(.+)_([0-9]{1,5})_")


def read_node_configs(paths: Sequence[Path]) -> NodeConfig:
    """All of them together; the first that speaks of a host counts. Raises `ConfigurationError`."""
    together = NodeConfig()
    for path in paths:
        try:
            configs = tuple(_read(path))
        except OSError as error:
            raise config_error(path, error.strerror or "it cannot be read") from error
        if not configs:
            raise config_error(path, "it holds nothing about any registry")
        for found in configs:
            together = NodeConfig(
                {**found.hosts, **together.hosts},
                (*together.insecure_ranges, *found.insecure_ranges),
                (*together.namespaces, *found.namespaces),
            )
    return together


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
        why = "it is none of registries.conf, daemon.json, hosts.toml and certs.d"
        raise config_error(path, why if path.exists() else "there is no such file")


def _read_folder(path: Path) -> Iterator[NodeConfig]:
    """As in containers-registries.conf.d(5), later files go before earlier ones."""
    named = [path / name for name in _NAMES if (path / name).exists()]
    for inner in (found := named or sorted(path.glob("*.conf"), reverse=True)):
        yield from _read(inner)
    if not found:
        yield from _read_certs(path)


def _read_certs(folder: Path) -> Iterator[NodeConfig]:
    """As in containerd, other files count only where there is no hosts.toml."""
    has_default = (folder / _DEFAULT / "hosts.toml").is_file()
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        host, hosts = _host(path), path / "hosts.toml"
        if hosts.is_file():
            yield read_hosts(hosts, host)
        elif host and (options := read_certificates(path)) != HostOptions():
            own = (Namespace(host),) if has_default else ()  # `_default` is not for this host
            yield NodeConfig({host: options}, (), own)


def _host(folder: Path) -> str:
    """The registry, "" for all of them: `host_5000_` is how `host:5000` is written elsewhere."""
    name = real_path(folder).name
    if name == _DEFAULT:
        return ""
    found = _PORT.fullmatch(name)
    return f"{found[1]}:{found[2]}" if found else name
