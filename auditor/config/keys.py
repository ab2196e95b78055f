"""Every key of `.podfit.yaml`, once: what it is called, what it may be, and what it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auditor.clusters.catalog import BUILT_IN
from auditor.clusters.profile import read_profile
from auditor.config.registries import host_name, registry_shape
from auditor.config.rule_settings import RuleSettings
from auditor.config.sections import GLOBS, IMAGES, Surroundings, chart_shape, ignore_shape
from auditor.config.settings import Cluster, Registry, Settings
from auditor.resources.table import ENTRIES
from auditor.rulebook import SEVERITIES
from auditor.schema import suggestion
from auditor.shapes import (
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
    Text,
)
from auditor.yaml.nodes import Node

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
        names={"images": "overrides"},
    )


def _settings(**values: Any) -> Settings:
    del values["version"]
    values["registries"] = dict(values.get("registries", ()))
    return Settings(**values)


@dataclass(frozen=True, slots=True)
class _Profile:
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
