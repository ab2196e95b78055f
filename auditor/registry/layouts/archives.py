"""The documents in an image layout: a folder, or a tar archive that may be anybody's.

An archive is never unpacked. Its regular files that look like JSON and are small are read in one
pass; what else it holds (layers, links, devices, names that lead elsewhere) is passed over.
"""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from auditor.registry.content.documents import MAX_DOCUMENT

MAX_MEMBERS: Final = 20_000
MAX_KEPT: Final = 64 * 1024 * 1024
"""Bytes of all documents of an archive together."""
MAX_UNPACKED: Final = 16 * 1024**3
"""Bytes of an archive after decompression: a gzip bomb has more."""
MAX_READ: Final = 16 * 1024 * 1024
"""Bytes that a header may ask for at once: a name of a gigabyte is none."""

_GZIP: Final = b"\x1f\x8b"
_OTHER_COMPRESSIONS: Final = {b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zX": "xz", b"BZh": "bzip2"}


class LayoutError(ValueError):
    """A layout that cannot be read. The message is a clause for the user."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Files(Protocol):
    """The files of a layout by their path in it."""

    def read(self, name: str) -> bytes | None:
        """The content, or None where there is no such file. Raises LayoutError."""
        ...


class FolderFiles:
    """A layout that is a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        path = self._folder / name
        try:
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                return None
            if found.st_size > MAX_DOCUMENT:
                raise LayoutError(f"{name} is larger than {MAX_DOCUMENT} bytes")
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LayoutError(f"{name}: {error.strerror or error}") from error


class ArchiveFiles:
    """A layout that is a tar archive, plain or compressed with gzip. Raises LayoutError."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._files = _read_archive(file)
        except LayoutError:
            raise
        except Exception as error:  # a hostile archive finds every exception that tarfile has
            why = error.strerror if isinstance(error, OSError) else None
            raise LayoutError(why or "it is no tar archive, or it is damaged") from error

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)


class _Guarded(io.BufferedIOBase):
    """A file for tarfile: neither a header's claims nor a compressed bomb lead far."""

    def __init__(self, file: BinaryIO | gzip.GzipFile) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_READ:
            raise LayoutError("a header in it is too large")
        return self._file.read(size)

    def seek(self, place: int, whence: int = io.SEEK_SET, /) -> int:
        if not 0 <= place <= MAX_UNPACKED:
            raise LayoutError(f"it is larger than {MAX_UNPACKED // 1024**3} GiB")
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.tell()


def _read_archive(file: BinaryIO) -> Mapping[str, bytes]:
    magic = file.read(4)
    file.seek(0)
    for start, name in _OTHER_COMPRESSIONS.items():
        if magic.startswith(start):
            raise LayoutError(f"it is compressed with {name}: unpack it first")
    if not magic.startswith(_GZIP):
        return _read_tar(_Guarded(file))
    with gzip.GzipFile(fileobj=file) as unpacked:
        return _read_tar(_Guarded(unpacked))


def _read_tar(file: _Guarded) -> Mapping[str, bytes]:
    documents: dict[str, bytes] = {}
    kept = 0
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for number, member in enumerate(iter(archive.next, None), 1):
            if number > MAX_MEMBERS:
                raise LayoutError(f"it holds more than {MAX_MEMBERS} files")
            content = _document(archive, member)
            if content is not None:
                kept += len(content)
                if kept > MAX_KEPT:
                    raise LayoutError(f"its documents are larger than {MAX_KEPT} bytes")
                documents.setdefault(member.name.removeprefix("./"), content)
    return documents


def _document(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    if not member.isreg() or member.issparse() or not 0 < member.size <= MAX_DOCUMENT:
        return None
    file = archive.extractfile(member)
    first = file.read(1) if file else b""
    return first + file.read(MAX_DOCUMENT) if file and first in (b"{", b"[") else None
