"""Keys that stand twice are told, whatever they stand in."""

import pytest

from auditor.yaml.repetition import repeated_keys


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
    assert repeated_keys(text) == keys
