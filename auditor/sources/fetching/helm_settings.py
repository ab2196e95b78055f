"""The chart repositories that the user added to Helm. Only read, never written."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import SourceError
from auditor.sources.files import read_text
from auditor.yaml.nodes import Node, ShapeError
from auditor.yaml.reading import YamlError, read_documents


@dataclass(frozen=True, slots=True)
class Repository:
    """A chart repository. name: as the user calls it, or "". The others: as in Helm's file."""

    name: str = ""
    url: str = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""

    def entry(self) -> dict[str, str]:
        """As Helm writes it (pkg/repo/v1 `Entry`)."""
        return {
            "url": self.url,
            "username": self.username,
            "password": self.password,
            "caFile": self.ca_file,
            "certFile": self.cert_file,
            "keyFile": self.key_file,
        }

    def __repr__(self) -> str:
        return f"Repository({self.name!r}, {self.url!r})"  # no password in a traceback


def helm_repositories(environ: Mapping[str, str] = os.environ) -> tuple[Repository, ...]:
    """What `helm repo add` was told; none where there is no such file, or it cannot be read."""
    path = repositories_file(environ)
    try:
        documents = list(read_documents(read_text(path, str(path))))
        root = documents[0] if documents else None
        if root is None or isinstance(root, YamlError):
            return ()
        return tuple(map(_repository, root.items_at("repositories")))
    except (SourceError, ShapeError):
        return ()


def repositories_file(environ: Mapping[str, str]) -> Path:
    """Where Helm keeps them (helmpath, `lazypath_*.go`)."""
    if named := environ.get("HELM_REPOSITORY_CONFIG"):
        return Path(named)
    if home := environ.get("HELM_CONFIG_HOME"):
        return Path(home, "repositories.yaml")
    if base := environ.get("XDG_CONFIG_HOME"):
        return Path(base, "helm", "repositories.yaml")
    if sys.platform == "win32":
        return Path(environ.get("APPDATA", ""), "helm", "repositories.yaml")
    home = environ.get("HOME", "")
    below = "Library/Preferences" if sys.platform == "darwin" else ".config"
    return Path(home, below, "helm", "repositories.yaml")


def _repository(entry: Node) -> Repository:
    return Repository(
        name=entry.text_at("name"),
        url=entry.text_at("url"),
        username=entry.text_at("username"),
        password=entry.text_at("password"),
        ca_file=entry.text_at("caFile"),
        cert_file=entry.text_at("certFile"),
        key_file=entry.text_at("keyFile"),
    )
