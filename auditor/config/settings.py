"""`Settings`: what one configuration file says, key by key; what it does not say has no value.

`registries` of the configuration, and the options of registries that they become.
"""

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
from auditor.policy.baseline import IgnoreEntry
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
"""A built-in name, the path of a file, or a profile written in the configuration itself."""

FailOn = Literal["error", "warning", "info", "never"]


class ChartSettings(Struct, frozen=True):
    """What is said of the charts below a path.

    path: a glob from the root of the repository. variants: how else to render them. severity: the
    most that is made of what is found in them, for charts of third parties.
    """

    path: str
    variants: tuple[Variant, ...] = ()
    severity: Severity | None = None


class Registry(Struct, frozen=True):
    """What is said of one registry.

    mirrors: asked before it. rewrite: where it is asked for everything instead of at its name.
    allowed: globs of its repositories, () for all of them.
    """

    options: HostOptions = field(default_factory=HostOptions)
    mirrors: tuple[Place, ...] = ()
    rewrite: Place | None = None
    allowed: tuple[str, ...] = ()


class Settings(Struct, frozen=True):
    """The content of a `.podfit.yaml`. An empty tuple or mapping, and None, say nothing."""

    cluster: tuple[Cluster, ...] = ()
    fail_on: FailOn | None = None
    strict: bool | None = None
    pedantic: bool | None = None
    charts: tuple[ChartSettings, ...] = ()
    exclude: tuple[str, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    ignore: tuple[IgnoreEntry, ...] = ()
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
    """Where images of another registry are: `host[:port][/path]`. Raises ValueError."""
    try:
        return place_of(text)
    except ValueError:
        shown = text.rpartition("@")[2]  # without a password, should there be one
        raise ValueError(f"a mirror is written as host or host/path, not `{shown}`") from None


def _mirror(at: Place, pulls: Pulls = "all") -> Place:
    return replace(at, pulls=pulls)


_MIRROR: Final = Record(
    "a mirror",
    _mirror,
    {
        "at": Key(Text(read_place), "Where it is: host, or host/path.", required=True),
        "pulls": Key(Choice(_PULLS, "what a mirror is asked for"), "all, tag or digest."),
    },
)


def registry_shape(file: Text[Path]) -> Record[Registry]:
    """What may be said of one registry. file: reads a path."""
    return Record(
        "a registry",
        _registry,
        {
            "mirrors": Key(
                ListOf(MappingOr(_MIRROR, Text(read_place)), 1, "mirrors"),
                "Registries that are asked before it: host, or host/path.",
            ),
            "rewrite": Key(
                Text(read_place),
                "Where it is asked for everything, instead of at its own name: host, or host/path.",
            ),
            "insecure": Key(
                Choice(_INSECURE, "a way to be insecure"),
                "`http` speaks no TLS, `skip-verify` does not check the certificate.",
            ),
            "ca": Key(file, "A PEM file of authorities that are trusted beside the system's."),
            "client-cert": Key(file, "A PEM file with the certificate that podfit shows."),
            "client-key": Key(file, "Its key, where that is not in the same file."),
            "trusted-realms": Key(
                ListOf(Text(host_name), 1, "trusted-realms"),
                "Other hosts that are its token service, and may see its credentials.",
            ),
            "allowed": Key(
                ListOf(Text(repository_glob), 1, "allowed"),
                "The repositories that may be asked for, as globs; without it all of them.",
            ),
        },
    )


def host_name(text: str) -> str:
    """A registry as references name it. Raises ValueError."""
    if not text.strip() or "/" in text:
        raise ValueError(f"a registry is written as host or host:port, not `{text}`")
    return text


def repository_glob(text: str) -> str:
    """A glob of repositories, without their registry. Raises ValueError."""
    if not text.strip() or "://" in text:
        raise ValueError("a repository is written without its registry, such as `library/*`")
    return text


def with_registries(
    options: RegistryOptions, registries: Mapping[str, Registry]
) -> RegistryOptions:
    """Options with what the configuration says of registries.

    As soon as one registry says what is allowed, nothing else is asked but that, and the other
    registries that are listed.
    """
    allowed: tuple[str, ...] = ()
    if any(registry.allowed for registry in registries.values()):
        allowed = tuple(
            f"{host}/{glob}"
            for host, registry in registries.items()
            for glob in registry.allowed or ("*",)
        )
    return replace(
        options,
        hosts=MappingProxyType({**options.hosts, **_hosts(registries)}),
        namespaces=(*_namespaces(registries), *options.namespaces),
        allowed=(*options.allowed, *allowed),
    )


def _hosts(registries: Mapping[str, Registry]) -> dict[str, HostOptions]:
    return {host: registry.options for host, registry in registries.items()}


def _namespaces(registries: Mapping[str, Registry]) -> tuple[Namespace, ...]:
    return tuple(
        Namespace(host, registry.mirrors, registry.rewrite)
        for host, registry in registries.items()
        if registry.mirrors or registry.rewrite
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
