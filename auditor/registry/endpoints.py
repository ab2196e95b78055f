"""From the registry in an image reference to where its requests go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from auditor.references import DOCKER_HUB
from auditor.registry.addresses import Origin, is_loopback_name, origin_of
from auditor.registry.options import HostOptions, RegistryOptions

_HUB_ENDPOINT: Final = "registry-1.docker.io"
_HUB_NAMES: Final = frozenset({_HUB_ENDPOINT, "index.docker.io", "registry.hub.docker.com"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One registry: name as references and credentials know it, and its origin on the wire.

    private: whether its address may be one that is not public.
    """

    name: str
    origin: Origin
    options: HostOptions
    private: bool

    @property
    def url(self) -> str:
        return f"{self.origin.scheme}://{self.origin}"

    @property
    def allows_http(self) -> bool:
        """Whether the user accepts that what is sent there can be read on the way."""
        return self.options.insecure == "http" or is_loopback_name(self.origin.host)


def endpoint_of(registry: str, options: RegistryOptions) -> Endpoint:
    """Where a registry is reached. The host must be valid (auditor/references.py).

    Plain HTTP is spoken to hosts marked so, and to a loopback host that no TLS option is set for:
    never guessed for a private network.
    """
    host_options = options.hosts.get(registry)
    given = host_options or HostOptions()
    name = DOCKER_HUB if registry in _HUB_NAMES else registry
    netloc = _HUB_ENDPOINT if name == DOCKER_HUB else registry
    loopback = is_loopback_name(origin_of(f"https://{netloc}").host)
    scheme = "http" if given.insecure == "http" or (loopback and not _wants_tls(given)) else "https"
    return Endpoint(
        name=name,
        origin=origin_of(f"{scheme}://{netloc}"),
        options=given,
        private=loopback or host_options is not None,
    )


def _wants_tls(options: HostOptions) -> bool:
    return options.insecure == "skip-verify" or bool(options.ca or options.client_certificate)
