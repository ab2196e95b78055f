"""Parse JSON objects from external input: UTF-8 only, with a single exception type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

JsonObject = Mapping[str, object]


class JsonError(ValueError):
    """Text that is not a JSON object. The message is a clause that does not quote the text."""


def parse_object(text: bytes) -> JsonObject:
    """Parse a JSON object. Raises JsonError, also if the nesting exceeds the recursion limit."""
    try:
        value: Any = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise JsonError("it is not UTF-8 text") from None
    except RecursionError:
        raise JsonError("it is nested too deep") from None
    except ValueError:
        page = "a web page (of a login or a proxy), " if text.lstrip()[:1] == b"<" else ""
        raise JsonError(f"it is {page}not JSON") from None
    if not isinstance(value, dict):
        raise JsonError("it is not a JSON object")
    return value


def text_at(value: JsonObject, key: str) -> str:
    """Return the string under a key, or "" if it is absent or of another type."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def object_at(value: JsonObject, key: str) -> JsonObject:
    """Return the object under a key, or an empty one if it is absent or of another type."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
