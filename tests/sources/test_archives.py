import io
import tarfile
from pathlib import Path

import pytest

from auditor.sources import chart as archives
from auditor.sources.chart import ArchiveError, is_archive, open_members, pack, read_members
from tests.support.charts import pack as pack_members
from tests.support.charts import require_library, write_chart


def _read(data: bytes) -> dict[str, bytes]:
    return dict(read_members(io.BytesIO(data), lambda _: True))


def test_files_of_the_chart_below_its_folder() -> None:
    data = pack_members({"web/Chart.yaml": b"a", "web/templates/x.yaml": b"b", "stray": b"c"})

    assert _read(data) == {"Chart.yaml": b"a", "templates/x.yaml": b"b"}


def test_only_what_is_wanted() -> None:
    data = pack_members({"web/a": b"1", "web/b": b"2"})

    assert dict(read_members(io.BytesIO(data), "b".__eq__)) == {"b": b"2"}


def test_what_is_packed_is_read() -> None:
    members = {"Chart.yaml": b"a", "charts/x.tgz": b"\x00"}

    assert _read(pack(iter(members.items()))) == members


@pytest.mark.parametrize(
    "name", ["/web/x", "web/../../x", "../web/x", "C:\\web\\x", "web\\..\\..\\x", "web/a:b"]
)
def test_paths_that_lead_out_are_no_files_of_the_chart(name: str) -> None:
    assert _read(pack_members({name: b"x"})) == {}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_special_files_are_passed_over(kind: bytes) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("web/x")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)

    assert _read(buffer.getvalue()) == {}


@pytest.mark.parametrize(
    "data",
    [b"", b"text", pack_members({"a/b": b"x" * 5000})[:60], b"\x1f\x8b" + b"\x00" * 40],
    ids=["empty", "text", "cut", "zeros"],
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(ArchiveError):
        _read(data)


@pytest.mark.parametrize(
    ("limit", "value", "members"),
    [("MAX_UNPACKED", 10, {"a/b": b"x" * 11}), ("MAX_MEMBERS", 2, {f"a/{n}": b"" for n in "123"})],
)
def test_a_bomb_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, members: dict[str, bytes]
) -> None:
    data = pack_members(members)
    assert len(_read(data)) == len(members)
    monkeypatch.setattr(archives, limit, value)

    with pytest.raises(ArchiveError, match="it contains more than"):
        _read(data)


def test_a_bomb_is_not_unpacked_first() -> None:
    """200 MB of zeros pack to 200 KB; the header alone says enough."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        member = tarfile.TarInfo("web/zeros")
        member.size = 200 << 20
        archive.addfile(member, io.BufferedReader(_Zeros()))

    with pytest.raises(ArchiveError, match="100 MB"):
        _read(buffer.getvalue())


@pytest.mark.parametrize(
    ("name", "answer"), [("a.tgz", True), ("a.tar.gz", True), ("a.zip", False), ("tgz", False)]
)
def test_archives_by_name(name: str, answer: bool) -> None:
    assert is_archive(name) is answer


class _Zeros(io.RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        assert isinstance(buffer, memoryview)
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def test_what_helm_package_makes(tmp_path: Path) -> None:
    """Its gzip header has an extra field, which tarfile's own reading of streams trips over."""
    require_library()
    import helm_python

    chart = write_chart(tmp_path / "web", {"a.yaml": "a: 1\n"})
    archive = helm_python.package(str(chart), destination=str(tmp_path))

    names = [name for name, _ in open_members(Path(archive), lambda _: True)]

    assert names == ["Chart.yaml", "templates/a.yaml"]


def test_a_header_that_is_huge_is_not_read_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives._Metered, "left", 100_000)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("web/Chart.yaml")
        member.pax_headers = {"comment": "x" * 200_000}
        archive.addfile(member)
    buffer.seek(0)

    with pytest.raises(ArchiveError, match="its headers have more than"):
        list(read_members(buffer, lambda _: True))


def test_contents_do_not_count_as_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives._Metered, "left", 30_000)
    members = {f"web/{number}": b"x" * 100_000 for number in range(5)}

    assert len(_read(pack_members(members))) == 5
