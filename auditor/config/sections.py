"""The larger parts of `.podfit.yaml`: ignores, charts, images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, Final

from auditor.config.rule_settings import SEVERITY, unknown_rule
from auditor.config.settings import ChartSettings
from auditor.manifests import Location
from auditor.platforms import Platform, parse_platform
from auditor.rulebook import Rule
from auditor.schema import suggestion
from auditor.shapes import Json, Key, ListOf, MapOf, OneOrMore, Record, Scalar, Text
from auditor.sources.options import Variant
from auditor.suppression.entries import IgnoreEntry, Match
from auditor.yaml.nodes import Node

_SYSTEMS: Final = (
    *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux"),
    *("netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows"),
)
_ARCHITECTURES: Final = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle"),
    *("ppc64", "ppc64le", "riscv64", "s390x", "wasm"),
)
"""Those of `go tool dist list`."""
_PLATFORM: Final = "write it as linux/arm64 or windows(10.0.20348)/amd64"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration is read with.

    rules: those that there are. path: of the file, for places. locate: from the path of another
    file, as it is written, to where it is; raises ValueError with a sentence.
    """

    rules: tuple[Rule, ...]
    path: str
    locate: Callable[[str], Path]


def _not_blank(what: str) -> Text[str]:
    def read(text: str) -> str:
        if not text.strip():
            raise ValueError(f"{what} must not be blank")
        return text

    return Text(read, {"minLength": 1})


def _glob(text: str) -> str:
    path = PurePosixPath(text)
    if not text.strip() or path.is_absolute() or ".." in path.parts:
        raise ValueError("a glob counts from the root of the repository and stays in it")
    return text


_GLOB: Final = Text(_glob, {"minLength": 1})
GLOBS: Final = OneOrMore(_GLOB, at_least=0)


@dataclass(frozen=True, slots=True)
class _RuleName:
    """The id of a rule. Editors offer those they know and accept others."""

    rules: tuple[Rule, ...]

    def read(self, node: Node) -> str:
        return Text(self._known).read(node)

    def _known(self, name: str) -> str:
        if all(rule.id != name for rule in self.rules):
            raise ValueError(unknown_rule(name, self.rules))
        return name

    def json_schema(self) -> Json:
        return {"anyOf": [{"enum": [rule.id for rule in self.rules]}, {"type": "string"}]}


def ignore_shape(around: Surroundings) -> Record[IgnoreEntry]:
    """An entry of `ignore`."""

    def build(place: tuple[int, int], **values: Any) -> IgnoreEntry:
        return IgnoreEntry(location=Location(around.path, *place), **values)

    return Record(
        "an ignore entry",
        build,
        {
            "rules": Key(
                OneOrMore(_RuleName(around.rules), "rules"), "What is silenced.", required=True
            ),
            "match": Key(_MATCH, "Where: all of these must be met.", required=True),
            "reason": Key(_not_blank("a reason"), "Why, for whoever reads it next.", required=True),
            "expires": Key(
                Text(_day, {"format": "date"}), "The last day on which it holds: YYYY-MM-DD."
            ),
        },
        placed=True,
    )


def _match(**globs: tuple[str, ...]) -> Match:
    if not globs:
        raise ValueError("a match without a matcher would silence everything")
    return Match(**globs)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"a date is written as 2026-12-31, not `{text[:40]}`") from error


_NAMES: Final = OneOrMore(_not_blank("a glob"), "the matcher")
_MATCH: Final = Record(
    "a match",
    _match,
    {
        "kind": Key(_NAMES, "Kind of the workload."),
        "name": Key(_NAMES, "Name of the workload, as rendered."),
        "namespace": Key(_NAMES, "Namespace of the workload."),
        "container": Key(_NAMES, "Every container that the finding is about."),
        "image": Key(_NAMES, "Every image that the finding is about; the tag may be left out."),
        "path": Key(OneOrMore(_GLOB, "the matcher"), "File or folder, from the root."),
    },
)


def chart_shape(file: Text[Path]) -> Record[ChartSettings]:
    """An entry of `charts`. file: reads a path."""
    variant = Record(
        "a variant",
        _variant,
        {
            "name": Key(_not_blank("a name"), "What findings call it.", required=True),
            "values": Key(OneOrMore(file, "values"), "Values files, as `-f` takes them."),
            "set": Key(MapOf(Scalar()), "Single values, as `--set` takes them."),
        },
    )
    return Record(
        "a chart",
        _chart,
        {
            "path": Key(_GLOB, "The charts: a glob from the root.", required=True),
            "variants": Key(ListOf(variant), "How else to render them."),
            "severity": Key(SEVERITY, "The most that is made of what is found in them."),
        },
    )


def _chart(path: str, variants: tuple[Variant, ...] = (), **rest: Any) -> ChartSettings:
    names = [variant.name for variant in variants]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two variants are called `{twice}`")
    return ChartSettings(path, variants, **rest)


def _variant(
    name: str,
    values: tuple[Path, ...] = (),
    set: tuple[tuple[str, object], ...] = (),  # noqa: A002 - the key's name
) -> Variant:
    return Variant(
        name=name,
        values_files=tuple(map(str, values)),
        set_values=tuple(
            f"{key}={json.dumps(value)}" for key, value in set if not isinstance(value, str)
        ),
        set_strings=tuple(
            f"{key}={_escaped(value)}" for key, value in set if isinstance(value, str)
        ),
    )


def _escaped(value: str) -> str:
    """A text in which `--set-string` finds no list and no second key (Helm's pkg/strvals)."""
    return "".join(f"\\{c}" if c in "\\,{}" else c for c in value)


def _glob_of_images(text: str) -> str:
    if not text.strip():
        raise ValueError("the name of an image must not be blank")
    return text


def _platform(text: str) -> Platform:
    """Of systems and architectures that Go knows, and so every program for registries."""
    platform = parse_platform(text)
    for part, known in ((platform.os, _SYSTEMS), (platform.architecture, _ARCHITECTURES)):
        if part not in known:
            raise ValueError(f"`{text}` is no platform; {suggestion(part, known) or _PLATFORM}")
    return platform


def _overrides(
    overrides: tuple[tuple[str, tuple[Platform, ...]], ...] = (),
) -> tuple[tuple[str, tuple[Platform, ...]], ...]:
    return overrides


IMAGES: Final = Record(
    "images",
    _overrides,
    {
        "overrides": Key(
            MapOf(OneOrMore(Text(_platform), "the platforms"), _glob_of_images),
            "The platforms of images that nobody can reach: a glob of names, and what they hold.",
        )
    },
)
