"""Platforms that images must support: `--require`, `images.require`, `podfit inspect -`."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support.command import podfit, write_lock

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  nodeSelector: {kubernetes.io/os: linux, kubernetes.io/arch: amd64}
  containers: [{name: app, image: "ghcr.io/acme/app:1"}, {name: web, image: "nginx:1"}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one pod and a lock file, as the working directory."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "pod.yaml").write_text(POD)
    images = {
        "ghcr.io/acme/app:1": ("linux/amd64",),
        "docker.io/library/nginx:1": ("linux/amd64", "linux/arm64"),
    }
    write_lock(tmp_path, images)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(*arguments: str) -> list[tuple[str, str]]:
    done = podfit("audit", ".", "--locked", "--cluster", "linux", "-o", "json", *arguments)
    return [(item["rule"], item["message"]) for item in done.json["findings"]]


MISSING = (
    "missing-platform",
    "Pod/web: image ghcr.io/acme/app:1 of container `app` does not support linux/arm64",
)


@pytest.mark.usefixtures("folder")
def test_an_audit_with_required_platforms() -> None:
    assert findings() == []
    assert findings("--require", "linux/amd64") == []
    assert findings("--require", "linux/amd64", "--require", "linux/arm64") == [MISSING]

    done = podfit("audit", ".", "--locked", "--cluster", "linux", "--require", "linux/arm64")
    assert done.code == 1


@pytest.mark.parametrize(
    ("require", "found"),
    [
        ("[linux/amd64, linux/arm64]", [MISSING]),
        ("[linux/amd64]", []),
        ('[{platforms: linux/arm64, images: "ghcr.io/*"}]', [MISSING]),
        ('[{platforms: linux/arm64, images: "nginx:*"}]', []),
        ('[{platforms: linux/arm64, paths: "charts/**"}]', [MISSING]),
        ('[{platforms: linux/arm64, paths: "other"}]', []),
        ('[{platforms: linux/arm64, exempt: [{images: "ghcr.io/*", reason: amd64 only}]}]', []),
        (
            '[{platforms: linux/arm64, exempt: [{images: "*", platforms: linux/386, reason: x}]}]',
            [MISSING],
        ),
    ],
)
def test_requirements_of_the_configuration(
    folder: Path, require: str, found: list[tuple[str, str]]
) -> None:
    (folder / ".podfit.yaml").write_text(f"version: 1\nimages: {{require: {require}}}\n")

    assert findings() == found


def test_the_configuration_is_shown(folder: Path) -> None:
    text = "version: 1\nimages:\n  require: [linux/arm64]\n"
    (folder / ".podfit.yaml").write_text(text)

    shown = podfit("config", "show").out

    assert "  overrides: {}  # default\n  require:\n    - linux/arm64  # .podfit.yaml:3:13" in shown
    item = {"value": "linux/arm64", "origin": ".podfit.yaml:3:13"}
    found = podfit("config", "show", "-o", "json").json
    assert found["areas"][0]["settings"]["images"] == {"overrides": {}, "require": [item]}


@pytest.mark.parametrize("command", ["audit", "images", "inspect"])
def test_a_text_that_is_no_platform(command: str) -> None:
    done = podfit(command, "nginx:1", "--require", "linux/arm65", "--no-config")

    assert done.code == 2
    assert done.err.startswith("error: --require: `linux/arm65` is no platform")


@pytest.mark.usefixtures("folder")
def test_images_with_required_platforms() -> None:
    done = podfit("images", ".", "--locked", "--require", "linux/arm64")

    assert done.code == 1
    assert done.out.count("lacks linux/arm64") == 1
    found = podfit("images", ".", "--locked", "-o", "json", "--require", "linux/arm64").json
    assert {item["image"]: item["lacking"] for item in found["images"]} == {
        "ghcr.io/acme/app:1": ["linux/arm64"],
        "nginx:1": [],
    }


def inspect(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    done = podfit("inspect", "-", "--locked", "--require", "linux/arm64", *arguments)
    return done.code, done.out, done.err


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "text",
    [
        "ghcr.io/acme/app:1\n# comment\n\nnginx:1  # another\n",
        json.dumps(["ghcr.io/acme/app:1", "nginx:1"]),
        json.dumps({"images": [{"image": "ghcr.io/acme/app:1"}, {"image": "nginx:1"}]}),
    ],
)
def test_images_on_standard_input(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    code, out, _ = inspect(monkeypatch, text)

    assert code == 1
    app, nginx = out.strip().split("\n\n")
    assert app.splitlines()[-1] == "    linux/arm64  required, not supported"
    assert "required" not in nginx


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\n# nothing\n", "standard input names no image"),
        ("[1]", "the JSON on standard input does not list images"),
        ('{"images": 1}', "the JSON on standard input does not list images"),
        ('["nginx:1"', "standard input is not valid JSON"),
    ],
)
def test_standard_input_without_images(
    monkeypatch: pytest.MonkeyPatch, text: str, error: str
) -> None:
    code, _, err = inspect(monkeypatch, text)

    assert code == 2
    assert error in err


@pytest.mark.usefixtures("folder")
def test_an_unresolved_image_is_not_a_passed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inspect(monkeypatch, "nginx:2\n")[0] == 3
    assert inspect(monkeypatch, "nginx:2\nghcr.io/acme/app:1\n")[0] == 1
    assert inspect(monkeypatch, "nginx:1\n")[0] == 0
