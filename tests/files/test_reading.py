"""What Kubernetes reads (sigs.k8s.io/yaml), in each of its ways, with places."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import MAX_DEPTH, YamlError, read_documents


def load(text: str) -> list[Any]:
    return [item.plain() if isinstance(item, Node) else item for item in read_documents(text)]


def load_one(text: str) -> Any:
    [document] = load(text)
    return document


def error_of(text: str) -> YamlError:
    [document] = load(text)
    assert isinstance(document, YamlError)
    return document


def root(text: str) -> Node:
    [document] = read_documents(text)
    assert isinstance(document, Node)
    return document


SCALARS: list[tuple[str, Any]] = [
    ("0644", 420),
    ("0o644", 420),
    ("0x1F", 31),
    ("-0x1f", -31),
    ("0b101", 5),
    ("08", 8),
    ("1_000", 1000),
    ("+12", 12),
    ("1e3", 1000),
    ("1.50", 1.5),
    (".5", 0.5),
    ("1.", 1),
    ("6.02e+23", 6.02e23),
    ("1e400", "1e400"),
    ("18446744073709551615", 18446744073709551615),
    ("18446744073709551616", 1.8446744073709552e19),
    ("0x018446744073709551615", "0x018446744073709551615"),
    ("0777777777777777777777777", 7.77777777777777777777777e23),
    ("9" * 5000, "9" * 5000),
    ("1:30", "1:30"),
    ("2001-01-01", "2001-01-01"),
    ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
    ("1.2.3", "1.2.3"),
    ("10.0.20348", "10.0.20348"),
    ("0x", "0x"),
    ("1e", "1e"),
    ("_1", "_1"),
    (".", "."),
    ("+.nan", "+.nan"),
    (".iNF", ".iNF"),
    ("--", "--"),
    *((word, True) for word in ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")),
    *((word, False) for word in ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF")),
    *((word, True) for word in ("y", "Y")),
    *((word, False) for word in ("n", "N")),
    *((word, None) for word in ("", "~", "null", "Null", "NULL")),
    ("tRUE", "tRUE"),
    ("nULL", "nULL"),
    ("=", "="),
    ("!foo x", "x"),
    ("!foo 7", "7"),
    ("!!string x", "x"),
    ("!!str 7", "7"),
    ("!!str", ""),
    ("!!int '7'", 7),
    ("!!float 7", 7),
    ("!!bool yes", True),
    ("!!null ~", None),
    ("!!timestamp 2001-01-01", "2001-01-01"),
    ("!!binary aGVsbG8=", "hello"),
    ("'7'", "7"),
    ('"on"', "on"),
    ('"\\u00e9\\n\\x41"', "é\nA"),
    ("'it''s'", "it's"),
    ("text # comment", "text"),
    ("a#b", "a#b"),
    ("http://x:80/y?z=1", "http://x:80/y?z=1"),
    ("é 🎉", "é 🎉"),
    ("\ttabbed", "tabbed"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS)
def test_a_scalar(text: str, value: Any) -> None:
    read = load_one(f"a: {text}\n")["a"]

    assert read == value
    assert type(read) is type(value)


DOCUMENTS: dict[str, tuple[str, Any]] = {
    "the last of two equal keys": ("a: 1\nb: 2\na: 3\n", {"a": 3, "b": 2}),
    "equal keys by value": ("1: a\n0x1: b\n", {"1": "b"}),
    "keys that are no text": ("true: 1\n7: 2\n1.5: 3\n", {"true": 1, "7": 2, "1.5": 3}),
    "a flow mapping without space": ("{b:1}", {"b:1": None}),
    "a flow mapping": ("{b: 1, c: [1, {d: e}],}", {"b": 1, "c": [1, {"d": "e"}]}),
    "a tab after a colon": ("a:\t1\n", {"a": 1}),
    "a tab after a comma": ("a: [1,\t2]\n", {"a": [1, 2]}),
    "windows line ends": ("a: 1\r\nb: |\r\n  x\r\n  y\r\n", {"a": 1, "b": "x\ny\n"}),
    "a byte order mark": ("\ufeffa: 1\n", {"a": 1}),
    "a literal block": ("a: |\n  x\n\n   y\nb: 1\n", {"a": "x\n\n y\n", "b": 1}),
    "a folded block": ("a: >-\n  x\n  y\n\n  z\n", {"a": "x y\nz"}),
    "a block with more indented first lines": ("a: |\n\n   x\n  y\n", YamlError),
    "an odd block scalar": ("a: >\n  x\n    y\n  z\n", {"a": "x\n  y\nz\n"}),
    "an indented sequence or not": ("a:\n- 1\nb:\n  - 2\n", {"a": [1], "b": [2]}),
    "a line of 200 KB": (f"a: {'x' * 200_000}\n", {"a": "x" * 200_000}),
    "an anchor": ("a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
    "an anchor of a scalar": ("a: &x 1\nb: *x\n", {"a": 1, "b": 1}),
    "an anchor given twice": ("a: &x 1\nb: &x 2\nc: *x\n", {"a": 1, "b": 2, "c": 2}),
    "a merge": (
        "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
        {"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}},
    ),
    "a merge after a key overrides it": (
        "a: &x {p: 1}\nb: {p: 0, <<: *x}\n",
        {"a": {"p": 1}, "b": {"p": 1}},
    ),
    "the first of several merges": (
        "a: &x {p: 1}\nb: &y {p: 2, q: 2}\nc: {<<: [*x, *y]}\n",
        {"a": {"p": 1}, "b": {"p": 2, "q": 2}, "c": {"p": 1, "q": 2}},
    ),
    "a quoted merge key is a key": ('{"a": {"<<": {"p": 1}}}', {"a": {"<<": {"p": 1}}}),
    "a merge key by its tag": ("a: {!!merge m: {p: 1}}\n", {"a": {"p": 1}}),
    "a merge key elsewhere is text": ("a: [<<]\n", {"a": ["<<"]}),
    "a merge of a mapping in place": ("a: {<<: {p: 1}}\n", {"a": {"p": 1}}),
    "a version directive of 1.1": ("%YAML 1.1\n---\na: 1\n", {"a": 1}),
    "a tag directive": ("%TAG ! !foo\n---\na: !x 1\n", {"a": "1"}),
    "a tag on a collection": ("a: !foo [1]\nb: !bar {c: 1}\n", {"a": [1], "b": {"c": 1}}),
    "a document that is text": ("text", "text"),
    "a document that is a list": ("- 1\n- a: 2\n", [1, {"a": 2}]),
    "JSON": ('{"a": [1, true, null, "\\u00e9"],\n "b": {}}', {"a": [1, True, None, "é"], "b": {}}),
    "JSON with tabs": ('{\n\t"a": 1\n}', {"a": 1}),
    "JSON with surrogate pairs": ('{"a": "\\ud83c\\udf89"}', {"a": "🎉"}),
    "JSON with slashes": ('{"a": "x\\/y"}', {"a": "x/y"}),
}


@pytest.mark.parametrize(("text", "value"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document(text: str, value: Any) -> None:
    read = load_one(text)

    assert isinstance(read, YamlError) if value is YamlError else read == value


def test_nesting_of_500_is_read() -> None:
    node = root("[" * 500 + "]" * 500)

    depth = 0
    while items := node.items():
        node, depth = items[0], depth + 1
    assert depth == 499


REFUSED: dict[str, tuple[str, int, int, str]] = {
    "no end of a list": ("a: 1\nb: [\n", 3, 1, "did not find expected node content"),
    "two values": ("a: b: c\n", 1, 5, "mapping values are not allowed in this context"),
    "a tab as indent": ("a:\n\tb: 1\n", 2, 1, "tabs are not allowed for indentation; use spaces"),
    "an unknown alias": ("a: 1\nb: *x\n", 2, 4, "unknown anchor 'x' referenced"),
    "an anchor within itself": ("a: &x\n  b: *x\n", 2, 6, "anchor 'x' value contains itself"),
    "an anchor in its own list": ("&x [1, *x]", 1, 8, "anchor 'x' value contains itself"),
    "a control character": ("a: 1\nb: \x01\n", 2, 1, "control characters are not allowed"),
    "a template left over": ("a: 1\nb: {{ .Values.x }}\n", 2, 5, "a template was not rendered"),
    "a version directive of 1.2": ("%YAML 1.2\n---\na: 1\n", 1, 1, "incompatible YAML document"),
    "a number that is none": ("a: !!int x\n", 1, 4, "cannot decode `x` as a !!int"),
    "a boolean that is a number": ("a: !!int true\n", 1, 4, "cannot decode `true` as a !!int"),
    "a null that is text": ("a: !!null x\n", 1, 4, "cannot decode `x` as a !!null"),
    "no base64": ("a: !!binary '*'\n", 1, 4, "base64"),
    "infinity": ("a: .inf\n", 1, 4, ".inf has no JSON form"),
    "no number": ("a: .NaN\n", 1, 4, ".NaN has no JSON form"),
    "a null key": ("~: 1\n", 1, 1, "null as a mapping key"),
    "a list as key": ("? [1]\n: 2\n", 1, 3, "a list as a mapping key"),
    "a merge of text": ("a: {<<: [x]}\n", 1, 9, "map merge requires map or sequence of maps"),
    "a merge of a number": ("a: {<<: 1}\n", 1, 9, "map merge requires map or sequence of maps"),
    "directives alone": ("%a: 1\n", 1, 3, "while scanning a directive"),
    "text after the end": ("a: 'x' y\n", 1, 8, "did not find expected key"),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(text: str, line: int, column: int, message: str) -> None:
    error = error_of(text)

    assert message in error.message
    assert (error.line, error.column) == (line, column)


def test_places_count_from_one_in_the_whole_text() -> None:
    text = (
        "# first\n---\napiVersion: v1\nspec:\n  containers:\n    - name: web\n      image:   'x'\n"
    )

    node = root(text)
    container = node.at("spec")
    assert container is not None
    [item] = container.items_at("containers")

    assert (node.line, node.column) == (3, 1)
    assert node.key_place("spec") == (4, 1)
    assert (item.line, item.column) == (6, 7)
    assert item.key_place("image") == (7, 7)
    image = item.get("image")
    assert image is not None
    assert (image.line, image.column) == (7, 16)
    assert item.key_place("absent") == (6, 7)


def test_places_after_characters_of_several_bytes() -> None:
    node = root("é: {🎉: x, b: y}\n")

    [mapping] = node.mapping().values()
    assert mapping.key_place("b") == (1, 11)


def test_the_place_of_a_key_given_twice_is_that_of_the_last() -> None:
    assert root("a: 1\nb: 1\na: 2\n").key_place("a") == (3, 1)


def test_the_place_of_a_merged_key_is_where_it_is_merged() -> None:
    node = root("a: &x\n  p: 1\nb:\n  <<: *x\n").at("b")

    assert node is not None
    assert node.key_place("p") == (4, 3)
    value = node.get("p")
    assert value is not None
    assert value.line == 2


SEPARATED: dict[str, tuple[str, list[Any]]] = {
    "nothing": ("", []),
    "comments alone": ("# a\n---\n# b\n", []),
    "several": ("a: 1\n---\nb: 2\n---\n---\nc: 3\n", [{"a": 1}, {"b": 2}, {"c": 3}]),
    "a comment after the dashes": ("a: 1\n--- # why\nb: 2\n", [{"a": 1}, {"b": 2}]),
    "content after the dashes": ("--- {a: 1}\n--- text\n", [{"a": 1}, "text"]),
    "windows line ends": ("a: 1\r\n---\r\nb: 2\r\n", [{"a": 1}, {"b": 2}]),
    "the end of a document": ("a: 1\n...\n---\nb: 2\n...\n", [{"a": 1}, {"b": 2}]),
    "directives": ("%YAML 1.1\n# why\n---\na: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
    "dashes within a block": ("a: |\n  x\n  ---\n  y\n", [{"a": "x\n---\ny\n"}]),
    "dashes within quotes": ("a: 'x\n  --- y'\n", [{"a": "x --- y"}]),
    "more than three dashes": ("----: 1\n", [{"----": 1}]),
    "dashes with text right after": ("---a: 1\n", [{"---a": 1}]),
    "anchors end with the document": ("a: &x 1\n---\nb: 1\n", [{"a": 1}, {"b": 1}]),
}


@pytest.mark.parametrize(("text", "values"), SEPARATED.values(), ids=SEPARATED)
def test_documents_of_a_text(text: str, values: list[Any]) -> None:
    assert load(text) == values


def test_one_broken_document_does_not_hide_the_others() -> None:
    first, broken, last = load("a: 1\n---\nb: 1\nc: [\n---\nd: 4\n")

    assert (first, last) == ({"a": 1}, {"d": 4})
    assert isinstance(broken, YamlError)
    assert broken.line == 5


def test_what_follows_the_end_of_a_document_is_not_passed_over() -> None:
    """Kubernetes reads the first document and drops the rest in silence."""
    first, rest = load("a: 1\n...\nb: 2\n")

    assert first == {"a": 1}
    assert isinstance(rest, YamlError)
    assert rest.line == 3


def test_an_alias_of_another_document_is_unknown() -> None:
    first, second = load("a: &x 1\n---\nb: *x\n")

    assert first == {"a": 1}
    assert isinstance(second, YamlError)
    assert (second.line, second.column) == (3, 4)


def test_what_is_to_be_skipped_is_not_parsed() -> None:
    text = "kind: Skip\nbroken: [\n---\nkind: Keep\n---\nkind: Skip\n"

    [kept] = read_documents(text, skip=lambda part: "kind: Skip" in part)

    assert isinstance(kept, Node)
    assert (kept.plain(), kept.line) == ({"kind": "Keep"}, 4)


@pytest.mark.timeout(30)
def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    started = time.perf_counter()

    error = error_of("\n".join(lines))

    assert error.message == "document contains excessive aliasing"
    assert time.perf_counter() - started < 2


def test_honest_aliases_are_followed() -> None:
    text = "base: &b {x: [1, 2, 3]}\nall: [" + ", ".join(["*b"] * 1000) + "]\n"

    assert len(load_one(text)["all"]) == 1000


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 100_000,
        "{a: " * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "? " * 100_000,
        "a: " + "[" * 1500,
        "[" * 1500 + "]" * 1500,
        "\n".join(" " * depth + "a:" for depth in range(1500)),
        "\n".join(" " * depth + "-" for depth in range(1500)),
    ],
)
def test_depth_is_bounded(text: str) -> None:
    assert error_of(text).message == f"nested more than {MAX_DEPTH} deep"


def test_what_is_nested_less_is_read() -> None:
    depth = MAX_DEPTH - 1
    (read,) = read_documents("[" * depth + "]" * depth)
    assert isinstance(read, Node)
    for _ in range(depth - 1):
        (read,) = read.items()
    assert read.items() == ()


@pytest.mark.parametrize("text", ["[" * 500 + "}", "- " * 500 + "]", "a: [" + "b, " * 2000 + "}"])
def test_another_mistake_keeps_its_message(text: str) -> None:
    assert "nested" not in error_of(text).message


@pytest.mark.timeout(30)
def test_time_grows_with_the_text() -> None:
    read = list(read_documents("a: {b: [1, 'x', y], c: 0644}\n---\n" * 30_000))

    assert len(read) == 30_000


INDICATORS = "ab: -[]{},&*!|>'\"#%@\n\t\r~<=?0x1.e\\é\x00\ufeff"


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(st.text(alphabet=st.sampled_from(INDICATORS), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for item in read_documents(text):
        if isinstance(item, YamlError):
            assert 1 <= item.line <= len(re.findall("\r\n?|\n", text)) + 2
            assert item.column >= 1
        else:
            item.plain()


TEXTS = st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | TEXTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=10,
)


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(JSON)
def test_json_is_read_as_json(value: Any) -> None:
    for text in (json.dumps({"a": value}), json.dumps({"a": value}, indent=2)):
        assert load_one(text) == {"a": value}


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_json_has_no_infinity(number: str) -> None:
    value = load_one(f'{{"a": "\\ud83c\\udf89", "b": {number}}}')

    assert isinstance(value, YamlError) or value["b"] == number


def test_numbers_of_json_are_those_of_yaml() -> None:
    pair = '"\\ud83c\\udf89"'
    assert load_one(f'{{"a": {pair}, "b": 1e3, "c": 1.5}}') == {"a": "🎉", "b": 1000, "c": 1.5}
