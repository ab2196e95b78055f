"""Chart archives (`.tgz`), read as the hostile files that they may be."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

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
