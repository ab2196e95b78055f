"""Write values as YAML that every parser reads the same way, including that of Kubernetes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final

from auditor.files.yaml_nodes import plain_scalar

if TYPE_CHECKING:
    from ruamel.yaml import YAML


_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_QUOTABLE: Final = re.compile(r"[ !#-\[\]-~]*")
"""ASCII without quotes and backslashes."""
_USUAL_LINES: Final = re.compile(r"(?:[ -~]*[!-~]\n)*[ -~]*[!-~]\n?")
_MAX_KEY: Final = 100
_TEXT: Final = "tag:yaml.org,2002:str"
_WIDTH: Final = 2**20
_LIST_INDENT: Final = 2


def flow(value: Any) -> str:
    """Return a value on one line: `{kubernetes.io/os: linux}`."""
    return _written(value, in_flow=True).strip()


def block(value: Any, *, list_indent: int = _LIST_INDENT) -> str:
    """Return a value in block style with an indent of two spaces and a final newline."""
    if list_indent == _LIST_INDENT:
        with suppress(_UnusualError):
            return "".join(f"{line}\n" for line in _lines(value, ""))
    return _written(value, in_flow=False, list_indent=list_indent)


class _UnusualError(Exception):
    """A value that needs a real YAML writer."""


def _lines(value: Any, indent: str) -> Iterator[str]:
    """Yield the lines of a usual mapping or list, as ruamel.yaml writes it, but 20 times faster.

    A remedy is written for each workload. Raises _UnusualError for anything else.
    """
    if not value:
        raise _UnusualError
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or len(key) > _MAX_KEY or '"' in key:
                raise _UnusualError
            yield from _entry(f"{indent}{_scalar(key)}:", item, indent)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and item:
                first, *others = _lines(item, f"{indent}    ")
                yield f"{indent}  - {first.lstrip(' ')}"
                yield from others
            else:
                yield f"{indent}  - {_scalar(item)}"
    else:
        raise _UnusualError


def _entry(start: str, item: Any, indent: str) -> Iterator[str]:
    if isinstance(item, dict | list) and item:
        yield start
        yield from _lines(item, f"{indent}  " if isinstance(item, dict) else indent)
    elif isinstance(item, str) and "\n" in item:
        if not (_USUAL_LINES.fullmatch(item) and _is_literal(item)):
            raise _UnusualError
        yield f"{start} |{'' if item.endswith(chr(10)) else '-'}"
        yield from (f"{indent}  {line}" for line in item.removesuffix("\n").split("\n"))
    else:
        yield f"{start} {_scalar(item)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        if _is_plain(value):
            return value
        if _QUOTABLE.fullmatch(value):
            return f'"{value}"'
    elif value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    elif type(value) is int:
        return str(value)
    elif value in ({}, []):
        return "{}" if isinstance(value, dict) else "[]"
    raise _UnusualError


@lru_cache(maxsize=1000)
def _is_plain(text: str) -> bool:
    """Whether every parser reads an unquoted text as a string: letters and paths."""
    return bool(_PLAIN.fullmatch(text)) and plain_scalar(text) == text


def _written(value: Any, *, in_flow: bool, list_indent: int = _LIST_INDENT) -> str:
    stream = io.StringIO()
    _writer(in_flow=in_flow, list_indent=list_indent).dump(value, stream)
    return stream.getvalue().removesuffix("...\n")


@cache
def _writer(*, in_flow: bool, list_indent: int) -> YAML:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Quotes strings that YAML 1.1 or go-yaml would read differently; writes no aliases."""

        def ignore_aliases(self, _: object) -> bool:
            return True

    def text(representer: Representer, value: str) -> Any:
        style = None if _is_plain(value) else '"'
        if not in_flow and _is_literal(value):
            style = "|"
        return representer.represent_scalar(_TEXT, value, style=style)

    Representer.add_representer(str, text)
    writer = YAML(typ="safe", pure=True)
    writer.Representer = Representer
    writer.default_flow_style = in_flow
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = _WIDTH
    writer.allow_unicode = True
    writer.brace_single_entry_mapping_in_flow_sequence = True
    writer.indent(mapping=2, sequence=list_indent + 2, offset=list_indent)
    return writer


def _is_literal(text: str) -> bool:
    """Return whether a text has several lines that can be written in a literal block."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(line and line.isprintable() for line in lines)
        and not lines[0].startswith(" ")
    )
