"""Every shape of image, out of a real registry."""

from collections.abc import Iterator

import pytest

from auditor.images import KnownPlatforms
from auditor.platforms import parse_platform
from auditor.registry.client import RegistryInspector
from auditor.registry.transport import Sent
from tests.support.registry import Registry


@pytest.fixture
def requests_sent() -> list[Sent]:
    return []


@pytest.fixture
def inspector(requests_sent: list[Sent]) -> Iterator[RegistryInspector]:
    with RegistryInspector(observer=requests_sent.append) as opened:
        yield opened


def test_index(registry: Registry, inspector: RegistryInspector, requests_sent: list[Sent]) -> None:
    platforms = ["linux/amd64", "linux/arm/v7", "windows(10.0.20348.1970)/amd64"]
    digest = registry.push_image("shapes/index", "1", platforms)
    reference = registry.reference("shapes/index", "1")

    answer = inspector.inspect([reference])[reference]

    assert answer == KnownPlatforms(tuple(map(parse_platform, platforms)), "index", digest)
    assert [sent.method for sent in requests_sent] == ["GET"]


@pytest.mark.parametrize("docker", [False, True])
def test_single_manifest(registry: Registry, inspector: RegistryInspector, docker: bool) -> None:
    platform = parse_platform("linux/arm64/v8")
    pushed = registry.push_single(
        f"shapes/single-{docker}".lower(), platform, tag="1", docker=docker
    )
    reference = registry.reference(f"shapes/single-{docker}".lower(), "1")

    answer = inspector.inspect([reference])[reference]

    assert answer == KnownPlatforms((platform,), "manifest", pushed.digest)
