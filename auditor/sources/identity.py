"""Names of documents that are the same in every run, whatever SOURCE was written for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.errors import Problem
from auditor.manifests import Document
from auditor.repositories import Home, find_home, real_path


@dataclass(frozen=True, slots=True)
class Identifier:
    """Fills in a document's `home` and `identity`. Remembers where folders are at home."""

    _homes: dict[Path, Home] = field(default_factory=dict)

    def __call__(self, item: Document | Problem) -> Document | Problem:
        """Documents from no file, such as standard input or a remote chart, stay as they are."""
        if isinstance(item, Problem) or _is_no_file(item.chart or item.path):
            return item
        home = self._home(real_path(Path(item.chart or item.path)))
        identity = home.relative(real_path(Path(item.path)))
        return replace(
            item, home=str(home.root), identity=identity, in_repository=home.is_repository
        )

    def _home(self, path: Path) -> Home:
        """Outside of any repository: the folder that the file, or the chart, lies in."""
        folder = path if path.is_dir() else path.parent
        if folder not in self._homes:
            self._homes[folder] = find_home(folder) or Home(path.parent, is_repository=False)
        return self._homes[folder]


def _is_no_file(path: str) -> bool:
    return path.startswith("<") or "://" in path
