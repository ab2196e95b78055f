"""The workloads that an object declares: Kubernetes' own kinds, custom resources, and guesses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from auditor.manifests import Manifest
from auditor.resources.assembly import assemble
from auditor.resources.fallback import guess_pods, is_core, lone_image, may_make_pods
from auditor.resources.pods import Pod, read_workload
from auditor.resources.table import PodSource, Table, builtin_table
from auditor.workloads import Workload
from auditor.yaml.nodes import ShapeError

_TEMPLATE: Final = ("spec", "template")
POD_TEMPLATES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): _TEMPLATE,
}
"""API group and kind -> where the pod template (a mapping with `metadata` and `spec`) stands."""

_FORMER_GROUPS: Final = {"extensions": "apps"}


def find_workloads(manifest: Manifest, table: Table | None = None) -> Iterator[Workload]:
    """The workloads that a manifest declares: none for most kinds.

    table: of custom resources; None for the one that podfit brings along. Raises `ShapeError` for a
    pod template that the API server would not decode.
    """
    group = _group(manifest)
    path = POD_TEMPLATES.get((group, manifest.ref.kind))
    if path is not None:
        yield read_workload(manifest, _core_pod(manifest, path))
    elif not is_core(group):
        sources = _sources(manifest, table)
        if sources is not None:
            yield from (read_workload(manifest, pod) for pod in assemble(manifest, sources))
        elif may_make_pods(group):
            yield from _guessed(manifest, guess_pods(manifest))


def unread_image(manifest: Manifest, table: Table | None = None) -> str:
    """Where an object without workloads has an image that pods seem to run; "" where it has none.

    Only in kinds that nobody told us about.
    """
    if not may_make_pods(_group(manifest)) or _sources(manifest, table) is not None:
        return ""
    return lone_image(manifest)


def _group(manifest: Manifest) -> str:
    group = manifest.ref.api_version.rpartition("/")[0]
    return _FORMER_GROUPS.get(group, group)


def _sources(manifest: Manifest, table: Table | None) -> tuple[PodSource, ...] | None:
    known = builtin_table() if table is None else table
    return known.get((_group(manifest), manifest.ref.kind))


def _core_pod(manifest: Manifest, path: tuple[str, ...]) -> Pod:
    template = manifest.root.at(*path)
    if template is None:
        raise ShapeError(f"`{'.'.join(path)}` is missing", manifest.root)
    spec = template.get("spec")
    if spec is None:
        raise ShapeError("the pod template has no `spec`", template)
    if spec.get("containers") is None:
        raise ShapeError("the pod spec has no `containers`", spec)
    selector = ".".join((*path, "spec", "nodeSelector"))
    return Pod(spec, template.get("metadata"), selector_path=selector)


def _guessed(manifest: Manifest, pods: Iterable[Pod]) -> Iterator[Workload]:
    for pod in pods:
        try:
            yield read_workload(manifest, pod)
        except ShapeError:
            continue  # it only looked like a pod spec
