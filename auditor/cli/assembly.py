"""From a `Config` to the parts that do the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from auditor.checks.interface import UNREACHED_SELECTOR
from auditor.checks.rulebook import Rule
from auditor.clusters.profiles import load_cluster
from auditor.config.model import Config, Reach
from auditor.errors import Problem
from auditor.kubernetes.custom_resources import Table, table_with
from auditor.policy.policy import select_rules
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
    from auditor.audit.report import Remedied
    from auditor.fixes.finder import RenderedSource
    from auditor.registry.network.transport import Observer


def load_clusters(config: Config) -> tuple[ClusterProfile, ...]:
    """The clusters to audit against. Raises `ConfigurationError`."""
    return tuple(
        cluster if isinstance(cluster, ClusterProfile) else load_cluster(cluster)
        for cluster in config.clusters
    )


def applied_rules(config: Config, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Those of the rules that the configuration wants, and that can find something."""
    chosen = select_rules(rules, config.rules, pedantic=config.pedantic)
    if config.remedies:
        return chosen
    return tuple(rule for rule in chosen if rule.check is not UNREACHED_SELECTOR)


def find_remedies(config: Config, sources: Iterable[Source]) -> FindRemedies:
    """Return a search for remedies in the charts and kustomizations of some sources."""
    opened = [item for item in sources if isinstance(item, OpenedSource)]

    def rendered() -> Iterator[RenderedSource]:
        for item in opened:
            yield from item.charts
            yield from (part for part in item.parts if isinstance(part, KustomizationSource))

    def search(*audited: Any) -> Remedied:
        from auditor.fixes.finder import RemedyFinder

        return RemedyFinder(rendered, custom_resources(config))(*audited)

    return search


def custom_resources(config: Config) -> Table | None:
    """The kinds that make pods, where the configuration has some beside podfit's own."""
    return table_with(config.custom_resources) if config.custom_resources else None


def named_lock_file(config: Config, source: str) -> Path | None:
    """The lock file that an option or the configuration of a SOURCE names."""
    area = config.area_of(source)
    return config.images.lock_file or (area.settings.lock_file if area else None)


def source_place(source: str) -> Path:
    """The file or folder that a SOURCE is; the working folder for what is elsewhere."""
    return Path() if source == "-" or "://" in source else Path(source)


def find_lock_files(config: Config) -> tuple[Path, ...]:
    """The lock files of a run, each once: those that were named, or those of the sources."""
    found = (
        named_lock_file(config, source) or find_lock(_trusted_place(config, source))
        for source in config.sources
    )
    return tuple(dict.fromkeys(path for path in found if path is not None))


def _trusted_place(config: Config, source: str) -> Path:
    """Where the lock file of a SOURCE is looked for: with `--policy-from`, not beside it."""
    place = source_place(source)
    return config.policy_base.path(place) if config.policy_base else place


def changed_entries(config: Config, inspector: Inspector) -> tuple[Problem, ...]:
    """Problems of the lock entries that differ from those of the trusted version.

    Such entries decide nothing. They are compared with the content of their digests, so that a
    wrong one is seen before it is merged.
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
    """Trusted lock files without the images whose entries changed: their registries decide."""
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
    """The lock file of the audited version that belongs to a SOURCE."""
    base, named = config.policy_base, named_lock_file(config, source)
    if base is None or named is None:
        return find_lock(source_place(source))
    here = base.here(named)
    return here if here.is_file() else None


def overrides(config: Config) -> Overrides:
    """What the user says of images, whatever the registries say."""
    return Overrides(config.images.overrides)


class Inspection(Struct, frozen=True):
    """An inspector that is open, and what it has to say about registries as such so far."""

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
    """What the user says, then lock files, the cache, the registries, as far as the reach goes.

    locks: those already read. observer: told of every request. fresh: no answer from the cache
    about a tag stands unasked. Raises `ConfigurationError` for a lock file that is wrong.
    """
    if locks is None:
        locks = {path: read_lock(path) for path in find_lock_files(config)}
    if config.policy_base and config.images.reach is Reach.ONLINE:
        locks = _without_changed(locks, config)
        fresh = True  # whoever wrote the cache may be who wrote the change
    known: tuple[Lookup, ...] = (*_stated(config), *locks.values())
    if config.images.reach is Reach.LOCKED:
        yield Inspection(ChainInspector((*known, not_locked if locks else no_lock), None))
        return
    with _cached_registries(config, observer, fresh=fresh or config.images.refresh) as inner:
        yield Inspection(ChainInspector(known, inner.inspector), inner.remarks)


def _stated(config: Config) -> tuple[Lookup, ...]:
    """What needs no question: what the user says, and images that lie on disk."""
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
