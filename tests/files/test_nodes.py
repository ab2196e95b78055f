"""The typed readers say what is wrong, and where."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents


def root(text: str) -> Node:
    [document] = read_documents(text)
    assert isinstance(document, Node)
    return document


NODE = root(
    "text: x\nnumber: 7\nfloat: 1.5\nflag: true\nlist: [1]\nmap: {a: b}\nnothing: null\n"
    "labels: {app: web, tier: 7}\n"
)


def test_typed_readers() -> None:
    assert NODE.text_at("text") == "x"
    assert NODE.integer_at("number") == 7
    assert NODE.flag_at("flag") is True
    assert [item.value for item in NODE.items_at("list")] == [1]
    assert {key: item.value for key, item in NODE.mapping_at("map").items()} == {"a": "b"}
    assert NODE.texts_at("map") == {"a": "b"}
    assert (NODE.is_mapping, NODE.is_sequence, NODE.is_text) == (True, False, False)


@pytest.mark.parametrize("key", ["nothing", "absent"])
def test_a_null_counts_as_absent(key: str) -> None:
    assert NODE.get(key) is None
    assert NODE.at(key, "below") is None
    assert NODE.text_at(key) == ""
    assert NODE.integer_at(key) is None
    assert NODE.flag_at(key) is False
    assert NODE.items_at(key) == ()
    assert NODE.mapping_at(key) == {}
    assert NODE.texts_at(key) == {}
    assert key not in NODE.mapping()


@pytest.mark.parametrize(
    ("read", "message", "place"),
    [
        (lambda: NODE.text_at("number"), "`number`: expected text, not the number 7", (2, 9)),
        (lambda: NODE.text_at("flag"), "not the boolean true; put it in quotes", (4, 7)),
        (lambda: NODE.integer_at("float"), "expected a whole number, not the number 1.5", (3, 8)),
        (lambda: NODE.integer_at("flag"), "expected a whole number, not the boolean true", (4, 7)),
        (lambda: NODE.flag_at("text"), "`text`: expected true or false, not text", (1, 7)),
        (lambda: NODE.items_at("map"), "`map`: expected a list, not a mapping", (6, 6)),
        (lambda: NODE.mapping_at("list"), "`list`: expected a mapping, not a list", (5, 7)),
        (lambda: NODE.at("text", "a"), "expected a mapping with `a`, not text", (1, 7)),
        (lambda: NODE.texts_at("labels"), "`labels.tier`: expected text, not the number", (8, 26)),
    ],
)
def test_a_value_of_another_type(read: Any, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(ShapeError) as raised:
        read()

    assert message in raised.value.message
    assert (raised.value.line, raised.value.column) == place
