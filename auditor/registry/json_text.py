"""JSON from outside: bounded, UTF-8, an object at the top; any failure is one kind of error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

JsonObject = Mapping[str, object]


class JsonError(ValueError):
    """Text that is not a JSON object. The message is a clause for the user, without the text."""


def parse_object(text: bytes) -> JsonObject:
    """The object that the text holds. Raises JsonError, also for nesting that no parser bears."""
    try:
        value: Any = json.loads(text.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise JsonError("it is not UTF-8 text") from None
    except RecursionError:
        raise JsonError("it is nested too deep") from None
    except ValueError:
        page = "a web page, as of a login or a proxy, and" if text.lstrip()[:1] == b"<" else ""
        raise JsonError(" ".join(filter(None, ("it is", page, "not JSON")))) from None
    if not isinstance(value, dict):
        raise JsonError("it is not a JSON object")
    return value


def text_at(value: JsonObject, key: str) -> str:
    """The text under a key; "" where it is absent or something else."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def object_at(value: JsonObject, key: str) -> JsonObject:
    """The object under a key; an empty one where it is absent or something else."""
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
