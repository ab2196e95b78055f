"""Keys of values: found, written, and put together."""

import re
from typing import Any

import pytest

from auditor.fixes.paths import MAX_DEPTH, find_keys, key_text, list_of, overlay, value_at

NAME = re.compile("nodeSelector")


def test_keys_are_found_at_any_depth_in_document_order() -> None:
    values = {
        "web": {"nodeSelector": {}},
        "nodeSelector": {"nodeSelector": {}},
        "zones": [{"name": "a"}, {"nodeSelector": None}],
        "other": "nodeSelector",
    }

    assert find_keys(values, NAME) == [
        ("web", "nodeSelector"),
        ("nodeSelector",),
        ("zones", 1, "nodeSelector"),
    ]


def test_values_nested_without_end_are_left_alone() -> None:
    values: dict[str, Any] = {"nodeSelector": {}}
    for _ in range(MAX_DEPTH + 1):
        values = {"a": values}

    assert find_keys(values, NAME) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("a", "b"), 1),
        (("a", "list", 1, "c"), 2),
        (("a", "list", 7, "c"), None),
        (("a", "list", "c"), None),
        (("a", "b", "c"), None),
        ((), {"a": {"b": 1, "list": [{}, {"c": 2}]}}),
    ],
)
def test_value_at(key: tuple[str | int, ...], value: object) -> None:
    assert value_at({"a": {"b": 1, "list": [{}, {"c": 2}]}}, key) == value


def test_an_overlay_holds_what_is_changed_and_nothing_else() -> None:
    values = {"a": {"b": {"x": 1}, "c": 2}}

    assert overlay(values, {("a", "b", "y"): 3, ("d",): {"e": 4}}) == {
        "a": {"b": {"y": 3}},
        "d": {"e": 4},
    }


def test_an_overlay_copies_lists_whole_once_and_leaves_the_values_alone() -> None:
    values = {"zones": [{"name": "a", "nested": [1, 2]}, {"name": "b"}]}

    changed = overlay(
        values, {("zones", 0, "x"): 1, ("zones", 1, "x"): 2, ("zones", 0, "nested", 1): 9}
    )

    assert changed == {"zones": [{"name": "a", "nested": [1, 9], "x": 1}, {"name": "b", "x": 2}]}
    assert values == {"zones": [{"name": "a", "nested": [1, 2]}, {"name": "b"}]}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (("agent", "nodeSelector"), "agent.nodeSelector"),
        (("kube-state-metrics", "nodeSelector"), "kube-state-metrics.nodeSelector"),
        (("zones", 0, "nodeSelector"), "zones[0].nodeSelector"),
        (("a.b", "x y"), '"a.b"."x y"'),
    ],
)
def test_a_key_as_people_write_it(key: tuple[str | int, ...], text: str) -> None:
    assert key_text(key) == text


def test_the_list_that_an_overlay_copies() -> None:
    assert list_of(("a", "zones", 0, "pools", 1, "x")) == ("a", "zones")
    assert list_of(("a", "x")) == ()
