"""Build the Go programs that answer for Kubernetes and the container runtimes.

A program is built again only if its sources or the locked modules change. `runtimes` takes seconds;
`kubernetes` compiles a large part of Kubernetes and takes many minutes on a small machine.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from scripts.fetch_tools import TOOLS, find_go, run

HERE: Final = Path(__file__).parent
FOLDER: Final = TOOLS / "oracle"
PACKAGES: Final = {
    "runtimes": ("runtimes", "."),
    "kubernetes": ("kubernetes", "./answers"),
    "controlplane": ("kubernetes", "./controlplane"),
}
"""The folder of the module, and the package in it, of each program."""
_OLDEST: Final = "github.com/containerd/platforms@v0.2.1"
_SYSTEM_CALLS: Final = """\
package windows

func RtlGetNtVersionNumbers() (uint32, uint32, uint32) { return 10, 0, 0 }
"""


def build(name: str) -> Path:
    """Return the path of a program. Raises `FetchError` if it cannot be built."""
    module, package = PACKAGES[name]
    home, program = HERE / module, FOLDER / name
    digest = hashlib.sha256()
    for path in sorted(
        (*(home / package).rglob("*.go"), home / "go.mod", home / "go.sum", Path(__file__))
    ):
        digest.update(path.read_bytes())
    stamp = FOLDER / f"{name}.sha256"
    if program.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return program
    FOLDER.mkdir(parents=True, exist_ok=True)
    if name == "runtimes":
        _copy_oldest_matcher()
    command = (find_go(), "build", "-trimpath", "-ldflags=-s -w", "-o", str(program))
    run(*command, package, cwd=home)
    stamp.write_text(digest.hexdigest())
    return program


def _copy_oldest_matcher() -> None:
    """Copy the matcher of containerd 1.7 so that its part for Windows compiles on every system.

    Files whose name ends in `_windows.go` compile only for Windows. They get another name, and the
    one system call that they use gets a stub. The matching code is not changed.
    """
    empty = FOLDER / "empty"
    empty.mkdir(exist_ok=True)
    downloaded = run(find_go(), "mod", "download", "-json", _OLDEST, cwd=empty)
    source, target = Path(json.loads(downloaded)["Dir"]), FOLDER / "containerd17"
    shutil.rmtree(target, ignore_errors=True)
    (target / "windows").mkdir(parents=True)
    for path in source.iterdir():
        if path.suffix != ".go" or path.name.endswith("_test.go"):
            continue
        if path.name != "platforms_other.go":
            text = path.read_text(encoding="utf-8")
            if path.name == "defaults_windows.go":
                text = text.replace("golang.org/x/sys/", "oracle.invalid/containerd17/")
                text = text.replace("func Default", "func windowsDefault")
            copied = target / path.name.replace("_windows.go", "_everywhere.go")
            copied.write_text(text, encoding="utf-8")
    module = (source / "go.mod").read_text(encoding="utf-8")
    path_line = "module github.com/containerd/platforms"
    (target / "go.mod").write_text(module.replace(path_line, "module oracle.invalid/containerd17"))
    (target / "windows" / "windows.go").write_text(_SYSTEM_CALLS)


def ask(program: Path, questions: Iterable[dict[str, Any]]) -> Iterator[Any]:
    """Yield the answer to each question."""
    lines = (json.dumps(question) + "\n" for question in questions)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as asked:
        asked.writelines(lines)
        asked.seek(0)
        done = subprocess.run(
            [str(program)], stdin=asked, capture_output=True, text=True, timeout=3600, check=False
        )
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr[-2000:]}")
    yield from map(json.loads, done.stdout.splitlines())
