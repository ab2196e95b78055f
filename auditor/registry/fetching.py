"""Verified content of repositories: sizes are limited and digests compared.

For a tag, the digest is computed from the body, as many registries return a wrong
`Docker-Content-Digest` (distribution issue 2395); the header is used only for HEAD requests.
"""

from __future__ import annotations

import dataclasses
import threading
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from auditor.files.addresses import origin_of
from auditor.images.images import ImageReference, UnknownReason
from auditor.registry.auth.authenticator import Authenticator
from auditor.registry.auth.credentials import Keychain
from auditor.registry.auth.tokens import (
    DENIED,
    Grant,
    RealmError,
    TokenRefused,
    TokenService,
    judge_realm,
    parse_challenges,
)
from auditor.registry.content.documents import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_DOCUMENT,
    Descriptor,
    digest_of,
    is_digest,
    matches,
)
from auditor.registry.content.resolution import Fetched
from auditor.registry.interface import Blobs, RegistryFailure, Remarks
from auditor.registry.network.endpoints import Endpoint
from auditor.registry.network.sending import (
    Follower,
    Sender,
    not_found,
    registry_message,
    unexpected,
)
from auditor.registry.network.transport import Answer, Request, Transport
from auditor.registry.options import Deadline, HostOptions, RegistryOptions

_MAX_ROUNDS: Final = 5


class Hosts:
    """The registries and mirrors of a run, with the state of each. Thread-safe."""

    def __init__(
        self, transport: Transport, options: RegistryOptions, keychain: Keychain, remarks: Remarks
    ) -> None:
        self._transport, self._options = transport, options
        self._keychain, self._remarks = keychain, remarks
        self._lock = threading.Lock()
        self._hosts: dict[Endpoint, RegistryHost] = {}

    def at(self, endpoint: Endpoint) -> RegistryHost:
        """Return the host of an endpoint, created on first use."""
        with self._lock:
            if endpoint not in self._hosts:
                options = _mirror_options(self._options) if endpoint.mirror_of else self._options
                follower = Follower(self._transport, endpoint, options)
                sender = Sender(follower, endpoint, options, self._remarks)
                host = RegistryHost(endpoint, sender, self._keychain, options, self._remarks)
                self._hosts[endpoint] = host
            return self._hosts[endpoint]


def _mirror_options(options: RegistryOptions) -> RegistryOptions:
    """Limit retries and timeouts for a mirror, so that time is left for the next one."""
    return replace(
        options,
        retries=min(options.retries, 1),
        read_timeout=min(options.read_timeout, options.mirror_timeout / 3),
    )


class RegistryHost:
    """One registry. Thread-safe: the first request runs alone, the others wait for its answer."""

    def __init__(
        self,
        endpoint: Endpoint,
        sender: Sender,
        keychain: Keychain,
        options: RegistryOptions,
        remarks: Remarks,
    ) -> None:
        self.endpoint, self._sender = endpoint, sender
        self._tokens = TokenService(sender, endpoint.name, options.clock)
        self._authenticator = Authenticator(endpoint, keychain, self._tokens, options, remarks)
        self._lock = threading.Lock()
        self._started = False

    def ask(self, request: Request, repository: str, deadline: Deadline) -> Answer:
        """Send a request with authentication; an answer of 401 or 403 is final.

        Raises RegistryFailure and TimeOver.
        """
        with self._lock:
            first, self._started = not self._started, True
        if not first:
            self._sender.answered.wait(deadline.left())
        try:
            return self._ask(request, repository, deadline)
        finally:
            self._sender.answered.set()

    def denial(self, repository: str) -> RegistryFailure:
        """Explain why a repository is not accessible with the user's credentials."""
        return self._authenticator.denial(repository)

    def _ask(self, request: Request, repository: str, deadline: Deadline) -> Answer:
        for _ in range(_MAX_ROUNDS):
            with self._authenticator.authorized(repository, deadline) as used:
                headers = {**request.headers, **({"Authorization": used.header} if used else {})}
                answer = self._sender.send(dataclasses.replace(request, headers=headers), deadline)
                if answer.status in DENIED and origin_of(answer.url) != self.endpoint.origin:
                    return self._ask_elsewhere(request, answer, deadline)
                if answer.status == HTTPStatus.FORBIDDEN and request.method == "HEAD":
                    return answer  # Some registries forbid HEAD, whatever the credentials.
                retry = self._authenticator.learn(repository, answer, used)
            self._sender.answered.set()
            if not retry:
                break
        return answer

    def _ask_elsewhere(self, request: Request, answer: Answer, deadline: Deadline) -> Answer:
        """Repeat a request at a redirect target that wants a token, with an anonymous one."""
        origin = origin_of(answer.url)
        target = Endpoint(str(origin), origin, HostOptions(), private=False)
        for challenge in parse_challenges(answer.all_headers("www-authenticate")):
            if challenge.scheme != "bearer" or answer.status != HTTPStatus.UNAUTHORIZED:
                continue
            try:
                realm = judge_realm(challenge["realm"], target)
                grant = Grant(realm, challenge["service"], challenge["scope"])
                token = self._tokens.fetch(grant, None, deadline)
            except (RealmError, TokenRefused):
                continue
            headers = {**request.headers, "Authorization": f"Bearer {token.value}"}
            return self._sender.send(
                dataclasses.replace(request, url=answer.url, headers=headers), deadline
            )
        return answer


ACCEPT: Final = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
"""Never just `*/*`: it gives 404, or silently the linux/amd64 child of an index."""
MAX_CONFIG: Final = 4 * 1024 * 1024
_OLD_REGISTRY_MESSAGE: Final = "accept header does not support"


class NoBlobs:
    """A content store that keeps nothing."""

    def get(self, digest: str) -> bytes | None:  # noqa: ARG002 - a `Blobs`
        return None

    def put(self, digest: str, content: bytes) -> None:
        """Discard the content."""


class Repository:
    """Content of the repository of one image. All methods raise RegistryFailure and TimeOver.

    `repository` is its name on the host, if it differs from that in the reference.
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
        """Return the index or manifest of the reference. Raises `Missing`.

        Stored content saves a download, but only the registry can confirm that the repository still
        has it.
        """
        wanted = self._reference.digest
        stored = self._stored(wanted) if wanted else None
        if stored is not None and self.digest() == wanted:
            return Fetched(stored, wanted, "")
        answer = self._get_manifest(wanted or self._reference.tag)
        if wanted:
            self._verify(answer.body, wanted, None)
        digest = wanted or digest_of(answer.body)
        self._blobs.put(digest, answer.body)
        return Fetched(answer.body, digest, answer.header("content-type"))

    def digest(self) -> str:
        """Return the current digest of the reference, by HEAD, which does not count as a pull.

        Uses GET if the registry does not support HEAD (Nexus returns 404).
        """
        target = self._reference.digest or self._reference.tag
        answer = self._ask("HEAD", f"manifests/{_path(target)}", MAX_DOCUMENT, ACCEPT)
        header = answer.header("docker-content-digest")
        if answer.status == HTTPStatus.OK and is_digest(header):
            return header
        body = self._get_manifest(target).body
        if self._reference.digest:
            self._verify(body, self._reference.digest, None)
            return self._reference.digest
        return digest_of(body)

    def manifest(self, descriptor: Descriptor) -> Fetched:
        """Return a child of an index. Raises `Missing`."""
        body = self._known(descriptor)
        if body is None:
            answer = self._get_manifest(descriptor.digest)
            body = self._verify(answer.body, descriptor.digest, descriptor.size)
            self._blobs.put(descriptor.digest, body)
        return Fetched(body, descriptor.digest, descriptor.media_type)

    def has(self, descriptor: Descriptor) -> bool:
        """Check whether a child of an index exists."""
        path = f"manifests/{descriptor.digest}"
        if self._ask("HEAD", path, MAX_DOCUMENT, ACCEPT).status == HTTPStatus.OK:
            return True
        answer = self._ask("GET", path, MAX_DOCUMENT, ACCEPT)
        if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise self._failure(answer, f"manifest {descriptor.digest}")
        return answer.status == HTTPStatus.OK

    def config(self, descriptor: Descriptor) -> bytes:
        """Return the config blob of an image."""
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
        if _wants_any_type(answer):
            answer = self._ask("GET", path, MAX_DOCUMENT, f"{ACCEPT}, */*")
        if answer.status != HTTPStatus.OK:
            own = target in (self._reference.digest, self._reference.tag)
            raise self._failure(answer, "" if own else f"manifest {target}")
        return answer

    def _ask(self, method: str, path: str, limit: int, accept: str) -> Answer:
        url = self._host.endpoint.address(self._repository, path)
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        request = Request(method, url, headers, limit)
        return self._host.ask(request, self._repository, self._deadline)

    def _failure(self, answer: Answer, part: str) -> RegistryFailure:
        """Explain an error. `part` is what was requested, "" for the reference itself."""
        if answer.status in DENIED:
            return self._host.denial(self._repository)
        if answer.status == HTTPStatus.NOT_FOUND:
            return not_found(self._reference, part)
        own = origin_of(answer.url) == self._host.endpoint.origin
        return unexpected(self._host.endpoint, answer, registry_message(answer) if own else "")

    def _known(self, descriptor: Descriptor) -> bytes | None:
        """Return embedded or stored content of a descriptor, if it matches the digest."""
        for content in (descriptor.data, self._stored(descriptor.digest)):
            if content is not None and matches(content, descriptor.digest, descriptor.size):
                return content
        return None

    def _stored(self, digest: str) -> bytes | None:
        content = self._blobs.get(digest)
        return content if content is not None and matches(content, digest) else None

    def _verify(self, body: bytes, digest: str, size: int | None) -> bytes:
        if matches(body, digest, size):
            return body
        message = f"content of {self._name}@{digest} does not match its digest"
        hint = "the registry or a proxy changed it; do not deploy it"
        raise RegistryFailure(UnknownReason.DIGEST_MISMATCH, message, hint)


def _wants_any_type(answer: Answer) -> bool:
    text = answer.body.decode(errors="replace")
    old = answer.status == HTTPStatus.NOT_FOUND and _OLD_REGISTRY_MESSAGE in text
    return answer.status == HTTPStatus.NOT_ACCEPTABLE or old


def _path(text: str) -> str:
    return quote(text, safe="/:")
