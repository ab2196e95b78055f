"""The two sides of `podfit diff`: audited sources, git revisions, JSON reports and lock files."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.audit.sides import Cluster, Image, Pool, Side, Summary
from auditor.cli.assembly import load_clusters
from auditor.cli.configuration import Flags, make_config
from auditor.cli.options import OutputFlags
from auditor.cli.run import run_audits
from auditor.config.model import STREAM
from auditor.config.revisions import SUBMODULE, GitRepository, open_repository
from auditor.errors import UsageError
from auditor.files.paths import find_home, real_path
from auditor.files.strict import read_bounded
from auditor.formats.report_reading import is_report, read_report, side_of
from auditor.policy.policy import Gate
from auditor.registry.lock import read_lock
from auditor.scheduling.nodes import ClusterProfile

_MAX_JSON: Final = 200 * 1024 * 1024
_USAGE: Final = "use `podfit diff OLD NEW`, or `podfit diff --base REVISION [SOURCE]...`"


class Input(Struct, frozen=True):
    """One side as the user named it.

    Attributes:
        sources: What to audit, or the path of a report or lock file; () if nothing is there yet.
        name: How to call it in the output.
        root: The start of its paths in the output.
        copy: The temporary folder with the files of its revision.
        shown: How the paths of this folder are shown, such as `HEAD~1:`.
        home: The repository of the revision.
    """

    sources: tuple[str, ...]
    name: str
    root: str
    copy: Path | None = None
    shown: str = ""
    home: Path | None = None

    def files(self, paths: Sequence[str]) -> list[str]:
        """Return values files, in the version of the revision if it has them."""
        return [self._file(path) for path in paths]

    def _file(self, path: str) -> str:
        there = real_path(Path(path))
        if self.copy is None or self.home is None or not there.is_relative_to(self.home):
            return path
        own = self.copy / there.relative_to(self.home)
        return str(own) if own.exists() else path


class Sides(Struct, frozen=True):
    """Both sides, the gate of NEW, and the report of NEW if it was audited in this run."""

    old: Side
    new: Side
    gate: Gate
    report: Report | None


def open_sides(flags: Flags, base: str | None, output: OutputFlags) -> Sides:
    """Read or audit both sides. Raises `UsageError` and `ConfigurationError`."""
    named = flags.named or ((".",) if base else ())
    before, after = _with_base(named, base) if base else _two(named)
    kinds = {_kind(before), _kind(after)}
    if "lock file" in kinds and len(kinds) > 1:
        raise UsageError("a lock file can only be compared with a lock file", hint=_USAGE)
    audited = next((item for item in (after, before) if _kind(item) == "source"), None)
    place = str(Path(after.sources[0]).parent) if after.sources else "."
    # The configuration of NEW decides about clusters and the exit code.
    config = make_config(_flags_of(flags, audited.sources if audited else (place,), audited))
    clusters = load_clusters(config)
    read = _Reader(flags, clusters, output, allow_empty=bool(base))
    new, report = read.side(after)
    old, _ = read.side(before, is_old=True)
    return Sides(old, new, config.gate, report)


class _Reader(Struct, frozen=True):
    flags: Flags
    clusters: tuple[ClusterProfile, ...]
    output: OutputFlags
    allow_empty: bool

    def side(self, item: Input, *, is_old: bool = False) -> tuple[Side, Report | None]:
        """Return a side, and its report if it was audited."""
        kind = _kind(item)
        if kind == "report":
            where = item.name
            side = read_report(_json(Path(item.sources[0])), where)
            return replace(side, name=item.name), None
        if kind == "lock file":
            return self._lock(item), None
        if not item.sources:
            return Side(Summary(incomplete=False), self._shown_clusters(), name=item.name), None
        flags = _flags_of(self.flags, item.sources, item)
        config = make_config(flags)
        if item.copy and self.flags.gate.policy_from:
            # The author of the change may also have written the cache.
            config = replace(config, images=replace(config.images, refresh=True))
        if is_old and self.allow_empty:
            config = replace(config, allow_empty=True)
        (report,) = run_audits(config, self.output, (self.clusters,))
        replaced = ((f"{item.copy}{os.sep}", item.shown), (str(item.copy), item.shown))
        side = side_of(report, replaced if item.copy else ())
        side = replace(side, name=item.name, root=item.root)
        return side, None if item.copy else report  # annotations need the working tree

    def _lock(self, item: Input) -> Side:
        images = read_lock(Path(item.sources[0])).images
        return Side(
            Summary(incomplete=False),
            self._shown_clusters(),
            images=tuple(
                Image(str(image), tuple(map(str, known.platforms)), known.digest)
                for image, known in sorted(images.items(), key=lambda pair: pair[0])
            ),
            name=item.name,
            images_only=True,
        )

    def _shown_clusters(self) -> tuple[Cluster, ...]:
        return tuple(
            Cluster(item.name, tuple(Pool(pool.name, str(pool.platform)) for pool in item.pools))
            for item in self.clusters
        )


def _flags_of(flags: Flags, sources: Sequence[str], item: Input | None) -> Flags:
    """Return the options for one side; a revision brings its own policy files."""
    own = replace(flags.sources, sources=list(sources))
    if item is None or item.copy is None:
        return replace(flags, sources=own)
    own = replace(own, values=item.files(own.values))
    return replace(flags, sources=own, gate=replace(flags.gate, policy_from=None))


def _two(named: Sequence[str]) -> tuple[Input, Input]:
    if len(named) != 2:  # noqa: PLR2004 - OLD and NEW
        raise UsageError(f"diff needs OLD and NEW, not {len(named)} arguments", hint=_USAGE)
    if list(named) == [STREAM, STREAM]:
        raise UsageError("standard input cannot be both OLD and NEW", hint=_USAGE)
    old, new = map(_input, named)
    return old, new


def _input(text: str) -> Input:
    """Return a side: a path if there is one, or `REV:PATH`."""
    revision, colon, path = text.partition(":")
    if not colon or not revision or "://" in text or _exists(text):
        root = "" if Path(text) == Path() else Path(text).as_posix()
        return Input((text,), text, root)
    repository = _repository(text)
    commit = repository.commit(revision)
    inside = _inside(path, repository.root, text)
    _no_submodule(repository, commit, inside)
    copy = repository.copied(commit, "podfit-diff-")
    if not _exists(str(copy / inside)):
        raise UsageError(
            f"{text}: the revision has no {inside}",
            hint="PATH starts at the root of the repository; ./PATH at the working directory",
        )
    shown = f"{revision}:"
    root = "" if inside == "." else inside
    return Input((str(copy / inside),), text, shown + root, copy, shown, repository.root)


def _with_base(named: Sequence[str], base: str) -> tuple[Input, Input]:
    """Return SOURCEs in an earlier revision, and now."""
    if STREAM in named:
        raise UsageError("--base cannot be used with standard input", hint=_USAGE)
    repository = _repository(f"--base {base}")
    commit = repository.merge_base(repository.commit(base))
    copy = repository.copied(commit, "podfit-diff-")
    earlier = []
    for name in named:
        if "://" in name:
            earlier.append(name)
            continue
        inside = _inside(f"./{name}", repository.root, name)
        _no_submodule(repository, commit, inside)
        if _exists(str(copy / inside)):
            earlier.append(str(copy / inside))
    here = _inside("./", repository.root, base)
    shown = f"{base}:"
    prefix = shown if here == "." else f"{shown}{here}/"
    old = Input(tuple(earlier), base, prefix, copy, shown, repository.root)
    return old, Input(tuple(named), "the working tree", "")


def _repository(what: str) -> GitRepository:
    home = find_home(Path())
    if home is None or not home.is_repository:
        raise UsageError(
            f"{what}: no such file, and the working directory is not in a git repository",
            hint="check the path, or run podfit in the repository",
        )
    return open_repository(home.root, what.partition(" ")[0] if what.startswith("--") else "diff")


def _inside(path: str, root: Path, what: str) -> str:
    """Return a path from the root of the repository. `./PATH` is from the working directory."""
    start = Path.cwd() if path.startswith(("./", "../")) else root
    there = Path(os.path.normpath(real_path(start) / path))
    if not there.is_relative_to(root):
        raise UsageError(f"{what}: the path is outside of the repository", hint=_USAGE)
    return there.relative_to(root).as_posix()


def _no_submodule(repository: GitRepository, commit: str, path: str) -> None:
    """Raise `ConfigurationError` if a path contains a submodule or is in one."""
    for item in repository.entries(commit):
        around = Path(path)
        if item.mode == SUBMODULE and (
            Path(item.path).is_relative_to(around) or around.is_relative_to(item.path)
        ):
            why = f"{item.path} is a submodule, whose files are not in this repository"
            raise repository.unreadable(path, why)


def _kind(item: Input) -> str:
    """Return `report`, `lock file` or `source`."""
    path = Path(item.sources[0]) if len(item.sources) == 1 else None
    if path is None or path.suffix != ".json" or not _exists(str(path)) or not path.is_file():
        return "source"
    value = _json(path)
    if is_report(value):
        return "report"
    return "lock file" if isinstance(value, dict) and _is_lock(value) else "source"


def _is_lock(value: dict[str, Any]) -> bool:
    return "images" in value and "version" in value and "kind" not in value


def _json(path: Path) -> Any:
    """Return the JSON value of a file; None if it is not JSON."""
    try:
        return json.loads(read_bounded(path, what="report", limit=_MAX_JSON))
    except (ValueError, RecursionError):
        return None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False
