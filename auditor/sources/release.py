"""`Release`: a chart that a controller is told to install, whichever controller that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auditor.manifests import Manifest
from auditor.sources.fetching.fetchers import OCI
from auditor.yaml.nodes import Node
from auditor.yaml.reading import YamlError, read_documents

EMPTY: Final = Node({}, 1, 1)
"""Stands for a mapping that is not there."""

Places = Mapping[tuple[str, str, str], Manifest]
"""Where charts and values may come from: the objects that say so, by kind, namespace and name."""


class UnknownError(Exception):
    """Why it cannot be told which chart is meant, or which values it is given."""


@dataclass(frozen=True, slots=True)
class Release:
    """A chart that a controller is told to install.

    name: of the object that says so, `Application/shop`. where: its place. chart: a SOURCE of a
    chart elsewhere; or, where it is_local, a folder from the root of a repository. values: in the
    order in which they count, after value_files: those of the chart, or from the root after `/`.
    repositories: addresses of the git repositories that its folder and files are taken from.
    may_be_plain: its folder may as well hold manifests, or a kustomization. holder: the object;
    values_path: where in it the values stand, or would.
    """

    name: str
    where: str
    chart: str
    is_local: bool = False
    values: tuple[Mapping[str, Any], ...] = ()
    value_files: tuple[str, ...] = ()
    set_values: tuple[str, ...] = ()
    set_strings: tuple[str, ...] = ()
    release_name: str = ""
    namespace: str = ""
    repositories: tuple[str, ...] = ()
    may_be_plain: bool = False
    values_path: tuple[str | int, ...] = field(default=(), compare=False)
    holder: Manifest | None = field(default=None, compare=False, repr=False)


def chart_address(repository: str, chart: str, version: str) -> str:
    """A chart of a repository as a SOURCE."""
    if chart.startswith(OCI) or repository.startswith(OCI):
        address = chart if chart.startswith(OCI) else f"{repository.rstrip('/')}/{chart}"
        return f"{address}:{version}" if version and version != "*" else address
    return f"{repository.rstrip('/')}/{chart}@{version}"


def values_text(text: str) -> tuple[Mapping[str, Any], ...]:
    """Values written as a text; () where there are none. Raises UnknownError."""
    root = _parsed(text)
    return (root.plain(),) if root is not None else ()


def _parsed(text: str) -> Node | None:
    root = next(iter(read_documents(text)), None) if text.strip() else None
    if isinstance(root, YamlError) or (root is not None and not root.is_mapping):
        raise UnknownError("its values are not YAML that Helm can read")
    return root
