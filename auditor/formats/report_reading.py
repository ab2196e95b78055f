"""Reading of JSON reports, and of the report of this run, as sides of a comparison."""

from __future__ import annotations

from typing import Any

import msgspec

from auditor.audit.report import Report
from auditor.audit.sides import Side
from auditor.errors import ConfigurationError
from auditor.formats.json_v1 import SCHEMA_VERSION, report_data
from auditor.images.platforms import parse_platform

_HINT = "write it with `podfit audit -o json=FILE`"


def is_report(value: object) -> bool:
    """Return whether a JSON value has the form of a report of podfit."""
    return isinstance(value, dict) and "schema_version" in value and "findings" in value


def read_report(value: Any, where: str) -> Side:
    """Return a JSON report as a side. Raises `ConfigurationError` if it is not a valid one."""
    version = value["schema_version"]
    if version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"the report has version {version!r}",
            where=where,
            why=f"this podfit reads version {SCHEMA_VERSION}",
            hint=_HINT,
        )
    try:
        side = msgspec.convert(value, Side)
        for text in _platforms(side):
            parse_platform(text)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigurationError(
            "the report is invalid", where=where, why=str(error), hint=_HINT
        ) from error
    return side


def side_of(report: Report, replaced: tuple[tuple[str, str], ...] = ()) -> Side:
    """Return a report of this run as a side.

    Args:
        replaced: Texts, such as the path of a temporary folder, and what is shown instead.
    """
    return msgspec.convert(_replaced(report_data(report), replaced), Side)


def _platforms(side: Side) -> list[str]:
    pools = [pool.platform for cluster in side.clusters for pool in cluster.pools]
    return [*pools, *(text for image in side.images for text in image.known or ())]


def _replaced(value: Any, pairs: tuple[tuple[str, str], ...]) -> Any:
    match value:
        case str():
            for old, new in pairs:
                value = value.replace(old, new)
            return value
        case list():
            return [_replaced(item, pairs) for item in value]
        case dict():
            return {key: _replaced(item, pairs) for key, item in value.items()}
    return value
