"""Discovery and reading of configuration files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.rulebook import Rule
from auditor.config.keys import Context, make_shape
from auditor.config.settings import Settings
from auditor.errors import ConfigurationError
from auditor.files.paths import CONFIG_NAMES, REPOSITORY_MARK, Home, real_path
from auditor.files.strict import naming, parse_strict, read_bounded
from auditor.files.yaml_nodes import Node, repeated_keys
from auditor.kubernetes.manifests import Document

MAX_BYTES: Final = 2**20
_WHAT: Final = "configuration"
_HINT: Final = "docs/configuration.md lists all keys; `podfit config init` writes an example"


class ConfigFile(Struct, frozen=True):
    """A configuration file and its settings.

    Attributes:
        path: Absolute path.
        shown: Path relative to the current folder, for messages.
        text: The content of the file.
        root: The YAML document.
        settings: The parsed settings.
        left_out: Whether `registries` was ignored because the file is not trusted.
    """

    path: Path
    shown: str
    text: str
    root: Node
    settings: Settings
    left_out: bool = False

    @property
    def document(self) -> Document:
        """The document for findings about entries of the file."""
        return Document(self.shown, self.text, self.shown)

    def place(self, *keys: str | int) -> str:
        """Return `path:line:column` of a nested key."""
        *outer, last = keys
        node = self._at(*outer)
        if isinstance(last, int):
            item = _item(node, last)
            return f"{self.shown}:{item.line}:{item.column}"
        line, column = node.key_place(last)
        return f"{self.shown}:{line}:{column}"

    def raw(self, *keys: str | int) -> Any:
        """Return the JSON value of a nested key."""
        return self._at(*keys).plain()

    def _at(self, *keys: str | int) -> Node:
        node = self.root
        for key in keys:
            node = _item(node, key) if isinstance(key, int) else _entries(node)[key]
        return node


def find_config(home: Home) -> Path | None:
    """Find the configuration of a repository or folder.

    Raises `ConfigurationError` if there are two, or one with a misspelled name.
    """
    found = tuple(home.configurations())
    if wrong := next(home.misspelt(), None):
        raise ConfigurationError(
            "a configuration file with this name is not read",
            where=shown_path(wrong),
            hint=f"rename it to {CONFIG_NAMES[0]}",
        )
    if len(found) > 1:
        names = " and ".join(home.relative(path) for path in found)
        raise ConfigurationError(
            f"there are two configuration files: {names}",
            where=shown_path(home.root),
            hint="remove one of them, or select one with --config",
        )
    return found[0] if found else None


def read_config(
    path: Path, rules: tuple[Rule, ...], *, within: Path | None, trusted: bool
) -> ConfigFile:
    """Read a configuration file. Raises `ConfigurationError` with file, line and column.

    Args:
        path: The file.
        rules: The known rules.
        within: Folder that must contain the file and the files it references, because its author
            may not be the user of podfit; None for a file outside of the audited repositories.
        trusted: Whether to use `registries`.
    """
    shown = shown_path(path)
    if within is not None and not real_path(path).is_relative_to(within):
        raise ConfigurationError(
            "the configuration is a symbolic link to a file outside of the repository",
            where=shown,
            hint="replace the link by the file, or set another path with --config",
        )
    text = read_bounded(Path(shown), what=_WHAT, limit=MAX_BYTES, hint=_HINT)
    documents = parse_strict(text, shown, what=_WHAT, hint=_HINT)
    if len(documents) != 1:
        why = "it is empty" if not documents else "it contains several YAML documents"
        raise ConfigurationError(
            "the configuration is not one YAML document", where=shown, why=why, hint=_HINT
        )
    if twice := repeated_keys(text):
        raise ConfigurationError(
            f"the configuration contains the key `{twice[0].text()}` twice",
            where=f"{shown}:{twice[0].line}:{twice[0].column}",
            why="the second value would replace the first",
            hint="merge them",
        )
    context = Context(rules, shown, lambda name: _locate(name, path, shown, within))
    with naming(shown, hint=_HINT):
        settings = make_shape(context).read(documents[0])
    left_out = bool(settings.registries) and not trusted
    if left_out:
        settings = replace(settings, registries={})
    return ConfigFile(path.absolute(), shown, text, documents[0], settings, left_out)


def shown_path(path: Path) -> str:
    """Return a path relative to the current folder, with forward slashes."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


def _item(node: Node, index: int) -> Node:
    """Return an item of a list; a single value is a list of one."""
    return node.items()[index] if node.is_sequence else node


def _entries(node: Node) -> Mapping[str, Node]:
    """Return the entries of a mapping, including null values."""
    return node.value if isinstance(node.value, Mapping) else {}


def _locate(name: str, config: Path, shown: str, within: Path | None) -> Path:
    """Resolve a path in a configuration, which is relative to the folder of the configuration."""
    if not name.strip():
        raise ValueError("the path of a file must not be blank")
    there = real_path(config.parent / name)
    if within is not None and (
        not there.is_relative_to(within) or REPOSITORY_MARK in there.relative_to(within).parts
    ):
        raise ValueError(
            f"`{name}` is outside of the repository; use a command-line option for such a file, or "
            "keep the configuration outside of the repository too and select it with --config"
        )
    return Path(os.path.normpath(Path(shown).parent / name))
