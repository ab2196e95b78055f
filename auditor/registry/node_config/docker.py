"""Docker's `daemon.json`: mirrors, which are those of Docker Hub alone, and insecure registries."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from auditor.references import DOCKER_HUB
from auditor.registry.addresses import origin_of
from auditor.registry.node_config.tables import Table, read_json
from auditor.registry.options import HostOptions, Namespace, Place


def read_daemon(
    path: Path,
) -> tuple[dict[str, HostOptions], tuple[str, ...], tuple[Namespace, ...]]:
    """What it says of hosts, of networks, and of Docker Hub. Raises `ConfigurationError`."""
    table = read_json(path)
    insecure = table.texts("insecure-registries")
    ranges = tuple(text for text in insecure if "/" in text)
    for network in ranges:
        _check(network, table)
    hosts = {text: HostOptions(insecure="any") for text in insecure if "/" not in text}
    mirrors = tuple(_mirror(text, table, hosts) for text in table.texts("registry-mirrors"))
    namespaces = (Namespace(DOCKER_HUB, mirrors),) if mirrors else ()
    return hosts, ranges, namespaces


def _check(network: str, table: Table) -> None:
    try:
        ipaddress.ip_network(network)
    except ValueError as error:
        raise table.wrong(f"`insecure-registries`: {error}") from error


def _mirror(text: str, table: Table, hosts: dict[str, HostOptions]) -> Place:
    try:
        origin = origin_of(text)
    except ValueError as error:
        raise table.wrong(f"`registry-mirrors` holds {error}") from error
    host, path = str(origin), urlsplit(text).path.strip("/")
    plain = HostOptions(insecure="http") if origin.scheme == "http" else None
    return Place(host, path, options=plain or hosts.get(host))
