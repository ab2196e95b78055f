"""Fetch the real programs that tests run into `.tools/bin`: `fetch_tools.py NAME...`.

docker-registry comes from Debian's package, unpacked and not installed: installing it would start
a service on port 5000. helm is built from its Go module. Neither needs root, and a program that is
already there, or on PATH, is left alone.

A program that cannot be had is not an error, as its tests are skipped and say so; where CI is set
it is one, as everything must be there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

TOOLS: Final = Path(__file__).resolve().parents[1] / ".tools"
HELM: Final = "helm.sh/helm/v4/cmd/helm@v4.3.1"
TIME_LIMIT: Final = 1200
"""Seconds for one command: building Helm takes minutes on a small machine."""


class FetchError(Exception):
    """A program that cannot be had here, and why."""


def main(names: list[str]) -> int:
    missing = 0
    for name in names:
        try:
            fetch(name)
        except FetchError as error:
            missing += 1
            print(f"{name}: not fetched, so its tests are skipped: {error}", file=sys.stderr)
    return 1 if missing and os.environ.get("CI") else 0


def fetch(name: str) -> None:
    if (TOOLS / "bin" / name).exists() or shutil.which(name):
        return
    print(f"{name}: fetching into {TOOLS / 'bin'}", flush=True)
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    RECIPES[name]()


def fetch_docker_registry() -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = download_package("docker-registry", Path(folder))
        unpacked = Path(folder) / "unpacked"
        run("dpkg-deb", "--extract", str(package), str(unpacked))
        shutil.move(unpacked / "usr/bin/docker-registry", TOOLS / "bin" / "docker-registry")


def download_package(name: str, folder: Path) -> Path:
    """The package file of this Debian or Ubuntu; package lists are fetched if there are none."""
    options: list[str] = []
    try:
        run("apt-get", "download", name, cwd=folder)
    except FetchError:
        lists, cache = folder / "lists", folder / "cache"
        for part in (lists, cache / "archives"):
            (part / "partial").mkdir(parents=True)
        options = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
        run("apt-get", *options, "update")
        run("apt-get", *options, "download", name, cwd=folder)
    return next(folder.glob(f"{name}_*.deb"))


def build_helm() -> None:
    run("go", "install", HELM, environment={"GOBIN": str(TOOLS / "bin"), "GOFLAGS": "-trimpath"})


def run(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> None:
    try:
        subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} took longer than {TIME_LIMIT} seconds") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise FetchError(f"{' '.join(command[:3])} failed: {last}") from error


RECIPES: Final[dict[str, Callable[[], None]]] = {
    "docker-registry": fetch_docker_registry,
    "helm": build_helm,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
