"""From an image reference to where its requests go: mirrors in their order, then its registry."""

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


def endpoints_of(
    registry: str, options: RegistryOptions, given: HostOptions | None = None
) -> tuple[Endpoint, ...]:
    """Where a registry is reached: at one address, or as insecure as `any` by TLS and without.

    The host must be valid (`auditor.images.references`). given: instead of what is said of the
    host.
    Plain HTTP is spoken to hosts marked so, and to a loopback host that no TLS option is set for:
    never guessed for a private network.
    """
    said = given or options.hosts.get(registry) or _ranged(registry, options)
    if said and said.insecure == "any":
        return (
            _endpoint(registry, dataclasses.replace(said, insecure="skip-verify")),
            _endpoint(registry, dataclasses.replace(said, insecure="http")),
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
    said = options.cas or options.client_certificate
    return options.insecure == "skip-verify" or bool(said)


class Stop(Struct, frozen=True):
    """A registry to ask and what the repository is called there.

    source: what an answer from there says where it is from.
    """

    endpoint: Endpoint
    repository: str
    source: str

    @property
    def is_mirror(self) -> bool:
        return bool(self.endpoint.mirror_of)

    def leaves_to_next(self, why: UnknownPlatforms) -> bool:
        """Whether the next is worth asking: after a mirror always, else where there was no TLS."""
        return self.is_mirror or why.reason in _NO_TLS

    def lacks(self, answer: object) -> bool:
        """Whether an answer is no better than none: mirrors hold indexes in part, or a web page."""
        if not self.is_mirror:
            return False
        if isinstance(answer, KnownPlatforms):
            return bool(answer.dangling)
        malformed = UnknownReason.MALFORMED
        return isinstance(answer, UnknownPlatforms) and answer.reason is malformed


def namespace_of(image: ImageReference, options: RegistryOptions) -> Namespace | None:
    """What is said of where an image is: of the longest prefix, and of two of them the first."""
    found = [item for item in options.namespaces if rest_of(image, item.prefix) is not None]
    return max(found, key=lambda item: len(item.prefix.removeprefix("*")), default=None)


def rest_of(image: ImageReference, prefix: str) -> str | None:
    """The repository below a prefix, "" where the prefix names it whole, None outside of it.

    As in containers-registries.conf(5): a prefix ends where a part of the path does, and `*.`
    stands for any domains below one.
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
    """Every stop of an image, in their order; the last is that of the registry itself."""
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
        there = replace(endpoint, private=True, root=place.root, mirror_of=mirror_of)
        yield Stop(there, repository, source)
