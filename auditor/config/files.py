"""`ConfigFile`: a `.podfit.yaml` that was found or named, read and held within its bounds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.checks.rulebook import Rule
from auditor.config.keys import Surroundings, make_shape
from auditor.config.settings import Settings
from auditor.errors import ConfigurationError
from auditor.files.paths import CONFIG_NAMES, REPOSITORY_MARK, Home, real_path
from auditor.files.strict import naming, parse_strict, read_bounded
from auditor.files.yaml_nodes import Node, repeated_keys
from auditor.kubernetes.manifests import Document

MAX_BYTES: Final = 2**20
_WHAT: Final = "configuration"
_HINT: Final = "docs/configuration.md lists what it may hold; `podfit config init` writes one"


class ConfigFile(Struct, frozen=True):
    """A configuration and what it says.

    path: absolute. shown: as the user would write it. root: its one YAML document. left_out: it
    says something of registries, which was not heeded because anybody could have written it.
    """

    path: Path
    shown: str
    text: str
    root: Node
    settings: Settings
    left_out: bool = False

    @property
    def document(self) -> Document:
        """The file, for findings about its entries."""
        return Document(self.shown, self.text, self.shown)

    def place(self, *keys: str | int) -> str:
        """`path:line:column` of the last of some keys, each within the one before."""
        *outer, last = keys
        node = self._at(*outer)
        if isinstance(last, int):
            item = _item(node, last)
            return f"{self.shown}:{item.line}:{item.column}"
        line, column = node.key_place(last)
        return f"{self.shown}:{line}:{column}"

    def raw(self, *keys: str | int) -> Any:
        """What is written under some keys, as JSON has it."""
        return self._at(*keys).plain()

    def _at(self, *keys: str | int) -> Node:
        node = self.root
        for key in keys:
            node = _item(node, key) if isinstance(key, int) else _entries(node)[key]
        return node


def find_config(home: Home) -> Path | None:
    """The configuration of a repository or folder.

    Raises `ConfigurationError` where it has two, or one under another name.
    """
    found = tuple(home.configurations())
    if wrong := next(home.misspelt(), None):
        raise ConfigurationError(
            "a configuration under this name is not heeded",
            where=shown_path(wrong),
            hint=f"call it {CONFIG_NAMES[0]}",
        )
    if len(found) > 1:
        names = " and ".join(home.relative(path) for path in found)
        raise ConfigurationError(
            f"there are two configurations: {names}",
            where=shown_path(home.root),
            hint="keep one of them, or name one with --config",
        )
    return found[0] if found else None


def read_config(
    path: Path, rules: tuple[Rule, ...], *, within: Path | None, trusted: bool
) -> ConfigFile:
    """A configuration file.

    within: the folder that neither it nor the files it names may leave, because whoever wrote it
    may not be who runs podfit; None for one that the runner keeps elsewhere. trusted: what it says
    of registries is heeded. Raises `ConfigurationError` with file, line and column.
    """
    shown = shown_path(path)
    if within is not None and not real_path(path).is_relative_to(within):
        raise ConfigurationError(
            "the configuration is a link that leads out of the repository",
            where=shown,
            hint="put the file itself there, or name another with --config",
        )
    text = read_bounded(Path(shown), what=_WHAT, limit=MAX_BYTES, hint=_HINT)
    documents = parse_strict(text, shown, what=_WHAT, hint=_HINT)
    if len(documents) != 1:
        why = "it is empty" if not documents else "it holds several YAML documents"
        raise ConfigurationError(
            "the configuration is not one YAML document", where=shown, why=why, hint=_HINT
        )
    if twice := repeated_keys(text):
        raise ConfigurationError(
            f"the configuration says `{twice[0].text()}` twice",
            where=f"{shown}:{twice[0].line}:{twice[0].column}",
            why="the second would take the place of the first",
            hint="put them together",
        )
    around = Surroundings(rules, shown, lambda name: _locate(name, path, shown, within))
    with naming(shown, hint=_HINT):
        settings = make_shape(around).read(documents[0])
    left_out = bool(settings.registries) and not trusted
    if left_out:
        settings = replace(settings, registries={})
    return ConfigFile(path.absolute(), shown, text, documents[0], settings, left_out)


def shown_path(path: Path) -> str:
    """A path as the user would write it: from the current folder, with slashes."""
    try:
        return Path(os.path.relpath(path)).as_posix()
    except ValueError:  # another drive of Windows
        return path.as_posix()


def _item(node: Node, index: int) -> Node:
    """Of a list, or of what stands for a list of one."""
    return node.items()[index] if node.is_sequence else node


def _entries(node: Node) -> Mapping[str, Node]:
    """Of a mapping, nulls among them."""
    return node.value if isinstance(node.value, Mapping) else {}


def _locate(name: str, config: Path, shown: str, within: Path | None) -> Path:
    """Where a file is that a configuration names: paths count from the configuration's folder."""
    if not name.strip():
        raise ValueError("the path of a file must not be blank")
    there = real_path(config.parent / name)
    if within is not None and not _belongs(there, within):
        raise ValueError(
            f"`{name}` leads out of the repository; name such a file by an option, or keep the "
            "configuration itself elsewhere and name it with --config"
        )
    return Path(os.path.normpath(Path(shown).parent / name))


def _belongs(path: Path, folder: Path) -> bool:
    """Whether a path is among the files of a repository, and not of git's own."""
    return path.is_relative_to(folder) and REPOSITORY_MARK not in path.relative_to(folder).parts
