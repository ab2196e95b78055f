"""Settings of a configuration file, and registry options from `registries`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from auditor.checks.findings import Severity
from auditor.checks.requirements import PlatformRequirement
from auditor.files.strict import Choice, Key, ListOf, MappingOr, Record, Text
from auditor.images.platforms import Platform
from auditor.kubernetes.custom_resources import Entry
from auditor.policy.baseline import AcceptEntry, IgnoreEntry
from auditor.policy.policy import RuleSetting
from auditor.registry.options import (
    HostOptions,
    Insecure,
    Namespace,
    Place,
    RegistryOptions,
    place_of,
)
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.interface import Variant

Cluster = str | ClusterProfile
"""A built-in name, the path of a file, or an inline profile."""

FailOn = Literal["error", "warning", "info", "never"]


class ChartSettings(Struct, frozen=True):
    """Settings for charts.

    Attributes:
        path: Glob relative to the root of the repository.
        variants: Additional variants to render.
        severity: Maximum severity of findings, for third-party charts.
    """

    path: str
    variants: tuple[Variant, ...] = ()
    severity: Severity | None = None


class Registry(Struct, frozen=True):
    """Settings for a registry.

    Attributes:
        options: Connection options.
        mirrors: Registries that are tried first.
        rewrite: Registry that is used instead.
        allowed: Globs of repositories; () for all.
    """

    options: HostOptions = field(default_factory=HostOptions)
    mirrors: tuple[Place, ...] = ()
    rewrite: Place | None = None
    allowed: tuple[str, ...] = ()


class Settings(Struct, frozen=True):
    """The content of a `.podfit.yaml`. Missing keys are None or empty."""

    cluster: tuple[Cluster, ...] = ()
    fail_on: FailOn | None = None
    strict: bool | None = None
    pedantic: bool | None = None
    charts: tuple[ChartSettings, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    ignore: tuple[IgnoreEntry, ...] = ()
    accept: tuple[AcceptEntry, ...] = ()
    overrides: tuple[tuple[str, tuple[Platform, ...]], ...] = ()
    require: tuple[PlatformRequirement, ...] = ()
    registries: Mapping[str, Registry] = field(default_factory=dict)
    custom_resources: tuple[Entry, ...] = ()
    lock_file: Path | None = None
    baseline: Path | None = None


Pulls = Literal["all", "tag", "digest"]

_INSECURE: Final[Mapping[str, Insecure]] = {"http": "http", "skip-verify": "skip-verify"}
_PULLS: Final[Mapping[str, Pulls]] = {"all": "all", "tag": "tag", "digest": "digest"}


def read_place(text: str) -> Place:
    """Parse a mirror `host[:port][/path]`. Raises ValueError."""
    try:
        return place_of(text)
    except ValueError:
        shown = text.rpartition("@")[2]  # without a password
        raise ValueError(f"a mirror must be host or host/path, not `{shown}`") from None


def _mirror(at: Place, pulls: Pulls = "all") -> Place:
    return replace(at, pulls=pulls)


_MIRROR: Final = Record(
    "a mirror",
    _mirror,
    {
        "at": Key(Text(read_place), "Location: host, or host/path.", required=True),
        "pulls": Key(
            Choice(_PULLS, "a kind of pulls"), "References to resolve: all, tag or digest."
        ),
    },
)


def registry_shape(file: Text[Path]) -> Record[Registry]:
    """Return the shape of the settings of a registry; `file` is the shape of a path."""
    return Record(
        "a registry",
        _registry,
        {
            "mirrors": Key(
                ListOf(MappingOr(_MIRROR, Text(read_place)), 1, "mirrors"),
                "Registries that are tried first: host, or host/path.",
            ),
            "rewrite": Key(
                Text(read_place),
                "Registry that is used instead: host, or host/path.",
            ),
            "insecure": Key(
                Choice(_INSECURE, "a way to be insecure"),
                "`http` uses plain HTTP, `skip-verify` does not verify the certificate.",
            ),
            "ca": Key(file, "PEM file of certificate authorities to trust in addition."),
            "client-cert": Key(file, "PEM file with the client certificate."),
            "client-key": Key(file, "PEM file with the client key, if it is a separate file."),
            "trusted-realms": Key(
                ListOf(Text(host_name), 1, "trusted-realms"),
                "Other token service hosts that may receive the credentials.",
            ),
            "allowed": Key(
                ListOf(Text(repository_glob), 1, "allowed"),
                "Globs of repositories that podfit may query. Default: all.",
            ),
        },
    )


def host_name(text: str) -> str:
    """Check the host of a registry. Raises ValueError."""
    if not text.strip() or "/" in text:
        raise ValueError(f"a registry must be host or host:port, not `{text}`")
    return text


def repository_glob(text: str) -> str:
    """Check a glob of repositories. Raises ValueError."""
    if not text.strip() or "://" in text:
        raise ValueError("a repository must not include the registry: `library/*`")
    return text


def with_registries(
    options: RegistryOptions, registries: Mapping[str, Registry]
) -> RegistryOptions:
    """Add the registries of the configuration to the options.

    If any registry sets `allowed`, only the allowed repositories and the other listed registries
    are queried.
    """
    allowed: tuple[str, ...] = ()
    if any(registry.allowed for registry in registries.values()):
        allowed = tuple(
            f"{host}/{glob}"
            for host, registry in registries.items()
            for glob in registry.allowed or ("*",)
        )
    hosts = {host: registry.options for host, registry in registries.items()}
    namespaces = [
        Namespace(host, registry.mirrors, registry.rewrite)
        for host, registry in registries.items()
        if registry.mirrors or registry.rewrite
    ]
    return replace(
        options,
        hosts=MappingProxyType({**options.hosts, **hosts}),
        namespaces=(*namespaces, *options.namespaces),
        allowed=(*options.allowed, *allowed),
    )


def _registry(
    mirrors: tuple[Place, ...] = (),
    rewrite: Place | None = None,
    insecure: Insecure = "",
    ca: Path | None = None,
    client_cert: Path | None = None,
    client_key: Path | None = None,
    trusted_realms: tuple[str, ...] = (),
    allowed: tuple[str, ...] = (),
) -> Registry:
    if client_key and not client_cert:
        raise ValueError("`client-key` needs `client-cert`")
    realms = frozenset(trusted_realms)
    options = HostOptions(insecure, (ca,) if ca else (), client_cert, client_key, realms)
    return Registry(options, mirrors, rewrite, allowed)
