"""Find keys such as `.Values.a.nodeSelector` that are only in templates, not in values files.

Templates are parsed, not executed. Paths are resolved through `with`, `range`, variables and the
argument of `include` if these are plain paths. The keys are guesses, which are verified by
rendering the chart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

from msgspec import Struct, field

from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import YamlError, read_documents
from auditor.fixes.paths import MAX_KEYS, Key, value_at
from auditor.sources.chart import CHART_FILE, REQUIREMENTS_FILE, SUBCHARTS, ArchiveError, Chart
from auditor.sources.chart_safety import chart_files
from auditor.sources.rendering import Values

MAX_NESTING: Final = 8
MAX_BYTES: Final = 20_000_000
"""Maximum size of all templates; the maximum among 535 charts is 1.3 MB."""
MAX_TEXTS: Final = 5000
"""Maximum number of templates; nested aliases multiply them."""

_TEMPLATES: Final = "templates"
_DESCRIPTIONS: Final = (CHART_FILE, REQUIREMENTS_FILE)


class TemplateText(Struct, frozen=True):
    """A template, and the path of its `.Values` in the values of the whole chart."""

    values: Key
    path: str
    text: str


class _Folder(Struct, frozen=True):
    """The templates and metadata of a chart, with its subcharts by folder or archive name."""

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
    """Yield every template of a chart, sorted by path.

    Templates of a subchart are repeated for each alias, and those of a library chart for each chart
    that may include them. Unreadable files are skipped, because Helm has already read the chart.
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
            for alias in described.aliases.get(chart_name, (chart_name,)):
                yield from _texts(subchart, (*values, alias), (*includers, values))


class _Description(Struct, frozen=True):
    """The fields of Chart.yaml. `aliases` has the names under which each dependency is used."""

    name: str
    is_library: bool
    aliases: Mapping[str, tuple[str, ...]]

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
            return _Description("", is_library=False, aliases={})


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


_EACH: Final = "*"
"""In a path: any name or index."""
_MAX_EACH: Final = 50

_ACTION: Final = re.compile(r"\{\{-?\s*(?!/\*)(.*?)\s*-?\}\}", re.DOTALL)
_WORD: Final = re.compile(r"(if|with|range|define|block|else|end)\b\s*(.*)", re.DOTALL)
_ASSIGNMENT: Final = re.compile(r"(\$\w+)\s*:?=\s*(.*)", re.DOTALL)
_LOOP: Final = re.compile(r"(?:(\$\w+)\s*,\s*)?(\$\w+)\s*:=\s*(.*)", re.DOTALL)
_NAMED: Final = re.compile(r'"([^"]*)"\s*(.*)', re.DOTALL)
_INCLUDE: Final = re.compile(
    r'(?:include|template)\s+"([^"]+)"\s+(\.|\$\w*(?:\.[\w.]+)?|\.[\w.]+)(?=[\s)|]|$)'
)
_FIELDS: Final = r"(?:\.[A-Za-z_]\w*)*"
_REFERENCE: Final = re.compile(
    rf'(?:\b(?P<call>index|get)\s+)?(?<![\w)".])(?P<root>\$\w*|(?=\.))(?P<fields>{_FIELDS})'
    r'(?P<indexes>(?:\s+"[^"]*")*)'
)
_GROUPED: Final = re.compile(
    r'\(\s*(?:index|get)\s+(?P<base>[\w.$]+)(?P<indexes>(?:\s+"[^"]*")+)\s*\)'
)
_TEXT: Final = re.compile(r'"([^"]*)"')

_Path = Key | None
"""A path in the values; None if unknown."""
_ROOT: Final = "<root>"
"""The first part of a path that starts at the template's root, not at the values."""


class _Scope(Struct):
    """The paths of `.` and the variables."""

    dot: _Path
    variables: dict[str, _Path] = field(default_factory=dict)


def named_keys(
    templates: Iterable[TemplateText], values: Values, name: re.Pattern[str]
) -> list[Key]:
    """Return the keys in templates whose last name matches; at most `MAX_KEYS`."""
    texts = list(templates)
    arguments: dict[Key, dict[str, set[_Path]]] = {}
    for template in texts:
        of_chart = arguments.setdefault(template.values, {})
        for define, path in _Reader(template, {}).included():
            of_chart.setdefault(define, set()).add(path)
    found: dict[Key, None] = {}
    for template in texts:
        for path in _Reader(template, arguments[template.values]).paths():
            if path and isinstance(path[-1], str) and name.fullmatch(path[-1]):
                for key in _expanded(path, values):
                    found[key] = None
                    if len(found) >= MAX_KEYS:
                        return list(found)
    return list(found)


class _Reader:
    """Reads the expressions of one template in order."""

    def __init__(self, template: TemplateText, arguments: Mapping[str, set[_Path]]) -> None:
        self._template = template
        self._arguments = arguments
        self._stack = [_Scope((_ROOT,))]

    def paths(self) -> Iterator[Key]:
        """Yield every path of values in an expression."""
        for expression in self._expressions():
            for path in self._resolved(expression):
                if path and path[0] != _ROOT:
                    yield path

    def included(self) -> Iterator[tuple[str, _Path]]:
        """Yield each included template with the path of its `.`."""
        for expression in self._expressions():
            for define, argument in _INCLUDE.findall(expression):
                path = self._resolve(argument)
                if path is not None and path != (_ROOT,):
                    yield define, path

    def _expressions(self) -> Iterator[str]:
        for action in _ACTION.finditer(self._template.text):
            text = action[1]
            word = _WORD.match(text)
            if word is None:
                yield text
                self._assign(text)
            elif word[1] == "end":
                self._close()
            elif word[1] == "else":
                yield word[2]
                self._else(word[2])
            else:
                yield word[2]
                self._open(word[1], word[2])

    def _assign(self, text: str) -> None:
        if match := _ASSIGNMENT.match(text):
            self._stack[-1].variables[match[1]] = self._first(match[2])

    def _open(self, word: str, rest: str) -> None:
        dot, variables = self._stack[-1].dot, {}
        if word in ("define", "block"):
            named = _NAMED.match(rest)
            paths = self._arguments.get(named[1], set()) if named else set()
            dot = next(iter(paths)) if len(paths) == 1 else (_ROOT,)
        elif word == "with":
            assigned = _ASSIGNMENT.match(rest)
            dot = self._first(assigned[2] if assigned else rest)
            if assigned:
                variables[assigned[1]] = dot
        elif word == "range":
            loop = _LOOP.match(rest)
            over = self._first(loop[3] if loop else rest)
            dot = None if over is None else (*over, _EACH)
            if loop:
                variables = {loop[2]: dot} | ({loop[1]: None} if loop[1] else {})
        self._stack.append(_Scope(dot, variables))

    def _else(self, rest: str) -> None:
        """Restore `.` for `else`, or set it for `else with x`."""
        if len(self._stack) > 1:
            self._stack.pop()
        word = _WORD.match(rest)
        self._open(word[1], word[2]) if word else self._open("else", "")

    def _close(self) -> None:
        if len(self._stack) > 1:
            self._stack.pop()

    def _first(self, expression: str) -> _Path:
        """Return the first path of an expression such as `.Values.a | default dict`."""
        return next(self._resolved(expression), None)

    def _ungrouped(self, expression: str) -> str:
        """Replace `(index .Values "a")` by a variable, which can be followed by fields."""
        for number, match in enumerate(list(_GROUPED.finditer(expression))):
            name = f"$podfit{number}"
            path = self._resolve(match["base"])
            names = _TEXT.findall(match["indexes"])
            self._stack[-1].variables[name] = None if path is None else (*path, *names)
            expression = expression.replace(match[0], name, 1)
        return expression

    def _resolved(self, expression: str) -> Iterator[_Path]:
        """Yield the path of each reference in an expression."""
        for match in _REFERENCE.finditer(self._ungrouped(expression)):
            path = self._resolve(match["root"] + match["fields"])
            if path is not None and match["call"]:
                path = (*path, *_TEXT.findall(match["indexes"]))
            yield path

    def _resolve(self, text: str) -> _Path:
        root, *fields = text.split(".")
        base = self._base(root)
        if base is None:
            return None
        path: Key = (*base, *filter(None, fields))
        if path[:2] == (_ROOT, "Values"):
            return (*self._template.values, *path[2:])
        return path

    def _base(self, root: str) -> _Path:
        if root == "$":
            return (_ROOT,)
        if not root:
            return self._stack[-1].dot
        for scope in reversed(self._stack):
            if root in scope.variables:
                return scope.variables[root]
        return None


def _expanded(path: Key, values: Values) -> Iterator[Key]:
    """Yield the keys that a path with `_EACH` matches in the values."""
    if _EACH not in path:
        yield path
        return
    at = path.index(_EACH)
    held: Any = value_at(values, path[:at])
    parts: Iterable[str | int] = held if isinstance(held, Mapping) else ()
    if isinstance(held, list):
        parts = range(len(held))
    for part in list(parts)[:_MAX_EACH]:
        yield from _expanded((*path[:at], part, *path[at + 1 :]), values)
