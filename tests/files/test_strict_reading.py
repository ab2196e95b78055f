"""Files that steer podfit, read strictly."""

from pathlib import Path

import pytest

from auditor.errors import ConfigurationError
from auditor.files.strict import (
    key_node,
    naming,
    one_of,
    only_keys,
    parse_strict,
    parsed,
    read_bounded,
    required,
    suggestion,
)
from auditor.files.yaml_nodes import Node, ShapeError


def root(text: str) -> Node:
    (node,) = parse_strict(text, "file.yaml", what="file")
    return node


def test_a_text_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfa: b")

    assert read_bounded(path, what="file", limit=7) == "a: b"
    with pytest.raises(ConfigurationError, match="the file has more than 6 bytes"):
        read_bounded(path, what="file", limit=6)


def test_a_size_limit_comes_before_the_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("é".encode() * 2**19 + b"ab")

    with pytest.raises(ConfigurationError, match="the file has more than 1 MiB"):
        read_bounded(path, what="file", limit=2**20)


def test_what_is_no_file_and_no_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(ConfigurationError) as caught:
        read_bounded(path, what="file", limit=9)
    assert (caught.value.problem.what, caught.value.problem.why) == (
        "cannot read the file",
        "No such file or directory",
    )
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="the file is not UTF-8 text"):
        read_bounded(path, what="file", limit=9)
    with pytest.raises(ConfigurationError, match="cannot read the file"):
        read_bounded(Path("a\0b"), what="file", limit=9)


def test_the_first_document_that_is_not_yaml() -> None:
    assert len(parse_strict("a: 1\n---\n---\nb: 2", "f", what="file")) == 2
    with pytest.raises(ConfigurationError) as caught:
        parse_strict("a: 1\n---\nb: ]", "f", what="file", hint="mend it")

    problem = caught.value.problem
    assert (problem.what, problem.where, problem.hint) == (
        "the file is not YAML",
        "f:3:4",
        "mend it",
    )


def test_a_wrong_shape_becomes_an_error_with_a_place() -> None:
    with pytest.raises(ConfigurationError) as caught, naming("f", hint="mend it"):
        raise ShapeError("bad \x1b[31m", root("a: b"))

    problem = caught.value.problem
    assert (problem.what, problem.where, problem.hint) == (r"bad \x1b[31m", "f:1:1", "mend it")


def test_only_known_keys() -> None:
    only_keys(root("{name: a, size: b}"), ("name", "size"), "a thing")
    for text, message in (
        ("{name: a, sise: b}", "a thing has no key `sise`; did you mean `size`?"),
        ("{zzz: null}", "a thing has no key `zzz`; known keys: name, size"),
        (f"{{{'z' * 99}: a}}", f"a thing has no key `{'z' * 60}…`; known keys: name, size"),
        ("[]", "a thing must be a mapping, not a list"),
    ):
        with pytest.raises(ShapeError) as caught:
            only_keys(root(text), ("name", "size"), "a thing")
        assert caught.value.message == message
    assert (key_node(root("{a: b, c: d}"), "c").column) == 8


def test_what_must_be_there() -> None:
    assert required(root("a: b"), "a", "a thing").value == "b"
    with pytest.raises(ShapeError, match="a thing needs `a`"):
        required(root("a: null"), "a", "a thing")


def test_values_are_parsed_and_chosen() -> None:
    value = required(root("a: '7'"), "a", "a thing")

    assert parsed(value, int) == 7
    with pytest.raises(ShapeError, match="invalid literal"):
        parsed(required(root("a: b"), "a", "a thing"), int)
    assert one_of(value, ("7", "8"), "a number") == "7"
    with pytest.raises(ShapeError, match="`erorr` is not a severity; did you mean `error`"):
        one_of(required(root("a: erorr"), "a", "x"), ("error", "info"), "a severity")
    with pytest.raises(ShapeError, match="valid values: error, info"):
        one_of(required(root("a: zzz"), "a", "x"), ("error", "info"), "a severity")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("nodeselector", "did you mean `nodeSelector`?"),
        ("tolerance", "did you mean `tolerations`?"),
        ("xyz", ""),
        ("", ""),
        ("t" * 10_000, ""),
    ],
)
def test_the_nearest_word(word: str, expected: str) -> None:
    assert suggestion(word, ("nodeSelector", "tolerations")) == expected
