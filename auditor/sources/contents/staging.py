"""A chart copied to a temporary folder, without what must not reach Helm. Never the user's own."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from auditor.errors import SourceError
from auditor.sources.archives import (
    MAX_MEMBERS,
    MAX_UNPACKED,
    ArchiveError,
    open_members,
    pack,
    read_members,
)
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE
from auditor.sources.contents.chart_files import is_subchart, walk_chart
from auditor.sources.files import read_text
from auditor.yaml.reading import YamlError, read_documents

_IGNORE_FILE: Final = ".helmignore"


@contextlib.contextmanager
def without_files(chart: Path, paths: Collection[str]) -> Iterator[Path]:
    """A copy of a chart that lacks these files (see `Hazard.path`). Raises SourceError."""
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
    """A copy of a chart that does not declare the dependencies of these names."""
    with without_files(chart, ()) as copy:
        for file in (copy / CHART_FILE, copy / REQUIREMENTS_FILE):
            if file.exists():
                _undeclare(file, names)
        yield copy


@contextlib.contextmanager
def with_template(chart: Path, name: str, text: str) -> Iterator[Path]:
    """A copy of a chart with a template more."""
    with without_files(chart, ()) as copy:
        templates = copy / "templates"
        templates.mkdir(exist_ok=True)
        (templates / name).write_text(text, encoding="utf-8")
        yield copy


def _unpack(archive: Path, into: Path, drop: frozenset[str]) -> None:
    for name, content in open_members(archive, lambda name: name not in drop):
        if name == _IGNORE_FILE:  # Helm heeds it in folders only; here it could hide more
            continue
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_repacked(name, content, drop) if is_subchart(name) else content)


def _copy(chart: Path, into: Path, drop: frozenset[str]) -> None:
    """Links within the chart become what they lead to; those that lead out are left out."""
    left = MAX_UNPACKED
    for count, entry in enumerate(walk_chart(chart)):
        if entry.path in drop or entry.leads_out or not entry.file.is_file():
            continue
        left -= entry.file.stat().st_size
        if left < 0 or count >= MAX_MEMBERS:
            raise ArchiveError(f"it holds more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files")
        target = into / entry.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_subchart(entry.path):
            target.write_bytes(_repacked(entry.path, entry.file.read_bytes(), drop))
        else:
            shutil.copyfile(entry.file, target)


def _repacked(path: str, content: bytes, drop: frozenset[str]) -> bytes:
    """An archive without the files to drop; the same bytes where there are none in it."""
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
