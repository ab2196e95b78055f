"""Helm charts as folders and `.tgz` archives: Chart.yaml, dependencies and template paths.

Archives may be hostile: their size and number of files are limited.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Final

from msgspec import Struct

from auditor.errors import SourceError
from auditor.files.paths import real_path
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.sources.files import decode, missing, read_text

if TYPE_CHECKING:
    import tarfile


SUFFIXES: Final = (".tgz", ".tar.gz")
MAX_UNPACKED: Final = 100 << 20
"""Bytes of all files together, as in Helm."""
MAX_MEMBERS: Final = 20_000
_MAX_HEADERS: Final = 40 << 20
"""Bytes that are not file contents: member headers, padding and long names."""


class ArchiveError(Exception):
    """Raised if an archive cannot be read or is too large."""


class _Metered(gzip.GzipFile):
    """A gzip stream limited to the announced size of the members plus `_MAX_HEADERS`.

    `tarfile` reads a header into memory whatever its size. `left` counts bytes.
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
    """Yield the path and content of the wanted files of a chart archive, in archive order.

    Paths are relative to the chart's folder, the first element in the archive. Links and other
    special files are skipped, as in Helm. Raises ArchiveError.
    """
    import tarfile

    unpacked = 0
    try:
        # Mode "r|gz" cannot read the extra field in the header that `helm package` writes.
        with (
            _Metered(fileobj=file) as unzipped,
            tarfile.open(fileobj=unzipped, mode="r|") as archive,
        ):
            for count, member in enumerate(archive):
                unpacked += member.size
                if unpacked > MAX_UNPACKED or count >= MAX_MEMBERS:
                    raise ArchiveError(
                        f"it contains more than {MAX_UNPACKED >> 20} MB or {MAX_MEMBERS} files"
                    )
                unzipped.left += member.size
                path = _below_chart(member)
                if path and wanted(path) and (content := archive.extractfile(member)):
                    yield path, content.read()
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise ArchiveError(str(error) or type(error).__name__) from error


def open_members(path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield the wanted members of an archive file. Raises ArchiveError and OSError."""
    with path.open("rb") as file:
        yield from read_members(file, wanted)


def pack(members: Iterator[tuple[str, bytes]]) -> bytes:
    """Return a chart archive of these files."""
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, content in members:
            member = tarfile.TarInfo(f"chart/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _below_chart(member: tarfile.TarInfo) -> str:
    """Return the member's path in the chart, or "" if it is not a regular file of the chart."""
    name = PurePosixPath(member.name.replace("\\", "/"))
    parts = name.parts[1:]
    safe = not name.is_absolute() and ".." not in name.parts and ":" not in member.name
    return "/".join(parts) if safe and member.isfile() else ""


CHART_FILE: Final = "Chart.yaml"
REQUIREMENTS_FILE: Final = "requirements.yaml"
"""Declares the dependencies of a chart with `apiVersion: v1`."""
SUBCHARTS: Final = "charts"

_PART: Final = re.compile(
    r"templates(/.*)?|Chart\.(yaml|lock)|requirements\.(yaml|lock)|\.helmignore"
    r"|values[^/]*\.(ya?ml|json)|ci/[^/]*values\.ya?ml"
)
"""Paths in a chart that Helm, or chart-testing for ci/, reads."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A dependency declared in Chart.yaml, at a line counted from 1."""

    name: str
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()
    repository: str = ""
    line: int = field(default=1, compare=False)

    @property
    def effective_name(self) -> str:
        return self.alias or self.name


class Chart(Struct, frozen=True):
    """A Helm chart: a folder or an archive.

    Attributes:
        path: The path that Helm opens.
        shown: The path as the user would write it.
        name: The name in Chart.yaml, which may differ from the folder's; Helm's template names
            begin with it.
    """

    path: Path
    shown: str
    name: str
    is_library: bool = False
    dependencies: tuple[Declaration, ...] = ()

    def template_path(self, template: str) -> str:
        """Return the path of the file behind Helm's template name.

        The name contains a subchart's alias, but its folder has the name of the chart.
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
        """Return the declaration of a template's subchart; None for the chart's own templates."""
        parts = template.split("/")[1:]
        if len(parts) < len((SUBCHARTS, "name", "templates")) or parts[0] != SUBCHARTS:
            return None
        return next((item for item in self.dependencies if item.effective_name == parts[1]), None)

    def subcharts(self) -> Iterator[Chart]:
        """Yield the chart folders in charts/ by name; Helm reports those that cannot be read."""
        folder = self.path / SUBCHARTS
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            is_loop = real_path(self.path).is_relative_to(real_path(path))
            if is_chart_folder(path) and not is_loop:
                with suppress(SourceError):
                    yield read_chart(path, Path(self.shown, SUBCHARTS, path.name).as_posix())


def is_address(shown: str) -> bool:
    """Whether a shown name is the address of a remote chart instead of a path."""
    return "://" in shown


def is_chart_folder(path: Path) -> bool:
    try:
        return (path / CHART_FILE).is_file()
    except OSError:
        return False


def enclosing_chart(path: Path) -> Path | None:
    """Return the outermost chart that a file or folder belongs to by Helm's rules, or None.

    Templates, values, the schema and Chart.yaml belong to a chart; other files in its folder do
    not.
    """
    found = None
    inside = path.absolute()
    for levels, folder in enumerate(inside.parents, start=1):
        if not is_chart_folder(folder):
            continue
        below = inside.relative_to(folder).as_posix()
        if below.startswith(f"{SUBCHARTS}/") if found else _PART.fullmatch(below):
            found = _parent_as_written(path, levels)
    return found


def read_chart(path: Path, shown: str) -> Chart:
    """Read a chart from a folder or archive. Raises SourceError."""
    texts = _in_folder(path, shown) if path.is_dir() else _archived(path, shown)
    where = f"{shown}/{CHART_FILE}"
    if CHART_FILE not in texts:
        raise SourceError(
            f"{shown} is not a Helm chart: it has no {CHART_FILE}",
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
            hint="fix it; `helm lint` checks the rest of the chart",
        ) from error


def _parent_as_written(path: Path, levels: int) -> Path:
    """Return a parent spelled as in the path, or absolute if the path has too few parts."""
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
