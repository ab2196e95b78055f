"""What `podfit config show` shows: every setting of an area, and where it is from.

As YAML it is a configuration itself, which says the same.

What `podfit config init` writes: a configuration that says nothing yet, and how it could.

The JSON Schema of `.podfit.yaml`, for editors: made of the very shape that podfit reads with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from auditor.checks.rulebook import Rule
from auditor.config.keys import VERSION, Surroundings, make_shape
from auditor.config.model import Area
from auditor.config.precedence import DEFAULT, Given, Resolved, Setting

_LISTS: Final = ("ignore", "exclude", "charts")
_FILES: Final = ("lock-file", "baseline")
_MAPPINGS: Final = ("rules", "images", "registries")
_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


class Item(Struct, frozen=True):
    """A value as JSON has it, and its origin. name: its key in a mapping, "" in a list."""

    value: Any
    origin: str
    name: str = ""


class Entry(Struct, frozen=True):
    """A key of the configuration. value: one item, or those of a list or mapping.

    below: the key within, where there is one more.
    """

    key: str
    value: Item | tuple[Item, ...]
    below: str = ""


def entries_of(area: Area, resolved: Resolved, given: Given) -> tuple[Entry, ...]:
    """What counts in an area: what is set anywhere, and every default."""
    return (
        Entry("cluster", _item(resolved.cluster)),
        Entry("fail-on", _item(resolved.fail_on)),
        Entry("strict", _item(resolved.strict)),
        Entry("pedantic", _item(resolved.pedantic)),
        Entry("rules", _named(resolved.rules)),
        *(Entry(key, tuple(_listed(area, key))) for key in _LISTS),
        Entry("images", _named(resolved.overrides), below="overrides"),
        Entry("images", tuple(_required(area)), below="require"),
        Entry("registries", _named(resolved.registries)),
        Entry("custom-resources", tuple(map(_item, resolved.custom_resources))),
        *(Entry(key, _file(area, key, given)) for key in _FILES),
    )


def to_yaml(area: Area, entries: Iterable[Entry]) -> str:
    """A configuration, each value with its origin behind it."""
    file = area.file.shown if area.file else "none"
    lines = [f"# {area.root.as_posix()}: configuration {file}", f"version: {VERSION}"]
    shown = ""
    for entry in entries:
        found = list(_lines(entry))
        lines += found[1:] if entry.below and entry.key == shown else found
        shown = entry.key
    return "\n".join(lines) + "\n"


def to_json(area: Area, entries: Iterable[Entry]) -> Any:
    """The same as JSON values."""
    settings: dict[str, Any] = {}
    for entry in entries:
        if entry.below:
            settings.setdefault(entry.key, {})[entry.below] = _json(entry)
        else:
            settings[entry.key] = _json(entry)
    return {
        "root": area.root.as_posix(),
        "sources": list(area.sources),
        "file": area.file.shown if area.file else None,
        "settings": settings,
    }


def _item(setting: Setting[Any]) -> Item:
    return Item(setting.raw, setting.origin)


def _named(settings: Mapping[str, Setting[Any]]) -> tuple[Item, ...]:
    return tuple(Item(item.raw, item.origin, name) for name, item in settings.items())


def _required(area: Area) -> Iterator[Item]:
    if area.file is not None:
        for index in range(len(area.settings.require)):
            keys = ("images", "require", index)
            yield Item(area.file.raw(*keys), area.file.place(*keys))


def _listed(area: Area, key: str) -> Iterator[Item]:
    file = area.file
    if file is not None:
        for index in range(len(getattr(file.settings, key))):
            yield Item(file.raw(key, index), file.place(key, index))


def _file(area: Area, key: str, given: Given) -> Item:
    if key in given:
        return _item(given[key])
    file = area.file
    if file is not None and getattr(file.settings, key.replace("-", "_")) is not None:
        return Item(file.raw(key), file.place(key))
    usual = area.usual_baseline
    return Item(usual.name if key == "baseline" and usual.is_file() else None, DEFAULT)


def _lines(entry: Entry) -> Iterator[str]:
    if isinstance(entry.value, Item):
        yield f"{entry.key}: {_flow(entry.value)}"
        return
    opening, indent = f"{entry.key}:", "  "
    if entry.below:
        yield opening
        opening, indent = f"  {entry.below}:", "    "
    if not entry.value:
        empty = "{}" if entry.key in _MAPPINGS and entry.below != "require" else "[]"
        yield f"{opening} {empty}  # {DEFAULT}"
        return
    yield opening
    for item in entry.value:
        start = f"{_quoted(item.name)}:" if item.name else "-"
        yield f"{indent}{start} {_flow(item)}"


def _flow(item: Item) -> str:
    """JSON is YAML; a text that YAML reads as nothing else goes without quotes."""
    return f"{_quoted(item.value)}  # {item.origin}"


def _quoted(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def _json(entry: Entry) -> Any:
    if isinstance(entry.value, Item):
        return _origin(entry.value)
    if entry.key in _MAPPINGS and entry.below != "require":
        return {item.name: _origin(item) for item in entry.value}
    return [_origin(item) for item in entry.value]


def _origin(item: Item) -> dict[str, Any]:
    return {"value": item.value, "origin": item.origin}


STARTER: Final = """\
# Configuration of podfit. Everything that is commented out is an example, not a default;
# `podfit config show` says what counts. Every key: docs/configuration.md.
#
# For completion in editors, `podfit config schema > .podfit.schema.json` and begin the file with
#     # yaml-language-server: $schema=.podfit.schema.json
version: 1

# The nodes to audit against: a built-in profile (`podfit clusters`), a file (what `kubectl get
# nodes -o yaml` prints will do), or pools. Several may be given.
cluster: hybrid
# cluster: [clusters/production.yaml, clusters/edge.yaml]
# cluster:
#   name: production
#   pools:
#     - {name: linux, platform: linux/amd64}
#     - {name: windows, platform: windows(10.0.20348)/amd64, taints: ["os=windows:NoSchedule"]}

# The least severity that gives exit code 1: error, warning, info or never.
fail-on: error

# An unresolved image or an undecided placement gives exit code 3.
strict: false

# The pedantic rules too (`podfit rules`).
pedantic: false

# Rules: off, on, or another severity.
# rules:
#   deprecated-os-label: off
#   image-unresolved: error

# Findings that are silenced. Comments in the manifest itself say it nearer to the place:
# `# podfit: ignore[missing-os-selector] the Windows pool is tainted`.
# ignore:
#   - rules: [missing-os-selector]
#     match: {kind: DaemonSet, name: "node-exporter*", path: "charts/monitoring/**"}
#     reason: the Windows pool is tainted, see OPS-123
#     expires: 2099-12-31

# What is passed over, as globs from the root of the repository.
# exclude: ["**/testdata/**"]

# Charts: other ways to render them, and how much is made of those of third parties.
# charts:
#   - path: charts/shop
#     variants:
#       - name: production
#         values: [charts/shop/values-production.yaml]
#       - name: windows
#         set: {iis.enabled: true}
#   - path: vendor/**
#     severity: warning

# Platforms of images that nobody can reach.
# images:
#   overrides:
#     "registry.corp/report:*": [linux/amd64]
#   # Platforms that images must support, whatever the cluster.
#   require: [linux/amd64, linux/arm64]

# Registries. Heeded only with --trust-config, or in a configuration named by --config that lies
# outside of the repository (docs/security.md).
# registries:
#   docker.io:
#     mirrors: [harbor.corp/dockerhub]
#   registry.corp:5000:
#     insecure: http
#   harbor.corp:
#     ca: certificates/corp.pem

# Kinds of your own that make pods (docs/custom-resources.md).
# custom-resources:
#   - group: example.com
#     kinds: [Crawler]
#     pods: [spec.template]

# Files that are not in their usual place.
# lock-file: podfit.lock.json
# baseline: .podfit-baseline.json
"""


DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema(rules: Sequence[Rule]) -> dict[str, Any]:
    """The schema. rules: offered by name; editors accept others, for a company has its own."""
    shape = make_shape(Surroundings(tuple(rules), "", Path))
    return {
        "$schema": DRAFT,
        "title": f"podfit configuration, version {VERSION}",
        **shape.json_schema(),
    }


def schema_text(rules: Sequence[Rule]) -> str:
    """The schema as it is published."""
    return json.dumps(config_schema(rules), indent=2, ensure_ascii=False) + "\n"
