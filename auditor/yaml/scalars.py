"""YAML scalars as go-yaml v2 resolves them (`resolve.go`), which is what Kubernetes reads.

YAML 1.1 with go-yaml's own rules: `yes` and `on` are true, `0644` and `0o644` are octal, dates and
sexagesimals are text, unknown tags make text.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

Scalar = None | bool | int | float | str

_LITERALS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(
        ("true", "True", "TRUE", "on", "On", "ON", "yes", "Yes", "YES", "y", "Y"), True
    ),
    **dict.fromkeys(
        ("false", "False", "FALSE", "off", "Off", "OFF", "no", "No", "NO", "n", "N"), False
    ),
}
_NUMERIC: Final = re.compile(r"[-+.0-9]")
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[bB](?P<two>[01]+)|0[xX](?P<sixteen>[0-9a-fA-F]+)|0[oO]?(?P<eight>[0-7]+)"
    r"|(?P<ten>0|[1-9][0-9]*))"
)
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TAG: Final = "tag:yaml.org,2002:"
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    f"{_TAG}bool": (bool,),
    f"{_TAG}float": (float, int),
    f"{_TAG}int": (int,),
    f"{_TAG}null": (type(None),),
}
"""What a scalar with one of these tags must be; any other tag makes it text."""
_MAX_DIGITS: Final = 100
_EXACT_INTEGER: Final = 2**53


def tagged_scalar(text: str, tag: str) -> Scalar:
    """A scalar with an explicit tag. Raises ValueError where the text does not fit it."""
    if tag == f"{_TAG}binary":
        joined = text.replace("\r", "").replace("\n", "")
        try:
            return base64.b64decode(joined, validate=True).decode("utf-8", "replace")
        except binascii.Error as error:
            raise ValueError(str(error)) from error
    if tag == f"{_TAG}merge":
        return MergeKey(text)
    if tag not in _TYPES:
        return text
    value = plain_scalar(text)
    if not isinstance(value, _TYPES[tag]) or (isinstance(value, bool) and tag != f"{_TAG}bool"):
        raise ValueError(f"cannot decode `{text}` as a !!{tag.removeprefix(_TAG)}")
    return value


class MergeKey(str):
    """`<<` without quotes: as a key it merges; anywhere else it is text."""

    __slots__ = ()


@lru_cache(maxsize=4096)
def plain_scalar(text: str) -> Scalar:
    """A scalar without quotes or tag. Raises ValueError for what JSON cannot say."""
    if text in _LITERALS:
        return _LITERALS[text]
    if not _NUMERIC.match(text):
        return MergeKey(text) if text == "<<" else text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} has no JSON form")
    digits = text.replace("_", "")
    if (match := _INTEGER.fullmatch(digits)) and (integer := _integer(match)) is not None:
        return integer
    if _FLOAT.fullmatch(digits) and math.isfinite(number := float(digits)):
        return json_number(number)
    return text


def _integer(match: re.Match[str]) -> int | None:
    """The integer, where Go's int64 or uint64 can hold it."""
    group = match.lastgroup or "ten"
    if len(match[group]) > _MAX_DIGITS:
        return None
    number = int(match[group], {"two": 2, "eight": 8, "ten": 10, "sixteen": 16}[group])
    if match["sign"] == "-":
        number = -number
    return number if -(2**63) <= number < 2**64 else None


def json_number(number: float) -> int | float:
    """A float as Go's JSON encoder writes it: 1000.0 as 1000."""
    return int(number) if number.is_integer() and abs(number) < _EXACT_INTEGER else number
