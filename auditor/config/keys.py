"""Every key of `.podfit.yaml`, once: what it is called, what it may be, and what it is for.

`rules` of the configuration: rules turned off or on, and what else they are given.

The larger parts of `.podfit.yaml`: ignores, charts, images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any, Final

from msgspec import Struct

from auditor.checks.requirements import Exemption, PlatformRequirement
from auditor.checks.rulebook import SEVERITIES, Rule
from auditor.clusters.profiles import BUILT_IN, read_profile
from auditor.config.settings import (
    ChartSettings,
    Cluster,
    Registry,
    Settings,
    host_name,
    registry_shape,
)
from auditor.files.strict import (
    Choice,
    Constant,
    Flag,
    Json,
    Key,
    ListOf,
    MapOf,
    MappingOr,
    OneOrMore,
    OrNothing,
    Record,
    Scalar,
    Text,
    key_node,
    one_of,
    suggestion,
)
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.images.platforms import Platform, parse_platform
from auditor.kubernetes.custom_resources import ENTRIES
from auditor.kubernetes.manifests import Location
from auditor.policy.baseline import IgnoreEntry, Match
from auditor.policy.policy import RuleSetting
from auditor.sources.interface import Variant

SEVERITY: Final = Choice(SEVERITIES, "a severity")
_SWITCH: Final = {"off": False, "on": True}
"""`off` and `on` are booleans to YAML 1.1 and texts to YAML 1.2."""


def unknown_rule(name: str, rules: tuple[Rule, ...]) -> str:
    """The sentence for a rule that there is not."""
    advice = suggestion(name, [rule.id for rule in rules]) or "`podfit rules` lists all of them"
    return f"there is no rule `{name}`; {advice}"


class RuleSettings(Struct, frozen=True):
    """A mapping of rules to `off`, `on`, a severity, or what is to be changed about them."""

    rules: tuple[Rule, ...]

    def read(self, node: Node) -> dict[str, RuleSetting]:
        if not isinstance(node.value, Mapping):
            raise ShapeError(f"expected a mapping of rules, not {node.type_name}", node)
        by_id = {rule.id: rule for rule in self.rules}
        for name in node.value:
            if name not in by_id:
                raise ShapeError(unknown_rule(name, self.rules), key_node(node, name))
        return {name: _read(item, by_id[name]) for name, item in node.value.items()}

    def json_schema(self) -> Json:
        """Rules of a company are accepted too: an editor does not know them."""
        return {
            "type": "object",
            "properties": {rule.id: _setting_schema(rule) for rule in self.rules},
            "additionalProperties": _setting_schema(None),
        }


def _read(node: Node, rule: Rule) -> RuleSetting:
    if isinstance(node.value, bool):
        return RuleSetting(on=node.value)
    if isinstance(node.value, str) and node.value in _SWITCH:
        return RuleSetting(on=_SWITCH[node.value])
    if node.is_mapping:
        return _change(rule).read(node)
    word = one_of(node, (*_SWITCH, *SEVERITIES), "what a rule may be set to")
    return RuleSetting(severity=SEVERITIES[word])


def _setting_schema(rule: Rule | None) -> Json:
    words = [*_SWITCH, *_SWITCH.values(), *SEVERITIES]
    return {"anyOf": [{"enum": words}, _change(rule).json_schema()]}


def _change(rule: Rule | None) -> Record[RuleSetting]:
    """What may be changed about a rule; None for one that nobody knows yet."""
    keys = {
        "enabled": Key(Flag(), "Whether it is applied; pedantic rules are not unless asked for."),
        "severity": Key(SEVERITY, "How much its findings count."),
    }
    if rule is not None and rule.check.parameters:
        choices = {
            name: Key(
                Choice({value: value for value in values}, f"a value of `{name}`"), "For its check."
            )
            for name, values in rule.check.parameters.items()
        }
        keys["parameters"] = Key(Record("parameters", dict, choices), "For the check that it uses.")
    return Record("a rule's setting", RuleSetting, keys, names={"enabled": "on"})


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


class Surroundings(Struct, frozen=True):
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


class _RuleName(Struct, frozen=True):
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


def read_platform(text: str) -> Platform:
    """Of systems and architectures that Go knows, and so every program for registries."""
    platform = parse_platform(text)
    for part, known in ((platform.os, _SYSTEMS), (platform.architecture, _ARCHITECTURES)):
        if part not in known:
            raise ValueError(f"`{text}` is no platform; {suggestion(part, known) or _PLATFORM}")
    return platform


_EXEMPTION: Final = Record(
    "an exemption",
    Exemption,
    {
        "images": Key(
            OneOrMore(Text(_glob_of_images), "images"), "Globs of image names.", required=True
        ),
        "reason": Key(_not_blank("a reason"), "Why the images need not comply.", required=True),
        "platforms": Key(
            OneOrMore(Text(read_platform), "platforms"),
            "What they may lack; all by default.",
        ),
    },
)
_REQUIREMENT: Final = Record(
    "a requirement",
    PlatformRequirement,
    {
        "platforms": Key(
            OneOrMore(Text(read_platform), "platforms"), "The platforms to support.", required=True
        ),
        "images": Key(OneOrMore(Text(_glob_of_images), "images"), "Globs of image names."),
        "paths": Key(OneOrMore(_GLOB, "paths"), "Files or folders, from the root."),
        "exempt": Key(ListOf(_EXEMPTION), "Images that need not comply, each for a reason."),
    },
    names={"exempt": "exemptions"},
)


def _images(
    overrides: tuple[tuple[str, tuple[Platform, ...]], ...] = (),
    require: tuple[Platform | PlatformRequirement, ...] = (),
) -> dict[str, Any]:
    return {"overrides": overrides, "require": tuple(map(_requirement, require))}


def _requirement(item: Platform | PlatformRequirement) -> PlatformRequirement:
    return PlatformRequirement((item,)) if isinstance(item, Platform) else item


IMAGES: Final = Record(
    "images",
    _images,
    {
        "overrides": Key(
            MapOf(OneOrMore(Text(read_platform), "the platforms"), _glob_of_images),
            "The platforms of images that nobody can reach: a glob of names, and what they hold.",
        ),
        "require": Key(
            ListOf(MappingOr(_REQUIREMENT, Text(read_platform))),
            "Platforms that images must support: platforms, or requirements for some images.",
        ),
    },
)


VERSION: Final = 1
INLINE: Final = "inline"
"""The name of a cluster that is written in the configuration and has none."""


def make_shape(around: Surroundings) -> Record[Settings]:
    """The shape of the whole file."""
    file = Text(around.locate)
    json_file = Text(_json_reader(around))
    return Record(
        "the configuration",
        _settings,
        {
            "version": Key(
                Constant(VERSION, "the version of the configuration"),
                "The version of this format.",
                required=True,
            ),
            "cluster": Key(
                OneOrMore(MappingOr(_Profile(), Text(_cluster_reader(around))), "cluster"),
                "The nodes to audit against: a built-in profile, a file, or pools written here.",
            ),
            "fail-on": Key(
                Choice({**{name: name for name in SEVERITIES}, "never": "never"}, "a severity"),
                "The least severity that gives exit code 1, or never.",
            ),
            "strict": Key(
                Flag(), "Whether an unresolved image or an undecided placement gives exit code 3."
            ),
            "pedantic": Key(Flag(), "Whether the pedantic rules are applied too."),
            "rules": Key(RuleSettings(around.rules), "What is changed about single rules."),
            "ignore": Key(
                ListOf(ignore_shape(around)), "Findings that are silenced, each for a reason."
            ),
            "exclude": Key(GLOBS, "What is passed over: globs from the root."),
            "charts": Key(ListOf(chart_shape(file)), "What is said of the charts below a path."),
            "images": Key(IMAGES, "What is said of images."),
            "registries": Key(
                MapOf(OrNothing(registry_shape(file), Registry()), host_name),
                "What is said of registries, by host. Heeded in a trusted configuration alone.",
            ),
            "custom-resources": Key(
                ENTRIES, "Kinds that make pods, beside or instead of those that podfit knows."
            ),
            "lock-file": Key(json_file, "The lock file, where it does not lie beside the SOURCE."),
            "baseline": Key(json_file, "The baseline, where it is not .podfit-baseline.json."),
        },
        names={"images": "images"},
    )


def _settings(**values: Any) -> Settings:
    del values["version"]
    values |= values.pop("images", {})
    values["registries"] = dict(values.get("registries", ()))
    return Settings(**values)


class _Profile(Struct, frozen=True):
    """A cluster profile, as in a cluster file."""

    def read(self, node: Node) -> Cluster:
        return read_profile(node, INLINE)

    def json_schema(self) -> Json:
        return {"type": "object", "required": ["pools"], "description": "See docs/clusters.md."}


def _json_reader(around: Surroundings) -> Callable[[str], Path]:
    """Files that podfit writes: nobody can make it write any others."""

    def read(text: str) -> Path:
        if not text.endswith(".json"):
            raise ValueError(f"the name of such a file ends in .json: `{text}`")
        return around.locate(text)

    return read


def _cluster_reader(around: Surroundings) -> Callable[[str], Cluster]:
    def read(text: str) -> Cluster:
        if text in BUILT_IN:
            return text
        path = around.locate(text)
        if not path.is_file():
            advice = suggestion(text, BUILT_IN) or f"built in are {', '.join(BUILT_IN)}"
            raise ValueError(f"there is no cluster profile or file `{text}`; {advice}")
        return str(path)

    return read
