"""Map an image reference to the endpoints to query: mirrors in order, then the registry."""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from auditor.files.addresses import Origin, is_loopback_name, origin_of
from auditor.images.images import ImageReference, KnownPlatforms, UnknownPlatforms, UnknownReason
from auditor.images.references import DOCKER_HUB
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions

_HUB_ENDPOINT: Final = "registry-1.docker.io"
_HUB_NAMES: Final = frozenset({_HUB_ENDPOINT, "index.docker.io", "registry.hub.docker.com"})
_ROOT: Final = "/v2"
_NO_TLS: Final = frozenset({UnknownReason.TLS, UnknownReason.UNREACHABLE})


class Endpoint(Struct, frozen=True):
    """A registry or mirror and its address.

    Attributes:
        name: As in references and credentials.
        origin: The address to connect to.
        private: Whether a non-public address is allowed.
        root: Path of the API.
        mirror_of: The registry that it mirrors, or "".
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
        """Whether the user accepts an unencrypted connection."""
        return self.options.insecure == "http" or is_loopback_name(self.origin.host)

    def address(self, repository: str, path: str) -> str:
        """Return the URL of a path in a repository; for mirrors with `ns`, as in containerd."""
        query = f"?ns={quote(self.mirror_of)}" if self.mirror_of else ""
        return f"{self.url}{self.root}/{quote(repository)}/{path}{query}"


def endpoints_of(
    registry: str, options: RegistryOptions, given: HostOptions | None = None
) -> tuple[Endpoint, ...]:
    """Return the endpoints of a host: one, or for `insecure: any` one with TLS and one without.

    Plain HTTP is used only for hosts marked as such, and for loopback hosts without TLS settings.

    Args:
        registry: A valid host (see `auditor.images.references`).
        options: The settings of all hosts.
        given: Used instead of the settings for the host.
    """
    found = given or options.hosts.get(registry) or _ranged(registry, options)
    if found and found.insecure == "any":
        return (
            _endpoint(registry, dataclasses.replace(found, insecure="skip-verify")),
            _endpoint(registry, dataclasses.replace(found, insecure="http")),
        )
    return (_endpoint(registry, found),)


def _endpoint(registry: str, configured: HostOptions | None) -> Endpoint:
    given = configured or HostOptions()
    name = DOCKER_HUB if registry in _HUB_NAMES else registry
    netloc = _HUB_ENDPOINT if name == DOCKER_HUB else registry
    loopback = is_loopback_name(origin_of(f"https://{netloc}").host)
    has_tls = given.insecure == "skip-verify" or given.cas or given.client_certificate
    scheme = "http" if given.insecure == "http" or (loopback and not has_tls) else "https"
    return Endpoint(
        name=name,
        origin=origin_of(f"{scheme}://{netloc}"),
        options=given,
        private=loopback or configured is not None,
    )


def _ranged(registry: str, options: RegistryOptions) -> HostOptions | None:
    """Return options for a registry whose IP address is in an insecure network."""
    if not options.insecure_ranges:
        return None
    try:
        address = ipaddress.ip_address(origin_of(f"https://{registry}").host)
    except ValueError:
        return None
    networks = map(ipaddress.ip_network, options.insecure_ranges)
    return HostOptions(insecure="any") if any(address in network for network in networks) else None


class Stop(Struct, frozen=True):
    """An endpoint to query and the name of the repository there.

    `source` is the `KnownPlatforms.source` of its answers.
    """

    endpoint: Endpoint
    repository: str
    source: str

    @property
    def is_mirror(self) -> bool:
        return bool(self.endpoint.mirror_of)

    def leaves_to_next(self, why: UnknownPlatforms) -> bool:
        """Return whether to try the next stop: after a mirror, or if the connection failed."""
        return self.is_mirror or why.reason in _NO_TLS

    def lacks(self, answer: object) -> bool:
        """Whether a mirror's answer is unusable: an incomplete index, or a web page."""
        if not self.is_mirror:
            return False
        if isinstance(answer, KnownPlatforms):
            return bool(answer.dangling)
        malformed = UnknownReason.MALFORMED
        return isinstance(answer, UnknownPlatforms) and answer.reason is malformed


def namespace_of(image: ImageReference, options: RegistryOptions) -> Namespace | None:
    """Return the namespace with the longest matching prefix; of equal ones, the first."""
    found = [item for item in options.namespaces if rest_of(image, item.prefix) is not None]
    return max(found, key=lambda item: len(item.prefix.removeprefix("*")), default=None)


def rest_of(image: ImageReference, prefix: str) -> str | None:
    """Return the repository below a prefix, "" if they are equal, or None if it does not match.

    As in containers-registries.conf(5), prefixes match whole path components, and `*.` matches any
    subdomain.
    """
    if not prefix:
        return image.repository
    if prefix.startswith("*."):
        return image.repository if image.registry.endswith(prefix[1:]) else None
    host, _, path = prefix.partition("/")
    if host != image.registry:
        return None
    if not path or image.repository == path:
        return image.repository.removeprefix(path)
    inside = image.repository.startswith(f"{path}/")
    return image.repository.removeprefix(f"{path}/") if inside else None


def stops_of(image: ImageReference, options: RegistryOptions) -> tuple[Stop, ...]:
    """Return the stops for an image in order; the last ones are those of the registry itself."""
    namespace = namespace_of(image, options)
    if namespace is None:
        return tuple(_registry(image, options))
    mirrors = [
        stop
        for mirror in namespace.mirrors
        if mirror.pulls in ("all", "digest" if image.digest else "tag")
        for stop in _at(mirror, image, namespace, options, mirror_of=image.registry)
    ]
    if namespace.origin is None:
        return (*mirrors, *_registry(image, options))
    return (*mirrors, *_at(namespace.origin, image, namespace, options, mirror_of=""))


def _registry(image: ImageReference, options: RegistryOptions) -> Iterator[Stop]:
    for endpoint in endpoints_of(image.registry, options):
        yield Stop(endpoint, image.repository, "registry")


def _at(
    place: Place,
    image: ImageReference,
    namespace: Namespace,
    options: RegistryOptions,
    *,
    mirror_of: str,
) -> Iterator[Stop]:
    rest = rest_of(image, namespace.prefix) or ""
    repository = "/".join(filter(None, (place.path, rest)))
    source = f"{'mirror' if mirror_of else 'registry'} {place.host}"
    for endpoint in endpoints_of(place.host, options, place.options):
        own = replace(endpoint, private=True, root=place.root, mirror_of=mirror_of)
        yield Stop(own, repository, source)
