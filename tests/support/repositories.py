"""Git repositories for tests, made with the real git."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.tools import require_tool

_WHO = ("-c", "user.name=podfit", "-c", "user.email=podfit@example.com")


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree."""

    folder: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            [require_tool("git"), *_WHO, "-C", str(self.folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, files: Mapping[str, str]) -> str:
        """Writes some files and commits all there are; the commit."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")


def new_repository(folder: Path) -> Repository:
    folder.mkdir(parents=True)
    repository = Repository(folder)
    repository.git("init", "-q", "-b", "main")
    return repository
