"""Keys that stand twice are told, whatever they stand in."""

import pytest

from auditor.files.yaml_nodes import repeated_keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a: 1\nb: 2\n", ()),
        ("a: 1\nb: 2\na: 3\na: 4\n", ("a", "a")),
        ("a: {b: 1, c: 2, b: 3}\nb: 4\n", ("b",)),
        ("- {a: 1}\n- {a: 1}\n", ()),
        ("a: [b, b]\nc: b\n", ()),
        ("? {a: 1, a: 2}\n: a\nb: 1\nb: 2\n", ("a", "b")),
        ("a: 1\na: [\n", ()),
    ],
)
def test_repeated_keys(text: str, keys: tuple[str, ...]) -> None:
    assert tuple(key.text() for key in repeated_keys(text)) == keys


def test_where_they_stand_again() -> None:
    (key,) = repeated_keys("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n")

    assert (key.text(), key.line, key.column) == ("c", 5, 3)
