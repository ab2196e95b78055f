"""What the audited manifests themselves change about a cluster: RuntimeClasses and Namespaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from auditor.admission import NAMESPACE_PLUGINS
from auditor.clusters.objects import is_runtime_class, namespace_selector, read_runtime_class
from auditor.errors import Problem
from auditor.manifests import Manifest, shape_error
from auditor.nodes import ClusterProfile, RuntimeClass
from auditor.yaml.nodes import ShapeError


def extend_cluster(
    cluster: ClusterProfile, manifests: Iterable[Manifest]
) -> tuple[ClusterProfile, tuple[Problem, ...]]:
    """The cluster with what RuntimeClass and Namespace manifests bring, and what could not be read.

    A class takes the place of the cluster's own of that name, as applying it would. A Namespace
    counts only where an admission plug-in of the cluster reads its annotation.
    """
    classes: dict[str, RuntimeClass] = {}
    selectors: dict[str, Mapping[str, str]] = {}
    problems: list[Problem] = []
    for manifest in manifests:
        try:
            if is_runtime_class(manifest.root):
                found = read_runtime_class(manifest.root)
                classes[found.name] = found
            elif (manifest.ref.api_version, manifest.ref.kind) == ("v1", "Namespace"):
                selectors |= _selectors(manifest, cluster)
        except ShapeError as error:
            problem = shape_error(error, manifest.document).problem
            problems.append(replace(problem, what=f"{manifest.ref}: {problem.what}"))
    extended = replace(
        cluster,
        runtime_classes={**cluster.runtime_classes, **classes},
        namespace_selectors={**cluster.namespace_selectors, **selectors},
    )
    return (extended if classes or selectors else cluster), tuple(problems)


def _selectors(manifest: Manifest, cluster: ClusterProfile) -> dict[str, Mapping[str, str]]:
    for plugin in NAMESPACE_PLUGINS:
        if plugin in cluster.plugins:
            selector = namespace_selector(manifest.root, plugin)
            if selector is not None:
                return {manifest.ref.name: selector}
    return {}
