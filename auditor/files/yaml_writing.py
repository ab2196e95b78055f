"""Write values as YAML that every parser reads the same way, including that of Kubernetes."""

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
    """Return a value on one line: `{kubernetes.io/os: linux}`."""
    return _written(value, in_flow=True).strip()


def block(value: Any) -> str:
    """Return a value in block style with an indent of two spaces and a final newline."""
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
        """Quotes strings that YAML 1.1 or go-yaml would read differently; writes no aliases."""

        def ignore_aliases(self, _: object) -> bool:
            return True

    def text(representer: Representer, value: str) -> Any:
        # Unquoted only if every parser reads a string: letters and paths.
        style = None if _PLAIN.fullmatch(value) and plain_scalar(value) == value else '"'
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


def _is_literal(text: str) -> bool:
    """Return whether a text has several lines that can be written in a literal block."""
    lines = text.removesuffix("\n").split("\n")
    return (
        "\n" in text
        and all(line and line.isprintable() for line in lines)
        and not lines[0].startswith(" ")
    )
