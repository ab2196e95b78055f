"""`RegistryInspector`: query registries for the platforms of images."""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, Self, TypeVar

from msgspec.structs import replace

from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.references import DOCKER_HUB, parse_reference
from auditor.registry.auth.credentials import Keychain, NoCredentials
from auditor.registry.content.resolution import resolve
from auditor.registry.fetching import Hosts, NoBlobs, Repository
from auditor.registry.interface import (
    Blobs,
    Progress,
    RegistryFailure,
    Remarks,
    no_progress,
)
from auditor.registry.network.endpoints import Stop, namespace_of, stops_of
from auditor.registry.network.transport import Observer, Transport
from auditor.registry.options import Deadline, RegistryOptions, TimeOver
from auditor.registry.workers import Workers

_SUPERVISION: Final = 0.25
"""Seconds between checks for connections past their deadline."""
_GRACE: Final = 1.0
"""Seconds after the deadline of the run in which every thread should have stopped."""
_ABSENT: Final = frozenset({UnknownReason.NOT_FOUND, UnknownReason.NOT_FOUND_OR_DENIED})
_MORE_TIME: Final = "raise the time limit, or use a lock file"

_Answer = TypeVar("_Answer")
_Question = Callable[[Repository, ImageReference, Workers], _Answer]


class RegistryInspector:
    """Queries registries, keeping connections, tokens and host state. Use it as a context manager.

    It runs one call at a time.

    Args:
        options: Settings for registry access.
        keychain: The user's credentials.
        blobs: Content that need not be downloaded again.
        observer: Called for every request, from any thread.
    """

    def __init__(
        self,
        options: RegistryOptions | None = None,
        *,
        keychain: Keychain | None = None,
        blobs: Blobs | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._options = options or RegistryOptions()
        self._blobs = blobs or NoBlobs()
        self._transport = Transport(observer)
        self._remarks = Remarks()
        self._hosts = Hosts(
            self._transport, self._options, keychain or NoCredentials(), self._remarks
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Warnings about registries, one sentence each, sorted."""
        return self._remarks.all()

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        """Return the platforms of every image; see `Inspector`."""
        return self._ask_all(images, self._platforms, progress)

    def digests(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, str | UnknownPlatforms]:
        """Return the current digest of every reference, by HEAD requests."""
        return self._ask_all(images, lambda repository, *_: repository.digest(), progress)

    def _platforms(
        self, repository: Repository, image: ImageReference, workers: Workers
    ) -> Platforms:
        each = partial(workers.map, image.registry)
        verify = self._options.verify_children
        return resolve(repository, image.familiar, each, verify_children=verify)

    def _ask_all(
        self,
        images: Collection[ImageReference],
        question: _Question[_Answer],
        progress: Progress,
    ) -> Mapping[ImageReference, _Answer | UnknownPlatforms]:
        options, cancelled = self._options, threading.Event()
        moment = options.clock.monotonic() + options.run_timeout
        why = f"the time limit of {options.run_timeout:g} s for all images is exceeded"
        deadline = Deadline(options.clock, moment, why, cancelled)
        uses = Counter(map(_target, dict.fromkeys(images)))
        with Workers(options.workers, self._workers_for) as workers:
            futures = {
                workers.submit(
                    target.registry, partial(self._ask, target, question, deadline, workers)
                ): target
                for target in uses
            }
            try:
                self._supervise(futures, uses, deadline, progress)
            except BaseException:
                cancelled.set()
                self._transport.live.cut()
                raise
        late = UnknownPlatforms(UnknownReason.UNREACHABLE, f"not looked up: {why}", _MORE_TIME)
        answers = {
            target: future.result() if future.done() and not future.cancelled() else late
            for future, target in futures.items()
        }
        return {image: answers[_target(image)] for image in images}

    def _supervise(
        self,
        futures: Mapping[Future[_Answer | UnknownPlatforms], ImageReference],
        uses: Mapping[ImageReference, int],
        deadline: Deadline,
        progress: Progress,
    ) -> None:
        """Wait for all futures, report progress, and cut requests past their deadline.

        DNS lookups cannot be interrupted, so the wait has a limit, too.
        """
        pending, done, total = set(futures), 0, sum(uses.values())
        end = deadline.moment + _GRACE
        while pending and deadline.clock.monotonic() < end:
            finished, pending = wait(pending, _SUPERVISION, FIRST_COMPLETED)
            for future in finished:
                done += uses[futures[future]]
                progress(done, total)
            self._transport.live.cut()

    def _ask(
        self,
        image: ImageReference,
        question: _Question[_Answer],
        deadline: Deadline,
        workers: Workers,
    ) -> _Answer | UnknownPlatforms:
        if refusal := self._refusal(image):
            return refusal
        seconds = self._options.image_timeout
        within = deadline.within(seconds, f"no answer within {seconds:g} s")
        try:
            return self._first_answer(image, question, within, workers)
        except RegistryFailure as failure:
            return failure.answer
        except TimeOver as over:
            message = f"registry {image.registry}: {over}"
            return UnknownPlatforms(UnknownReason.UNREACHABLE, message, _MORE_TIME)
        except Exception as error:  # noqa: BLE001 - one image must not fail the others
            # The text is not shown: it may contain server output or a URL with a secret.
            message = f"podfit failed on {image.familiar}: {type(error).__name__}"
            return UnknownPlatforms(UnknownReason.FAILED, message, "please report it")

    def _first_answer(
        self,
        image: ImageReference,
        question: _Question[_Answer],
        deadline: Deadline,
        workers: Workers,
    ) -> _Answer | UnknownPlatforms:
        """Return the first answer of a stop. Mirrors may lack manifests that an index lists."""
        *before, last = stops_of(image, self._options)
        for stop in before:
            seconds = self._options.mirror_timeout
            within = deadline.within(seconds, f"no answer within {seconds:g} s")
            try:
                answer = self._ask_at(stop, image, question, within, workers)
            except RegistryFailure as failure:
                why = failure.answer
            except TimeOver as over:
                deadline.left()
                why = UnknownPlatforms(UnknownReason.UNREACHABLE, str(over))
            else:
                if not stop.lacks(answer):
                    return answer
                if not isinstance(answer, UnknownPlatforms):
                    continue
                why = answer
            if not stop.leaves_to_next(why):
                raise RegistryFailure.of(why)
            if stop.is_mirror and why.reason not in _ABSENT:
                mirrored = f"{stop.endpoint.name} of {stop.endpoint.mirror_of}"
                self._remarks.add(f"the mirror {mirrored} failed: {why.message}", topic=mirrored)
        return self._ask_at(last, image, question, deadline, workers)

    def _ask_at(
        self,
        stop: Stop,
        image: ImageReference,
        question: _Question[_Answer],
        deadline: Deadline,
        workers: Workers,
    ) -> _Answer | UnknownPlatforms:
        host = self._hosts.at(stop.endpoint)
        repository = Repository(host, image, self._blobs, deadline, stop.repository)
        answer = question(repository, image, workers)
        return (
            dataclasses.replace(answer, source=stop.source)
            if isinstance(answer, KnownPlatforms)
            else answer
        )

    def _refusal(self, image: ImageReference) -> UnknownPlatforms | None:
        parsed = parse_reference(str(image))
        if isinstance(parsed, UnknownPlatforms):
            return parsed
        name = f"{image.registry}/{image.repository}"
        allowed = self._options.allowed
        if allowed and not any(
            fnmatchcase(text, glob) for glob in allowed for text in (image.registry, name)
        ):
            message = f"registry {image.registry} is not allowed"
            return UnknownPlatforms(UnknownReason.REFUSED, message, "allow it if you trust it")
        namespace = namespace_of(image, self._options)
        if namespace and namespace.blocked:
            message = f"{namespace.prefix} is blocked: {namespace.blocked}"
            return UnknownPlatforms(UnknownReason.REFUSED, message, "use another image")
        return None

    def _workers_for(self, registry: str) -> int:
        if registry == DOCKER_HUB:
            return self._options.workers_docker_hub
        return self._options.workers_per_host


def _target(image: ImageReference) -> ImageReference:
    """Return the reference to look up: without the tag if there is a digest."""
    return replace(image, tag="") if image.digest else image
