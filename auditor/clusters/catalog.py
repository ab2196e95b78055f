"""Clusters by name or file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

from auditor.clusters.kubectl import is_kubernetes_object, read_objects
from auditor.clusters.profile import read_profile
from auditor.errors import ConfigurationError, printable
from auditor.nodes import ClusterProfile
from auditor.schema import naming, parse_strict, read_bounded, suggestion

DEFAULT: Final = "hybrid"
BUILT_IN: Final = (
    "aks",
    "eks",
    "gke",
    "hybrid",
    "hybrid-arm64",
    "linux",
    "openshift",
    "rke1",
)
"""The names of the profiles that podfit brings along, each a YAML file beside this module."""

MAX_BYTES: Final = 32 * 2**20
"""Bytes of a cluster file. A node of `kubectl get nodes` takes about 10 KB, mostly its images."""

_WHAT: Final = "cluster file"
_HINT: Final = (
    "docs/clusters.md shows how to write one, or use what `kubectl get nodes -o yaml` prints"
)
_LARGE: Final = (
    "leave out what is not needed: kubectl get nodes -o json | jq 'del(.items[].status.images)'"
)


def load_cluster(name_or_path: str) -> ClusterProfile:
    """The cluster of a built-in name, or of a file: a profile, or the output of `kubectl get`.

    A name that is built in is never looked for as a file; `./hybrid` is. Raises
    `ConfigurationError` with file, line and column.
    """
    if name_or_path in BUILT_IN:
        return _load_built_in(name_or_path)
    path = Path(name_or_path)
    if not name_or_path or not path.exists():
        near = suggestion(name_or_path, BUILT_IN)
        raise ConfigurationError(
            f'there is no cluster profile or file "{printable(name_or_path)}"',
            hint=near or f"give a file, or one of {', '.join(BUILT_IN)}",
        )
    text = read_bounded(path, what=_WHAT, limit=MAX_BYTES, hint=_LARGE)
    return _parse(text, name_or_path, path.stem)


def _load_built_in(name: str) -> ClusterProfile:
    resource = files("auditor.clusters").joinpath(f"{name}.yaml")
    return _parse(resource.read_text(encoding="utf-8"), f"auditor/clusters/{name}.yaml", name)


def _parse(text: str, path: str, default_name: str) -> ClusterProfile:
    documents = parse_strict(text, path, what=_WHAT, hint=_HINT)
    if not documents:
        raise ConfigurationError(f"the {_WHAT} is empty", where=path, hint=_HINT)
    with naming(path, hint=_HINT):
        if any(map(is_kubernetes_object, documents)):
            return read_objects(documents, default_name)
        if len(documents) > 1:
            raise ConfigurationError(
                f"a {_WHAT} holds one YAML document, not {len(documents)}", where=path, hint=_HINT
            )
        return read_profile(documents[0], default_name)
