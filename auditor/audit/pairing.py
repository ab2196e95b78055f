"""Which workload of one side is which workload of the other.

Lines, the version of a chart, the name of a release, renamed templates and other names of
containers do not make a workload another one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from msgspec import Struct, field

from auditor.audit.sides import ContainerEntry, Fit, Name, Side, WorkloadEntry

T = TypeVar("T")
Key = Callable[[T], Hashable]

GroupKey = tuple[str, Name]
"""The path of a workload without the root of its side, and its name."""
_VERSION: Final = re.compile(r"-v?\d+\.\d+\.\d+[\w.+-]*(?=\.tgz)")
"""The version in the name of an archive."""
_PLACEMENTS: Final = ("refused", "undecided", "admitted")
_RUNNABLE: Final = ("yes", "unknown", "no")


def pair(
    olds: Iterable[T], news: Iterable[T], old_key: Key[T], new_key: Key[T]
) -> tuple[list[tuple[T, T]], list[T], list[T]]:
    """Pair the items with equal keys, in order; return the pairs and the rest of each side.

    A key that is None equals no other.
    """
    waiting: dict[Hashable, list[T]] = {}
    olds = list(olds)
    for item in olds:
        if (key := old_key(item)) is not None:
            waiting.setdefault(key, []).append(item)
    paired: list[tuple[T, T]] = []
    left: list[T] = []
    for item in news:
        key = new_key(item)
        same = waiting.get(key) if key is not None else None
        if same:
            paired.append((same.pop(0), item))
        else:
            left.append(item)
    taken = {id(one) for one, _ in paired}
    return paired, [item for item in olds if id(item) not in taken], left


class Group(Struct, frozen=True):
    """A workload of one side with all its variants.

    Attributes:
        others: Its keys in variants that give it another name.
    """

    key: GroupKey
    entries: tuple[WorkloadEntry, ...]
    others: tuple[GroupKey, ...] = ()

    @staticmethod
    def key_of(side: Side, path: str, name: Name) -> GroupKey:
        """Return what identifies a workload on its own side."""
        own = Name(name.kind, name.namespace, name.name, name.component)
        return _VERSION.sub("", side.relative(path)), own

    @property
    def path(self) -> str:
        return self.key[0]

    @property
    def name(self) -> Name:
        return self.key[1]

    @property
    def containers(self) -> tuple[ContainerEntry, ...]:
        return tuple(dict.fromkeys(each for item in self.entries for each in item.containers))

    @property
    def fits(self) -> tuple[Fit, ...]:
        """The fit of each pool; of several variants, that which may land and cannot run."""
        merged: dict[tuple[str, str], Fit] = {}
        for fit in (each for item in self.entries for each in item.pools):
            key = (fit.cluster, fit.pool)
            known = merged.get(key, fit)
            merged[key] = Fit(
                *key,
                max(known.placement, fit.placement, key=_PLACEMENTS.index),
                max(known.runnable, fit.runnable, key=_RUNNABLE.index),
            )
        return tuple(merged.values())


class WorkloadPair(Struct, frozen=True):
    """A workload of both sides, or of one of them.

    Attributes:
        containers: Names of containers of OLD and what they are called in NEW.
        replaced: Images of OLD and NEW of the same container that differ.
    """

    old: Group | None
    new: Group | None
    containers: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        group = self.new or self.old
        return str(group.name) if group else ""

    @property
    def old_fits(self) -> tuple[Fit, ...]:
        return self.old.fits if self.old else ()

    @property
    def new_fits(self) -> tuple[Fit, ...]:
        return self.new.fits if self.new else ()


def pair_workloads(old: Side, new: Side) -> tuple[WorkloadPair, ...]:
    """Pair the workloads of two sides: by file and name, by name, and by file and content."""
    before, after = _groups(old), _groups(new)
    found: list[tuple[Group, Group]] = []
    olds, news = list(before), list(after)
    for key in (_by_file_and_name, _by_name):
        paired, olds, news = pair(olds, news, key, key)
        found += paired
    for one in tuple(olds):
        other = next((item for item in news if _is_renamed(one, item)), None)
        if other:
            found.append((one, other))
            olds.remove(one)
            news.remove(other)
    pairs = [_joined(one, other) for one, other in found]
    order = {id(group): index for index, group in enumerate(after)}
    pairs.sort(key=lambda item: order[id(item.new)])
    gone = (WorkloadPair(item, None) for item in olds)
    come = (WorkloadPair(None, item) for item in news)
    return (*pairs, *gone, *come)


def _groups(side: Side) -> list[Group]:
    found: dict[GroupKey, list[WorkloadEntry]] = {}
    for item in side.workloads:
        found.setdefault(Group.key_of(side, item.location.path, item), []).append(item)
    groups: dict[Hashable, list[Group]] = {}
    for key, entries in found.items():
        group = Group(key, tuple(entries))
        same = groups.setdefault((key[0], key[1].kind, key[1].component), [])
        index = next((i for i, item in enumerate(same) if _is_variant(item, group)), None)
        if index is None:
            same.append(group)
        else:
            known = same[index]
            merged = (*known.entries, *group.entries)
            same[index] = Group(known.key, merged, (*known.others, key))
    return [group for same in groups.values() for group in same]


def _is_variant(one: Group, other: Group) -> bool:
    """Whether two workloads of one template never occur together."""
    variants = [
        {name for item in group.entries for name in item.variants} for group in (one, other)
    ]
    return all(variants) and variants[0].isdisjoint(variants[1])


def _by_file_and_name(group: Group) -> Hashable:
    return group.key


def _by_name(group: Group) -> Hashable:
    return group.name


def _is_renamed(old: Group, new: Group) -> bool:
    """Whether two workloads of one kind and file have a container or image repository in common."""
    sort = (old.path, old.name.kind, old.name.component)
    if sort != (new.path, new.name.kind, new.name.component):
        return False
    shared = {item.name for item in old.containers} & {item.name for item in new.containers}
    images = {repository_of(item.image) for item in old.containers}
    return bool(shared) or any(repository_of(item.image) in images for item in new.containers)


def repository_of(image: str) -> str:
    """Return an image without its digest and tag."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _joined(old: Group, new: Group) -> WorkloadPair:
    paired = list(_pair_containers(old.containers, new.containers))
    return WorkloadPair(
        old,
        new,
        {one.name: other.name for one, other in paired},
        tuple((one.image, other.image) for one, other in paired if one.image != other.image),
    )


def _pair_containers(
    olds: Sequence[ContainerEntry], news: Sequence[ContainerEntry]
) -> Iterator[tuple[ContainerEntry, ContainerEntry]]:
    left, right = list(olds), list(news)
    keys: tuple[Key[ContainerEntry], ...] = (
        lambda item: (item.name, item.role, item.image),
        lambda item: (item.name, item.role),
        lambda item: (repository_of(item.image), item.role),
    )
    for key in keys:
        paired, left, right = pair(left, right, key, key)
        yield from paired
    if len(left) == len(right) == 1 and left[0].role == right[0].role:
        yield left[0], right[0]
