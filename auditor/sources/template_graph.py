"""Which templates of a chart depend on which others, to render only some of them.

Templates are searched, not parsed. Where a dependency is uncertain, it counts as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.sources.chart import ArchiveError
from auditor.sources.chart_safety import chart_files

FOLDER: Final = "templates/"
_ACTION: Final = re.compile(rb"\{\{-?(?!\s*/\*)(?:[^{}]|\{(?!\{)|\}(?!\}))+")
_LITERAL: Final = re.compile(rb'"(?:[^"\\\n]|\\.)*"|`[^`]*`')
_DEFINE: Final = re.compile(rb'\{\{-?\s*(?:define|block)\s+("[^"\n]*"|`[^`]*`)')
_RANDOM: Final = re.compile(
    rb"\b(?:rand(?:Alpha|AlphaNum|Ascii|Bytes|Int|Numeric)|uuidv4|shuffle"
    rb"|gen(?:CA|PrivateKey|SelfSignedCert|SignedCert)(?:WithKey)?|bcrypt|htpasswd|encryptAES|now)\b"
)
"""Template functions whose result differs each time."""
_CHANGES: Final = re.compile(rb"\b(?:must)?(?:[sS]et|[uU]nset|[mM]erge(?:Overwrite)?)\b")
"""Functions that change a mapping, which may be the values that other templates see."""
_PLACES: Final = re.compile(rb"(?i)node_?selector|affinity|toleration")
"""Names of values that place pods."""
_COMMENT: Final = re.compile(rb"^[ \t]*#.*", re.MULTILINE)
_INCLUDE: Final = re.compile(rb"\b(?:include|template)\b")
_BY_NAME: Final = re.compile(
    rb'\b(?:include|template)\s+(?:["`]'
    rb'|\(\s*print\s+(?:\$\w*|\$?\.[\w.]*)?\.?Template\.BasePath\s+"[^"]*\w"\s*\))'
)
"""An include whose template is a literal, or the path of a file in the same folder."""


def random_calls(content: bytes) -> frozenset[bytes]:
    """Return the random functions that the actions of a file call."""
    if not _RANDOM.search(content):
        return frozenset()
    actions = (_LITERAL.sub(b"", action[0]) for action in _ACTION.finditer(content))
    return frozenset(found for action in actions for found in _RANDOM.findall(action))


class _Part(Struct, frozen=True):
    """A named template, or the text of a file outside of those.

    Attributes:
        file: The path in the chart; "" for values.
        names: What other parts include it by: the named template, the file's name.
        literals: The texts in its actions, and their last path components.
        is_open: Whether it may include any template.
    """

    file: str
    names: frozenset[bytes]
    literals: frozenset[bytes]
    is_random: bool
    changes_values: bool
    places_pods: bool
    is_open: bool


class TemplateGraph(Struct, frozen=True):
    """The templates of a chart and its subcharts, and the chart's values."""

    parts: tuple[_Part, ...] = ()

    @staticmethod
    def read(chart: Path) -> TemplateGraph:
        """Read a chart's folder or archive; a chart that cannot be read gives an empty graph."""
        try:
            found = list(chart_files(chart, lambda path: FOLDER in path or _is_values(path)))
        except (ArchiveError, OSError):
            return TemplateGraph()
        return TemplateGraph(tuple(part for file in found for part in _parts(*file)))

    def constant(self, values: Iterable[str]) -> frozenset[str]:
        """Return the templates that can be left out when the chart is rendered again for masks.

        They render to the same text each time, and no other template needs them.

        Args:
            values: The texts of further values, which `tpl` may evaluate.
        """
        parts = (*self.parts, *(part for text in values for part in _parts("", text.encode())))
        affected = _reaching(parts, lambda part: part.is_random)
        changing = _reaching(parts, lambda part: part.changes_values)
        if "" in affected | changing:
            return frozenset()
        return self._plain() - affected - changing

    def without_pods(self, shown: Collection[str]) -> frozenset[str]:
        """Return the templates that can be left out to find the values that place pods.

        Args:
            shown: The templates that made pods, as paths below `templates/`.
        """
        others = self._plain() - _reaching(self.parts, lambda part: part.places_pods)
        return frozenset(path for path in others if below_templates(path) not in shown)

    def _plain(self) -> frozenset[str]:
        """Return the templates that are no partials and that no other template names."""
        literals = frozenset().union(*(part.literals for part in self.parts))
        return frozenset(
            part.file
            for part in self.parts
            if part.file
            and not _name(part.file).startswith("_")
            and _name(part.file).encode() not in literals
        )


def below_templates(path: str) -> str:
    """Return the path below the first `templates/` of a path in a chart."""
    return path.partition(FOLDER)[2]


def _is_values(path: str) -> bool:
    return path.endswith("values.yaml")


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _parts(path: str, content: bytes) -> Iterator[_Part]:
    file = path if FOLDER in path else ""
    if not file:
        content = _COMMENT.sub(b"", content)
    if not file and b"{{" not in content:
        return
    defines = list(_DEFINE.finditer(content))
    starts = [0, *(match.start() for match in defines)]
    names = [frozenset[bytes](), *(frozenset((match[1][1:-1],)) for match in defines)]
    for start, end, own in zip(starts, [*starts[1:], len(content)], names, strict=True):
        yield _part(file, content[start:end], own)


def _part(file: str, text: bytes, own: frozenset[bytes]) -> _Part:
    actions = [action[0] for action in _ACTION.finditer(text)]
    literals = {found[1:-1] for action in actions for found in _LITERAL.findall(action)} - own
    bare = b"\n".join(_LITERAL.sub(b'""', action) for action in actions)
    by_name = sum(len(_BY_NAME.findall(action)) for action in actions)
    return _Part(
        file,
        own | {_name(file).encode()} if file else own,
        frozenset(literals | {item.rpartition(b"/")[2] for item in literals}),
        is_random=bool(_RANDOM.search(bare)),
        changes_values=bool(_CHANGES.search(bare)),
        places_pods=bool(_PLACES.search(text)),
        is_open=len(_INCLUDE.findall(bare)) > by_name or (b"tpl" in bare and b".Files" in bare),
    )


def _reaching(parts: Collection[_Part], wanted: Callable[[_Part], bool]) -> frozenset[str]:
    """Return the files with a wanted part, or with one that may include a wanted one."""
    reached = [part for part in parts if wanted(part)]
    rest = [part for part in parts if not wanted(part)]
    names: set[bytes] = set()
    count = -1
    while reached and count != len(names):
        count = len(names)
        names.update(*(part.names for part in reached))
        found = [part for part in rest if part.is_open or not names.isdisjoint(part.literals)]
        rest = [part for part in rest if not (part.is_open or not names.isdisjoint(part.literals))]
        reached += found
    return frozenset(part.file for part in reached)
