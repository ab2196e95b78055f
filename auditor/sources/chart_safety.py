"""Copies of charts that are safe to render: without links and schema references to the outside.

Files are found in folders, through links within the chart's repository, and in archives of
subcharts. Copies are made in temporary folders; the user's chart is never changed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.paths import find_home, is_within, real_path
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.sources.chart import (
    CHART_FILE,
    MAX_MEMBERS,
    MAX_UNPACKED,
    REQUIREMENTS_FILE,
    SUBCHARTS,
    ArchiveError,
    Chart,
    is_archive,
    open_members,
    pack,
    read_members,
)
from auditor.sources.files import read_text

_MAX_ENTRIES: Final = 200_000
"""More than any chart has, even one at the root of a repository."""
_MAX_NESTING: Final = 8

Wanted = Callable[[str], bool]
"""Whether a file is wanted, by its path in the chart. A subchart's archive counts as a folder."""


class Entry(Struct, frozen=True, order=True):
    """A file or link in a chart's folder.

    Attributes:
        path: The path in the chart, with slashes.
        leads_out: Whether it is a link to a target outside the chart and its repository.
    """

    path: str
    file: Path
    leads_out: bool = False


def walk_chart(folder: Path) -> Iterator[Entry]:
    """Yield the entries of a chart's folder; links are followed within the chart's repository.

    Links to a parent folder and unreadable folders are skipped: Helm fails on them and reports it.
    Raises ArchiveError if there are too many entries, and OSError if `folder` cannot be read.
    """
    home = find_home(folder)
    roots = (real_path(folder), *((home.root,) if home and home.is_repository else ()))
    pending, left = [("", folder)], _MAX_ENTRIES
    while pending:
        above, current = pending.pop()
        try:
            with os.scandir(current) as entries:
                found = list(entries)
        except OSError:
            if not above:
                raise
            continue
        left -= len(found)
        if left < 0:
            raise ArchiveError(f"it contains more than {_MAX_ENTRIES} files and folders")
        for item in found:
            path, file = f"{above}{item.name}", Path(item.path)
            target = real_path(file) if item.is_symlink() else file
            if item.is_symlink() and not any(is_within(target, root) for root in roots):
                yield Entry(path, file, leads_out=True)
            elif not target.is_dir():
                yield Entry(path, file)
            elif not (item.is_symlink() and real_path(current).is_relative_to(target)):
                pending.append((f"{path}/", file))


def chart_files(chart: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of the wanted files of a chart's folder or archive, by path.

    Links to the outside are skipped. Raises ArchiveError and OSError.
    """
    left = MAX_UNPACKED
    needed = _with_archives("", wanted)
    files = open_members(chart, needed) if chart.is_file() else _in_folder(chart, needed)
    for count, (path, content) in enumerate(_expanded(files, wanted, "", _MAX_NESTING)):
        left -= len(content)
        if left < 0 or count >= MAX_MEMBERS:
            raise _too_large()
        yield path, content


def _too_large() -> ArchiveError:
    return ArchiveError(f"it contains more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files")


def is_subchart(path: str) -> bool:
    """Whether a path in a chart is the archive of a subchart."""
    return is_archive(path) and path.rpartition("/")[0].rpartition("/")[2] == SUBCHARTS


def _in_folder(chart: Path, needed: Wanted) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(walk_chart(chart)):
        if needed(entry.path) and not entry.leads_out and entry.file.is_file():
            if entry.file.stat().st_size > MAX_UNPACKED:
                raise ArchiveError(f"{entry.path} has more than {MAX_UNPACKED >> 20} MB")
            yield entry.path, entry.file.read_bytes()


def _expanded(
    files: Iterable[tuple[str, bytes]], wanted: Wanted, above: str, nesting: int
) -> Iterator[tuple[str, bytes]]:
    for name, content in files:
        path = above + name
        if not is_subchart(name):
            yield path, content
        elif not nesting:
            raise ArchiveError(f"{path}: archives in archives, more than {_MAX_NESTING} deep")
        else:
            inside = _packed(path, content, _with_archives(f"{path}/", wanted))
            yield from _expanded(inside, wanted, f"{path}/", nesting - 1)


def _packed(path: str, content: bytes, needed: Wanted) -> Iterator[tuple[str, bytes]]:
    try:
        yield from read_members(io.BytesIO(content), needed)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from error


def _with_archives(above: str, wanted: Wanted) -> Wanted:
    return lambda name: is_subchart(name) or wanted(above + name)


SCHEMA_FILE: Final = "values.schema.json"
_SCHEMA: Final = re.compile(rf"(?:{SUBCHARTS}/[^/]+/)*{re.escape(SCHEMA_FILE)}")
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef", "$schema")
_BUILT_IN: Final = ("http://json-schema.org/", "https://json-schema.org/")
"""The drafts, which are built into Helm's validator."""
_MAX_SCHEMA: Final = 5 << 20
"""Bytes: Helm's limit for one file of a chart."""


class Hazard(Struct, frozen=True, order=True):
    """A link to a target outside the chart's repository, or an external schema reference.

    Attributes:
        path: The path in the chart; a subchart's archive counts as a folder.
        target: The link's target or the reference.
        is_schema: Whether it is a reference in a values schema, not a link.
    """

    path: str
    target: str
    is_schema: bool = False


def find_hazards(chart: Path) -> tuple[Hazard, ...]:
    """Return the hazards in a chart, sorted. Raises ArchiveError and OSError."""
    found = {
        Hazard(entry.path, str(entry.file.readlink()))
        for entry in (() if chart.is_file() else walk_chart(chart))
        if entry.leads_out
    }
    for path, content in chart_files(chart, _is_schema):
        found |= {Hazard(path, name, is_schema=True) for name in external_references(content)}
    return tuple(sorted(found))


def external_references(schema: bytes) -> frozenset[str]:
    """Return the references of a JSON schema to other documents.

    All references count except `#...` and the drafts. `$id` is not considered, because drafts
    disagree on where it applies. Text that is not JSON counts as an external reference.
    """
    unknown = frozenset(("data that cannot be parsed",))
    if len(schema) > _MAX_SCHEMA:
        return unknown
    try:
        pending = [json.loads(schema.decode("utf-8", "replace"))]
    except (ValueError, RecursionError):
        return unknown
    found: set[str] = set()
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            named = [value.get(key) for key in _REFERENCES]
            found.update(name for name in named if isinstance(name, str))
            pending += value.values()
        elif isinstance(value, list):
            pending += value
    return frozenset(name for name in found if not name.startswith(("#", *_BUILT_IN)))


def _is_schema(path: str) -> bool:
    """Whether Helm validates values against the file: only the chart and its subcharts have one."""
    return _SCHEMA.fullmatch(path) is not None


_IGNORE_FILE: Final = ".helmignore"


@contextlib.contextmanager
def without_files(chart: Path, paths: Collection[str]) -> Iterator[Path]:
    """Copy a chart without these files (see `Hazard.path`). Raises SourceError."""
    import tempfile

    drop = frozenset(paths)
    with tempfile.TemporaryDirectory(prefix="podfit-chart-") as name:
        copy = Path(name, "chart")
        copy.mkdir()
        try:
            if chart.is_file():
                _unpack(chart, copy, drop)
            else:
                _copy(chart, copy, drop)
        except (OSError, ArchiveError) as error:
            raise SourceError(
                f"{chart.as_posix()} cannot be copied", where=chart.as_posix(), why=str(error)
            ) from error
        yield copy


@contextlib.contextmanager
def without_dependencies(chart: Path, names: Collection[str]) -> Iterator[Path]:
    """Copy a chart without the declarations of these dependencies."""
    with without_files(chart, ()) as copy:
        for file in (copy / CHART_FILE, copy / REQUIREMENTS_FILE):
            if file.exists():
                _undeclare(file, names)
        yield copy


@contextlib.contextmanager
def with_template(chart: Path, name: str, text: str) -> Iterator[Path]:
    """Copy a chart and add a template."""
    with without_files(chart, ()) as copy:
        templates = copy / "templates"
        templates.mkdir(exist_ok=True)
        (templates / name).write_text(text, encoding="utf-8")
        yield copy


def _unpack(archive: Path, into: Path, drop: frozenset[str]) -> None:
    for name, content in open_members(archive, lambda name: name not in drop):
        if name == _IGNORE_FILE:  # Helm applies it to folders only, not to archives
            continue
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_repacked(name, content, drop) if is_subchart(name) else content)


def _copy(chart: Path, into: Path, drop: frozenset[str]) -> None:
    """Copy a folder; links within the repository are replaced by their targets, others left out."""
    import shutil

    left = MAX_UNPACKED
    for count, entry in enumerate(walk_chart(chart)):
        if entry.path in drop or entry.leads_out or not entry.file.is_file():
            continue
        left -= entry.file.stat().st_size
        if left < 0 or count >= MAX_MEMBERS:
            raise _too_large()
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_subchart(entry.path):
            target.write_bytes(_repacked(entry.path, entry.file.read_bytes(), drop))
        else:
            shutil.copyfile(entry.file, target)


def _repacked(path: str, content: bytes, drop: frozenset[str]) -> bytes:
    """Return an archive without the files to drop; the same bytes if it contains none of them."""
    inside = f"{path}/"
    if not any(item.startswith(inside) for item in drop):
        return content
    kept = read_members(io.BytesIO(content), lambda name: inside + name not in drop)
    return pack(
        (name, _repacked(inside + name, data, drop) if is_subchart(name) else data)
        for name, data in kept
    )


def _undeclare(file: Path, names: Collection[str]) -> None:
    root = next(iter(read_documents(read_text(file, file.name))), None)
    if root is None or isinstance(root, YamlError):
        return
    described = root.plain()
    listed = described.get("dependencies") or []
    described["dependencies"] = [item for item in listed if item.get("name") not in names]
    file.write_text(json.dumps(described), encoding="utf-8")  # JSON is YAML


@contextlib.contextmanager
def made_safe(chart: Chart) -> Iterator[tuple[Chart, tuple[Problem, ...]]]:
    """Yield a chart without links and schema references to the outside, and a problem for each.

    This is the chart itself if it has none, else a copy that is deleted at the end of the context.
    Raises SourceError if the chart cannot be read or copied.
    """
    hazards = _hazards(chart)
    if not hazards:
        yield chart, ()
        return
    problems = tuple(_problem(hazard, chart) for hazard in hazards)
    with without_files(chart.path, {hazard.path for hazard in hazards}) as copy:
        yield replace(chart, path=copy), problems


@contextlib.contextmanager
def safe_copy(chart: Chart) -> Iterator[Path]:
    """Copy the chart's folder without links and schemas to the outside. Raises SourceError."""
    with without_files(chart.path, {hazard.path for hazard in _hazards(chart)}) as copy:
        yield copy


def _hazards(chart: Chart) -> tuple[Hazard, ...]:
    try:
        return find_hazards(chart.path)
    except (OSError, ArchiveError) as error:
        raise SourceError(
            f"chart {chart.name} cannot be read",
            where=chart.shown,
            why=str(error),
            hint="`helm lint` may give details; leave the chart out if it is not yours",
        ) from error


_RENDERED: Final = re.compile(
    rf"(?:{SUBCHARTS}/[^/]+/)*(?:{SUBCHARTS}(?:/[^/]+)?|ci(?:/.*)?|templates(?:/.*)?|\.helmignore"
    r"|(?:Chart|requirements|values)\.(?:yaml|lock))"
)
"""Paths that Helm reads to render a chart. Templates reach other files through `.Files` only."""
_VALUES: Final = ("values.yaml", "values.yml")
"""Values may hold templates too, for `tpl`."""
_FILES: Final = b"Files"


def _problem(hazard: Hazard, chart: Chart) -> Problem:
    where = f"{chart.shown}/{hazard.path}"
    if hazard.is_schema:
        problem = SourceError(
            f"the values of chart {chart.name} were not checked against a schema",
            where=where,
            why=f"the schema refers to {hazard.target}, which podfit does not read",
            hint="`helm lint` checks it",
        ).problem
        return replace(problem, changes_no_pod=True)
    problem = SourceError(
        f"a link in chart {chart.name} to a file outside the repository was left out",
        where=where,
        why=f"it points to {hazard.target}",
        hint="put a copy of the file into the chart",
    ).problem
    return replace(problem, changes_no_pod=not _may_render(hazard.path, chart))


def _may_render(path: str, chart: Chart) -> bool:
    """Whether a file may change what a chart renders."""
    if _RENDERED.fullmatch(path):
        return True
    files = chart_files(chart.path, lambda name: "templates/" in name or name.endswith(_VALUES))
    return any(_FILES in content for _, content in files)
