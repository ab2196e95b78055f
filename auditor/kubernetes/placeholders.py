"""Texts of a manifest that another program fills in before the API server reads them.

Flux (`postBuild`), envsubst, Skaffold and Kustomize vars write `${VAR}`, `$VAR` and `$(VAR)`; Argo
Workflows and chart templates `{{inputs.parameters.x}}`; scripts `__X__`, `<x>`, `%X%` and `@x@`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from auditor.errors import printable
from auditor.files.yaml_nodes import Node

_SYNTAXES: Final = (
    (re.compile(r"\{\{.+?\}\}|\{%.+?%\}", re.DOTALL), "a template expression"),
    (re.compile(r"\$\{[^}]+\}|\$\([^)]+\)|\$[A-Za-z_]\w*"), "a variable"),
    (re.compile(r"#\{[^}]+\}#?|\{[A-Za-z_][^{}]*\}|\(\(.+?\)\)|\[\[.+?\]\]"), "a token"),
    (re.compile(r"%[A-Za-z_][^%]*%|@[A-Za-z_][^@]*@|__[A-Z][A-Z0-9_]*?__"), "a token"),
    (re.compile(r"<(?!no value>|nil>)[^<>]+>|^__\w+?__$"), "a stand-in"),
)
"""Each a regular expression, and what it shows. Only `__X__` can be part of a label's value."""
_STAND_IN: Final = re.compile(
    r"(?i:change|replace)[_-]?(?i:me)"
    r"|(?:[A-Z0-9]+[_-])*(?:CHANGE|REPLACE|INSERT|YOUR|TODO|FIXME|PLACEHOLDER|XXX+)(?:[_-][A-Z0-9]+)*"
)
"""A word that a user has to replace."""


@lru_cache(maxsize=4096)
def unfilled(text: str) -> str:
    """Return what in a text is not filled in yet, such as "a variable, `$ARCH`", else ""."""
    for syntax, what in _SYNTAXES:
        if match := syntax.search(text):
            return f"{what}, `{printable(match[0])}`"
    return f"a stand-in, `{printable(text)}`" if _STAND_IN.fullmatch(text) else ""


def unfilled_node(node: Node | None) -> str:
    """Return what is not filled in where a text takes the place of a mapping, list or number."""
    return unfilled(node.text()) if node is not None and node.is_text else ""


def filled(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the entries of a mapping, such as labels, whose key and value are filled in."""
    return {key: value for key, value in texts.items() if not unfilled(key) and not unfilled(value)}
