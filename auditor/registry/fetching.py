"""Content of one repository, verified: every byte is counted and every digest compared.

By tag the digest is what the bytes hash to: many registries get `Docker-Content-Digest` wrong
(distribution issue 2395), and only an answer without a body is taken at its word.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from auditor.addresses import origin_of
from auditor.images import ImageReference, UnknownReason
from auditor.registry.auth.tokens import DENIED
from auditor.registry.content.digests import digest_of, is_digest, matches
from auditor.registry.content.documents import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_DOCUMENT,
    Descriptor,
)
from auditor.registry.content.interface import Fetched
from auditor.registry.failures import RegistryFailure
from auditor.registry.hosts import RegistryHost
from auditor.registry.interface import Blobs
from auditor.registry.network.deadlines import Deadline
from auditor.registry.network.explanations import not_found, registry_message, unexpected
from auditor.registry.network.transport import Answer, Request

ACCEPT: Final = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
"""Never `*/*` alone: it gives 404 or, silently, the linux/amd64 child of a list."""
MAX_CONFIG: Final = 4 * 1024 * 1024
_HINT_OF_OLD_REGISTRIES: Final = "accept header does not support"


class NoBlobs:
    """A content store that keeps nothing."""

    def get(self, digest: str) -> bytes | None:  # noqa: ARG002 - a `Blobs`
        return None

    def put(self, digest: str, content: bytes) -> None:
        """Forgets it."""


class Repository:
    """What one image's reference leads to. Everything raises RegistryFailure and TimeOver.

    repository: what the host calls it, where that is not what the reference does.
    """

    def __init__(
        self,
        host: RegistryHost,
        reference: ImageReference,
        blobs: Blobs,
        deadline: Deadline,
        repository: str = "",
    ) -> None:
        self._host, self._reference, self._blobs = host, reference, blobs
        self._deadline = deadline
        self._repository = repository or reference.repository
        self._name = f"{reference.registry}/{reference.repository}"

    def top(self) -> Fetched:
        """The index or manifest that the reference names.

        Content that is already here saves fetching it, but only the registry knows whether this
        repository holds it. Raises `Missing` where it does not.
        """
        wanted = self._reference.digest
        kept = self._kept(wanted) if wanted else None
        if kept is not None and self.digest() == wanted:
            return Fetched(kept, wanted, "")
        answer = self._get_manifest(wanted or self._reference.tag)
        if wanted:
            self._verify(answer.body, wanted, None)
        digest = wanted or digest_of(answer.body)
        self._blobs.put(digest, answer.body)
        return Fetched(answer.body, digest, answer.header("content-type"))

    def digest(self) -> str:
        """The digest of what the reference names now: by HEAD, which is cheap and not a pull.

        Where a registry does not answer HEAD properly (Nexus says 404), by GET.
        """
        target = self._reference.digest or self._reference.tag
        answer = self._ask("HEAD", f"manifests/{_path(target)}", MAX_DOCUMENT, ACCEPT)
        said = answer.header("docker-content-digest")
        if answer.status == HTTPStatus.OK and is_digest(said):
            return said
        body = self._get_manifest(target).body
        if self._reference.digest:
            self._verify(body, self._reference.digest, None)
            return self._reference.digest
        return digest_of(body)

    def manifest(self, descriptor: Descriptor) -> Fetched:
        """The child of an index. Raises `Missing` where it is not there."""
        body = self._known(descriptor)
        if body is None:
            answer = self._get_manifest(descriptor.digest)
            body = self._verify(answer.body, descriptor.digest, descriptor.size)
            self._blobs.put(descriptor.digest, body)
        return Fetched(body, descriptor.digest, descriptor.media_type)

    def has(self, descriptor: Descriptor) -> bool:
        """Whether the child of an index is there."""
        path = f"manifests/{descriptor.digest}"
        if self._ask("HEAD", path, MAX_DOCUMENT, ACCEPT).status == HTTPStatus.OK:
            return True
        answer = self._ask("GET", path, MAX_DOCUMENT, ACCEPT)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise self._failure(answer, f"manifest {descriptor.digest}")
        return answer.status == HTTPStatus.OK

    def config(self, descriptor: Descriptor) -> bytes:
        """An image's config blob."""
        body = self._known(descriptor)
        if body is None:
            answer = self._ask("GET", f"blobs/{descriptor.digest}", MAX_CONFIG, "*/*")
            if answer.status != HTTPStatus.OK:
                raise self._failure(answer, f"config {descriptor.digest}")
            body = self._verify(answer.body, descriptor.digest, descriptor.size)
            self._blobs.put(descriptor.digest, body)
        return body

    def _get_manifest(self, target: str) -> Answer:
        path = f"manifests/{_path(target)}"
        answer = self._ask("GET", path, MAX_DOCUMENT, ACCEPT)
        if _wants_anything(answer):
            answer = self._ask("GET", path, MAX_DOCUMENT, f"{ACCEPT}, */*")
        if answer.status != HTTPStatus.OK:
            raise self._failure(answer, "" if self._names(target) else f"manifest {target}")
        return answer

    def _ask(self, method: str, path: str, limit: int, accept: str) -> Answer:
        url = self._host.endpoint.address(self._repository, path)
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        request = Request(method, url, headers, limit)
        return self._host.ask(request, self._repository, self._deadline)

    def _failure(self, answer: Answer, part: str) -> RegistryFailure:
        """part: what was asked for, "" for the reference itself."""
        if answer.status in DENIED:
            return self._host.denial(self._repository)
        own = origin_of(answer.url) == self._host.endpoint.origin
        said = registry_message(answer) if own else ""
        if answer.status == HTTPStatus.NOT_FOUND:
            return not_found(self._reference, part)
        return unexpected(self._host.endpoint, answer, said)

    def _names(self, target: str) -> bool:
        return target in (self._reference.digest, self._reference.tag)

    def _known(self, descriptor: Descriptor) -> bytes | None:
        """What the descriptor embeds or what is here already, if it is what it claims to be."""
        for content in (descriptor.data, self._kept(descriptor.digest)):
            if content is not None and matches(content, descriptor.digest, descriptor.size):
                return content
        return None

    def _kept(self, digest: str) -> bytes | None:
        content = self._blobs.get(digest)
        return content if content is not None and matches(content, digest) else None

    def _verify(self, body: bytes, digest: str, size: int | None) -> bytes:
        if matches(body, digest, size):
            return body
        message = f"content of {self._name}@{digest} does not match its digest"
        hint = "the registry or something on the way changed it; do not deploy it"
        raise RegistryFailure(UnknownReason.DIGEST_MISMATCH, message, hint)


def _wants_anything(answer: Answer) -> bool:
    old = answer.status == HTTPStatus.NOT_FOUND and _HINT_OF_OLD_REGISTRIES in answer.body.decode(
        errors="replace"
    )
    return answer.status == HTTPStatus.NOT_ACCEPTABLE or old


def _path(text: str) -> str:
    return quote(text, safe="/:")
