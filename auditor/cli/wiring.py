"""From flags to a `Config`, and from a `Config` to the parts that do the work."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.cli.flags import ClusterFlags, FailOn, GateFlags, ImageFlags, SourceFlags
from auditor.clusters.catalog import load_cluster
from auditor.config.model import Config, ImageConfig, Reach
from auditor.errors import UsageError
from auditor.findings import Severity
from auditor.nodes import ClusterProfile
from auditor.policy import Gate
from auditor.registry.cache import Cache, default_root
from auditor.registry.caching import MAX_STALE, CachingInspector, default_max_age
from auditor.registry.interface import Inspector
from auditor.registry.lock import LockFile, LockInspector, find_lock, read_lock
from auditor.rulebook import Rule, load_builtin_rules
from auditor.sources.options import HelmOptions, SourceOptions

if TYPE_CHECKING:
    from auditor.registry.transport import Observer


def make_config(
    sources: SourceFlags,
    images: ImageFlags,
    clusters: ClusterFlags | None = None,
    gate: GateFlags | None = None,
    *,
    pedantic: bool = False,
) -> Config:
    """What the flags say. Raises `UsageError` where they contradict each other."""
    if images.offline and images.locked:
        raise UsageError("--offline and --locked exclude each other", hint="--locked asks less")
    reach = Reach.LOCKED if images.locked else Reach.OFFLINE if images.offline else Reach.ONLINE
    gate = gate or GateFlags()
    clusters = clusters or ClusterFlags()
    return Config(
        sources=tuple(sources.sources),
        source_options=SourceOptions(helm=_helm_options(sources)),
        allow_empty=sources.allow_empty,
        clusters=tuple(dict.fromkeys(clusters.cluster)),
        images=ImageConfig(reach, images.lock_file, images.cache_dir, images.timeout),
        gate=Gate(_severity(gate.fail_on), gate.strict),
        pedantic=pedantic,
    )


def _helm_options(flags: SourceFlags) -> HelmOptions:
    return HelmOptions(
        values_files=tuple(flags.values),
        set_values=tuple(flags.set_values),
        set_strings=tuple(flags.set_strings),
        release_name=flags.release_name,
        namespace=flags.namespace,
        kube_version=flags.kube_version,
        api_versions=tuple(flags.api_versions),
        renderer=flags.renderer.value,
    )


def _severity(fail_on: FailOn) -> Severity | None:
    return None if fail_on is FailOn.NEVER else Severity[fail_on.name]


def load_clusters(config: Config) -> tuple[ClusterProfile, ...]:
    """The clusters to audit against. Raises `ConfigurationError`."""
    return tuple(map(load_cluster, config.clusters))


def select_rules(config: Config) -> tuple[Rule, ...]:
    """The rules that are on."""
    return tuple(rule for rule in load_builtin_rules() if config.pedantic or not rule.pedantic)


def find_lock_files(config: Config) -> tuple[Path, ...]:
    """The lock files of a run, each once: the one that was named, or those of the sources."""
    if config.images.lock_file is not None:
        return (config.images.lock_file,)
    folders = (Path() if source == "-" else Path(source) for source in config.sources)
    found = (find_lock(folder) for folder in folders)
    return tuple(dict.fromkeys(path for path in found if path is not None))


@dataclass(frozen=True, slots=True)
class Inspection:
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
    """Lock files first, then the cache, then the registries, as far as the reach goes.

    locks: those already read. observer: told of every request. fresh: no answer from the cache
    about a tag stands unasked. Raises `ConfigurationError` for a lock file that is wrong.
    """
    if locks is None:
        locks = {path: read_lock(path) for path in find_lock_files(config)}
    if config.images.reach is Reach.LOCKED:
        yield Inspection(_locked(locks, None))
        return
    with _cached_registries(config, observer, fresh=fresh) as inner:
        yield Inspection(_locked(locks, inner.inspector), inner.remarks)


def _locked(locks: Mapping[Path, LockFile], inner: Inspector | None) -> Inspector:
    for lock in reversed(list(locks.values()) or [LockFile()]):
        inner = LockInspector(lock, inner)
    if inner is None:
        raise AssertionError("a chain of inspectors has an end")
    return inner


@contextmanager
def _cached_registries(
    config: Config, observer: Observer | None, *, fresh: bool
) -> Iterator[Inspection]:
    cache = Cache(config.images.cache_dir or default_root(os.environ))
    if config.images.reach is Reach.OFFLINE:
        yield Inspection(CachingInspector(None, cache), lambda: cache.notes)
        return
    from auditor.registry.client import RegistryInspector
    from auditor.registry.credentials import DockerKeychain
    from auditor.registry.options import RegistryOptions

    options = RegistryOptions(run_timeout=config.images.timeout)
    keychain = DockerKeychain(os.environ, Path.home())
    with RegistryInspector(options, keychain=keychain, blobs=cache, observer=observer) as origin:
        caching = CachingInspector(
            origin,
            cache,
            max_age=0 if fresh else default_max_age(os.environ),
            max_stale=0 if fresh else MAX_STALE,
        )
        yield Inspection(caching, lambda: (*cache.notes, *origin.remarks))
