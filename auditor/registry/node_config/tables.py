"""Reading the configuration of other programs: bounded, typed, and wrong values named."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from auditor.errors import ConfigurationError, printable, shorten
from auditor.registry.json_text import JsonError, parse_object
from auditor.registry.options import HostOptions, Namespace, RegistryOptions

MAX_FILE: Final = 2**20
_T = TypeVar("_T")
_WHAT: Final = "cannot use the registry configuration"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What files say of registries, in their order; see `RegistryOptions`."""

    hosts: Mapping[str, HostOptions] = field(default_factory=dict)
    insecure_ranges: tuple[str, ...] = ()
    namespaces: tuple[Namespace, ...] = ()

    def applied_to(self, options: RegistryOptions) -> RegistryOptions:
        """Options with this beside them. What they already say of a host or prefix counts."""
        return replace(
            options,
            hosts={**self.hosts, **options.hosts},
            insecure_ranges=(*options.insecure_ranges, *self.insecure_ranges),
            namespaces=(*options.namespaces, *self.namespaces),
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a file. Every reader raises `ConfigurationError` for a value of another type."""

    path: Path
    values: Mapping[str, Any]

    def text(self, key: str) -> str:
        """The text, or ""."""
        return self._typed(key, "", "a text")

    def flag(self, key: str) -> bool:
        return self._typed(key, False, "true or false")

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list; a single text counts as one."""
        value = self.values.get(key, [])
        if isinstance(value, str):
            return (value,)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise self.wrong(f"`{key}` must be a list of texts")

    def table(self, key: str) -> Table:
        return Table(self.path, self._typed(key, dict[str, Any](), "a table"))

    def tables(self, key: str) -> tuple[Table, ...]:
        """The tables of a list."""
        found = self._typed(key, list[Any](), "a list of tables")
        if not all(isinstance(item, dict) for item in found):
            raise self.wrong(f"`{key}` must be a list of tables")
        return tuple(Table(self.path, item) for item in found)

    def file(self, text: str) -> Path:
        """A file that is named from the folder of this one."""
        return self.path.parent / text

    def wrong(self, why: str) -> ConfigurationError:
        return config_error(self.path, why)

    def _typed(self, key: str, default: _T, expected: str) -> _T:
        value = self.values.get(key, default)
        if not isinstance(value, type(default)):
            raise self.wrong(f"`{key}` must be {expected}")
        return value


def read_toml(path: Path) -> Table:
    """A TOML file. Raises `ConfigurationError`."""
    try:
        return Table(path, tomllib.loads(_content(path).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise config_error(path, f"it is not TOML: {error}") from error


def read_json(path: Path) -> Table:
    """A JSON file that holds an object. Raises `ConfigurationError`."""
    try:
        return Table(path, parse_object(_content(path)))
    except JsonError as error:
        raise config_error(path, str(error)) from error


def config_error(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(_WHAT, where=str(path), why=shorten(printable(why), 300))


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise config_error(path, error.strerror or "it cannot be read") from error
    if len(content) > MAX_FILE:
        raise config_error(path, f"it is larger than {MAX_FILE} bytes")
    return content
