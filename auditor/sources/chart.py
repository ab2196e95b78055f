"""`Chart`: where a Helm chart lies, what its Chart.yaml says, and where its templates are."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from auditor.errors import SourceError
from auditor.sources.files import MAX_BYTES, decode, missing, read_text
from auditor.yaml import Node, ShapeError, YamlError, read_documents

CHART_FILE: Final = "Chart.yaml"
ARCHIVE_SUFFIXES: Final = (".tgz", ".tar.gz")
_MAX_MEMBERS: Final = 10_000
_FOLDERS: Final = ("templates", "ci")
_OWN: Final = re.compile(
    r"Chart\.(yaml|lock)|requirements\.(yaml|lock)|values.*\.(ya?ml|json)|\.helmignore"
)


@dataclass(frozen=True, slots=True)
class DeclaredDependency:
    """An entry of `dependencies` in Chart.yaml (or in requirements.yaml of Helm 2)."""

    name: str
    alias: str = ""
    condition: str = ""
    tags: tuple[str, ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class Chart:
    """A Helm chart: a folder or an archive.

    path: what Helm opens. shown: the same as the user would write it. name: as Chart.yaml has it;
    Helm's names of templates begin with it, whatever the folder is called.
    """

    path: Path
    shown: str
    name: str
    is_library: bool = False
    kube_version: str = ""
    dependencies: tuple[DeclaredDependency, ...] = field(default=())

    def template_path(self, template: str) -> str:
        """The file that Helm calls by this name, as a path the user can open.

        A subchart's folder is named after the chart, and Helm's template after its alias.
        """
        _, _, below = template.partition("/")
        parts, folder = below.split("/"), self.path
        dependencies: Mapping[str, str] = {item.alias: item.name for item in self.dependencies}
        for index in range(0, len(parts) - 2, 2):
            if parts[index] != "charts":
                break
            name = parts[index + 1]
            if not (folder / "charts" / name).is_dir():
                name = dependencies.get(name, name)
            parts[index + 1] = name
            folder = folder / "charts" / name
            dependencies = _aliases(folder)
        return "/".join((self.shown.rstrip("/"), *parts))


def is_chart_folder(path: Path) -> bool:
    return (path / CHART_FILE).is_file()


def is_archive(path: Path) -> bool:
    return path.name.endswith(ARCHIVE_SUFFIXES)


def enclosing_chart(path: Path) -> Path | None:
    """The outermost chart that a file or folder is a part of by Helm's rules; None for other files.

    Its templates, values, schema and description are parts; what merely lies in its folder is not.
    """
    found = None
    inside = path.absolute()
    for folder in inside.parents:
        if not is_chart_folder(folder):
            continue
        first, *rest = inside.relative_to(folder).parts
        is_part = first in _FOLDERS or (not rest and _OWN.fullmatch(first))
        if is_part if found is None else first == "charts":
            found = folder
    return found


def read_chart(path: Path, shown: str) -> Chart:
    """The chart in a folder or archive. Raises SourceError."""
    if is_archive(path):
        where, text = f"{shown}/{CHART_FILE}", _read_archived(path, shown)
    else:
        where = f"{shown}/{CHART_FILE}"
        text = read_text(path / CHART_FILE, where)
    try:
        return _parse(text, path, shown)
    except ShapeError as error:
        raise SourceError(
            f"{where} does not describe a chart",
            where=f"{where}:{error.line}:{error.column}",
            why=error.message,
            hint="mend it; `helm lint` checks the rest of the chart",
        ) from error


def _parse(text: str, path: Path, shown: str) -> Chart:
    root = _root(text)
    return Chart(
        path=path,
        shown=shown,
        name=root.text_at("name"),
        is_library=root.text_at("type") == "library",
        kube_version=root.text_at("kubeVersion"),
        dependencies=_dependencies(root),
    )


def _root(text: str) -> Node:
    for document in read_documents(text):
        if isinstance(document, YamlError):
            raise ShapeError(document.message, Node(None, document.line, document.column))
        return document
    return Node({}, 1, 1)


def _dependencies(root: Node) -> tuple[DeclaredDependency, ...]:
    return tuple(
        DeclaredDependency(
            name=item.text_at("name"),
            alias=item.text_at("alias"),
            condition=item.text_at("condition"),
            tags=tuple(tag.text() for tag in item.items_at("tags")),
            line=item.line,
        )
        for item in root.items_at("dependencies")
    )


def _aliases(folder: Path) -> dict[str, str]:
    try:
        chart = read_chart(folder, folder.name) if is_chart_folder(folder) else None
    except SourceError:
        return {}
    return {item.alias: item.name for item in chart.dependencies if item.alias} if chart else {}


def _read_archived(path: Path, shown: str) -> str:
    try:
        with tarfile.open(path, "r|gz") as archive:
            for _, member in zip(range(_MAX_MEMBERS), archive, strict=False):
                parts = member.name.removeprefix("./").split("/")
                if len(parts) == 2 and parts[1] == CHART_FILE and member.isfile():  # noqa: PLR2004
                    file = archive.extractfile(member)
                    return decode(file.read(MAX_BYTES + 1) if file else b"", shown)
    except FileNotFoundError as error:
        raise missing(shown) from error
    except (OSError, tarfile.TarError, EOFError) as error:
        raise SourceError(
            f"{shown} is not a chart archive",
            where=shown,
            why=str(error),
            hint="`helm package` makes one",
        ) from error
    raise SourceError(
        f"{shown} holds no {CHART_FILE}", where=shown, hint="`helm package` makes chart archives"
    )
