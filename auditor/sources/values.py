"""The user's values: files, then `--set`, then `--set-string`, merged as Helm merges them.

Helm's own reader and parser are used (they come as arguments); only what they do not offer is
here: `--set a[1].b=c` changes one item of a list that stands already (Helm `pkg/strvals`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Parse = Callable[[str], dict[str, Any]]

_LONG: Final = 1_000_000
"""From here on Go prints a float64 with an exponent."""


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, mapping by mapping; lists are replaced. Neither is changed."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged


def apply_set(base: dict[str, Any], expression: str, parse: Parse) -> dict[str, Any]:
    """The values with one `--set` expression applied.

    parse: Helm's own parser; its errors pass through.
    """
    whole = parse(expression)
    parts = list(split_expression(expression))
    alone: dict[str, Any] = {}
    result = base
    for part in parts:
        parsed, indexes = parse(part), _count_indexes(part)
        alone = _assign(alone, parsed, indexes)
        result = _assign(result, parsed, indexes)
    # Where the parts do not add up to what Helm read, the expression was cut at the wrong places.
    return result if alone == whole else merge(base, whole)


def split_expression(expression: str) -> Iterator[str]:
    """The assignments of an expression: it is cut at commas outside of `{...}`, unless escaped."""
    start, in_key, in_list = 0, True, False
    position = 0
    while position < len(expression):
        match expression[position]:
            case "\\":
                position += 1
            case "=" if in_key:
                in_key = False
                in_list = expression[position + 1 : position + 2] == "{"
            case "}" if in_list:
                in_list = False
            case "," if not in_list:
                yield expression[start:position]
                start, in_key = position + 1, True
            case _:
                pass
        position += 1
    if start < len(expression):
        yield expression[start:]


def _count_indexes(assignment: str) -> int:
    key = re.match(r"(?:\\.|[^\\=])*", assignment)
    return len(re.findall(r"(?<!\\)\[", key[0])) if key else 0


def _assign(base: Any, parsed: Any, indexes: int) -> Any:
    """One assignment, as Helm's parser gives it on its own, put into what stands already.

    On its own `a[2]=x` is `{a: [null, null, x]}`: the last item is meant, the others are padding.
    """
    if isinstance(parsed, dict):
        below = base if isinstance(base, dict) else {}
        return below | {key: _assign(below.get(key), item, indexes) for key, item in parsed.items()}
    if isinstance(parsed, list) and indexes and parsed:
        items = list(base) if isinstance(base, list) else []
        items += [None] * (len(parsed) - len(items))
        items[len(parsed) - 1] = _assign(items[len(parsed) - 1], parsed[-1], indexes - 1)
        return items
    return parsed


class Digits(str):
    """An integer that keeps its digits on the way to Helm's library.

    `--set image.tag=20240101` is an integer to Helm, and templates write its digits; the library
    takes values as JSON, where it becomes the float 2.0240101e+07. As text it is written right.
    """

    __slots__ = ()


def keep_digits(value: Any) -> Any:
    """The same values with the integers that would lose their digits as `Digits`."""
    return _replaced(value, lambda item: Digits(item) if _is_long(item) else item)


def drop_digits(value: Any) -> Any:
    """The same values with every `Digits` as a number: for a schema or template that insists."""
    return _replaced(value, lambda item: int(item) if isinstance(item, Digits) else item)


def _is_long(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG


def _replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    match value:
        case dict():
            return {key: _replaced(item, replace) for key, item in value.items()}
        case list():
            return [_replaced(item, replace) for item in value]
        case _:
            return replace(value)
