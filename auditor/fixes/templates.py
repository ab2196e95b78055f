"""Keys that no values file has and a template names: `.Values.a.nodeSelector`.

Templates are read, not run: what a path is relative to is followed through `with`, `range`,
variables and the argument of an `include`, as far as each is a plain path. A key found here is only
a guess: it counts where a rendering shows that it reaches a pod.

The texts of a chart's templates, and of those of its subcharts, as they lie on disk.
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
"""Of all templates together: the largest chart of 535 has 1.3 MB of them."""
MAX_TEXTS: Final = 5000
"""Aliases within aliases multiply."""

_TEMPLATES: Final = "templates"
_DESCRIPTIONS: Final = (CHART_FILE, REQUIREMENTS_FILE)


class TemplateText(Struct, frozen=True):
    """A template, and where in the values of the whole chart its own values stand."""

    values: Key
    path: str
    text: str


class _Folder(Struct, frozen=True):
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


class _Description(Struct, frozen=True):
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


_EACH: Final = "*"
"""In a path: every name or index that the values have there."""
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
"""Where something stands in the values; None where nobody can tell."""
_ROOT: Final = "<root>"
"""The first part of a path that begins at the template's root, not at the values."""


class _Scope(Struct):
    """What `.` and the variables stand for."""

    dot: _Path
    variables: dict[str, _Path] = field(default_factory=dict)


def named_keys(
    templates: Iterable[TemplateText], values: Values, name: re.Pattern[str]
) -> list[Key]:
    """The keys whose last name matches and that the templates name; at most `MAX_KEYS`."""
    texts = list(templates)
    arguments: dict[Key, dict[str, set[_Path]]] = {}
    for template in texts:
        of_chart = arguments.setdefault(template.values, {})
        for called, path in _Reader(template, {}).included():
            of_chart.setdefault(called, set()).add(path)
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
    """Reads one template from its beginning to its end."""

    def __init__(self, template: TemplateText, arguments: Mapping[str, set[_Path]]) -> None:
        self._template = template
        self._arguments = arguments
        self._stack = [_Scope((_ROOT,))]

    def paths(self) -> Iterator[Key]:
        """Every path of values that an expression names."""
        for expression in self._expressions():
            yield from self._values(expression)

    def included(self) -> Iterator[tuple[str, _Path]]:
        """Each include of a template by name, and what its `.` stands for."""
        for expression in self._expressions():
            for called, argument in _INCLUDE.findall(expression):
                path = self._resolve(argument)
                if path is not None and path != (_ROOT,):
                    yield called, path

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
                self._otherwise(word[2])
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

    def _otherwise(self, rest: str) -> None:
        """`else` has the `.` from before; `else with x` has its own."""
        if len(self._stack) > 1:
            self._stack.pop()
        word = _WORD.match(rest)
        self._open(word[1], word[2]) if word else self._open("else", "")

    def _close(self) -> None:
        if len(self._stack) > 1:
            self._stack.pop()

    def _first(self, expression: str) -> _Path:
        """The path that an expression begins with, such as `.Values.a | default dict`."""
        return next(self._resolved(expression), None)

    def _values(self, expression: str) -> Iterator[Key]:
        for path in self._resolved(expression):
            if path and path[0] != _ROOT:
                yield path

    def _resolved(self, expression: str) -> Iterator[_Path]:
        yield from self._references(self._ungrouped(expression))

    def _ungrouped(self, expression: str) -> str:
        """`(index .Values "a")` as a variable, which can be followed by fields."""
        for number, match in enumerate(list(_GROUPED.finditer(expression))):
            name = f"$podfit{number}"
            path = self._resolve(match["base"])
            names = _TEXT.findall(match["indexes"])
            self._stack[-1].variables[name] = None if path is None else (*path, *names)
            expression = expression.replace(match[0], name, 1)
        return expression

    def _references(self, expression: str) -> Iterator[_Path]:
        for match in _REFERENCE.finditer(expression):
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
    """The keys that a path stands for, given what the values hold."""
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
