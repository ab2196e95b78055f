"""Precedence of settings: option, `PODFIT_*` variable, configuration file, default.

Settings for paths come from the configuration of their repository. If several configurations differ
in a setting for the whole run, an option has to set it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct, field

from auditor.config.files import ConfigFile
from auditor.config.model import Area
from auditor.config.settings import Cluster, FailOn, Registry, Settings
from auditor.errors import ConfigurationError
from auditor.images.platforms import Platform
from auditor.kubernetes.custom_resources import Entry
from auditor.policy.policy import RuleSetting

DEFAULT: Final = "default"
T = TypeVar("T")


class Setting(Struct, Generic[T], frozen=True):
    """A value and its origin.

    Attributes:
        value: The value.
        raw: The value as it would be written in a configuration.
        origin: An option, a variable, `path:line:column`, or `default`.
    """

    value: T
    raw: Any
    origin: str = DEFAULT


Given = Mapping[str, Setting[Any]]
"""Settings of options and variables, by configuration key."""


class Resolved(Struct, frozen=True):
    """The settings of a run."""

    cluster: Setting[tuple[Cluster, ...]]
    fail_on: Setting[FailOn]
    strict: Setting[bool]
    pedantic: Setting[bool]
    rules: Mapping[str, Setting[RuleSetting]] = field(default_factory=dict)
    overrides: Mapping[str, Setting[tuple[Platform, ...]]] = field(default_factory=dict)
    registries: Mapping[str, Setting[Registry]] = field(default_factory=dict)
    custom_resources: tuple[Setting[Entry], ...] = ()


def resolve(given: Given, areas: Sequence[Area], *, cluster: str) -> Resolved:
    """Resolve the settings of a run; `cluster` is the default cluster.

    Raises `ConfigurationError` if configurations disagree.
    """
    files = tuple({area.file.path: area.file for area in areas if area.file}.values())
    return Resolved(
        cluster=_one("cluster", given, files, (cluster,)),
        fail_on=_one("fail-on", given, files, "error"),
        strict=_one("strict", given, files, default=False),
        pedantic=_one("pedantic", given, files, default=False),
        rules=_merged(files, ("rules",), lambda settings: settings.rules.items()),
        overrides=_merged(files, ("images", "overrides"), lambda settings: settings.overrides),
        registries=_merged(files, ("registries",), lambda settings: settings.registries.items()),
        custom_resources=tuple(_resources(files)),
    )


def _one(key: str, given: Given, files: Iterable[ConfigFile], default: T) -> Setting[T]:
    if key in given:
        return given[key]
    found: Setting[T] | None = None
    for file in files:
        value = getattr(file.settings, key.replace("-", "_"))
        if value in (None, ()):
            continue
        setting = _from_file(value, file, key)
        if found is not None and found.value != value:
            raise _disagreement(key, found, setting, f"set --{key}")
        found = found or setting
    return found or Setting(default, list(default) if isinstance(default, tuple) else default)


def _merged(
    files: Iterable[ConfigFile],
    keys: tuple[str, ...],
    read: Callable[[Settings], Iterable[tuple[str, T]]],
) -> dict[str, Setting[T]]:
    merged: dict[str, Setting[T]] = {}
    for file in files:
        for name, value in read(file.settings):
            setting = _from_file(value, file, *keys, name)
            known = merged.setdefault(name, setting)
            if known.value != value:
                raise _disagreement(f"{'.'.join(keys)}.{name}", known, setting, "make them equal")
    return merged


def _resources(files: Iterable[ConfigFile]) -> Iterator[Setting[Entry]]:
    """Yield the entries of all files, which must not disagree about a kind."""
    seen: dict[tuple[str, str], tuple[ConfigFile, Setting[Entry]]] = {}
    for file in files:
        for index, entry in enumerate(file.settings.custom_resources):
            setting = _from_file(entry, file, "custom-resources", index)
            for kind in entry.kinds:
                by, known = seen.setdefault((entry.group, kind), (file, setting))
                if by is not file and known.value.pods != entry.pods:
                    key = f"custom-resources of {kind}"
                    raise _disagreement(key, known, setting, "make them equal")
            yield setting


def _from_file(value: T, file: ConfigFile, *keys: str | int) -> Setting[T]:
    return Setting(value, file.raw(*keys), file.place(*keys))


def _disagreement(
    key: str, one: Setting[Any], other: Setting[Any], advice: str
) -> ConfigurationError:
    return ConfigurationError(
        f"two configurations disagree on `{key}`, which applies to the whole run",
        where=other.origin,
        why=f"{one.origin} has another value",
        hint=f"{advice}, or audit the repositories separately",
    )
