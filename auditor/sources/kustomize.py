"""Kustomizations as sources of documents, built with the user's kustomize or kubectl."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.errors import Problem, SourceError
from auditor.files.paths import find_home, find_program, real_path
from auditor.files.yaml_nodes import Node, ShapeError
from auditor.files.yaml_reading import read_documents
from auditor.kubernetes.manifests import Document
from auditor.sources.files import Piece, normalise_all, read_pieces, read_text
from auditor.sources.processes.programs import run
from auditor.sources.rendering import Cause, RenderError

FILE_NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
BUILD_SECONDS: Final = 60.0

_ORIGIN: Final = re.compile(
    r"^( *)config\.kubernetes\.io/origin: \|[^\n]*\n(?P<origin>(?:\1 +[^\n]*\n?)+)", re.MULTILINE
)
"""The origin annotation that kustomize writes if `buildMetadata` asks for it."""
_PATH: Final = re.compile(r"^\s*path: (?P<path>.+)$", re.MULTILINE)
_LOGGED: Final = re.compile(r'[EF]\d{4} [\d:.]+ +\d+ \S+\] (?:"command failed" err=)?')
_FETCHED: Final = re.compile(r"^\s*repo: ", re.MULTILINE)
_REMOTE: Final = re.compile(
    r"[\w+.-]+://|git(?:@|::)|(?:github|gitlab|bitbucket)\.\w+/|.*\?(?:ref|version)="
)
"""Resources that kustomize treats as remote (`api/internal/git/repospec.go`)."""
_NO_GIT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "KUBECONFIG": os.devnull,
}


class KustomizationSource(Struct, frozen=True):
    """A kustomization in a folder.

    Attributes:
        path: The folder.
        shown: The folder as the user would write it.
        patches: Text of a kustomization that is applied on top.
    """

    path: Path
    shown: str
    namespace: str = ""
    patches: str = ""

    @property
    def name(self) -> str:
        return self.shown

    def documents(self) -> Iterator[Document | Problem]:
        """Yield a document for each file that built objects come from, by path.

        Generated objects belong to the kustomization file. Remote bases are not fetched: they are
        reported as a problem.
        """
        program = find_builder()
        if program is None:
            yield _NO_PROGRAM.problem
            return
        try:
            if why := _unread(self.path):
                pipe = f"pipe in its output: `kustomize build {self.shown} | podfit audit -`"
                yield self._problem(why, pipe)
                return
            built = self._build(program)
        except RenderError as error:
            hint = f"fix it until `kubectl kustomize {self.shown}` builds; podfit fetches no bases"
            yield self._problem(self._message(error.text) or error.cause.value, hint)
            return
        for path, text in normalise_all(built).items():
            yield Document(
                path=path,
                text=text,
                source=self.shown,
                chart=self.shown,
                namespace=self.namespace or "default",
                template=f"kustomize/{self._stable_name}",
            )

    def _build(self, program: tuple[str, ...]) -> tuple[Piece, ...]:
        with _wrapped(self.path, self.patches) as (folder, has_origins):
            done = run((*program, str(folder)), BUILD_SECONDS, _NO_GIT)
            if done.status:
                raise RenderError(Cause.REFUSED, self._error(program) or done.stderr)
            pieces = read_pieces(done.stdout)
            if not has_origins:
                return tuple(replace(piece, template=self.file) for piece in pieces)
            return tuple(self._attributed(piece, folder) for piece in pieces)

    def _error(self, program: tuple[str, ...]) -> str:
        """Return the error of the kustomization itself, without podfit's wrapper around it."""
        done = run((*program, str(self.path)), BUILD_SECONDS, _NO_GIT)
        return done.stderr if done.status else ""

    def _attributed(self, piece: Piece, folder: Path) -> Piece:
        """Return the piece with its file as template, and without the origin annotation."""
        match = _ORIGIN.search(piece.text)
        if match is None:
            return replace(piece, template=self.file)
        text = piece.text.replace(match[0], "", 1)
        path = _PATH.search(match["origin"])
        if path is None or _FETCHED.search(match["origin"]):
            return replace(piece, template=self.file, text=text)
        return replace(piece, template=self._shown_path(folder / path["path"].strip()), text=text)

    def _shown_path(self, path: Path) -> str:
        """Return the path relative to the folder as the user wrote it."""
        relative = os.path.relpath(os.path.normpath(path), real_path(self.path))
        return Path(os.path.normpath(Path(self.shown, relative))).as_posix()

    @property
    def file(self) -> str:
        """The kustomization file, as the user would write it."""
        found = kustomization_file(self.path)
        return Path(self.shown, found.name if found else FILE_NAMES[0]).as_posix()

    @property
    def _stable_name(self) -> str:
        """A name that distinguishes several kustomizations of one base."""
        folder = real_path(self.path)
        home = find_home(folder)
        return home.relative(folder) if home else folder.name

    def _problem(self, why: str, hint: str) -> Problem:
        return SourceError(
            f"kustomization {self.shown} cannot be built",
            where=self.file,
            why=why,
            hint=hint,
        ).problem

    def _message(self, text: str) -> str:
        """Return an error without the time and process id of kubectl's log prefix."""
        text = _LOGGED.sub("", text.strip()).removeprefix("error: ").removeprefix("Error: ")
        text = text.strip().strip('"<>').strip().replace('\\"', '"')
        return text.replace(f"{real_path(self.path)}/", "")


_NO_PROGRAM: Final = SourceError(
    "kustomizations cannot be built: neither kustomize nor kubectl was found",
    hint="install one of them on PATH, or pipe in: `kustomize build DIR | podfit audit -`",
)


def find_builder() -> tuple[str, ...] | None:
    """Return the build command: kustomize, else kubectl, which includes it."""
    if program := find_program("kustomize"):
        return program, "build"
    if program := find_program("kubectl"):
        return program, "kustomize"
    return None


def kustomization_file(folder: Path) -> Path | None:
    """Return the kustomization file of a folder, or None."""
    try:
        return next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)
    except OSError:
        return None


def roots(folders: Iterable[Path]) -> frozenset[Path]:
    """Return the folders to build: not used by another kustomization, and not components."""
    found = tuple(folders)
    used: set[Path] = set()
    for folder in found:
        root = _root(folder)
        if root is None:
            continue
        if root.get("kind") is not None and root.text_at("kind") == "Component":
            used.add(real_path(folder))
        used.update(real_path(Path(folder, name)) for name in _parts(root))
    return frozenset(folder for folder in found if real_path(folder) not in used)


def _unread(folder: Path) -> str:
    """Return why a kustomization cannot be read as a whole, or "".

    Remote bases are not fetched. Folders outside the repository are not read, although kustomize
    would build a kustomization there.
    """
    home = find_home(folder)
    pending, seen = [folder], set[Path]()
    while pending:
        path = pending.pop()
        root = None if real_path(path) in seen else _root(path)
        seen.add(real_path(path))
        for part in _parts(root) if root else ():
            if _REMOTE.match(part) and not Path(path, part).exists():
                return f"it uses the remote resource {part}, which podfit does not fetch"
            if home and home.is_repository and not real_path(path / part).is_relative_to(home.root):
                return f"{part} is outside the repository"
            pending.append(path / part)
    return ""


_MAX_FILES: Final = 5000
"""Maximum number of files of a kustomization that are copied."""


@contextmanager
def edited_copy(source: KustomizationSource, text: str) -> Iterator[KustomizationSource | None]:
    """Yield a copy of a kustomization and its bases with another text of its file.

    Links to files outside of the copied folders are left out, so that kustomize cannot read these
    files. Yields None if it has too many files, or cannot be copied.
    """
    import shutil
    import tempfile

    folders = list(_folders(source.path))
    top = Path(os.path.commonpath(folders))
    with tempfile.TemporaryDirectory(prefix="podfit-kustomize-") as name:
        try:
            left = _MAX_FILES
            for folder in folders:
                for path in folder.rglob("*"):
                    left -= 1
                    copy = Path(name, path.relative_to(top))
                    if not path.is_file() or not real_path(path).is_relative_to(top):
                        continue
                    if left >= 0 and not copy.exists():
                        copy.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(path, copy)
            copied = Path(name, real_path(source.path).relative_to(top))
            file = copied / Path(source.file).name
            file.write_bytes(text.encode())
        except OSError:
            left = -1
        yield replace(source, path=copied) if left >= 0 else None


def _folders(folder: Path) -> Iterator[Path]:
    """Yield the folder of a kustomization, and those of its parts and other files that it names."""
    pending, seen = [folder], set[Path]()
    while pending:
        path = pending.pop()
        if real_path(path) in seen:
            continue
        seen.add(real_path(path))
        if path.is_dir():
            yield real_path(path)
            root = _root(path)
            pending += (path / part for part in (_parts(root) if root else ()))
        elif path.is_file():
            yield real_path(path).parent


def _root(folder: Path) -> Node | None:
    file = kustomization_file(folder)
    try:
        documents = list(read_documents(read_text(file, str(file)))) if file else []
    except SourceError:
        return None
    root = documents[0] if documents else None
    return root if isinstance(root, Node) and root.is_mapping else None


def _parts(root: Node) -> Iterator[str]:
    for key in ("resources", "bases", "components", "generators", "transformers", "validators"):
        try:
            yield from (item.text() for item in root.items_at(key))
        except ShapeError:
            continue


@contextmanager
def _wrapped(folder: Path, patches: str) -> Iterator[tuple[Path, bool]]:
    """Yield a kustomization that adds patches and origin annotations to another, and True.

    Yields the folder itself and False on Windows if it is on another drive than the temporary one.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="podfit-kustomize-") as name:
        wrapper = real_path(Path(name))
        try:
            base = Path(os.path.relpath(real_path(folder), wrapper)).as_posix()
        except ValueError:
            yield folder, False
            return
        described = {"resources": [base], "buildMetadata": ["originAnnotations"]}
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in described.items())
        (wrapper / FILE_NAMES[0]).write_text(text + patches, "utf-8")
        yield wrapper, True
