"""The texts of a chart's templates, and of those of its subcharts, as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Final

from auditor.remedies.keys import Key
from auditor.sources.archives import ArchiveError
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE, SUBCHARTS, Chart
from auditor.sources.contents.chart_files import chart_files
from auditor.yaml.nodes import Node, ShapeError
from auditor.yaml.reading import YamlError, read_documents

MAX_NESTING: Final = 8
MAX_BYTES: Final = 20_000_000
"""Of all templates together: the largest chart of 535 has 1.3 MB of them."""
MAX_TEXTS: Final = 5000
"""Aliases within aliases multiply."""

_TEMPLATES: Final = "templates"
_DESCRIPTIONS: Final = (CHART_FILE, REQUIREMENTS_FILE)


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A template, and where in the values of the whole chart its own values stand."""

    values: Key
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """The files of a chart that matter here. subcharts: by the name of their folder or archive."""

    files: dict[str, str] = field(default_factory=dict)
    subcharts: dict[str, _Folder] = field(default_factory=dict)

    def add(self, path: str, text: str) -> None:
        parts = PurePosixPath(path).parts
        if len(parts) > 2 and parts[0] == SUBCHARTS:  # noqa: PLR2004 - charts/NAME/FILE
            below = self.subcharts.setdefault(parts[1], _Folder())
            below.add("/".join(parts[2:]), text)
        elif path in _DESCRIPTIONS or parts[0] == _TEMPLATES:
            self.files[path] = text


def template_texts(chart: Chart) -> Iterator[TemplateText]:
    """Every template, by path. One of a subchart that has several aliases comes once for each.

    Templates of library charts come with the values of each chart that may include them. What
    cannot be read is left out: Helm has read the chart already.
    """
    folder = _Folder()
    try:
        left = MAX_BYTES
        for path, content in chart_files(chart.path, _is_wanted):
            left -= len(content)
            if left < 0:
                break
            folder.add(path, content.decode("utf-8", "replace"))
    except (OSError, ArchiveError):
        pass
    yield from islice(_texts(folder, (), ()), MAX_TEXTS)


def _texts(folder: _Folder, values: Key, includers: tuple[Key, ...]) -> Iterator[TemplateText]:
    described = _Description.of(folder.files)
    own = (*includers, values) if described.is_library else (values,)
    for path in sorted(folder.files):
        if path not in _DESCRIPTIONS:
            yield from (TemplateText(key, path, folder.files[path]) for key in own)
    if len(values) < MAX_NESTING:
        for name in sorted(folder.subcharts):
            subchart = folder.subcharts[name]
            chart_name = _Description.of(subchart.files).name or name
            for called in described.called.get(chart_name, (chart_name,)):
                yield from _texts(subchart, (*values, called), (*includers, values))


@dataclass(frozen=True, slots=True)
class _Description:
    """What Chart.yaml says. called: for each dependency, the names under which it is used."""

    name: str
    is_library: bool
    called: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(files: Mapping[str, str]) -> _Description:
        try:
            root = _root(files.get(CHART_FILE, ""))
            declaring = (
                root if root.get("dependencies") else _root(files.get(REQUIREMENTS_FILE, ""))
            )
            return _Description(
                root.text_at("name"),
                root.text_at("type") == "library",
                _called(declaring.items_at("dependencies")),
            )
        except ShapeError:
            return _Description("", is_library=False, called={})


def _called(dependencies: Iterable[Node]) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for item in dependencies:
        name = item.text_at("name")
        names[name] = (*names.get(name, ()), item.text_at("alias") or name)
    return names


def _root(text: str) -> Node:
    root = next(iter(read_documents(text)), None)
    return Node({}, 1, 1) if root is None or isinstance(root, YamlError) else root


def _is_wanted(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return name in _DESCRIPTIONS or f"/{_TEMPLATES}/" in f"/{folder}/"
