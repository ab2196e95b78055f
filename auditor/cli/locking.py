"""Implementation of `podfit lock`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from msgspec import Struct

from auditor.audit.audit import Inventory, parse_images, take_inventory
from auditor.checks.wording import count
from auditor.cli.assembly import (
    custom_resources,
    find_lock_files,
    named_lock_file,
    opened_inspector,
    overrides,
    source_place,
)
from auditor.cli.console import say, tell, tell_notices, tell_problems
from auditor.cli.options import WatchFlags
from auditor.cli.run import make_policy, notices_of
from auditor.cli.terminal import Display, display
from auditor.cli.verbose import tell_request
from auditor.config.model import Config, Reach
from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE, UsageError
from auditor.images.images import ImageReference, Platforms, UnknownPlatforms
from auditor.images.references import parse_reference
from auditor.registry.interface import Overrides
from auditor.registry.lock import (
    LockComparison,
    LockConflict,
    LockFile,
    compare,
    disagreements,
    lock_beside,
    pinned,
    read_lock,
    write_lock,
)
from auditor.registry.lock import update as updated
from auditor.sources.interface import Source
from auditor.sources.open import open_sources


class _Target(Struct, frozen=True):
    """One lock file and its images.

    Attributes:
        whole: Whether all of its sources could be read.
    """

    path: Path
    images: frozenset[ImageReference]
    old: LockFile
    whole: bool


def run_lock(
    config: Config, *, check: bool, verify: bool, update: Sequence[str], watch: WatchFlags
) -> int:
    """Write or check every lock file of the sources; return the exit code."""
    if config.images.reach is Reach.LOCKED:
        raise UsageError("--locked cannot be used with podfit lock", hint="remove it")
    if verify:
        return _run_verify(config, watch)
    wanted = frozenset(map(_reference, update))
    observer = tell_request if watch.verbose else None
    with display(watch) as shown:
        sources = _sources(config)
        inventories = {path: _inventory(group, config, shown) for path, group in sources.items()}
        stated = overrides(config)
        rewrite = not check and not wanted
        targets = [_target(*item, stated, rewrite=rewrite) for item in inventories.items()]
        _check_use(wanted, targets)
        asked = sorted({image for target in targets for image in _asked(target, wanted)})
        with opened_inspector(config, locks={}, observer=observer, fresh=True) as inspection:
            answers = inspection.inspector.inspect(asked, shown.on_image)
            remarks = inspection.remarks()
    found = (problem for item in inventories.values() for problem in item.problems)
    acceptance = make_policy(config, baselines=False).accept(tuple(found))
    problems = acceptance.problems
    tell_problems(problems)
    tell_notices((*config.notices, *remarks, *notices_of(chain.from_iterable(sources.values()))))
    tell_notices(item.note for item in acceptance.accepted)
    codes = [_finish(target, answers, wanted, check=check) for target in targets]
    if EXIT_FINDINGS in codes:
        return EXIT_FINDINGS
    return EXIT_INCOMPLETE if problems or EXIT_INCOMPLETE in codes else EXIT_CLEAN


def _run_verify(config: Config, watch: WatchFlags) -> int:
    """Compare each lock entry with the content of its digest; return the exit code."""
    locks = {path: read_lock(path) for path in find_lock_files(config)}
    if not locks:
        raise UsageError("no lock file found", hint="run `podfit lock`")
    asked = sorted({item for lock in locks.values() for item in pinned(lock).values()})
    observer = tell_request if watch.verbose else None
    with (
        display(watch) as shown,
        opened_inspector(config, locks={}, observer=observer, fresh=True) as inspection,
    ):
        answers = inspection.inspector.inspect(asked, shown.on_image)
        tell_notices((*config.notices, *inspection.remarks()))
    codes = [_verified(path, lock, answers) for path, lock in locks.items()]
    return EXIT_FINDINGS if EXIT_FINDINGS in codes else max(codes)


def _verified(path: Path, lock: LockFile, answers: Mapping[ImageReference, Platforms]) -> int:
    wrong, unverified = disagreements(lock, answers)
    for line in wrong:
        say(f"{path}: {line}")
    for line in unverified:
        tell(f"{path}: not verified: {line}")
    if wrong:
        return EXIT_FINDINGS
    if unverified:
        return EXIT_INCOMPLETE
    say(f"{path} is verified ({count(len(lock.images), 'image')})")
    return EXIT_CLEAN


def _reference(text: str) -> ImageReference:
    parsed = parse_reference(text)
    if isinstance(parsed, UnknownPlatforms):
        raise UsageError(f"--update {text}: {parsed.message}", hint=parsed.hint)
    return parsed


def _sources(config: Config) -> dict[Path, tuple[Source, ...]]:
    """Group the sources by lock file."""
    groups: dict[Path, list[str]] = {}
    for source in config.sources:
        path = named_lock_file(config, source) or lock_beside(source_place(source))
        groups.setdefault(path, []).append(source)
    return {path: open_sources(names, config.source_options) for path, names in groups.items()}


def _inventory(sources: Iterable[Source], config: Config, shown: Display) -> Inventory:
    return take_inventory(
        sources,
        table=custom_resources(config),
        allow_empty=config.allow_empty,
        progress=shown.on_document,
    )


def _target(path: Path, inventory: Inventory, stated: Overrides, *, rewrite: bool) -> _Target:
    """Return the target of a lock file, without images whose platforms the configuration sets.

    Args:
        path: The lock file.
        inventory: The images of its sources.
        stated: The platforms that the configuration sets.
        rewrite: Whether to replace all entries, which resolves merge conflicts in the file.
    """
    parsed = parse_images(inventory).values()
    references = {item for item in parsed if isinstance(item, ImageReference)}
    images = frozenset(item for item in references if stated(item) is None)
    old = _old(path, rewrite=rewrite)
    return _Target(path, images, old, whole=not inventory.problems)


def _old(path: Path, *, rewrite: bool) -> LockFile:
    try:
        return read_lock(path) if path.exists() else LockFile()
    except LockConflict:
        if not rewrite:
            raise
        return LockFile()


def _check_use(wanted: frozenset[ImageReference], targets: Sequence[_Target]) -> None:
    """Raise `UsageError` for an unused --update image, which is probably a typo."""
    used = frozenset[ImageReference]().union(*(target.images for target in targets))
    unused = sorted(wanted - used)
    if unused and all(target.whole for target in targets):
        raise UsageError(
            f"--update {unused[0].familiar}: no source uses this image",
            hint="use the name that `podfit images` shows",
        )


def _asked(target: _Target, wanted: frozenset[ImageReference]) -> frozenset[ImageReference]:
    """Return all images or, with --update, the named ones and those without an entry."""
    if not wanted:
        return target.images
    return target.images - (target.old.images.keys() - wanted)


def _finish(
    target: _Target,
    answers: Mapping[ImageReference, Platforms],
    wanted: frozenset[ImageReference],
    *,
    check: bool,
) -> int:
    used = target.images if target.whole else target.images | target.old.images.keys()
    kept = {image: known for image, known in target.old.images.items() if image in used}
    found = {**kept, **{image: answers[image] for image in _asked(target, wanted)}}
    if not found and not target.whole:
        tell(f"{target.path} was not written: no source could be read")
        return EXIT_INCOMPLETE
    comparison = compare(target.old, found)
    if check:
        return _check(target, comparison)
    for change in comparison.changes:
        say(str(change))
    for image, answer in comparison.unresolved:
        tell(f"{image.familiar}: {answer.message}")
    lock = updated(target.old, found)
    verb = "wrote" if write_lock(target.path, lock) else "unchanged:"
    missing = f", {len(comparison.unresolved)} unresolved" if comparison.unresolved else ""
    say(f"{verb} {target.path} ({count(len(lock.images), 'image')}{missing})")
    return EXIT_INCOMPLETE if comparison.unresolved else EXIT_CLEAN


def _check(target: _Target, comparison: LockComparison) -> int:
    """Print the differences between the registries and the lock file."""
    lines = [str(change) for change in comparison.changes]
    lines += [f"{image.familiar}: used but not locked" for image in comparison.added]
    lines += [f"{image.familiar}: locked but not used" for image in comparison.dropped]
    for line in lines:
        say(f"{target.path}: {line}")
    for image, answer in comparison.unresolved:
        tell(f"{target.path}: {image.familiar}: {answer.message}")
    if lines:
        return EXIT_FINDINGS
    if comparison.unresolved:
        return EXIT_INCOMPLETE
    say(f"{target.path} is up to date ({count(len(target.images), 'image')})")
    return EXIT_CLEAN
