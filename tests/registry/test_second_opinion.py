"""skopeo, another client by other people, finds the same in the same registry."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from auditor.images.platforms import Platform, parse_platform
from auditor.registry.layouts import parse_layout, read_layouts
from tests.registry.conftest import Asker
from tests.support.images import row_of
from tests.support.registry import Registry
from tests.support.tools import require_tool

IMAGES = {
    "one-platform": ["linux/amd64"],
    "two-architectures": ["linux/amd64", "linux/arm64"],
    "arm-variants": ["linux/arm/v5", "linux/arm/v6", "linux/arm/v7", "linux/arm64"],
    "rare": ["linux/386", "linux/ppc64le", "linux/s390x", "linux/riscv64"],
    "windows": ["windows(10.0.20348.1970)/amd64"],
    "linux-and-windows": ["linux/amd64", "windows(10.0.17763.4252)/amd64"],
    "two-systems": ["linux/arm64", "freebsd/arm64"],
}
"""Indexes, by name. With the bare manifests below there are eleven images."""
MANIFESTS = ["linux/amd64", "linux/arm64", "linux/s390x", "windows(10.0.20348.1970)/amd64"]


@pytest.fixture(scope="module")
def skopeo() -> str:
    return require_tool("skopeo")


def ask(
    program: str, image: str, *options: str, platform: Platform | None = None
) -> subprocess.CompletedProcess[bytes]:
    chosen = []
    if platform:
        chosen = ["--override-os", platform.os, "--override-arch", platform.architecture]
        chosen += ["--override-variant", platform.variant] if platform.variant else []
    command = [program, *chosen, "inspect", "--tls-verify=false", *options, f"docker://{image}"]
    return subprocess.run(command, capture_output=True, timeout=30)


def config_of(program: str, image: str, platform: Platform | None = None) -> dict[str, Any]:
    done = ask(program, image, "--config", platform=platform)
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def digest(program: str, image: str) -> str:
    raw = ask(program, image, "--raw")
    assert raw.returncode == 0, raw.stderr.decode()
    return f"sha256:{hashlib.sha256(raw.stdout).hexdigest()}"


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
@pytest.mark.parametrize("name", IMAGES)
def test_indexes(registry: Registry, asker: Asker, skopeo: str, name: str, *, docker: bool) -> None:
    repository, platforms = f"opinion/{name}-{docker}".lower(), map(parse_platform, IMAGES[name])
    rows = [
        row_of(registry.push_single(repository, platform, docker=docker), platform)
        for platform in platforms
    ]
    registry.push_index(repository, "1", rows, docker=docker)
    image = f"{registry.host}/{repository}:1"

    answer = asker.known(registry.reference(repository, "1"))

    assert answer.digest == digest(skopeo, image)
    assert [str(platform) for platform in answer.platforms] == IMAGES[name]
    for platform in answer.platforms:
        found = config_of(skopeo, image, platform)
        assert (found["os"], found["architecture"]) == (platform.os, platform.architecture)
        assert found.get("variant", "") == platform.variant
        assert found.get("os.version", "") == platform.os_version
    absent = ask(skopeo, image, "--config", platform=parse_platform("plan9/mips"))
    assert b"no image found" in absent.stderr


@pytest.mark.parametrize("text", MANIFESTS)
def test_bare_manifests(registry: Registry, asker: Asker, skopeo: str, text: str) -> None:
    platform = parse_platform(text)
    repository = f"opinion/bare-{MANIFESTS.index(text)}"
    registry.push_single(repository, platform, tag="1")
    image = f"{registry.host}/{repository}:1"

    answer = asker.known(registry.reference(repository, "1"))

    assert answer.digest == digest(skopeo, image)
    (known,) = answer.platforms
    found = config_of(skopeo, image)
    assert (found["os"], found["architecture"]) == (known.os, known.architecture)
    assert found.get("os.version", "") == known.os_version


def test_a_layout_that_skopeo_wrote(
    registry: Registry, asker: Asker, skopeo: str, tmp_path: Path
) -> None:
    registry.push_image("opinion/copied", "1", ["linux/amd64", "linux/arm64"])
    image = registry.reference("opinion/copied", "1")
    policy = tmp_path / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    layout = tmp_path / "layout"
    command = [skopeo, "--policy", str(policy), "copy", "--all", "--src-tls-verify=false"]
    subprocess.run(
        [*command, f"docker://{image}", f"oci:{layout}:1"],
        check=True,
        capture_output=True,
        timeout=60,
    )

    answer = read_layouts([parse_layout(f"{image}=oci:{layout}:1")])(image)

    asked = asker.known(image)
    assert answer is not None
    assert (answer.platforms, answer.digest) == (asked.platforms, asked.digest)  # type: ignore[union-attr]
