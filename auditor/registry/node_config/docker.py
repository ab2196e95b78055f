"""Docker's `daemon.json`, and a registry's folder in its `certs.d`.

daemon.json     mirrors, which are those of Docker Hub alone, and insecure registries
*.crt           authorities beside the system's
*.cert, *.key   a client certificate and its key, of one name
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from auditor.addresses import origin_of
from auditor.references import DOCKER_HUB
from auditor.registry.node_config.tables import NodeConfig, Table, config_error, read_json
from auditor.registry.options import HostOptions, Namespace, Place


def read_daemon(path: Path) -> NodeConfig:
    """What a daemon.json says. Raises `ConfigurationError`."""
    table = read_json(path)
    insecure = table.texts("insecure-registries")
    ranges = tuple(text for text in insecure if "/" in text)
    for network in ranges:
        _check(network, table)
    hosts = {text: HostOptions(insecure="any") for text in insecure if "/" not in text}
    mirrors = tuple(_mirror(text, table, hosts) for text in table.texts("registry-mirrors"))
    return NodeConfig(hosts, ranges, (Namespace(DOCKER_HUB, mirrors),) if mirrors else ())


def read_certificates(folder: Path) -> HostOptions:
    """Whom to trust, and how to say who asks. Raises `ConfigurationError`."""
    options = HostOptions(cas=tuple(sorted(folder.glob("*.crt"))))
    certificate = min(folder.glob("*.cert"), default=None)
    if certificate is None:
        return options
    key = certificate.with_suffix(".key")
    if not key.is_file():
        raise config_error(certificate, f"its key {key.name} is not there")
    return replace(options, client_certificate=certificate, client_key=key)


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
