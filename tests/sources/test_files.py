import os
from pathlib import Path

import pytest

from auditor.errors import Problem, SourceError
from auditor.kubernetes.manifests import Document
from auditor.sources.files import MAX_BYTES, ManifestFile, decode, read_text
from auditor.sources.open import open_sources


def test_a_file_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes("\ufeffapiVersion: v1\r\nkind: Pod # ü\r\n".encode())

    file = ManifestFile(path, "deploy/pod.yaml", "deploy", namespace="shop", lenient=True)

    assert list(file.documents()) == [
        Document(
            "deploy/pod.yaml",
            "apiVersion: v1\r\nkind: Pod # ü\r\n",
            "deploy",
            namespace="shop",
            lenient=True,
        )
    ]


def test_each_reading_is_anew(tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text("kind: Pod")
    file = ManifestFile(path, "pod.yaml", "pod.yaml")
    list(file.documents())
    path.write_text("kind: Job")

    assert [item.text for item in file.documents() if isinstance(item, Document)] == ["kind: Job"]


@pytest.mark.parametrize(
    ("data", "where", "what", "hint"),
    [
        (b"a: 1\nb: \xff\n", "x.yaml:2", "x.yaml is not UTF-8 text", "save it as UTF-8"),
        (
            "kind: Pod".encode("utf-32"),
            "x.yaml",
            "x.yaml is not UTF-8 text",
            "save it as UTF-8",
        ),
        (
            b"#" * MAX_BYTES + b"\napiVersion: v1\nkind: Pod\n",
            "x.yaml",
            "x.yaml is larger than 20 MB",
            "split it; none of it was audited",
        ),
    ],
    ids=["latin-1", "utf-32", "large"],
)
@pytest.mark.parametrize("lenient", [False, True])
def test_a_file_that_is_no_text_is_a_problem(
    tmp_path: Path, data: bytes, where: str, what: str, hint: str, lenient: bool
) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(data.replace(b"a: 1", b"{apiVersion: v1, kind: Pod}") if lenient else data)

    [found] = ManifestFile(path, "x.yaml", "x.yaml", lenient=lenient).documents()

    assert isinstance(found, Problem)
    assert (found.what, found.where, found.hint) == (what, where, hint)


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\xff", b"a: 1\n", b"[1, 2]" + b" " * MAX_BYTES, "a: 1".encode("utf-16")],
    ids=["png", "other", "large", "utf-16"],
)
def test_a_file_met_by_chance_that_is_no_manifest_is_passed_over(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)

    assert list(ManifestFile(path, "x.json", ".", lenient=True).documents()) == []


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        read_text(tmp_path / "gone.yaml", "gone.yaml")

    assert raised.value.problem == Problem(
        "gone.yaml does not exist", where="gone.yaml", hint="check the path"
    )


@pytest.mark.parametrize("target", ["gone.yaml", "a.yaml"])
def test_a_link_that_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").symlink_to(target)

    (source,) = open_sources(["a.yaml"])

    assert list(source.documents()) == [
        Problem("a.yaml is a broken link", where="a.yaml", hint="fix the link", part="file")
    ]


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    name = "x" * 300  # longer than file systems take, whoever asks

    with pytest.raises(SourceError) as raised:
        read_text(tmp_path / name, "long.yaml")

    assert raised.value.problem.what == "long.yaml cannot be read"
    assert raised.value.problem.why
    assert raised.value.problem.hint == "allow podfit to read it, or leave it out"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("kind: Pod")
    path.chmod(0)

    with pytest.raises(SourceError, match="cannot be read"):
        read_text(path, "secret.yaml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)

    with pytest.raises(SourceError, match="not a regular file"):
        read_text(path, "pipe.yaml")


def test_the_largest_file_is_read() -> None:
    assert len(decode(b"x" * MAX_BYTES, "x")) == MAX_BYTES
