"""`podfit images` and `podfit inspect`: where answers come from, and how registries are asked."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.registry.storage import TEMPORARY
from tests.registry.test_hostile import index_body
from tests.support.command import podfit, write_lock
from tests.support.faults import FaultServer, Reply, challenge, index, run_server
from tests.support.images import row_of
from tests.support.registry import Registry
from tests.support.tools import ROOT

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec: {{containers: [{{name: a, image: {}}}]}}
"""


def manifest(folder: Path, image: str) -> Path:
    path = folder / "pod.yaml"
    path.write_text(POD.format(f'"{image}"'))
    return path


def test_images_of_a_source(registry: Registry, tmp_path: Path) -> None:
    digest = registry.push_image("cli/app", "1", ["linux/amd64", "linux/arm64"])
    image = f"{registry.host}/cli/app:1"

    done = podfit("images", manifest(tmp_path, image), "-o", "json", "--no-config")

    assert done.code == 0, done.err
    (entry,) = done.json["images"]
    assert (entry["image"], entry["digest"]) == (image, digest)
    assert entry["platforms"] == ["linux/amd64", "linux/arm64"]


def test_an_image_that_nobody_has_makes_the_list_incomplete(
    registry: Registry, tmp_path: Path
) -> None:
    done = podfit("images", manifest(tmp_path, f"{registry.host}/cli/none:1"), "--no-config")

    assert done.code == 3
    assert "not-found" in done.out


def test_verbose_shows_requests_and_authentication(server: FaultServer) -> None:
    server.on("/token", Reply(200, b'{"token": "secret-token"}'))
    bearer = challenge(f'Bearer realm="http://{server.host}/token?sig=secret-query",service="s"')

    def answer(seen: object) -> Reply:
        return index(index_body()) if "authorization" in seen.headers else bearer  # type: ignore[attr-defined]

    server.handle("/v2/app/manifests/1", answer)

    done = podfit("inspect", f"{server.host}/app:1", "-v")

    assert done.code == 0, done.err
    url = f"http://{server.host}/v2/app/manifests/1"
    assert done.err.splitlines() == [
        f"GET {url} 401",
        f"GET http://{server.host}/token 200",
        f"GET {url} 200 (Bearer)",
    ]
    assert "secret" not in done.out + done.err


def test_without_verbose_no_request_is_shown(server: FaultServer) -> None:
    server.on("/v2/app/manifests/1", index(index_body()))

    assert podfit("inspect", f"{server.host}/app:1").err == ""


def test_an_answer_of_the_cache_holds_as_long_as_it_may(server: FaultServer) -> None:
    server.on("/v2/app/manifests/1", index(index_body()))
    image = f"{server.host}/app:1"
    asked = []

    for options in ([], [], ["--max-age", "1000"], ["--max-age", "0"], ["--refresh"]):
        assert podfit("inspect", image, *options).code == 0
        asked.append(len(server.seen))

    # HEAD says no digest here, so it is asked for with GET as well.
    assert asked == [1, 1, 1, 3, 5]


def test_refresh_takes_no_stale_answer(server: FaultServer) -> None:
    server.on("/v2/app/manifests/1", index(index_body()))
    image = f"{server.host}/app:1"
    assert podfit("inspect", image).code == 0
    server.on("/v2/app/manifests/1", Reply(400))

    stale, refreshed = (
        podfit("inspect", image, "--max-age", "0"),
        podfit("inspect", image, "--refresh"),
    )

    assert (stale.code, refreshed.code) == (0, 3)
    assert "old: registry" in stale.out


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--refresh", "--offline"], "--refresh cannot be used with --offline or --locked"),
        (["--refresh", "--max-age", "1"], "--refresh cannot be used with --max-age"),
        (["--verify-children", "--offline"], "--verify-children needs network access"),
        (["--insecure-registry", "http://x"], "--insecure-registry http://x: not a registry host"),
        (["--registry-config", "none"], "cannot use the registry configuration"),
        (["--image-source", "zip:x"], "`zip:x` is not an image layout"),
    ],
)
def test_options_that_make_no_sense(options: list[str], what: str) -> None:
    done = podfit("inspect", "127.0.0.1:9/app:1", *options)

    assert done.code == 2
    assert done.err.startswith(f"error: {what}")


def test_only_allowed_registries_are_asked(server: FaultServer, other_server: FaultServer) -> None:
    for each in (server, other_server):
        each.on("/v2/app/manifests/1", index(index_body()))
    images = [f"{each.host}/app:1" for each in (server, other_server)]

    done = podfit("inspect", *images, "--allow-registry", f"{server.host}/a*", "-o", "json")

    assert done.code == 3
    assert len(server.seen) == 1
    assert other_server.seen == []
    assert f"registry {other_server.host} is not allowed" in done.out


def test_an_insecure_registry(registry: Registry) -> None:
    """By a name that is no loopback address podfit would speak TLS; here it may do without."""
    registry.push_image("cli/insecure", "1")

    done = podfit(
        "inspect",
        f"{registry.host}/cli/insecure:1",
        "--insecure-registry",
        registry.host,
        "-v",
    )

    assert done.code == 0
    assert done.err == f"GET http://{registry.host}/v2/cli/insecure/manifests/1 200\n"


def test_a_mirror_of_a_registry_configuration(registry: Registry, tmp_path: Path) -> None:
    registry.push_image("hub/cli/mirrored", "1")
    config = tmp_path / "registries.conf"
    config.write_text(
        '[[registry]]\nlocation = "registry.corp"\n'
        f'[[registry.mirror]]\nlocation = "{registry.host}/hub"\ninsecure = true\n'
    )

    done = podfit(
        "inspect", "registry.corp/cli/mirrored:1", "--registry-config", config, "-o", "json"
    )

    assert done.code == 0, done.err
    assert done.json["images"][0]["source"] == f"mirror {registry.host}"


def test_images_on_disk_go_before_everything(tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    (layout / "blobs" / "sha256").mkdir(parents=True)
    body = index_body()

    digest = hashlib.sha256(body).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(body)
    row = {
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "digest": f"sha256:{digest}",
        "size": len(body),
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    write_lock(tmp_path, {"registry.corp/app:1": ("linux/s390x",)})
    source = f"registry.corp/app:1=oci:{layout}"

    done = podfit(
        "images", manifest(tmp_path, "registry.corp/app:1"), "--locked", "--image-source", source
    )

    assert done.code == 0, done.err
    assert "s390x" not in done.out
    assert (
        "oci:" in podfit("inspect", "registry.corp/app:1", "--locked", "--image-source", source).out
    )


def test_children_are_verified_and_the_cache_left_out(registry: Registry) -> None:
    row = row_of(registry.push_single("cli/dangling"))
    platform = {"os": "linux", "architecture": "amd64"}
    registry.push_index("cli/dangling", "1", [{**row, "platform": platform}])
    registry.delete_manifest("cli/dangling", row["digest"])
    image = f"{registry.host}/cli/dangling:1"

    assert podfit("inspect", image).code == 0
    done = podfit("inspect", image, "--verify-children", "-v")

    assert "HEAD" in done.err
    assert "missing" in done.out


_HEEDING_CTRL_C = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("auditor", run_name="__main__")
"""
"""`python -m auditor` where the tests run in the background, and children ignore the interrupt."""


def test_ctrl_c_ends_at_once_and_leaves_a_consistent_cache(tmp_path: Path) -> None:
    """One image is answered and kept, the other hangs when the interrupt comes."""
    with run_server() as server:
        server.on("/v2/app/manifests/1", index(index_body()))
        server.on("/v2/slow/manifests/1", Reply(silent=True))
        good, slow = f"{server.host}/app:1", f"{server.host}/slow:1"
        assert podfit("inspect", good, "--cache-dir", tmp_path / "cache").code == 0
        command = [sys.executable, "-c", _HEEDING_CTRL_C, "inspect", good, slow, "--refresh", "-v"]
        environment = {**os.environ, "PODFIT_CACHE_DIR": str(tmp_path / "cache")}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=10)  # a read may take 15 s

    assert "/v2/app/manifests/1 200" in first
    assert process.returncode == 130, told
    *asked, last = told.splitlines()
    assert (shown, last) == ("", "interrupted")
    assert all(f"{server.host}/v2/app/" in line for line in asked)  # answered before it was heard
    left = [
        path.name for path in (tmp_path / "cache").rglob("*") if path.name.startswith(TEMPORARY)
    ]
    assert left == []
    done = podfit("inspect", good, "--offline", "--cache-dir", tmp_path / "cache", "-o", "json")
    assert done.code == 0
    assert "damaged" not in done.err
