"""Edits of YAML and JSON texts in place."""

from typing import Any

import pytest

from auditor.files.yaml_editing import (
    Append,
    Each,
    TextEdit,
    YamlText,
    apply_edits,
    extends,
)

LINUX = {"kubernetes.io/os": "linux"}


def edited(text: str, change: dict[str, Any], before: str = "") -> str:
    parsed = YamlText(text)
    root = parsed.roots[0]
    return apply_edits(text, parsed.edits((root.line, root.column), change, before))


CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a new key, last": (
        "a: 1  # one\n# end\n",
        {"b": LINUX},
        "",
        "a: 1  # one\nb:\n  kubernetes.io/os: linux\n# end\n",
    ),
    "a new key before another and its comment": (
        "a: 1\n# about c\nc: []\n",
        {"b": {"x": "y"}},
        "c",
        'a: 1\nb:\n  x: "y"\n# about c\nc: []\n',
    ),
    "an entry of a block mapping": (
        "a:\n  b: c\nd: e\n",
        {"a": {"f": "g"}},
        "",
        "a:\n  b: c\n  f: g\nd: e\n",
    ),
    "an entry of a flow mapping": (
        "a: {b: c}  # x\n",
        {"a": LINUX},
        "",
        "a: {b: c, kubernetes.io/os: linux}  # x\n",
    ),
    "an empty mapping with a comment": (
        "a: {}  # none\nb: c\n",
        {"a": {"x": "z"}},
        "",
        "a:  # none\n  x: z\nb: c\n",
    ),
    "null": ("a:\nb: null\n", {"a": {"x": "z"}, "b": {"x": "z"}}, "", "a:\n  x: z\nb:\n  x: z\n"),
    "an empty mapping in flow style": (
        "a: {b: {}}\n",
        {"a": {"b": {"x": "z"}}},
        "",
        "a: {b: {x: z}}\n",
    ),
    "an item without indentation": (
        "a:\n- b: c\nd: e\n",
        {"a": Append(({"f": "g"},))},
        "",
        "a:\n- b: c\n- f: g\nd: e\n",
    ),
    "an item with indentation": ("a:\n  - b\n", {"a": Append(("c",))}, "", "a:\n  - b\n  - c\n"),
    "an item in flow style": ("a: [b]\n", {"a": Append(("c",))}, "", "a: [b, c]\n"),
    "a list in the style of its neighbours": (
        "a:\n- b\n",
        {"c": Append(("d",))},
        "",
        "a:\n- b\nc:\n- d\n",
    ),
    "each item that is not empty": (
        "a:\n- b: [c]\n- {}\n",
        {"a": Each({"b": Append(("d",))})},
        "",
        "a:\n- b: [c, d]\n- {}\n",
    ),
    "an item by index": (
        "a:\n- b: c\n  d: e\n",
        {"a": {0: {"f": "g"}}},
        "",
        "a:\n- b: c\n  d: e\n  f: g\n",
    ),
    "line ends of Windows": (
        "a: 1\r\nc: 2\r\n",
        {"b": LINUX},
        "c",
        "a: 1\r\nb:\r\n  kubernetes.io/os: linux\r\nc: 2\r\n",
    ),
    "no line end at the end": ("a: 1", {"b": "c"}, "", "a: 1\nb: c"),
    "JSON on several lines": (
        '{\n  "a": 1\n}\n',
        {"b": LINUX},
        "",
        '{\n  "a": 1,\n  "b": {"kubernetes.io/os": "linux"}\n}\n',
    ),
    "JSON before a key": ('{\n  "a": 1\n}\n', {"b": "c"}, "a", '{\n  "b": "c",\n  "a": 1\n}\n'),
    "JSON on one line": ('{"a": {"b": "c"}}', {"a": {"d": "e"}}, "", '{"a": {"b": "c", "d": "e"}}'),
    "after literal text": ("a: |\n  text\n\n", {"b": "c"}, "", "a: |\n  text\n\nb: c\n"),
    "lines of literal text": (
        "a: |\n  b: c\n\n  d: e\n\nf: g\n",
        {"a": "b: c\nx: z\n\nd: e\n"},
        "",
        "a: |\n  b: c\n  x: z\n\n  d: e\n\nf: g\n",
    ),
    "a value that is there": ("a: {b: 'c'}\n", {"a": {"b": "c"}}, "", "a: {b: 'c'}\n"),
    "a longer list": (
        "a: [{b: 'c'}]\n",
        {"a": [{"b": "c", "d": "e"}, "f"]},
        "",
        "a: [{b: 'c', d: e}, f]\n",
    ),
    "wide characters before it": (
        "é: 😀\na: {b: c}\n",
        {"a": {"d": "e"}},
        "",
        "é: 😀\na: {b: c, d: e}\n",
    ),
    "an anchor that is merged": (
        "x: &x {b: c}\na:\n  <<: *x\n",
        {"a": {"b": "c", "d": "e"}},
        "",
        "x: &x {b: c}\na:\n  <<: *x\n  d: e\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_edits(name: str) -> None:
    text, change, before, expected = CASES[name]

    assert edited(text, change, before) == expected


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("a: &x {}\nb: *x\n", {"b": LINUX}),
        ("a: [b]\n", {"a": LINUX}),
        ("a: [b, c]\n", {"a": ["b"]}),
        ("a: [b]\n", {"a": {3: {"c": "d"}}}),
    ],
)
def test_changes_that_do_not_fit(text: str, change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        edited(text, change)


def test_a_place_without_a_mapping() -> None:
    with pytest.raises(ValueError, match="no mapping"):
        YamlText("a: b\n").edits((9, 9), {"c": "d"})


def test_an_invalid_document_does_not_hide_others() -> None:
    text = "a: [\n---\nb: {}\n"

    assert apply_edits(text, YamlText(text).edits((3, 1), {"b": {"c": "d"}})) == (
        "a: [\n---\nb:\n  c: d\n"
    )


def test_overlapping_edits() -> None:
    with pytest.raises(ValueError, match="overlap"):
        apply_edits("abc", [TextEdit(0, 2, ""), TextEdit(1, 3, "")])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": [1]}, {"a": [1, 2]}, True),
        ({"a": [1, 2]}, {"a": [1]}, False),
        ({"a": 1}, {"b": 1}, False),
        ({"a": {}}, {"a": 1}, False),
        (None, {"a": 1}, True),
        (1, 2, False),
    ],
)
def test_a_value_that_keeps_all_of_another(old: Any, new: Any, expected: bool) -> None:
    assert extends(old, new) is expected
