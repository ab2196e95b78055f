"""Values written as YAML that every parser reads back as they were, Kubernetes' own included."""

from __future__ import annotations

import io
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from auditor.files.yaml_nodes import plain_scalar

if TYPE_CHECKING:
    from ruamel.yaml import YAML


_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*")
_TEXT: Final = "tag:yaml.org,2002:str"
_WIDTH: Final = 2**20


def flow(value: Any) -> str:
    """On one line: `{kubernetes.io/os: linux}`."""
    return _written(value, in_flow=True).strip()


def block(value: Any) -> str:
    """In block style, two spaces deep, with a newline at the end."""
    return _written(value, in_flow=False)


def _written(value: Any, *, in_flow: bool) -> str:
    stream = io.StringIO()
    _writer(in_flow=in_flow).dump(value, stream)
    return stream.getvalue().removesuffix("...\n")


@cache
def _writer(*, in_flow: bool) -> YAML:
    from ruamel.yaml import YAML
    from ruamel.yaml.representer import SafeRepresenter

    class Representer(SafeRepresenter):
        """Text in quotes wherever YAML 1.1 or go-yaml would read something else; no aliases."""

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
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer


def _is_plain(text: str) -> bool:
    """Whether no parser takes the text for anything else, a letter or path being no indicator."""
    return bool(_PLAIN.fullmatch(text)) and plain_scalar(text) == text


def _is_literal(text: str) -> bool:
    """Whether a text has several lines that can be written as they are."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(line and line.isprintable() for line in lines)
        and not lines[0].startswith(" ")
    )
