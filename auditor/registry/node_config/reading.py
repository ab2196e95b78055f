"""What nodes and workstations already know of registries, read for podfit (`--registry-config`).

    FILE   registries.conf (Podman, CRI-O), daemon.json (Docker), or a hosts.toml (containerd)
    DIR    containerd's or Docker's certs.d; a folder that holds any of these, as /etc/docker and
           /etc/containers do

Nothing is read that was not named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from auditor.registry.node_config.containerd import read_certs_folder, read_host_folder
from auditor.registry.node_config.docker import read_daemon
from auditor.registry.node_config.podman import read_registries
from auditor.registry.node_config.tables import config_error
from auditor.registry.options import HostOptions, Namespace, RegistryOptions

_FILES: Final = ("registries.conf", "daemon.json")
_FOLDERS: Final = ("registries.conf.d", "certs.d")


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What files say of registries, in their order; see `RegistryOptions`."""

    hosts: Mapping[str, HostOptions] = field(default_factory=dict)
    insecure_ranges: tuple[str, ...] = ()
    namespaces: tuple[Namespace, ...] = ()

    def applied_to(self, options: RegistryOptions) -> RegistryOptions:
        """Options with this beside them. What they already say of a host or prefix counts."""
        return replace(
            options,
            hosts={**self.hosts, **options.hosts},
            insecure_ranges=(*options.insecure_ranges, *self.insecure_ranges),
            namespaces=(*options.namespaces, *self.namespaces),
        )


def read_node_configs(paths: Sequence[Path]) -> NodeConfig:
    """All of them together; the first that speaks of a host counts. Raises `ConfigurationError`."""
    together = NodeConfig()
    for path in paths:
        for found in _read(path):
            together = NodeConfig(
                {**found.hosts, **together.hosts},
                (*together.insecure_ranges, *found.insecure_ranges),
                (*together.namespaces, *found.namespaces),
            )
    return together


def _read(path: Path) -> list[NodeConfig]:
    if path.is_dir():
        return _read_folder(path)
    if path.name == "hosts.toml":
        hosts, namespaces = read_host_folder(path.parent)
        return [NodeConfig(hosts, (), namespaces)]
    if path.suffix == ".json":
        return [NodeConfig(*read_daemon(path))]
    if path.suffix in (".conf", ".toml"):
        hosts, namespaces = read_registries(path)
        return [NodeConfig(hosts, (), namespaces)]
    why = "it is none of registries.conf, daemon.json, hosts.toml and certs.d"
    raise config_error(path, why if path.exists() else "there is no such file")


def _read_folder(path: Path) -> list[NodeConfig]:
    files = [path / name for name in _FILES if (path / name).is_file()]
    folders = [path / name for name in _FOLDERS if (path / name).is_dir()]
    if files or folders:
        return [found for inner in (*files, *folders) for found in _read(inner)]
    if confs := sorted(path.glob("*.conf")):
        return [found for inner in confs for found in _read(inner)]
    hosts, namespaces = read_certs_folder(path)
    return [NodeConfig(hosts, (), namespaces)]
