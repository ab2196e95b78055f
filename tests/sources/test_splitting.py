import time

import pytest

from auditor.sources.files import Piece, normalise, normalise_all, read_pieces

STREAM = """\
---
# Source: web/templates/service.yaml
apiVersion: v1
kind: Service
---
# Source: web/charts/db/templates/pod.yaml

kind: Pod
"""


def test_pieces_name_their_template_and_line() -> None:
    assert list(read_pieces(STREAM)) == [
        Piece("web/templates/service.yaml", "apiVersion: v1\nkind: Service\n", 3),
        Piece("web/charts/db/templates/pod.yaml", "\nkind: Pod\n", 7),
    ]


def test_pieces_without_a_template() -> None:
    assert list(read_pieces("a: 1\n--- # why\nb: 2\n---\n\n\n---\n\nc: 3")) == [
        Piece("", "a: 1\n", 1),
        Piece("", "# why\nb: 2\n", 2),
        Piece("", "c: 3", 9),
    ]


def test_a_source_comment_within_an_object_is_a_comment() -> None:
    [piece] = read_pieces("kind: Pod\n# Source: elsewhere/x.yaml\n")

    assert piece.template == ""


def test_windows_line_ends() -> None:
    [one, two] = read_pieces("---\r\n# Source: a/b.yaml\r\nkind: Pod\r\n---\r\nx: 1\r\n")

    assert (one.template, one.text, two.text) == ("a/b.yaml", "kind: Pod\r\n", "x: 1\r\n")


def test_objects_come_by_kind_with_hooks_last_and_no_comments_alone() -> None:
    text = """

# a comment
---
kind: Service
---
kind: Pod
metadata:
  annotations:
    "helm.sh/hook": test
---
# the first
kind: Pod

---
kind: "Job"
---
kind: Pod
name: second
"""

    assert normalise(text) == (
        'kind: "Job"\n---\n# the first\nkind: Pod\n---\nkind: Pod\nname: second\n---\n'
        'kind: Service\n---\nkind: Pod\nmetadata:\n  annotations:\n    "helm.sh/hook": test\n'
    )


def test_a_source_comment_of_the_template_itself_is_kept() -> None:
    assert normalise("# Source: https://crds.example/x.yaml\nkind: Pod\n") == (
        "# Source: https://crds.example/x.yaml\nkind: Pod\n"
    )


def test_dashes_within_a_block_are_text() -> None:
    text = "kind: ConfigMap\ndata:\n  a: |\n    ---\n    b\n"

    assert normalise(text) == text


def test_nothing_rendered_is_nothing() -> None:
    assert normalise("\n\n# only\n---\n  # comments\n") == ""
    assert normalise_all([Piece("a", "# nothing", 1), Piece("b", "kind: Pod", 1)]) == {
        "b": "kind: Pod\n"
    }


def test_time_is_linear_in_the_text() -> None:
    text = ("kind: Pod" + "\n" * 200_000 + " " * 200_000) * 5 + "\n---\n" * 50_000
    started = time.perf_counter()

    normalise(text)

    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("line_break", ["\x85", "\u2028", "\u2029"])
def test_what_follows_a_source_after_any_line_break_is_kept(line_break: str) -> None:
    text = f"# Source: a/templates/b.yaml{line_break}{{apiVersion: v1, kind: Pod}}\n"

    assert [piece.text for piece in read_pieces(text)] == [text]
    assert normalise(text) == text
