"""What `podfit config show` shows: every setting of an area, and where it is from.

As YAML it is a configuration itself, which says the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from auditor.config.areas import Area
from auditor.config.keys import VERSION
from auditor.config.resolution import DEFAULT, Given, Resolved, Setting

_LISTS: Final = ("ignore", "exclude", "charts")
_FILES: Final = ("lock-file", "baseline")
_MAPPINGS: Final = ("rules", "images", "registries")
_PLAIN: Final = re.compile(r"[A-Za-z][\w./-]*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


@dataclass(frozen=True, slots=True)
class Item:
    """A value as JSON has it, and its origin. name: its key in a mapping, "" in a list."""

    value: Any
    origin: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
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
        Entry("registries", _named(resolved.registries)),
        Entry("custom-resources", tuple(map(_item, resolved.custom_resources))),
        *(Entry(key, _file(area, key, given)) for key in _FILES),
    )


def to_yaml(area: Area, entries: Iterable[Entry]) -> str:
    """A configuration, each value with its origin behind it."""
    file = area.file.shown if area.file else "none"
    lines = [f"# {area.root.as_posix()}: configuration {file}", f"version: {VERSION}"]
    for entry in entries:
        lines += _lines(entry)
    return "\n".join(lines) + "\n"


def to_json(area: Area, entries: Iterable[Entry]) -> Any:
    """The same as JSON values."""
    return {
        "root": area.root.as_posix(),
        "sources": list(area.sources),
        "file": area.file.shown if area.file else None,
        "settings": {entry.key: _json(entry) for entry in entries},
    }


def _item(setting: Setting[Any]) -> Item:
    return Item(setting.raw, setting.origin)


def _named(settings: Mapping[str, Setting[Any]]) -> tuple[Item, ...]:
    return tuple(Item(item.raw, item.origin, name) for name, item in settings.items())


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
        empty = "{}" if entry.key in _MAPPINGS else "[]"
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
    if entry.key in _MAPPINGS:
        mapping = {item.name: _origin(item) for item in entry.value}
        return {entry.below: mapping} if entry.below else mapping
    return [_origin(item) for item in entry.value]


def _origin(item: Item) -> dict[str, Any]:
    return {"value": item.value, "origin": item.origin}
