import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.files import MAX_BYTES, StandardInput
from tests.support.charts import CHARTS, read
from tests.support.tools import require_tool


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    return stream


def _fill(pipe: io.BytesIO, data: bytes) -> None:
    pipe.write(data)
    pipe.seek(0)


def test_plain_manifests_are_one_document(pipe: io.BytesIO) -> None:
    text = "kind: Pod\n---\n# Source of all evil\nkind: Job\n"
    _fill(pipe, text.encode())

    assert list(StandardInput("shop").documents()) == [
        Document("<stdin>", text, "-", namespace="shop")
    ]


def test_what_helm_prints_is_a_document_for_each_template(pipe: io.BytesIO) -> None:
    helm = require_tool("helm")
    done = subprocess.run(
        [helm, "template", "r", CHARTS / "lifecycle"], capture_output=True, check=True, timeout=60
    )
    _fill(pipe, done.stdout)

    documents, problems = read(StandardInput("shop"))

    assert problems == []
    assert [(item.path, item.chart, item.namespace, item.rendered) for item in documents] == [
        (f"lifecycle/templates/{name}.yaml", "lifecycle", "shop", True)
        for name in ("all", "cleanup", "tests/connection")
    ]
    assert all(item.template == item.path for item in documents)


def test_what_comes_between_keeps_its_lines(pipe: io.BytesIO) -> None:
    lines = [
        "kind: First",  # 1
        "---",
        "# Source: web/templates/a.yaml",
        "kind: Rendered",
        "---",
        "",
        "kind: Second",  # 7
        "--- {kind: Third}",  # 8
        "---",
        "# Source: web/templates/b.yaml",
        "kind: Rendered",
        "---",
        "kind: Fourth",  # 13
    ]
    _fill(pipe, "\n".join(lines).encode())

    *rendered, rest = list(StandardInput().documents())

    assert [item.path for item in rendered if isinstance(item, Document)] == [
        "web/templates/a.yaml",
        "web/templates/b.yaml",
    ]
    assert isinstance(rest, Document)
    assert (rest.path, rest.chart) == ("<stdin>", "")
    kept = rest.text.split("\n")
    assert [kept[line - 1] for line in (1, 7, 8, 13)] == [lines[line - 1] for line in (1, 7, 8, 13)]
    assert "Rendered" not in rest.text


@pytest.mark.parametrize(
    "name",
    [
        "/etc/templates/passwd",
        "../templates/x.yaml",
        "web/templates/../../x.yaml",
        "web/templates//x.yaml",
        "alone.yaml",
        "deploy/x.yaml",
        "https://crds.example/templates/x.yaml",
        "web/templates\\x.yaml",
        "web/templates/\x1bx.yaml",
    ],
)
def test_a_source_comment_of_another_kind_names_no_file(pipe: io.BytesIO, name: str) -> None:
    _fill(pipe, f"---\n# Source: {name}\nkind: Pod\n".encode())

    [document] = StandardInput().documents()

    assert isinstance(document, Document)
    assert document.path == "<stdin>"


def test_the_stream_is_kept_for_another_reading(pipe: io.BytesIO) -> None:
    _fill(pipe, b"kind: Pod")
    source = StandardInput()

    assert list(source.documents()) == list(source.documents())


@pytest.mark.parametrize("data", ["kind: Pod".encode("utf-32"), b"kind: Pod\n" + b"x" * MAX_BYTES])
def test_a_stream_that_is_no_text_is_a_problem(pipe: io.BytesIO, data: bytes) -> None:
    _fill(pipe, data)

    [problem] = StandardInput().documents()

    assert isinstance(problem, Problem)
    assert problem.where == "<stdin>"


def test_a_stream_that_cannot_be_read_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Broken()))

    assert list(StandardInput().documents()) == [
        Problem("standard input cannot be read", where="<stdin>", why="Input/output error")
    ]


def test_nothing_piped_in_is_no_document(pipe: io.BytesIO) -> None:
    assert list(StandardInput().documents()) == []
