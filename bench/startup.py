"""CPU time of short commands, as ratios to a Typer program that does nothing.

    python bench/startup.py [RUNS]

Each run starts every command once, in turn, and compares it with the empty program of the same run,
so that a busy machine slows both. Prints medians: user and system time in milliseconds, the ratio.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

EMPTY: Final = """
import typer
app = typer.Typer()
@app.command()
def main() -> None:
    "Do nothing."
app()
"""

MANIFEST: Final = """
apiVersion: v1
kind: Pod
metadata: {name: proxy}
spec: {containers: [{name: proxy, image: "caddy:2.11.4"}]}
"""

COMMANDS: Final = {
    "empty Typer program": ("empty.py",),
    "podfit --version": ("-m", "auditor", "--version"),
    "podfit --help": ("-m", "auditor", "--help"),
    "podfit audit --help": ("-m", "auditor", "audit", "--help"),
    "podfit audit small.yaml --locked": ("-m", "auditor", "audit", "small.yaml", "--locked"),
}


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "empty.py").write_text(EMPTY, encoding="utf-8")
        (folder / "small.yaml").write_text(MANIFEST, encoding="utf-8")
        lock = ROOT / "examples" / "podfit.lock.json"
        (folder / lock.name).write_bytes(lock.read_bytes())
        for arguments in COMMANDS.values():
            milliseconds(arguments, folder)  # writes the bytecode
        took = [[milliseconds(it, folder) for it in COMMANDS.values()] for _ in range(runs)]
    print(f"{'command':<34} {'CPU ms':>8} {'ratio':>6}   medians of {runs} runs")
    for number, name in enumerate(COMMANDS):
        median = statistics.median(run[number] for run in took)
        ratio = statistics.median(run[number] / run[0] for run in took)
        print(f"{name:<34} {median:8.0f} {ratio:6.2f}")


def milliseconds(arguments: tuple[str, ...], folder: Path) -> float:
    """Return the user and system time of a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, *arguments],
        check=True,
        capture_output=True,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        timeout=60,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
