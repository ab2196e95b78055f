"""Charts for tests: those of `tests/charts/`, small ones written on the spot, and Helm itself."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Literal, Protocol

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.interface import Source, SourceOptions
from auditor.sources.open import open_sources
from auditor.sources.renderers import CliRenderer, EmbeddedRenderer, is_installed
from auditor.sources.rendering import Renderer
from tests.support.tools import ROOT, missing, require_tool

CHARTS = ROOT / "tests" / "charts"
RENDERERS: tuple[Literal["embedded", "cli"], ...] = ("embedded", "cli")

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  containers:
    - name: main
      image: registry.example/main:1
"""


def make_renderer(name: str) -> Renderer:
    """The renderer of this name, over a real Helm; the test is skipped where that is absent.

    All tests of a process share it: each rendering is anew, and starting Helm costs more.
    """
    if name == "cli":
        return _program(require_tool("helm"))
    require_library()
    return shared_library()


@cache
def shared_library() -> EmbeddedRenderer:
    return EmbeddedRenderer()


@cache
def _program(helm: str) -> CliRenderer:
    return CliRenderer(helm)


def require_library() -> None:
    """Skip the test where Helm's library is absent."""
    if not is_installed():
        missing("helm-python-sdk is not installed; `pip install 'podfit[helm]'`")


def write_chart(folder: Path, templates: Mapping[str, str] | None = None, /, **files: str) -> Path:
    """A chart named like its folder.

    templates: text by name below templates/. files: `chart_yaml` is added to Chart.yaml, `values`
    is values.yaml, `schema` values.schema.json.
    """
    described = f"apiVersion: v2\nname: {folder.name}\nversion: 0.1.0\n"
    write_tree(
        folder,
        {
            "Chart.yaml": described + files.get("chart_yaml", ""),
            **{f"templates/{name}": text for name, text in (templates or {}).items()},
            **({"values.yaml": files["values"]} if "values" in files else {}),
            **({"values.schema.json": files["schema"]} if "schema" in files else {}),
        },
    )
    return folder


def write_tree(folder: Path, files: Mapping[str, str]) -> None:
    """Files below a folder, by their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def pack_chart(folder: Path, archive: Path) -> Path:
    """The chart of a folder as an archive, as `helm package` makes it."""
    archive.write_bytes(pack({f"{folder.name}/{path}": data for path, data in _files(folder)}))
    return archive


def pack(members: Mapping[str, bytes]) -> bytes:
    """A gzipped tar archive of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def open_source(argument: str, options: SourceOptions | None = None) -> Source:
    """The source that one SOURCE names."""
    return open_sources((argument,), options)[0]


class HasDocuments(Protocol):
    """A source, or a part of one."""

    def documents(self) -> Iterator[Document | Problem]: ...


def read(source: HasDocuments) -> tuple[list[Document], list[Problem]]:
    """What a source gives: its documents, its problems."""
    found = list(source.documents())
    return (
        [item for item in found if isinstance(item, Document)],
        [item for item in found if isinstance(item, Problem)],
    )


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()
