"""Reading documents out of archives that may be anybody's: nothing unpacked, nothing followed."""

import gzip
import io
import os
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from auditor.registry import layouts as archives
from auditor.registry.layouts import ArchiveFiles, FolderFiles, LayoutError


def header(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, **fields: Any) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    for field, value in fields.items():
        setattr(member, field, value)
    return member.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 512)


def entry(name: str, content: bytes = b"", **fields: Any) -> bytes:
    return header(name, len(content), **fields) + padded(content)


END = b"\0" * 1024


def archive(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    return path


def test_small_json_is_read_and_the_rest_passed_over(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        entry("index.json", b'{"a": 1}')
        + entry("./manifest.json", b"[]")
        + entry("layer", b"\x1f\x8b" * 1000)
        + entry("empty")
        + entry("large.json", b"{" + b" " * 5_000_000)
        + entry("folder/", kind=tarfile.DIRTYPE)
        + entry("last.json", b"{}")
        + END,
    )
    files = ArchiveFiles(path)
    assert files.read("index.json") == b'{"a": 1}'
    assert files.read("manifest.json") == b"[]"
    assert files.read("last.json") == b"{}"
    assert [files.read(name) for name in ("layer", "empty", "large.json", "folder/")] == [None] * 4


def test_the_first_of_two_files_of_one_name_counts(tmp_path: Path) -> None:
    path = archive(tmp_path, entry("a", b"{1}") + entry("a", b"{2}") + END)
    assert ArchiveFiles(path).read("a") == b"{1}"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret", "other.json"])
def test_links_are_not_followed(tmp_path: Path, kind: bytes, target: str) -> None:
    (tmp_path / "secret").write_text("{}")
    path = archive(
        tmp_path,
        entry("other.json", b"{}") + header("index.json", 2, kind, linkname=target) + END,
    )
    assert ArchiveFiles(path).read("index.json") is None


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE])
def test_devices_and_pipes_are_no_files(tmp_path: Path, kind: bytes) -> None:
    assert ArchiveFiles(archive(tmp_path, entry("x", kind=kind) + END)).read("x") is None


@pytest.mark.parametrize("name", ["../index.json", "/index.json", "a/../index.json", "..\\x"])
def test_names_that_lead_elsewhere_write_nothing(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    before = sorted(tmp_path.rglob("*"))
    path = archive(tmp_path, entry(name, b'{"evil": 1}') + END)
    files = ArchiveFiles(path)
    assert files.read("index.json") is None
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is not a tar archive, or it is damaged"),
        (b"x" * 2000, "it is not a tar archive, or it is damaged"),
        (b"\x1f\x8bxxxxxxxxxxx", "it is not a tar archive, or it is damaged"),
        (
            gzip.compress(entry("a", b"{}") + END, mtime=0)[:60],
            "it is not a tar archive, or it is damaged",
        ),
        (b"\x28\xb5\x2f\xfd....", "it is compressed with zstd: unpack it first"),
        (b"\xfd7zXZ....", "it is compressed with xz: unpack it first"),
        (b"BZh9....", "it is compressed with bzip2: unpack it first"),
        (header("x", 1 << 30, tarfile.GNUTYPE_LONGNAME), "a header in it is too large"),
        (header("x", 1 << 30, tarfile.XHDTYPE), "a header in it is too large"),
        (header("x", 1 << 40) + END, "it is larger than 16 GiB"),
        (
            header("x", 3, tarfile.GNUTYPE_LONGNAME) + padded(b"abc"),
            "it is not a tar archive, or it is damaged",
        ),
    ],
)
def test_an_archive_that_is_none_or_asks_too_much(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(LayoutError) as caught:
        ArchiveFiles(archive(tmp_path, content))
    assert str(caught.value) == why


def test_a_chain_of_headers_ends(tmp_path: Path) -> None:
    link = header("x", 3, tarfile.GNUTYPE_LONGNAME) + padded(b"abc")
    with pytest.raises(LayoutError, match="it is not a tar archive, or it is damaged"):
        ArchiveFiles(archive(tmp_path, link * 5000 + entry("a", b"{}") + END))


def test_a_gzip_bomb_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 50 * 2**20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = packer.compress(header("zeros", 1 << 33))
    for _ in range(64):
        content += packer.compress(b"\0" * 2**20)
    with pytest.raises(LayoutError, match="it is larger than"):
        ArchiveFiles(archive(tmp_path, content + packer.flush()))


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    assert ArchiveFiles(archive(tmp_path, entry("a", b"{}") * 3 + END)).read("a") == b"{}"
    with pytest.raises(LayoutError, match="it contains more than 3 files"):
        ArchiveFiles(archive(tmp_path, entry("a", b"{}") * 4 + END))


def test_too_many_documents_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_KEPT", 10)
    with pytest.raises(LayoutError, match="its documents are larger than 10 bytes"):
        ArchiveFiles(archive(tmp_path, entry("a", b"{     }") * 2 + END))


def test_an_archive_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="No such file or directory"):
        ArchiveFiles(tmp_path / "none.tar")
    with pytest.raises(LayoutError, match="Is a directory"):
        ArchiveFiles(tmp_path)


def test_every_cut_of_an_archive_ends_well(tmp_path: Path) -> None:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("ü" * 150)
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    content = whole.getvalue()[:3000]
    messages = set()
    for end in range(0, len(content), 97):
        try:
            ArchiveFiles(archive(tmp_path, content[:end]))
        except LayoutError as error:
            messages.add(str(error))
    assert messages == {"it is not a tar archive, or it is damaged"}


def test_a_size_below_zero_leads_back_to_no_file(tmp_path: Path) -> None:
    path = archive(tmp_path, header("index.json", -512) + END)
    try:
        assert ArchiveFiles(path).read("index.json") is None
    except LayoutError as error:  # Python 3.13 refuses the header
        assert "damaged" in str(error)  # noqa: PT017


def test_a_folders_files(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    files = FolderFiles(tmp_path)
    assert files.read("a.json") == b"{}"
    assert [files.read(name) for name in ("none", "none/none", "folder", "pipe")] == [None] * 4


def test_a_folders_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"x: File name too long"):
        FolderFiles(tmp_path).read("x" * 300)
