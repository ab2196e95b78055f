from typing import Any

import pytest

from auditor.sources.processes.worker import Worker
from auditor.sources.rendering import RenderError
from auditor.sources.values import (
    Digits,
    apply_set,
    drop_digits,
    keep_digits,
    merge,
    split_expression,
)
from tests.support.charts import require_library


def test_mappings_are_merged_and_lists_replaced() -> None:
    base = {"a": {"x": 1, "y": {"z": 1}}, "list": [1, 2], "gone": {"a": 1}, "scalar": 1}
    over = {"a": {"y": {"q": 2}}, "list": [3], "gone": None, "scalar": {"b": 1}}

    assert merge(base, over) == {
        "a": {"x": 1, "y": {"z": 1, "q": 2}},
        "list": [3],
        "gone": None,
        "scalar": {"b": 1},
    }
    assert base["a"] == {"x": 1, "y": {"z": 1}}


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("a=1", ["a=1"]),
        ("a=1,b.c=2", ["a=1", "b.c=2"]),
        ("a={x,y},b=2", ["a={x,y}", "b=2"]),
        (r"a=x\,y,b=2", [r"a=x\,y", "b=2"]),
        (r"a\,b=1", [r"a\,b=1"]),
        ("a=x{1,b=2", ["a=x{1", "b=2"]),
        (r"a={x\},y},b=2", [r"a={x\},y}", "b=2"]),
        ("a=b={1,c=2", ["a=b={1", "c=2"]),
        ("a=1,", ["a=1"]),
        ("", []),
    ],
)
def test_an_expression_is_cut_where_helm_cuts_it(expression: str, parts: list[str]) -> None:
    assert list(split_expression(expression)) == parts


@pytest.fixture(scope="module")
def worker() -> Worker:
    require_library()
    return Worker()


def _apply(worker: Worker, base: dict[str, Any], *expressions: str) -> dict[str, Any]:
    def parse(expression: str) -> dict[str, Any]:
        parsed: dict[str, Any] = worker.ask("parse_set", 10, expression=expression)
        return parsed

    for expression in expressions:
        base = apply_set(base, expression, parse)
    return base


@pytest.mark.parametrize(
    ("base", "expressions", "values"),
    [
        ({}, ["a.b=1,c=x"], {"a": {"b": 1}, "c": "x"}),
        ({"a": {"b": 1, "c": 2}}, ["a.b=3"], {"a": {"b": 3, "c": 2}}),
        ({"a": "text"}, ["a.b=3"], {"a": {"b": 3}}),
        ({"a": [5, 6, 7]}, ["a={1,2}"], {"a": [1, 2]}),
        ({"a": [5, 6, 7]}, ["a[1]=x"], {"a": [5, "x", 7]}),
        ({"a": [5]}, ["a[2]=x"], {"a": [5, None, "x"]}),
        ({"a": [5, 6]}, ["a[0]=null"], {"a": [None, 6]}),
        ({"a": {"b": 1}}, ["a=null"], {"a": None}),
        (
            {},
            ["t[0].key=os", "t[0].operator=Equal", "t[1].key=arch"],
            {"t": [{"key": "os", "operator": "Equal"}, {"key": "arch"}]},
        ),
        ({"a": [[1, 2], [3]]}, ["a[0][1]=x"], {"a": [[1, "x"], [3]]}),
        ({"a": [{"l": [1, 2]}]}, ["a[0].l={9}"], {"a": [{"l": [9]}]}),
        ({}, [r"a\.b=1"], {"a.b": 1}),
        ({}, [r"n.kubernetes\.io/os=linux"], {"n": {"kubernetes.io/os": "linux"}}),
        ({}, [r"a\[0\]=1"], {"a[0]": 1}),
        ({}, ["a=true,b=0012,c=1.5,d="], {"a": True, "b": "0012", "c": "1.5", "d": ""}),
    ],
)
def test_set_changes_what_helm_changes(
    worker: Worker, base: dict[str, Any], expressions: list[str], values: dict[str, Any]
) -> None:
    assert _apply(worker, base, *expressions) == values


@pytest.mark.parametrize("expression", ["a", "a=1,,b=2", "a[99999999]=1"])
def test_what_helm_cannot_parse_is_refused(worker: Worker, expression: str) -> None:
    with pytest.raises(RenderError):
        _apply(worker, {}, expression)


def test_long_integers_keep_their_digits() -> None:
    kept = keep_digits({"tag": 20240101, "few": 999_999, "list": [-1_000_000], "on": True})

    assert kept == {"tag": "20240101", "few": 999_999, "list": ["-1000000"], "on": True}
    assert isinstance(kept["tag"], Digits)
    assert drop_digits({**kept, "text": "20240101"}) == {
        "tag": 20240101,
        "few": 999_999,
        "list": [-1_000_000],
        "on": True,
        "text": "20240101",
    }
