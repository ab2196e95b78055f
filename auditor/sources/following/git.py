"""Which repositories a working tree is a clone of, as git's own files say. No git is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from auditor.errors import SourceError
from auditor.repositories import REPOSITORY_MARK
from auditor.sources.files import read_text

_SECTION: Final = re.compile(r'\s*\[\s*([\w.-]+)\s*(?:"(?:[^"\\]|\\.)*"\s*)?\](.*)')
_URL: Final = re.compile(r"\s*url\s*=\s*\"?([^\s\"#;]+)", re.IGNORECASE)


def remotes_of(root: Path) -> frozenset[str]:
    """What the remotes of a tree are called (see `repository_name`); none where nothing says so.

    root: the folder that holds `.git`.
    """
    try:
        text = read_text(_git_folder(root / REPOSITORY_MARK) / "config", "config")
    except SourceError:
        return frozenset()
    return frozenset(filter(None, map(repository_name, _remote_urls(text))))


def repository_name(url: str) -> str:
    """A repository, however it is reached: `github.com/acme/shop`, without login, port and `.git`.

    "" for what is no address of a host. Azure DevOps writes its paths otherwise for SSH.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host, path = parts.hostname or "", parts.path
    if "://" not in url:
        host, _, path = url.rpartition("@")[2].partition(":")
    path = path.strip("/").removesuffix(".git").replace("/_git/", "/").removeprefix("v3/")
    is_named = host and path and "/" not in host
    return f"{host.removeprefix('ssh.')}/{path}".casefold() if is_named else ""


def is_among(name: str, remotes: frozenset[str]) -> bool:
    """Whether a repository is that of a remote. A host without a dot is an alias of SSH's."""
    path = name.partition("/")[2]
    hosts = {host for host, _, there in (item.partition("/") for item in remotes) if there == path}
    return name in remotes or any("." not in host for host in hosts)


def _git_folder(mark: Path) -> Path:
    """Where the configuration lies: in worktrees and submodules `.git` is a file that leads there.

    Raises SourceError.
    """
    if mark.is_dir():
        return mark
    folder = mark.parent / read_text(mark, mark.name).removeprefix("gitdir:").strip()
    shared = folder / "commondir"
    return folder / read_text(shared, shared.name).strip() if shared.exists() else folder


def _remote_urls(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        rest = line
        if section := _SECTION.match(line):
            inside, rest = section[1].casefold() == "remote", section[2]
        if inside and (found := _URL.match(rest)):
            yield found[1]
