"""Shapes: what they read, what they refuse and where, and what they tell editors."""

from dataclasses import dataclass
from typing import Any

import pytest

from auditor.files.strict import (
    Choice,
    Constant,
    Flag,
    Key,
    ListOf,
    MapOf,
    MappingOr,
    OneOrMore,
    OrNothing,
    Record,
    Scalar,
    Shape,
    Text,
)
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents


def node(text: str) -> Node:
    (found,) = read_documents(text)
    assert not isinstance(found, YamlError)
    return found


@dataclass(frozen=True)
class Point:
    """x and y, and where they were written."""

    x: int
    y_axis: int = 0
    place: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.x == self.y_axis:
            raise ValueError("a point must not lie on the diagonal")


NUMBER = Text(int, {"pattern": "[0-9]+"})
POINT = Record(
    "a point",
    Point,
    {"x": Key(NUMBER, "Right.", required=True), "y-axis": Key(NUMBER, "Up.")},
    placed=True,
)


@pytest.mark.parametrize(
    ("shape", "text", "value"),
    [
        (NUMBER, "'7'", 7),
        (Flag(), "true", True),
        (Constant(1, "it"), "1", 1),
        (Choice({"a": 1, "b": 2}, "a letter"), "b", 2),
        (Scalar(), "1.5", 1.5),
        (ListOf(NUMBER), "['1', '2']", (1, 2)),
        (OneOrMore(NUMBER), "'1'", (1,)),
        (OneOrMore(NUMBER), "['1', '2']", (1, 2)),
        (OneOrMore(NUMBER, at_least=0), "[]", ()),
        (MapOf(NUMBER), "{b: '1', a: '2'}", (("b", 1), ("a", 2))),
        (MapOf(OrNothing(NUMBER, 0)), "{b: }", (("b", 0),)),
        (MappingOr(POINT, NUMBER), "{x: '1'}", Point(1, place=(1, 1))),
        (MappingOr(POINT, NUMBER), "'1'", 1),
        (POINT, "\n\n  x: '1'\n  y-axis: '2'", Point(1, 2, (3, 3))),
        (POINT, "{x: '1', y-axis: }", Point(1, 0, (1, 1))),
    ],
)
def test_read(shape: Shape[Any], text: str, value: object) -> None:
    assert shape.read(node(text)) == value


@pytest.mark.parametrize(
    ("shape", "text", "message", "place"),
    [
        (NUMBER, "seven", "invalid literal", (1, 1)),
        (NUMBER, "7", "expected text, not the number 7", (1, 1)),
        (Flag(), "'true'", "expected true or false, not text", (1, 1)),
        (Constant(1, "it"), "true", "it is 1, not the boolean true", (1, 1)),
        (Constant(1, "it"), "2", "it is 1, not the number 2", (1, 1)),
        (Choice({"alpha": 1}, "a letter"), "alpah", "did you mean `alpha`?", (1, 1)),
        (Choice({"a": 1}, "a letter"), "on", "a letter is one of a, not the boolean true", (1, 1)),
        (Scalar(), "[1]", "expected a string, number or boolean, not a list", (1, 1)),
        (ListOf(NUMBER, 1, "it"), "[]", "it must not be empty", (1, 1)),
        (ListOf(NUMBER), "{a: 1}", "expected a list", (1, 1)),
        (OneOrMore(NUMBER, "it"), "[]", "it must not be empty", (1, 1)),
        (MapOf(NUMBER), "[]", "expected a mapping, not a list", (1, 1)),
        (MapOf(NUMBER), "{a: }", "expected text, not null", (1, 5)),
        (MapOf(NUMBER, name=lambda _: str(int("x"))), "{a: '1'}", "invalid literal", (1, 2)),
        (POINT, "{}", "a point needs `x`", (1, 1)),
        (POINT, "{x: '1', y_axis: '2'}", "has no key `y_axis`; did you mean `y-axis`?", (1, 10)),
        (POINT, "- '1'", "a point must be a mapping, not a list", (1, 1)),
        (POINT, "{x: '0'}", "a point must not lie on the diagonal", (1, 1)),
        (POINT, "{x: 7}", "`x`: expected text, not the number 7", (1, 5)),
    ],
)
def test_refuse(shape: Shape[Any], text: str, message: str, place: tuple[int, int]) -> None:
    with pytest.raises(ShapeError) as caught:
        shape.read(node(text))

    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


NUMBER_SCHEMA = {"type": "string", "pattern": "[0-9]+"}


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        (NUMBER, NUMBER_SCHEMA),
        (Flag(), {"type": "boolean"}),
        (Constant(1, "it"), {"const": 1}),
        (Choice({"a": 1, "b": 2}, "a letter"), {"enum": ["a", "b"]}),
        (Scalar(), {"type": ["boolean", "null", "number", "string"]}),
        (ListOf(NUMBER, 2), {"type": "array", "items": NUMBER_SCHEMA, "minItems": 2}),
        (
            OneOrMore(NUMBER),
            {"anyOf": [NUMBER_SCHEMA, {"type": "array", "items": NUMBER_SCHEMA, "minItems": 1}]},
        ),
        (MapOf(NUMBER), {"type": "object", "additionalProperties": NUMBER_SCHEMA}),
        (OrNothing(NUMBER, 0), {"anyOf": [NUMBER_SCHEMA, {"type": "null"}]}),
        (
            POINT,
            {
                "type": "object",
                "properties": {
                    "x": {"description": "Right.", **NUMBER_SCHEMA},
                    "y-axis": {"description": "Up.", **NUMBER_SCHEMA},
                },
                "required": ["x"],
                "additionalProperties": False,
            },
        ),
    ],
)
def test_schema(shape: Shape[Any], schema: object) -> None:
    assert shape.json_schema() == schema
