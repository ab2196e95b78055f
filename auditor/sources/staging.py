"""A chart copied to a temporary folder, without what must not reach Helm. Never the user's own."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from auditor.errors import SourceError
from auditor.sources.archives import (
    MAX_MEMBERS,
    MAX_UNPACKED,
    ArchiveError,
    is_archive,
    open_members,
    pack,
    read_members,
)
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE
from auditor.sources.files import read_text
from auditor.yaml.nodes import Node
from auditor.yaml.reading import YamlError, read_documents

_MAX_DEPTH: Final = 30
_IGNORE_FILE: Final = ".helmignore"


@contextlib.contextmanager
def without_files(chart: Path, paths: Collection[str]) -> Iterator[Path]:
    """A copy of a chart that lacks these files (see `Hazard.path`). Raises SourceError."""
    with _copied(chart, frozenset(paths)) as copy:
        yield copy


@contextlib.contextmanager
def without_dependencies(chart: Path, names: Collection[str]) -> Iterator[Path]:
    """A copy of a chart that does not declare the dependencies of these names."""
    with _copied(chart, frozenset()) as copy:
        for file in (copy / CHART_FILE, copy / REQUIREMENTS_FILE):
            if file.exists():
                _undeclare(file, names)
        yield copy


@contextlib.contextmanager
def with_template(chart: Path, name: str, text: str) -> Iterator[Path]:
    """A copy of a chart with a template more."""
    with _copied(chart, frozenset()) as copy:
        templates = copy / "templates"
        templates.mkdir(exist_ok=True)
        (templates / name).write_text(text, encoding="utf-8")
        yield copy


@contextlib.contextmanager
def _copied(chart: Path, drop: frozenset[str]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="podfit-chart-") as name:
        copy = Path(name, "chart")
        copy.mkdir()
        try:
            if is_archive(chart.name):
                _unpack(chart, copy, drop)
            else:
                _Copying(chart.resolve(), drop).copy(chart, copy, "", 0)
        except (OSError, ArchiveError) as error:
            raise SourceError(
                f"{chart.as_posix()} cannot be copied", where=chart.as_posix(), why=str(error)
            ) from error
        yield copy


def _unpack(archive: Path, into: Path, drop: frozenset[str]) -> None:
    for name, content in open_members(archive, lambda name: name not in drop):
        if name == _IGNORE_FILE:  # Helm heeds it in folders only; here it could hide more
            continue
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_repacked(name, content, drop) if is_archive(name) else content)


class _Copying:
    """Copies a folder within bounds; links within the chart become what they lead to."""

    def __init__(self, root: Path, drop: frozenset[str]) -> None:
        self._root = root
        self._drop = drop
        self._bytes = 0
        self._files = 0

    def copy(self, folder: Path, target: Path, below: str, depth: int) -> None:
        for entry in folder.iterdir():
            path = f"{below}{entry.name}"
            if path in self._drop or not entry.resolve().is_relative_to(self._root):
                continue
            if entry.is_dir():
                if depth >= _MAX_DEPTH:
                    raise ArchiveError(f"its folders are more than {_MAX_DEPTH} deep")
                (target / entry.name).mkdir()
                self.copy(entry, target / entry.name, f"{path}/", depth + 1)
            elif entry.is_file():
                self._copy_file(entry, target / entry.name, path)

    def _copy_file(self, file: Path, target: Path, path: str) -> None:
        self._bytes += file.stat().st_size
        self._files += 1
        if self._bytes > MAX_UNPACKED or self._files > MAX_MEMBERS:
            raise ArchiveError(f"it holds more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files")
        if is_archive(file.name) and any(item.startswith(f"{path}/") for item in self._drop):
            target.write_bytes(_repacked(path, file.read_bytes(), self._drop))
        else:
            shutil.copyfile(file, target)


def _repacked(path: str, content: bytes, drop: frozenset[str]) -> bytes:
    """An archive without the files to drop; the same bytes where there are none in it."""
    inside = f"{path}/"
    if not any(item.startswith(inside) for item in drop):
        return content
    kept = read_members(io.BytesIO(content), lambda name: inside + name not in drop)
    return pack(
        (name, _repacked(inside + name, data, drop) if is_archive(name) else data)
        for name, data in kept
    )


def _undeclare(file: Path, names: Collection[str]) -> None:
    root = next(iter(read_documents(read_text(file, file.name))), None)
    if root is None or isinstance(root, YamlError):
        return
    described = _plain(root)
    listed = described.get("dependencies") or []
    described["dependencies"] = [item for item in listed if item.get("name") not in names]
    file.write_text(json.dumps(described), encoding="utf-8")  # JSON is YAML


def _plain(node: Node) -> Any:
    match node.value:
        case tuple():
            return [_plain(item) for item in node.value]
        case str() | int() | float() | bool() | None:
            return node.value
        case mapping:
            return {key: _plain(item) for key, item in mapping.items()}
