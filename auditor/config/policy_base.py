"""Policy files from a trusted git revision or folder (`--policy-from`)."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct, field

from auditor.errors import ConfigurationError, UsageError
from auditor.files.paths import (
    CONFIG_NAMES,
    LOCK_NAME,
    REPOSITORY_MARK,
    find_home,
    find_program,
    real_path,
)
from auditor.kubernetes.manifests import Document
from auditor.policy.baseline import BASELINE_NAME

MAX_FILE: Final = 20_000_000
MAX_TOTAL: Final = 500_000_000
"""Maximum bytes of one file, and of all files, that are copied from a revision."""
_SECONDS: Final = 60
_SUFFIXES: Final = (".yaml", ".yml", ".json", ".toml", ".conf", ".pem", ".crt")
"""Suffixes of policy files and of the files they reference."""
_FILE_MODES: Final = ("100644", "100755")
_LINK: Final = "120000"
_STEERING: Final = (CONFIG_NAMES[0], LOCK_NAME, BASELINE_NAME)
_GIT: Final = ("-c", "core.hooksPath=" + os.devnull, "-c", "core.fsmonitor=false")
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


class PolicyBase(Struct):
    """A trusted version of a repository.

    Attributes:
        root: The audited repository.
        folder: Its trusted version.
        shown: The revision or folder as the user wrote it.

    """

    root: Path
    folder: Path
    shown: str
    _disregarded: set[str] = field(default_factory=set)

    def path(self, path: Path) -> Path:
        """Return the trusted version of a path; a path outside of the repository is unchanged."""
        # Links below the outermost folder that is in the repository are not followed.
        absolute = Path(os.path.abspath(path))  # noqa: PTH100
        for folder in (*reversed(absolute.parents), absolute):
            there = real_path(folder)
            if there.is_relative_to(self.root):
                return self.folder / there.relative_to(self.root) / absolute.relative_to(folder)
        return path

    def here(self, path: Path) -> Path:
        """Return the audited version of a path in the trusted folder."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100
        if not absolute.is_relative_to(self.folder):
            return path
        return self.root / absolute.relative_to(self.folder)

    def honours(self, document: Document, where: str) -> bool:
        """Return whether an ignore in a document applies: the file must equal that of the base.

        Ignores in rendered documents never apply: changed values change the output of an unchanged
        template.
        """
        if not document.rendered and self._is_unchanged(document):
            return True
        self._disregarded.add(where)
        return False

    @property
    def notices(self) -> tuple[str, ...]:
        """Notices about ignores that were not applied."""
        number = len(self._disregarded)
        if not number:
            return ()
        places = ", ".join(sorted(self._disregarded)[:5])
        what = f"{number} ignore{'s were' if number > 1 else ' was'} not applied"
        why = f"they are rendered, or their files differ from those of {self.shown}"
        return (f"{what}: {why} ({places})",)

    def _is_unchanged(self, document: Document) -> bool:
        if document.home != str(self.root) or not document.identity:
            return False
        try:
            now = (self.root / document.identity).read_bytes()
            before = (self.folder / document.identity).read_bytes()
        except (OSError, ValueError):
            return False
        return now == before


def open_policy_base(wanted: str) -> PolicyBase:
    """Open the trusted version of the repository of the working directory: a folder or revision.

    A folder inside of the repository is not accepted: a pull request can add a folder or submodule
    with the name of a revision.

    The copy of a revision is removed when podfit exits. Raises `UsageError` if the revision does
    not exist, and `ConfigurationError` if it cannot be read.
    """
    home = find_home(Path())
    root = home.root if home else real_path(Path())
    folder = real_path(Path(wanted))
    if folder.is_dir() and not folder.is_relative_to(root):
        return PolicyBase(root, folder, wanted)
    if home is None or not home.is_repository:
        raise UsageError(
            f"--policy-from {wanted}: not a folder, and the working directory is not in a git "
            "repository",
            hint="use a folder that contains the trusted files",
        )
    git = find_program("git")
    if git is None:
        raise UsageError("--policy-from needs git on PATH", hint="install it, or use a folder")
    repository = _Repository(git, root)
    commit = repository.commit(wanted)
    copy = Path(tempfile.mkdtemp(prefix="podfit-policy-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    repository.copy(commit, copy)
    (copy / REPOSITORY_MARK).mkdir()  # so that lock files above a SOURCE are found
    return PolicyBase(root, real_path(copy), wanted)


class _Repository(Struct, frozen=True):
    """A git repository, read without hooks, filters, user settings and network access."""

    git: str
    root: Path

    def commit(self, revision: str) -> str:
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        done = self._run(*arguments)
        if done.returncode:
            raise UsageError(
                f"--policy-from {revision}: this clone does not have the revision",
                hint=f"fetch it first: `git fetch --depth=1 origin {revision}`; with "
                "actions/checkout, set `fetch-depth: 0`",
            )
        return done.stdout.decode().strip()

    def copy(self, commit: str, folder: Path) -> None:
        """Copy the files of a commit that may be policy files to a folder, without links."""
        files = dict(self._files(commit))
        if not files:
            return
        done = self._run("cat-file", "--batch", given="\n".join(files.values()).encode())
        rest = memoryview(done.stdout)
        for path, name in files.items():
            head, _, _ = bytes(rest[:200]).partition(b"\n")
            found, _, size_text = head.rpartition(b" ")
            if found != f"{name} blob".encode():
                raise _unreadable(commit, f"{path} is not in this clone")
            start, size = len(head) + 1, int(size_text)
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(rest[start : start + size])
            rest = rest[start + size + 1 :]

    def _files(self, commit: str) -> Iterator[tuple[str, str]]:
        """Yield path and object name of each file to copy."""
        done = self._run("ls-tree", "-r", "-z", "--full-tree", "--long", commit)
        if done.returncode:
            raise _unreadable(commit, done.stderr.decode("utf-8", "replace").strip())
        total = 0
        for row in filter(None, done.stdout.split(b"\0")):
            described, _, raw = row.partition(b"\t")
            mode, _, name, size = described.decode().split()
            path = os.fsdecode(raw)
            parts = PurePosixPath(path).parts
            if mode == _LINK and parts[-1] in _STEERING:
                raise _unreadable(commit, f"{path} is a symbolic link; replace it by the file")
            if mode not in _FILE_MODES or not path.endswith(_SUFFIXES) or ".." in parts:
                continue
            if int(size) > MAX_FILE:
                continue  # podfit does not read files of this size
            total += int(size)
            if total > MAX_TOTAL:
                raise _unreadable(commit, f"its files have more than {MAX_TOTAL:,} bytes")
            yield path, name

    def _run(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
        safe = f"safe.directory={self.root}"
        try:
            return subprocess.run(
                [self.git, "-C", str(self.root), *_GIT, "-c", safe, *arguments],
                input=given,
                capture_output=True,
                env={**kept, **_ENVIRONMENT},
                timeout=_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _unreadable(arguments[0], str(error)) from error


def _unreadable(what: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"--policy-from: git cannot read {what}", why=why, hint="use a folder instead"
    )
