"""Construction of the parts of an audit from a `Config`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from auditor.audit.report import Remedied
from auditor.checks.interface import UNREACHED_SELECTOR
from auditor.checks.rulebook import Rule
from auditor.clusters.profiles import load_cluster
from auditor.config.model import Config, Reach
from auditor.errors import Problem
from auditor.kubernetes.custom_resources import Table, table_with
from auditor.policy.policy import Judged, select_rules
from auditor.registry.cache import MAX_STALE, Cache, CachingInspector, default_max_age, default_root
from auditor.registry.interface import ChainInspector, Inspector, Lookup, Overrides
from auditor.registry.lock import (
    LockFile,
    disagreements,
    find_lock,
    no_lock,
    not_locked,
    pinned,
    read_lock,
)
from auditor.scheduling.nodes import ClusterProfile
from auditor.sources.interface import Source
from auditor.sources.kustomize import KustomizationSource
from auditor.sources.open import OpenedSource

if TYPE_CHECKING:
    from auditor.audit.audit import FindRemedies
    from auditor.fixes.finder import RenderedSource
    from auditor.registry.network.transport import Observer


def load_clusters(config: Config) -> tuple[ClusterProfile, ...]:
    """Load the clusters to audit against. Raises `ConfigurationError`."""
    return tuple(
        cluster if isinstance(cluster, ClusterProfile) else load_cluster(cluster)
        for cluster in config.clusters
    )


def applied_rules(config: Config, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules that the configuration enables and that can produce findings."""
    chosen = select_rules(rules, config.rules, pedantic=config.pedantic)
    if config.remedies:
        return chosen
    return tuple(rule for rule in chosen if rule.check is not UNREACHED_SELECTOR)


def find_remedies(config: Config, sources: Iterable[Source]) -> FindRemedies | None:
    """Return a search for remedies in the charts and kustomizations of the sources, if wanted."""
    if not config.remedies:
        return None
    opened = tuple(sources)

    def search(observed: Sequence[Judged], *audited: Any) -> Remedied:
        if not any(seen.guard.requirements for _, seen in observed):
            return Remedied(tuple(observed))
        from auditor.fixes.finder import RemedyFinder

        finder = RemedyFinder(
            lambda: rendered(opened), custom_resources(config), jobs=config.source_options.jobs
        )
        return finder(observed, *audited)

    return search


def rendered(sources: Iterable[Source]) -> Iterator[RenderedSource]:
    """Yield the charts and kustomizations of sources that were read."""
    for item in sources:
        if isinstance(item, OpenedSource):
            yield from item.charts
            yield from (part for part in item.parts if isinstance(part, KustomizationSource))


def custom_resources(config: Config) -> Table | None:
    """Return the table of custom resources if the configuration adds any."""
    return table_with(config.custom_resources) if config.custom_resources else None


def named_lock_file(config: Config, source: str) -> Path | None:
    """Return the lock file set by an option or by the configuration of a SOURCE."""
    area = config.area_of(source)
    return config.images.lock_file or (area.settings.lock_file if area else None)


def source_place(source: str) -> Path:
    """Return the path of a SOURCE; the working folder for standard input and remote charts."""
    return Path() if source == "-" or "://" in source else Path(source)


def find_lock_files(config: Config) -> tuple[Path, ...]:
    """Return the lock files of a run, each once."""
    found = (
        named_lock_file(config, source) or find_lock(_trusted_place(config, source))
        for source in config.sources
    )
    return tuple(dict.fromkeys(path for path in found if path is not None))


def _trusted_place(config: Config, source: str) -> Path:
    """Return the start of the search for a lock file: with `--policy-from`, the trusted path."""
    place = source_place(source)
    return config.policy_base.path(place) if config.policy_base else place


def changed_entries(config: Config, inspector: Inspector) -> tuple[Problem, ...]:
    """Verify the lock entries that differ from the trusted version.

    The audit does not use such entries. They are compared with the content of their digests, so
    that a wrong entry is reported before it is merged.
    """
    problems: list[Problem] = []
    trusted = {path: read_lock(path) for path in find_lock_files(config)}
    known = {item for lock in trusted.values() for item in lock.images.items()}
    for path in _audited_lock_files(config):
        lock = read_lock(path)
        changed = LockFile(dict(item for item in lock.images.items() if item not in known))
        answers = inspector.inspect(sorted(set(pinned(changed).values())))
        wrong, unverified = disagreements(changed, answers)
        problems += (
            Problem("a changed lock entry is wrong", where=str(path), why=line, hint=_RELOCK)
            for line in wrong
        )
        problems += (
            Problem("a changed lock entry was not verified", where=str(path), why=line)
            for line in unverified
        )
    return tuple(problems)


def _without_changed(trusted: Mapping[Path, LockFile], config: Config) -> dict[Path, LockFile]:
    """Drop images with changed entries from trusted lock files, so that registries are queried."""
    audited = [read_lock(path).images for path in _audited_lock_files(config)]

    def kept(lock: LockFile) -> LockFile:
        return LockFile(
            {
                image: known
                for image, known in lock.images.items()
                if all(images.get(image, known) == known for images in audited)
            }
        )

    return {path: kept(lock) for path, lock in trusted.items()}


def _audited_lock_files(config: Config) -> tuple[Path, ...]:
    found = (_audited_lock_file(config, source) for source in config.sources)
    return tuple(dict.fromkeys(path for path in found if path is not None))


_RELOCK: Final = "write it with `podfit lock`"


def _audited_lock_file(config: Config, source: str) -> Path | None:
    """Return the lock file of a SOURCE in the audited version."""
    base, named = config.policy_base, named_lock_file(config, source)
    if base is None or named is None:
        return find_lock(source_place(source))
    here = base.here(named)
    return here if here.is_file() else None


def overrides(config: Config) -> Overrides:
    """Return the platforms that the user set for images."""
    return Overrides(config.images.overrides)


class Inspection(Struct, frozen=True):
    """An open inspector, and a function that returns its remarks about registries so far."""

    inspector: Inspector
    remarks: Callable[[], tuple[str, ...]] = tuple


@contextmanager
def opened_inspector(
    config: Config,
    locks: Mapping[Path, LockFile] | None = None,
    observer: Observer | None = None,
    *,
    fresh: bool = False,
) -> Iterator[Inspection]:
    """Open an inspector that tries overrides, lock files, the cache and registries in turn.

    Raises `ConfigurationError` for an invalid lock file.

    Args:
        config: The configuration; its reach limits the list.
        locks: Lock files that were already read.
        observer: Called for every request.
        fresh: Do not use cached tags.
    """
    if locks is None:
        locks = {path: read_lock(path) for path in find_lock_files(config)}
    if config.policy_base and config.images.reach is Reach.ONLINE:
        locks = _without_changed(locks, config)
        fresh = True  # the author of the change may also have written the cache
    known: tuple[Lookup, ...] = (*_stated(config), *locks.values())
    if config.images.reach is Reach.LOCKED:
        yield Inspection(ChainInspector((*known, not_locked if locks else no_lock), None))
        return
    with _cached_registries(config, observer, fresh=fresh or config.images.refresh) as inner:
        yield Inspection(ChainInspector(known, inner.inspector), inner.remarks)


def _stated(config: Config) -> tuple[Lookup, ...]:
    """Return the lookups that need no registry: overrides and local images."""
    said: list[Lookup] = [overrides(config)]
    if config.images.layouts:
        from auditor.registry.layouts import parse_layout, read_layouts

        said.append(read_layouts(map(parse_layout, config.images.layouts)))
    return tuple(said)


@contextmanager
def _cached_registries(
    config: Config, observer: Observer | None, *, fresh: bool
) -> Iterator[Inspection]:
    cache = Cache(config.images.cache_dir or default_root(os.environ))
    if config.images.reach is Reach.OFFLINE:
        yield Inspection(CachingInspector(None, cache), lambda: cache.notes)
        return
    from auditor.cli.configuration import registry_options
    from auditor.registry.auth.credentials import DockerKeychain, user_home
    from auditor.registry.client import RegistryInspector

    options = registry_options(config.images)
    keychain = DockerKeychain(os.environ, user_home())
    with RegistryInspector(options, keychain=keychain, blobs=cache, observer=observer) as origin:
        remarks = lambda: (*cache.notes, *origin.remarks)  # noqa: E731
        if config.images.verify_children:
            yield Inspection(origin, remarks)
            return
        usual = default_max_age(os.environ)
        said = config.images.max_age
        caching = CachingInspector(
            origin,
            cache,
            max_age=0 if fresh else usual if said is None else said,
            max_stale=0 if fresh else MAX_STALE,
        )
        yield Inspection(caching, remarks)
