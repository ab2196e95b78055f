"""Keys of `.podfit.yaml` with their types and descriptions."""

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
from auditor.errors import PARTS
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
from auditor.policy.baseline import AcceptEntry, IgnoreEntry, Match
from auditor.policy.policy import RuleSetting
from auditor.sources.interface import Variant

SEVERITY: Final = Choice(SEVERITIES, "a severity")
_SWITCH: Final = {"off": False, "on": True}
"""`off` and `on` are booleans in YAML 1.1 and strings in YAML 1.2."""


def unknown_rule(name: str, rules: tuple[Rule, ...]) -> str:
    """Return the message for an unknown rule."""
    advice = suggestion(name, [rule.id for rule in rules]) or "`podfit rules` lists all rules"
    return f"unknown rule `{name}`; {advice}"


class RuleSettings(Struct, frozen=True):
    """Shape of a mapping from rules to `off`, `on`, a severity, or a mapping of settings."""

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
        """Return the schema, which also accepts custom rules, since editors do not know them."""
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
    word = one_of(node, (*_SWITCH, *SEVERITIES), "a setting of a rule")
    return RuleSetting(severity=SEVERITIES[word])


def _setting_schema(rule: Rule | None) -> Json:
    words = [*_SWITCH, *_SWITCH.values(), *SEVERITIES]
    return {"anyOf": [{"enum": words}, _change(rule).json_schema()]}


def _change(rule: Rule | None) -> Record[RuleSetting]:
    """Return the shape of the settings of a rule; None for a custom rule."""
    keys = {
        "enabled": Key(Flag(), "Whether the rule is applied. Default: false for pedantic rules."),
        "severity": Key(SEVERITY, "Severity of the findings."),
    }
    if rule is not None and rule.check.parameters:
        choices = {
            name: Key(
                Choice({value: value for value in values}, f"a value of `{name}`"),
                "Parameter of the check.",
            )
            for name, values in rule.check.parameters.items()
        }
        keys["parameters"] = Key(Record("parameters", dict, choices), "Parameters of the check.")
    return Record("a rule's setting", RuleSetting, keys, names={"enabled": "on"})


_SYSTEMS: Final = (
    *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux"),
    *("netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows"),
)
_ARCHITECTURES: Final = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle"),
    *("ppc64", "ppc64le", "riscv64", "s390x", "wasm"),
)
"""As listed by `go tool dist list`."""
_PLATFORM: Final = "write it as linux/arm64 or windows(10.0.20348)/amd64"


class Context(Struct, frozen=True):
    """Context for reading a configuration.

    Attributes:
        rules: The known rules.
        path: Path of the file, for locations.
        locate: Resolves the path of another file; raises ValueError with a message.
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
        raise ValueError("a glob must be relative to the root of the repository, without `..`")
    return text


_GLOB: Final = Text(_glob, {"minLength": 1})
GLOBS: Final = OneOrMore(_GLOB, at_least=0)


class _RuleName(Struct, frozen=True):
    """Shape of a rule id. The schema also accepts unknown ids, for custom rules."""

    rules: tuple[Rule, ...]

    def read(self, node: Node) -> str:
        return Text(self._known).read(node)

    def _known(self, name: str) -> str:
        if all(rule.id != name for rule in self.rules):
            raise ValueError(unknown_rule(name, self.rules))
        return name

    def json_schema(self) -> Json:
        return {"anyOf": [{"enum": [rule.id for rule in self.rules]}, {"type": "string"}]}


def ignore_shape(context: Context) -> Record[IgnoreEntry]:
    """Return the shape of an entry of `ignore`."""

    def build(place: tuple[int, int], **values: Any) -> IgnoreEntry:
        return IgnoreEntry(location=Location(context.path, *place), **values)

    return Record(
        "an ignore entry",
        build,
        {
            "rules": Key(
                OneOrMore(_RuleName(context.rules), "rules"), "Rules to suppress.", required=True
            ),
            "match": Key(_MATCH, "Matchers; all of them must match.", required=True),
            "reason": Key(_not_blank("a reason"), "Reason for the entry.", required=True),
            "expires": Key(
                Text(_day, {"format": "date"}), "Last day on which the entry applies: YYYY-MM-DD."
            ),
        },
        placed=True,
    )


def accept_shape(context: Context) -> Record[AcceptEntry]:
    """Return the shape of an entry of `accept`."""

    def build(place: tuple[int, int], **values: Any) -> AcceptEntry:
        return AcceptEntry(location=Location(context.path, *place), **values)

    return Record(
        "an accept entry",
        build,
        {
            "parts": Key(
                OneOrMore(Choice({part: part for part in PARTS}, "a part"), "parts"),
                f"Kinds of parts that may fail: {', '.join(PARTS)}.",
                required=True,
            ),
            "path": Key(
                OneOrMore(_GLOB, "path"),
                "Files or folders, relative to the repository root.",
                required=True,
            ),
            "reason": Key(_not_blank("a reason"), "Reason for the entry.", required=True),
            "expires": Key(
                Text(_day, {"format": "date"}), "Last day on which the entry applies: YYYY-MM-DD."
            ),
        },
        names={"path": "paths"},
        placed=True,
    )


def _match(**globs: tuple[str, ...]) -> Match:
    if not globs:
        raise ValueError("`match` must contain at least one matcher")
    return Match(**globs)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"`{text[:40]}` is not a date such as 2026-12-31") from error


_NAMES: Final = OneOrMore(_not_blank("a glob"), "the matcher")
_MATCH: Final = Record(
    "a match",
    _match,
    {
        "kind": Key(_NAMES, "Kind of the workload."),
        "name": Key(_NAMES, "Name of the workload, as rendered."),
        "namespace": Key(_NAMES, "Namespace of the workload."),
        "container": Key(_NAMES, "Containers; must match every container of the finding."),
        "image": Key(_NAMES, "Images, with or without tag; must match every image of the finding."),
        "path": Key(
            OneOrMore(_GLOB, "the matcher"), "Files or folders, relative to the repository root."
        ),
    },
)


def chart_shape(file: Text[Path]) -> Record[ChartSettings]:
    """Return the shape of an entry of `charts`; `file` is the shape of a path."""
    variant = Record(
        "a variant",
        _variant,
        {
            "name": Key(_not_blank("a name"), "Name of the variant in findings.", required=True),
            "values": Key(OneOrMore(file, "values"), "Values files, as for `-f`."),
            "set": Key(MapOf(Scalar()), "Single values, as for `--set`."),
        },
    )
    return Record(
        "a chart",
        _chart,
        {
            "path": Key(_GLOB, "Glob of charts, relative to the repository root.", required=True),
            "variants": Key(ListOf(variant), "Additional variants to render."),
            "severity": Key(SEVERITY, "Maximum severity of findings in these charts."),
        },
    )


def _chart(path: str, variants: tuple[Variant, ...] = (), **rest: Any) -> ChartSettings:
    names = [variant.name for variant in variants]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two variants have the name `{twice}`")
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
    """Escape a value so that `--set-string` reads it literally (Helm's pkg/strvals)."""
    return "".join(f"\\{c}" if c in "\\,{}" else c for c in value)


def _glob_of_images(text: str) -> str:
    if not text.strip():
        raise ValueError("an image name must not be blank")
    return text


def read_platform(text: str) -> Platform:
    """Parse a platform with a system and architecture of Go, which all registry clients use."""
    platform = parse_platform(text)
    for part, known in ((platform.os, _SYSTEMS), (platform.architecture, _ARCHITECTURES)):
        if part not in known:
            raise ValueError(f"`{text}` is not a platform; {suggestion(part, known) or _PLATFORM}")
    return platform


_EXEMPTION: Final = Record(
    "an exemption",
    Exemption,
    {
        "images": Key(
            OneOrMore(Text(_glob_of_images), "images"), "Globs of image names.", required=True
        ),
        "reason": Key(_not_blank("a reason"), "Reason for the exemption.", required=True),
        "platforms": Key(
            OneOrMore(Text(read_platform), "platforms"),
            "Platforms that they may lack. Default: all.",
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
        "paths": Key(
            OneOrMore(_GLOB, "paths"), "Files or folders, relative to the repository root."
        ),
        "exempt": Key(ListOf(_EXEMPTION), "Images that are exempt."),
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
            "Platforms of images that podfit cannot look up, by glob of image names.",
        ),
        "require": Key(
            ListOf(MappingOr(_REQUIREMENT, Text(read_platform))),
            "Platforms that images must support: platforms, or requirements for some images.",
        ),
    },
)


VERSION: Final = 1
INLINE: Final = "inline"
"""Name of a cluster that is defined in the configuration without a name."""


def make_shape(context: Context) -> Record[Settings]:
    """Return the shape of a configuration file."""
    file = Text(context.locate)
    json_file = Text(_json_reader(context))
    return Record(
        "the configuration",
        _settings,
        {
            "version": Key(
                Constant(VERSION, "the version of the configuration"),
                "Version of the format.",
                required=True,
            ),
            "cluster": Key(
                OneOrMore(MappingOr(_Profile(), Text(_cluster_reader(context))), "cluster"),
                "Clusters to audit against: built-in profiles, files, or inline profiles.",
            ),
            "fail-on": Key(
                Choice({**{name: name for name in SEVERITIES}, "never": "never"}, "a severity"),
                "Minimum severity for exit code 1, or never.",
            ),
            "strict": Key(
                Flag(), "Exit with code 3 if an image is unresolved or a placement undecided."
            ),
            "pedantic": Key(Flag(), "Also apply the pedantic rules."),
            "rules": Key(RuleSettings(context.rules), "Settings by rule."),
            "ignore": Key(ListOf(ignore_shape(context)), "Findings to suppress."),
            "accept": Key(
                ListOf(accept_shape(context)), "Parts that need not be audited, with a reason."
            ),
            "exclude": Key(GLOBS, "Globs of files to skip, relative to the repository root."),
            "charts": Key(ListOf(chart_shape(file)), "Settings for charts by path."),
            "images": Key(IMAGES, "Settings for images."),
            "registries": Key(
                MapOf(OrNothing(registry_shape(file), Registry()), host_name),
                "Settings by registry host. Used only in a trusted configuration.",
            ),
            "custom-resources": Key(
                ENTRIES, "Kinds that create pods, in addition to or instead of built-in ones."
            ),
            "lock-file": Key(json_file, "Path of the lock file."),
            "baseline": Key(json_file, "Path of the baseline. Default: .podfit-baseline.json."),
        },
        names={"images": "images"},
    )


def _settings(**values: Any) -> Settings:
    del values["version"]
    values |= values.pop("images", {})
    values["registries"] = dict(values.get("registries", ()))
    return Settings(**values)


class _Profile(Struct, frozen=True):
    """Shape of a cluster profile, as in a cluster file."""

    def read(self, node: Node) -> Cluster:
        return read_profile(node, INLINE)

    def json_schema(self) -> Json:
        return {"type": "object", "required": ["pools"], "description": "See docs/clusters.md."}


def _json_reader(context: Context) -> Callable[[str], Path]:
    """Return a reader for the paths of files that podfit writes, which must be JSON files."""

    def read(text: str) -> Path:
        if not text.endswith(".json"):
            raise ValueError(f"`{text}` must end in .json")
        return context.locate(text)

    return read


def _cluster_reader(context: Context) -> Callable[[str], Cluster]:
    def read(text: str) -> Cluster:
        if text in BUILT_IN:
            return text
        path = context.locate(text)
        if not path.is_file():
            advice = suggestion(text, BUILT_IN) or f"built-in profiles: {', '.join(BUILT_IN)}"
            raise ValueError(f"no cluster profile or file `{text}`; {advice}")
        return str(path)

    return read
