"""From the registry in an image reference to where its requests go."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from auditor.references import DOCKER_HUB
from auditor.registry.addresses import Origin, is_loopback_name, origin_of
from auditor.registry.options import HostOptions, RegistryOptions

_HUB_ENDPOINT: Final = "registry-1.docker.io"
_HUB_NAMES: Final = frozenset({_HUB_ENDPOINT, "index.docker.io", "registry.hub.docker.com"})
_ROOT: Final = "/v2"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One registry: name as references and credentials know it, and its origin on the wire.

    private: whether its address may be one that is not public. root: of the API's paths.
    mirror_of: the registry that it stands in for, "" for none.
    """

    name: str
    origin: Origin
    options: HostOptions
    private: bool
    root: str = _ROOT
    mirror_of: str = ""

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin}"

    @property
    def allows_http(self) -> bool:
        """Whether the user accepts that what is sent there can be read on the way."""
        return self.options.insecure == "http" or is_loopback_name(self.origin.host)

    def address(self, repository: str, path: str) -> str:
        """The URL of something in a repository. A mirror is told whose it is, as by containerd."""
        query = f"?ns={quote(self.mirror_of)}" if self.mirror_of else ""
        return f"{self.url}{self.root}/{quote(repository)}/{path}{query}"


def endpoint_of(registry: str, options: RegistryOptions) -> Endpoint:
    """Where a registry is reached first; see `endpoints_of`."""
    return endpoints_of(registry, options)[0]


def endpoints_of(
    registry: str, options: RegistryOptions, given: HostOptions | None = None
) -> tuple[Endpoint, ...]:
    """Where a registry is reached: at one address, or as insecure as `any` by TLS and without.

    The host must be valid (auditor/references.py). given: instead of what is said of the host.
    Plain HTTP is spoken to hosts marked so, and to a loopback host that no TLS option is set for:
    never guessed for a private network.
    """
    said = given or options.hosts.get(registry) or _ranged(registry, options)
    if said and said.insecure == "any":
        return (
            _endpoint(registry, replace(said, insecure="skip-verify")),
            _endpoint(registry, replace(said, insecure="http")),
        )
    return (_endpoint(registry, said),)


def _endpoint(registry: str, said: HostOptions | None) -> Endpoint:
    given = said or HostOptions()
    name = DOCKER_HUB if registry in _HUB_NAMES else registry
    netloc = _HUB_ENDPOINT if name == DOCKER_HUB else registry
    loopback = is_loopback_name(origin_of(f"https://{netloc}").host)
    scheme = "http" if given.insecure == "http" or (loopback and not _wants_tls(given)) else "https"
    return Endpoint(
        name=name,
        origin=origin_of(f"{scheme}://{netloc}"),
        options=given,
        private=loopback or said is not None,
    )


def _ranged(registry: str, options: RegistryOptions) -> HostOptions | None:
    """A registry named by an address in a network that is marked insecure."""
    if not options.insecure_ranges:
        return None
    try:
        address = ipaddress.ip_address(origin_of(f"https://{registry}").host)
    except ValueError:
        return None
    networks = map(ipaddress.ip_network, options.insecure_ranges)
    return HostOptions(insecure="any") if any(address in network for network in networks) else None


def _wants_tls(options: HostOptions) -> bool:
    tls = (options.ca, options.more_cas, options.client_certificate)
    return options.insecure == "skip-verify" or any(tls)
