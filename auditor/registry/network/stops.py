"""Where an image is asked for, one after the other: mirrors, then its registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from auditor.images import ImageReference, KnownPlatforms, UnknownPlatforms, UnknownReason
from auditor.registry.network.endpoints import Endpoint, endpoints_of
from auditor.registry.options import Namespace, Place, RegistryOptions

_NO_TLS: Final = frozenset({UnknownReason.TLS, UnknownReason.UNREACHABLE})
_MALFORMED: Final = UnknownReason.MALFORMED


@dataclass(frozen=True, slots=True)
class Stop:
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
        if isinstance(answer, KnownPlatforms):
            return self.is_mirror and bool(answer.dangling)
        malformed = isinstance(answer, UnknownPlatforms) and answer.reason is _MALFORMED
        return self.is_mirror and malformed


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
