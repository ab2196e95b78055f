"""Precedence: option, then `PODFIT_*`, then configuration file, then default; and where a value is
from.

What concerns a path is said by the configuration of its own repository. What concerns the whole run
can be said once: where several configurations differ, only an option decides.
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
    """A value and its origin: an option, a variable, `path:line:column`, or `default`.

    raw: the value as a configuration would have it.
    """

    value: T
    raw: Any
    origin: str = DEFAULT


Given = Mapping[str, Setting[Any]]
"""What was said by options and variables, by the keys of the configuration."""


class Resolved(Struct, frozen=True):
    """Every setting of the whole run."""

    cluster: Setting[tuple[Cluster, ...]]
    fail_on: Setting[FailOn]
    strict: Setting[bool]
    pedantic: Setting[bool]
    rules: Mapping[str, Setting[RuleSetting]] = field(default_factory=dict)
    overrides: Mapping[str, Setting[tuple[Platform, ...]]] = field(default_factory=dict)
    registries: Mapping[str, Setting[Registry]] = field(default_factory=dict)
    custom_resources: tuple[Setting[Entry], ...] = ()


def resolve(given: Given, areas: Sequence[Area], *, cluster: str) -> Resolved:
    """The settings of a run. cluster: the default. Raises `ConfigurationError` on disagreement."""
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
            raise _disagreement(key, found, setting, f"say it with --{key}")
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
                raise _disagreement(f"{'.'.join(keys)}.{name}", known, setting, "let them agree")
    return merged


def _resources(files: Iterable[ConfigFile]) -> Iterator[Setting[Entry]]:
    """The entries of all files, which must not say two things of one kind."""
    said: dict[tuple[str, str], tuple[ConfigFile, Setting[Entry]]] = {}
    for file in files:
        for index, entry in enumerate(file.settings.custom_resources):
            setting = _from_file(entry, file, "custom-resources", index)
            for kind in entry.kinds:
                by, known = said.setdefault((entry.group, kind), (file, setting))
                if by is not file and known.value.pods != entry.pods:
                    key = f"custom-resources of {kind}"
                    raise _disagreement(key, known, setting, "let them agree")
            yield setting


def _from_file(value: T, file: ConfigFile, *keys: str | int) -> Setting[T]:
    return Setting(value, file.raw(*keys), file.place(*keys))


def _disagreement(
    key: str, one: Setting[Any], other: Setting[Any], advice: str
) -> ConfigurationError:
    return ConfigurationError(
        f"two configurations disagree on `{key}`, which counts for the whole run",
        where=other.origin,
        why=f"{one.origin} says something else",
        hint=f"{advice}, or audit the repositories one after the other",
    )
