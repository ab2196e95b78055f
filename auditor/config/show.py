"""Output of `podfit config`: effective settings, the starter file and the JSON Schema.

The YAML output of `podfit config show` is a valid configuration with the same settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from auditor.checks.rulebook import Rule
from auditor.config.keys import VERSION, Context, make_shape
from auditor.config.model import Area
from auditor.config.precedence import DEFAULT, Given, Resolved, Setting

_LISTS: Final = ("ignore", "accept", "exclude", "charts")
_FILES: Final = ("lock-file", "baseline")
_MAPPINGS: Final = ("rules", "images", "registries")
_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


class Item(Struct, frozen=True):
    """A JSON value and its origin; `name` is the key in a mapping, or "" in a list."""

    value: Any
    origin: str
    name: str = ""


class Entry(Struct, frozen=True):
    """A key of the configuration.

    Attributes:
        key: The key.
        value: One item, or those of a list or mapping.
        below: Nested key, if any.
    """

    key: str
    value: Item | tuple[Item, ...]
    below: str = ""


def entries_of(area: Area, resolved: Resolved, given: Given) -> tuple[Entry, ...]:
    """Return the effective settings of an area, including defaults."""
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
    """Format settings as a configuration with the origin of each value in a comment."""
    file = area.file.shown if area.file else "none"
    lines = [f"# {area.root.as_posix()}: configuration {file}", f"version: {VERSION}"]
    shown = ""
    for entry in entries:
        found = list(_lines(entry))
        lines += found[1:] if entry.below and entry.key == shown else found
        shown = entry.key
    return "\n".join(lines) + "\n"


def to_json(area: Area, entries: Iterable[Entry]) -> Any:
    """Return the settings and their origins as JSON values."""
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
    """Format a value as JSON, which is valid YAML; simple strings are not quoted."""
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
# Configuration of podfit. Commented-out keys are examples, not defaults. `podfit config show`
# shows the effective settings; docs/configuration.md describes every key.
#
# For completion in editors, run `podfit config schema > .podfit.schema.json` and begin the file
# with
#     # yaml-language-server: $schema=.podfit.schema.json
version: 1

# Clusters to audit against: a built-in profile (`podfit clusters`), a file (a profile, or the
# output of `kubectl get nodes -o yaml`), or an inline profile; or a list of these.
cluster: hybrid
# cluster: [clusters/production.yaml, clusters/edge.yaml]
# cluster:
#   name: production
#   pools:
#     - {name: linux, platform: linux/amd64}
#     - {name: windows, platform: windows(10.0.20348)/amd64, taints: ["os=windows:NoSchedule"]}

# Minimum severity for exit code 1: error, warning, info or never.
fail-on: error

# Exit with code 3 if an image is unresolved or a placement undecided.
strict: false

# Also apply the pedantic rules (`podfit rules`).
pedantic: false

# Rules: off, on, or another severity.
# rules:
#   deprecated-os-label: off
#   image-unresolved: error

# Findings to suppress. You can also use a comment in the manifest:
# `# podfit: ignore[missing-os-selector] the Windows pool is tainted`.
# ignore:
#   - rules: [missing-os-selector]
#     match: {kind: DaemonSet, name: "node-exporter*", path: "charts/monitoring/**"}
#     reason: the Windows pool is tainted, see OPS-123
#     expires: 2099-12-31

# Parts of the audit that may fail, such as a kustomization that does not build in CI.
# accept:
#   - parts: [kustomization]
#     path: overlays/dev
#     reason: its .env file exists only on the machines of developers

# Files to skip, as globs relative to the root of the repository.
# exclude: ["**/testdata/**"]

# Additional variants of charts, and the maximum severity for third-party charts.
# charts:
#   - path: charts/shop
#     variants:
#       - name: production
#         values: [charts/shop/values-production.yaml]
#       - name: windows
#         set: {iis.enabled: true}
#   - path: vendor/**
#     severity: warning

# Platforms of images that podfit cannot look up.
# images:
#   overrides:
#     "registry.corp/report:*": [linux/amd64]
#   # Platforms that images must support, independent of the cluster.
#   require: [linux/amd64, linux/arm64]

# Registries. Used only with --trust-config, or in a configuration outside of the repository that
# is selected with --config (docs/security.md).
# registries:
#   docker.io:
#     mirrors: [harbor.corp/dockerhub]
#   registry.corp:5000:
#     insecure: http
#   harbor.corp:
#     ca: certificates/corp.pem

# Custom resources that create pods (docs/custom-resources.md).
# custom-resources:
#   - group: example.com
#     kinds: [Crawler]
#     pods: [spec.template]

# Paths of files that are not in their default locations.
# lock-file: podfit.lock.json
# baseline: .podfit-baseline.json
"""


DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def config_schema(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the JSON Schema; it names these rules, but accepts others."""
    shape = make_shape(Context(tuple(rules), "", Path))
    return {
        "$schema": DRAFT,
        "title": f"podfit configuration, version {VERSION}",
        **shape.json_schema(),
    }


def schema_text(rules: Sequence[Rule]) -> str:
    """Return the JSON Schema as text."""
    return json.dumps(config_schema(rules), indent=2, ensure_ascii=False) + "\n"
