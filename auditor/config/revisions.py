"""Files of a git revision, copied without checkout, hooks, filters and network access.

`git archive` is not used because it runs the filters that the repository configures.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from auditor.errors import ConfigurationError, UsageError
from auditor.files.paths import REPOSITORY_MARK, find_program, real_path

MAX_FILE: Final = 20_000_000
MAX_TOTAL: Final = 500_000_000
"""Maximum bytes of one file, and of all files, that are copied from a revision."""
_SECONDS: Final = 60
_FILE_MODES: Final = ("100644", "100755")
LINK: Final = "120000"
SUBMODULE: Final = "160000"
_GIT: Final = ("-c", "core.hooksPath=" + os.devnull, "-c", "core.fsmonitor=false")
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


class Entry(Struct, frozen=True):
    """A file of a commit.

    Attributes:
        path: From the root of the repository, with slashes.
        mode: As git writes it: `100644`, `120000` for a link, `160000` for a submodule.
        name: The name of the object.
        size: Bytes; 0 for a submodule.
    """

    path: str
    mode: str
    name: str
    size: int

    @property
    def is_file(self) -> bool:
        return self.mode in _FILE_MODES


class GitRepository(Struct, frozen=True):
    """A git repository, read without hooks, filters, user settings and network access.

    Attributes:
        git: The path of the program.
        root: The root of the working tree.
        option: The option or argument that names the revision, for messages.
    """

    git: str
    root: Path
    option: str

    def commit(self, revision: str) -> str:
        """Return the commit of a revision. Raises `UsageError` if the clone does not have it."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        done = self._run(*arguments)
        if done.returncode:
            raise UsageError(
                f"{self.option} {revision}: this clone does not have the revision",
                hint=f"fetch it first: `git fetch --depth=1 origin {revision}`; with "
                "actions/checkout, set `fetch-depth: 0`",
            )
        return done.stdout.decode().strip()

    def merge_base(self, commit: str) -> str:
        """Return the merge base of a commit and HEAD; the commit itself if git finds none."""
        done = self._run("merge-base", commit, "HEAD")
        return done.stdout.decode().strip() or commit

    def copied(
        self,
        commit: str,
        prefix: str,
        wanted: Callable[[Entry], bool] = lambda item: item.is_file or item.mode == LINK,
    ) -> Path:
        """Copy files of a commit to a temporary folder, which is removed when podfit exits.

        The folder has the mark of a repository, so that lock files above a SOURCE are found.
        Raises `ConfigurationError`.
        """
        folder = real_path(Path(tempfile.mkdtemp(prefix=prefix)))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        chosen = tuple(self._chosen(commit, wanted))
        links: dict[Path, bytes] = {}
        try:
            for item, content in self._contents(commit, chosen):
                target = folder / item.path
                target.parent.mkdir(parents=True, exist_ok=True)
                if item.mode == LINK:
                    links[target] = content
                else:
                    target.write_bytes(content)
            for target, content in links.items():  # last: no file is written through a link
                _link(target, content)
            (folder / REPOSITORY_MARK).mkdir()
        except OSError as error:
            raise self.unreadable(commit, error.strerror or str(error)) from error
        return folder

    def entries(self, commit: str) -> Iterator[Entry]:
        """Yield the files, links and submodules of a commit."""
        done = self._run("ls-tree", "-r", "-z", "--full-tree", "--long", commit)
        if done.returncode:
            raise self.unreadable(commit, done.stderr.decode("utf-8", "replace").strip())
        for row in filter(None, done.stdout.split(b"\0")):
            described, _, raw = row.partition(b"\t")
            mode, _, name, size = described.decode().split()
            yield Entry(os.fsdecode(raw), mode, name, 0 if size == "-" else int(size))

    def _chosen(self, commit: str, wanted: Callable[[Entry], bool]) -> Iterator[Entry]:
        total = 0
        for item in self.entries(commit):
            parts = {part.lower() for part in PurePosixPath(item.path).parts}
            if not wanted(item) or not parts.isdisjoint(("..", REPOSITORY_MARK)):
                continue
            if item.size > MAX_FILE:
                continue  # podfit does not read files of this size
            total += item.size
            if total > MAX_TOTAL:
                raise self.unreadable(commit, f"its files have more than {MAX_TOTAL:,} bytes")
            yield item

    def _contents(self, commit: str, items: tuple[Entry, ...]) -> Iterator[tuple[Entry, bytes]]:
        if not items:
            return
        given = "\n".join(item.name for item in items).encode()
        rest = memoryview(self._run("cat-file", "--batch", given=given).stdout)
        for item in items:
            head, _, _ = bytes(rest[:200]).partition(b"\n")
            found, _, size_text = head.rpartition(b" ")
            if found != f"{item.name} blob".encode():
                raise self.unreadable(commit, f"{item.path} is not in this clone")
            start, size = len(head) + 1, int(size_text)
            yield item, bytes(rest[start : start + size])
            rest = rest[start + size + 1 :]

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
            raise self.unreadable(arguments[0], str(error)) from error

    def unreadable(self, what: str, why: str) -> ConfigurationError:
        """Return the error for something that cannot be read."""
        return ConfigurationError(
            f"{self.option}: git cannot read {what}", why=why, hint="use a folder instead"
        )


def _link(path: Path, target: bytes) -> None:
    """Create a link; a file with its target, as git does, if links are not allowed (Windows)."""
    try:
        path.symlink_to(os.fsdecode(target))
    except OSError:
        path.write_bytes(target)


def open_repository(root: Path, option: str) -> GitRepository:
    """Return the repository at a root. Raises `UsageError` if there is no git program."""
    git = find_program("git")
    if git is None:
        raise UsageError(f"{option} needs git on PATH", hint="install it, or use a folder")
    return GitRepository(git, root, option)
