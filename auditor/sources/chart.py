"""`Chart`: where a Helm chart lies, what its Chart.yaml says, and where its templates are.

Chart archives (`.tgz`), read as the hostile files that they may be.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from msgspec import Struct

from auditor.errors import SourceError
from auditor.files.paths import real_path
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.sources.files import decode, missing, read_text

SUFFIXES: Final = (".tgz", ".tar.gz")
MAX_UNPACKED: Final = 100 << 20
"""Bytes of all files together: Helm's own bound."""
MAX_MEMBERS: Final = 20_000
_MAX_HEADERS: Final = 40 << 20
"""Bytes beside contents: for each member a header, padding, and some for long names."""


class ArchiveError(Exception):
    """An archive that cannot be read, or that is too large."""


class _Metered(gzip.GzipFile):
    """A stream with no more in it than its members announce, and some for their headers.

    left: bytes. The reader takes a header into memory, however long it says that it is.
    """

    left = _MAX_HEADERS

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.left -= len(content)
        if self.left < 0:
            raise ArchiveError(f"its headers have more than {_MAX_HEADERS >> 20} MB")
        return content


def is_archive(name: str) -> bool:
    return name.endswith(SUFFIXES)


def read_members(file: BinaryIO, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files of a chart archive, in its order.

    Paths are below the chart: the first element, the chart's own folder, is left out. Links and
    other special files are passed over, as Helm does. Raises ArchiveError.
    """
    unpacked = 0
    try:
        # Mode "r|gz" cannot read the header that `helm package` writes: it has an extra field.
        with (
            _Metered(fileobj=file) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|") as archive,
        ):
            for count, member in enumerate(archive):
                unpacked += member.size
                if unpacked > MAX_UNPACKED or count >= MAX_MEMBERS:
                    raise ArchiveError(
                        f"it holds more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files"
                    )
                unzipped.left += member.size
                path = _below_chart(member)
                if path and wanted(path) and (content := archive.extractfile(member)):
                    yield path, content.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise ArchiveError(str(error) or type(error).__name__) from error


def open_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """`read_members` of a file. Raises ArchiveError, and OSError where it cannot be opened."""
    with path.open("rb") as file:
        yield from read_members(file, wanted)


def pack(members: Iterator[tuple[str, bytes]]) -> bytes:
    """A chart archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in members:
            member = tarfile.TarInfo(f"chart/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _below_chart(member: tarfile.TarInfo) -> str:
    """The member's path below the chart; "" where it is no file of the chart."""
    name = PurePosixPath(member.name.replace("\\", "/"))
    parts = name.parts[1:]
    safe = not name.is_absolute() and ".." not in name.parts and ":" not in member.name
    return "/".join(parts) if safe and member.isfile() else ""


CHART_FILE: Final = "Chart.yaml"
REQUIREMENTS_FILE: Final = "requirements.yaml"
"""Where a chart of Helm 2 (`apiVersion: v1`) declares its dependencies."""
SUBCHARTS: Final = "charts"

_PART: Final = re.compile(
    r"templates(/.*)?|Chart\.(yaml|lock)|requirements\.(yaml|lock)|\.helmignore"
    r"|values[^/]*\.(ya?ml|json)|ci/[^/]*values\.ya?ml"
)
"""Paths below a chart that Helm, or chart-testing for ci/, gives a meaning."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A dependency as Chart.yaml declares it; Helm calls it by its alias, if it has one.

    line: where, from 1.
    """

    name: str
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()
    repository: str = ""
    line: int = field(default=1, compare=False)

    @property
    def called(self) -> str:
        return self.alias or self.name


class Chart(Struct, frozen=True):
    """A Helm chart: a folder or an archive.

    path: what Helm opens. shown: the same as the user would write it. name: as Chart.yaml has it;
    Helm's names of templates begin with it, whatever the folder is called.
    """

    path: Path
    shown: str
    name: str
    is_library: bool = False
    dependencies: tuple[Declaration, ...] = ()

    def template_path(self, template: str) -> str:
        """The file that Helm calls by this name, as a path the user can open.

        A subchart's folder has the name of the chart; Helm names the template after its alias.
        """
        parts = template.split("/")[1:]
        folder, declared = self.path, self.dependencies
        for index in range(0, len(parts) - 2, 2):
            if parts[index] != SUBCHARTS:
                break
            if not (folder / SUBCHARTS / parts[index + 1]).is_dir():
                names = {item.alias: item.name for item in declared}
                parts[index + 1] = names.get(parts[index + 1], parts[index + 1])
            folder = folder / SUBCHARTS / parts[index + 1]
            declared = _declared_in(folder)
        if is_address(self.shown):
            return "/".join((self.shown, *parts))
        return Path(self.shown, *parts).as_posix()

    def declaration_of(self, template: str) -> Declaration | None:
        """What declares the subchart that a template belongs to; None for the chart's own."""
        parts = template.split("/")[1:]
        if len(parts) < len((SUBCHARTS, "name", "templates")) or parts[0] != SUBCHARTS:
            return None
        return next((item for item in self.dependencies if item.called == parts[1]), None)

    def subcharts(self) -> Iterator[Chart]:
        """The charts that lie in its charts/ as folders, by name; unreadable ones left out."""
        folder = self.path / SUBCHARTS
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            around = real_path(self.path).is_relative_to(real_path(path))
            if is_chart_folder(path) and not around:  # a link may lead back
                try:
                    yield read_chart(path, Path(self.shown, SUBCHARTS, path.name).as_posix())
                except SourceError:
                    continue  # Helm says what is wrong with it


def is_address(shown: str) -> bool:
    """Whether a chart lies elsewhere, so that its name is no path."""
    return "://" in shown


def is_chart_folder(path: Path) -> bool:
    try:
        return (path / CHART_FILE).is_file()
    except OSError:
        return False


def enclosing_chart(path: Path) -> Path | None:
    """The outermost chart that a file or folder is a part of by Helm's rules; None for other files.

    Its templates, values, schema and description are parts; what merely lies in its folder is not.
    """
    found = None
    inside = path.absolute()
    for levels, folder in enumerate(inside.parents, start=1):
        if not is_chart_folder(folder):
            continue
        below = inside.relative_to(folder).as_posix()
        if below.startswith(f"{SUBCHARTS}/") if found else _PART.fullmatch(below):
            found = _above(path, levels)
    return found


def read_chart(path: Path, shown: str) -> Chart:
    """The chart in a folder or archive. Raises SourceError."""
    texts = _in_folder(path, shown) if path.is_dir() else _archived(path, shown)
    where = f"{shown}/{CHART_FILE}"
    if CHART_FILE not in texts:
        raise SourceError(
            f"{shown} is no Helm chart: it holds no {CHART_FILE}",
            where=shown,
            hint="`helm package` makes chart archives",
        )
    try:
        root = _root(texts[CHART_FILE])
        declaring = root
        if REQUIREMENTS_FILE in texts and root.get("dependencies") is None:
            where = f"{shown}/{REQUIREMENTS_FILE}"
            declaring = _root(texts[REQUIREMENTS_FILE])
        return Chart(
            path=path,
            shown=shown,
            name=root.text_at("name"),
            is_library=root.text_at("type") == "library",
            dependencies=tuple(map(_declaration, declaring.items_at("dependencies"))),
        )
    except ShapeError as error:
        raise SourceError(
            f"{where} does not describe a chart",
            where=f"{where}:{error.line}:{error.column}",
            why=error.message,
            hint="mend it; `helm lint` checks the rest of the chart",
        ) from error


def _above(path: Path, levels: int) -> Path:
    """A parent written as the user wrote the path, where what is written reaches that far."""
    written = path.parents[levels - 1 : levels]
    return written[0] if written else path.absolute().parents[levels - 1]


def _declared_in(folder: Path) -> tuple[Declaration, ...]:
    try:
        return read_chart(folder, folder.name).dependencies if is_chart_folder(folder) else ()
    except SourceError:
        return ()


def _root(text: str) -> Node:
    root = next(iter(read_documents(text)), None)
    if isinstance(root, YamlError):
        raise ShapeError(root.message, Node(None, root.line, root.column))
    return root or Node({}, 1, 1)


def _declaration(entry: Node) -> Declaration:
    return Declaration(
        line=entry.line,
        name=entry.text_at("name"),
        alias=entry.text_at("alias"),
        condition=entry.text_at("condition"),
        tags=tuple(tag.text() for tag in entry.items_at("tags")),
        repository=entry.text_at("repository"),
    )


def _in_folder(folder: Path, shown: str) -> dict[str, str]:
    return {
        name: read_text(folder / name, f"{shown}/{name}")
        for name in (CHART_FILE, REQUIREMENTS_FILE)
        if (folder / name).exists()
    }


def _archived(path: Path, shown: str) -> dict[str, str]:
    wanted = (CHART_FILE, REQUIREMENTS_FILE)
    try:
        return {
            name: decode(content, f"{shown}/{name}")
            for name, content in open_members(path, wanted.__contains__)
        }
    except FileNotFoundError as error:
        raise missing(shown) from error
    except (OSError, ArchiveError) as error:
        raise SourceError(
            f"{shown} cannot be read as a chart archive",
            where=shown,
            why=str(error),
            hint="`helm package` makes chart archives"
            if is_archive(shown)
            else "a chart is a folder with a Chart.yaml, or an archive that `helm package` makes",
        ) from error
