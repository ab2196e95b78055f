"""What changed between two sides: findings, images, platforms, placements and keys of values."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from auditor.audit.pairing import Group, GroupKey, WorkloadPair, pair, pair_workloads
from auditor.audit.sides import Cluster, FindingEntry, Fit, Image, Side
from auditor.checks.findings import Severity
from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE
from auditor.images.platforms import Platform, missing_platforms, parse_platform
from auditor.images.references import parse_reference
from auditor.policy.policy import Gate


class ImageChange(Struct, frozen=True):
    """An image that changed.

    Attributes:
        old: None if it was added.
        new: None if it was removed.
        lost: The platforms that only the old one supports, ignoring the revision of Windows builds.
        gained: The platforms that only the new one supports.
    """

    old: Image | None
    new: Image | None
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()

    @property
    def moved(self) -> bool:
        """Whether the same reference has another digest."""
        return bool(
            self.old
            and self.new
            and self.old.image == self.new.image
            and self.old.digest
            and self.new.digest
            and self.old.digest != self.new.digest
        )

    @property
    def undetermined(self) -> bool:
        """Whether the platforms of one of two images are unknown."""
        return bool(self.old and self.new) and None in (
            self.old and self.old.known,
            self.new and self.new.known,
        )


class Effect(Enum):
    """How a workload and a pool changed; the value is used in JSON."""

    STOPPED = "no-longer-runs"
    WIDENED = "may-land-now"
    NARROWED = "kept-off-now"
    STARTED = "runs-now"


class PoolChange(Struct, frozen=True):
    """A workload whose outcome on a pool changed. `old` and `new` are the two outcomes."""

    workload: str
    effect: Effect
    old: Fit
    new: Fit

    @property
    def pool(self) -> str:
        return f"{self.new.cluster}/{self.new.pool}"


class KeyMove(Struct, frozen=True):
    """Keys of values that resolved a finding of OLD, and those that resolve it in NEW."""

    workload: str
    rule: str
    old: tuple[str, ...]
    new: tuple[str, ...]


class LostPlatform(Struct, frozen=True):
    """A platform that an image lost and that a pool of a cluster has."""

    image: str
    platform: str
    pools: tuple[str, ...]


class Comparison(Struct, frozen=True):
    """The differences between two sides.

    Attributes:
        appearing: The findings that only NEW has.
        disappearing: The findings that only OLD has.
        undetermined: The findings that only OLD has, of workloads that are partly unknown in NEW.
        suppressed: The findings of OLD that are suppressed in NEW; as in NEW.
        raised: The findings with a higher severity in NEW; those of NEW.
        images: Images that were added, removed, replaced or moved.
        lost: Platforms that images lost and that pools have; only without workloads.
        pools: Workloads whose outcome on a pool changed.
        keys: Keys of values that no longer resolve a finding.
        added: Workloads that only NEW has.
        removed: Workloads that only OLD has.
        other_clusters: Whether the sides were audited against different clusters.
        compared: Number of workloads that both sides have.
    """

    old: Side
    new: Side
    gate: Gate
    appearing: tuple[FindingEntry, ...] = ()
    disappearing: tuple[FindingEntry, ...] = ()
    undetermined: tuple[FindingEntry, ...] = ()
    suppressed: tuple[FindingEntry, ...] = ()
    raised: tuple[FindingEntry, ...] = ()
    images: tuple[ImageChange, ...] = ()
    lost: tuple[LostPlatform, ...] = ()
    pools: tuple[PoolChange, ...] = ()
    keys: tuple[KeyMove, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    other_clusters: bool = False
    compared: int = 0

    @property
    def incomplete_sides(self) -> tuple[Side, ...]:
        return tuple(side for side in (self.old, self.new) if self._is_incomplete(side))

    def _is_incomplete(self, side: Side) -> bool:
        return bool(side.summary.incomplete or side.errors or (self.gate.strict and side.reserved))

    @property
    def incomplete(self) -> bool:
        """Whether part of a side was not audited, so that differences may be missing."""
        return bool(self.incomplete_sides)

    @property
    def stopped(self) -> tuple[PoolChange, ...]:
        """The workloads that ran on a pool and cannot run there any more."""
        return tuple(item for item in self.pools if item.effect is Effect.STOPPED)

    @property
    def worse(self) -> bool:
        """Whether there is a new finding at or above the gate, or a lost platform."""
        grown = (*self.appearing, *self.raised)
        fails = any(self.gate.fails(Severity[item.severity.upper()]) for item in grown)
        return fails or (self.gate.fails(Severity.ERROR) and bool(self.stopped or self.lost))

    @property
    def changed(self) -> bool:
        """Whether the sides differ in anything that is compared."""
        findings = (self.appearing, self.disappearing, self.undetermined, self.suppressed)
        return bool(
            any(findings)
            or self.raised
            or self.images
            or self.pools
            or self.keys
            or self.added
            or self.removed
        )

    @property
    def exit_code(self) -> int:
        """0 nothing got worse, 1 something did, 3 incomplete. 1 takes precedence over 3."""
        if self.worse:
            return EXIT_FINDINGS
        return EXIT_INCOMPLETE if self.incomplete else EXIT_CLEAN


def compare_sides(old: Side, new: Side, gate: Gate) -> Comparison:
    """Compare two sides; if nothing of one could be audited, nothing is compared."""
    if old.failed or new.failed:
        return Comparison(old, new, gate)
    pairs = pair_workloads(old, new)
    kept = [item for item in pairs if item.old and item.new]
    matched = _matcher(old, new, pairs)
    same, gone, appearing = matched(old.active, new.active)
    hidden, gone, _ = matched(gone, [item for item in new.findings if item.suppressed is not None])
    is_undetermined = _undetermined_in(old, pairs)
    images = tuple(_images(old, new, kept))
    only_images = old.images_only and new.images_only
    return Comparison(
        old,
        new,
        gate,
        appearing=tuple(appearing),
        disappearing=tuple(item for item in gone if not is_undetermined(item)),
        undetermined=tuple(filter(is_undetermined, gone)),
        suppressed=tuple(after for _, after in hidden),
        raised=tuple(after for before, after in same if _rank(after) > _rank(before)),
        images=images,
        lost=tuple(_lost(images, new.clusters)) if only_images else (),
        pools=tuple(change for item in kept for change in _pools(item)),
        keys=tuple(_moved_keys(same, new)),
        added=tuple(item.name for item in pairs if not item.old),
        removed=tuple(item.name for item in pairs if not item.new),
        other_clusters=not only_images and _pool_names(old) != _pool_names(new),
        compared=len(kept),
    )


def _rank(finding: FindingEntry) -> Severity:
    return Severity[finding.severity.upper()]


def _pool_names(side: Side) -> set[tuple[str, str, str]]:
    return {(item.name, pool.name, pool.platform) for item in side.clusters for pool in item.pools}


_Matched = tuple[list[tuple[FindingEntry, FindingEntry]], list[FindingEntry], list[FindingEntry]]
"""The findings that both sides have, and those that only OLD and only NEW has."""


def _matcher(
    old: Side, new: Side, pairs: Sequence[WorkloadPair]
) -> Callable[[Sequence[FindingEntry], Sequence[FindingEntry]], _Matched]:
    """Return the function that pairs findings of OLD and NEW.

    Two findings are the same if the same rule is about the same containers of the same workload.
    `id` decides between several of them, and about findings whose workload is not in the report.
    """
    before = _indices((index, item.old) for index, item in enumerate(pairs))
    after = _indices((index, item.new) for index, item in enumerate(pairs))
    old_place, new_place = _place_in(old), _place_in(new)

    def old_key(item: FindingEntry) -> Hashable:
        index = before.get(old_place(item), before.get(("", item.workload)))
        if index is None:
            return None
        renamed = pairs[index].containers
        names = (renamed.get(each.name, each.name) for each in item.containers)
        return index, item.rule, tuple(names)

    def new_key(item: FindingEntry) -> Hashable:
        index = after.get(new_place(item), after.get(("", item.workload)))
        names = tuple(each.name for each in item.containers)
        return None if index is None else (index, item.rule, names)

    def matched(olds: Sequence[FindingEntry], news: Sequence[FindingEntry]) -> _Matched:
        same: list[tuple[FindingEntry, FindingEntry]] = []
        gone, come = list(olds), list(news)
        for keys in (
            (_with(old_key, lambda item: item.id), _with(new_key, lambda item: item.id)),
            (_with(old_key, lambda item: item.message), _with(new_key, lambda item: item.message)),
            (old_key, new_key),
            (lambda item: (item.rule, item.id),) * 2,
        ):
            paired, gone, come = pair(gone, come, *keys)
            same += paired
        return same, gone, come

    return matched


def _undetermined_in(old: Side, pairs: Sequence[WorkloadPair]) -> Callable[[FindingEntry], bool]:
    """Return whether NEW cannot show that a finding of OLD is gone.

    This is so if an image or the placement is unknown on a pool where OLD had the problem.
    """
    before = _indices((index, item.old) for index, item in enumerate(pairs))
    place = _place_in(old)

    def is_undetermined(item: FindingEntry) -> bool:
        index = before.get(place(item), before.get(("", item.workload)))
        if index is None:
            return False
        fits, news = pairs[index].old_fits, pairs[index].new_fits
        wrong = {
            (fit.cluster, fit.pool)
            for fit in fits
            if fit.placement != _REFUSED and fit.runnable == "no"
        }
        return any(
            (fit.placement != _REFUSED and fit.runnable == "unknown")
            or (fit.placement == "undecided" and fit.runnable == "no")
            for fit in news
            if not wrong or (fit.cluster, fit.pool) in wrong
        )

    return is_undetermined


def _indices(groups: Iterable[tuple[int, Group | None]]) -> dict[GroupKey, int]:
    """Return the index of each group by its key, and by its name alone."""
    named = [(index, group) for index, group in groups if group]
    keys = [(key, index) for index, group in named for key in (group.key, *group.others)]
    return {**{("", name): index for (_, name), index in reversed(keys)}, **dict(keys)}


def _place_in(side: Side) -> Callable[[FindingEntry], GroupKey]:
    def place(item: FindingEntry) -> GroupKey:
        return Group.key_of(side, item.location.path, item.workload)

    return place


def _with(
    key: Callable[[FindingEntry], Hashable], more: Callable[[FindingEntry], str]
) -> Callable[[FindingEntry], Hashable]:
    def extended(item: FindingEntry) -> Hashable:
        own = key(item)
        return None if own is None else (own, more(item))

    return extended


def _images(old: Side, new: Side, pairs: Iterable[WorkloadPair]) -> Iterator[ImageChange]:
    """Pair the images by name, by the container that uses them, and by repository."""
    before = {item.image: item for item in old.images}
    after = {item.image: item for item in new.images}
    for name in sorted(before.keys() & after.keys()):
        change = _change(before[name], after[name])
        if change.moved or change.lost or change.gained:
            yield change
    used = {
        (_canonical(one), _canonical(other)): None for item in pairs for one, other in item.replaced
    }
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    replaced = [(before[one], after[other]) for one, other in used if one in gone and other in come]
    lone_old = sorted(gone - {one.image for one, _ in replaced})
    lone_new = sorted(come - {other.image for _, other in replaced})
    named, *rest = pair(lone_old, lone_new, _repository, _repository)
    replaced += ((before[one], after[other]) for one, other in named)
    yield from sorted((_change(one, other) for one, other in replaced), key=_names_of)
    yield from (ImageChange(before[name], None) for name in rest[0])
    yield from (ImageChange(None, after[name]) for name in rest[1])


def _names_of(change: ImageChange) -> tuple[str, str]:
    return change.old.image if change.old else "", change.new.image if change.new else ""


def _canonical(text: str) -> str:
    """Return the canonical form of an image, which a report uses as its name."""
    return str(parsed) if hasattr(parsed := parse_reference(text), "repository") else text


def _repository(name: str) -> Hashable:
    parsed = parse_reference(name)
    repository = getattr(parsed, "repository", None)
    return repository and (getattr(parsed, "registry", ""), repository)


def _change(old: Image, new: Image) -> ImageChange:
    if old.known is None or new.known is None:
        return ImageChange(old, new)
    before, after = _parsed(old.known), _parsed(new.known)
    lost, gained = missing_platforms(before, after), missing_platforms(after, before)
    return ImageChange(old, new, tuple(map(str, lost)), tuple(map(str, gained)))


def _parsed(platforms: Iterable[str]) -> tuple[Platform, ...]:
    return tuple(map(parse_platform, platforms))


def _lost(images: Iterable[ImageChange], clusters: Sequence[Cluster]) -> Iterator[LostPlatform]:
    pools = [
        (f"{cluster.name}/{pool.name}", parse_platform(pool.platform))
        for cluster in clusters
        for pool in cluster.pools
    ]
    for change in images:
        for platform in change.lost:
            lost = (parse_platform(platform),)
            needed = tuple(name for name, own in pools if not missing_platforms((own,), lost))
            if needed and change.new:
                yield LostPlatform(change.new.image, platform, needed)


_REFUSED: Final = "refused"


def _pools(item: WorkloadPair) -> Iterator[PoolChange]:
    after = {(fit.cluster, fit.pool): fit for fit in item.new_fits}
    for old in item.old_fits:
        new = after.get((old.cluster, old.pool))
        effect = new and _effect(old, new)
        if new and effect:
            yield PoolChange(item.name, effect, old, new)


def _effect(old: Fit, new: Fit) -> Effect | None:
    lands = (old.placement != _REFUSED, new.placement != _REFUSED)
    if lands[0] and old.runnable == "yes" and new.runnable == "no":
        return Effect.STOPPED
    if lands == (False, True):
        return Effect.WIDENED
    if lands == (True, False):
        return Effect.NARROWED
    if lands[1] and old.runnable == "no" and new.runnable == "yes":
        return Effect.STARTED
    return None


def _moved_keys(same: Iterable[tuple[FindingEntry, FindingEntry]], new: Side) -> Iterator[KeyMove]:
    """Yield the keys of values that resolved a finding of OLD and do not resolve it in NEW.

    Nothing is known about keys if NEW was audited without a search for them.
    """
    if not new.overlays and not any(item.fix.remedies for item in new.findings):
        return
    seen = set()
    for before, after in same:
        old_keys = next(_keys(before), ())
        all_new = tuple(_keys(after))
        gone = tuple(key for key in old_keys if not any(key in keys for keys in all_new))
        move = KeyMove(str(after.workload), after.rule, gone, next(iter(all_new), ()))
        if gone and (move.workload, move.old, move.new) not in seen:
            seen.add((move.workload, move.old, move.new))
            yield move


def _keys(finding: FindingEntry) -> Iterator[tuple[str, ...]]:
    return (item.keys for item in finding.fix.remedies if item.kind == "values")
