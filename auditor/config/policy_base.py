"""Policy files from a trusted git revision or folder (`--policy-from`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct, field

from auditor.config.revisions import LINK, Entry, GitRepository, open_repository
from auditor.errors import UsageError
from auditor.files.paths import CONFIG_NAMES, LOCK_NAME, find_home, real_path
from auditor.kubernetes.manifests import Document
from auditor.policy.baseline import BASELINE_NAME

_SUFFIXES: Final = (".yaml", ".yml", ".json", ".toml", ".conf", ".pem", ".crt")
"""Suffixes of policy files and of the files they reference."""
_STEERING: Final = (CONFIG_NAMES[0], LOCK_NAME, BASELINE_NAME)


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
    repository = open_repository(root, "--policy-from")
    commit = repository.commit(wanted)
    copy = repository.copied(commit, "podfit-policy-", _is_policy(repository, commit))
    return PolicyBase(root, copy, wanted)


def _is_policy(repository: GitRepository, commit: str) -> Callable[[Entry], bool]:
    """Return the test whether a file may be a policy file, or a file that one references."""

    def wanted(item: Entry) -> bool:
        if item.mode == LINK and PurePosixPath(item.path).name in _STEERING:
            why = f"{item.path} is a symbolic link; replace it by the file"
            raise repository.unreadable(commit, why)
        return item.is_file and item.path.endswith(_SUFFIXES)

    return wanted
