"""`registries.conf` of Podman, CRI-O and skopeo (containers-registries.conf(5), version 2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from auditor.registry.node_config.tables import NodeConfig, Table, read_toml
from auditor.registry.options import HostOptions, Namespace, Place, place_of

_PULLS: Final[dict[str, Literal["all", "tag", "digest"]]] = {
    "": "all",
    "all": "all",
    "digest-only": "digest",
    "tag-only": "tag",
}
_INSECURE: Final = HostOptions(insecure="any")


def read_registries(path: Path) -> NodeConfig:
    """What it says of hosts and of prefixes. Raises `ConfigurationError`."""
    table = read_toml(path)
    if "registries" in table.values:
        raise table.wrong("it is of version 1, with [registries]: write [[registry]] instead")
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
                tuple(_mirror(table, by_digest=by_digest) for table in registry.tables("mirror")),
                _place(registry) if location not in ("", prefix) else None,
                f"by {path}" if registry.flag("blocked") else "",
            )
        )
    return NodeConfig(hosts, (), tuple(namespaces))


def _mirror(table: Table, *, by_digest: bool) -> Place:
    pull = "digest-only" if by_digest else table.text("pull-from-mirror")
    if not table.text("location"):
        raise table.wrong("a [[registry.mirror]] has no `location`")
    if pull not in _PULLS:
        raise table.wrong("`pull-from-mirror` must be all, digest-only or tag-only")
    return _place(table, pulls=_PULLS[pull])


def _place(table: Table, *, pulls: Literal["all", "tag", "digest"] = "all") -> Place:
    try:
        place = place_of(table.text("location"))
    except ValueError as error:
        raise table.wrong(f"`location` is {error}") from error
    return replace(place, options=_INSECURE if table.flag("insecure") else None, pulls=pulls)
