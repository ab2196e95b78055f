"""Assessments for tests: a pod spec, what its images support, and the pools of some clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec.structs import replace

from auditor.checks.assessment import Assessment, assess
from auditor.images.images import KnownPlatforms, Platforms, UnknownPlatforms, UnknownReason
from auditor.images.platforms import parse_platform
from auditor.kubernetes.workloads import Container, Role, Workload
from auditor.scheduling.nodes import ClusterProfile
from tests.support.objects import cluster, pool, workload

LINUX = pool("linux/amd64")
ARM = pool("linux/arm64")
MAINFRAME = pool("linux/s390x")
WINDOWS_2019 = pool("windows(10.0.17763)/amd64")
WINDOWS_2022 = pool("windows(10.0.20348)/amd64")
WINDOWS_2025 = pool("windows(10.0.26100)/amd64")
HYBRID = cluster(LINUX, ARM, WINDOWS_2022, WINDOWS_2025)

UNKNOWN = UnknownPlatforms(UnknownReason.UNREACHABLE, "registry.test is unreachable")


def image(
    *platforms: str,
    kind: Literal["index", "manifest"] = "index",
    dangling: Sequence[str] = (),
) -> KnownPlatforms:
    """An image with these platforms, each written as containerd writes it."""
    return KnownPlatforms(
        tuple(map(parse_platform, platforms)),
        kind,
        "sha256:0",
        dangling=tuple(map(parse_platform, dangling)),
    )


def assessed(
    spec: str = "",
    *images: Platforms,
    clusters: Sequence[ClusterProfile] = (HYBRID,),
    role: Role = Role.APP,
    labels: dict[str, str] | None = None,
    **fields: Any,
) -> Assessment:
    """A workload with a container for each image, named c0, c1, and so on."""
    made = replace(workload(spec, **fields), labels=labels or {})
    return reassessed(with_images(made, len(images), role), images, clusters)


def with_images(made: Workload, number: int, role: Role = Role.APP) -> Workload:
    """The workload with so many containers, of which the last has the role."""
    roles = [Role.APP] * (number - 1) + [role]
    containers = (
        Container(f"c{index}", item, f"image{index}:1", made.pod_location)
        for index, item in enumerate(roles)
    )
    return replace(made, containers=tuple(containers)[:number])


def reassessed(
    made: Workload, images: Sequence[Platforms], clusters: Sequence[ClusterProfile]
) -> Assessment:
    """The assessment of a workload whose containers have these images, in their order."""
    answers = {
        container.image: (None, platforms)
        for container, platforms in zip(made.containers, images, strict=True)
    }
    return assess(made, answers, clusters)
