"""What a user waits for before podfit does anything: medians of whole processes, in milliseconds.

    python -m bench.startup [RUNS]

The bare interpreter comes first: it is the floor of all the others.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Final

COMMANDS: Final = {
    "interpreter alone": ("-c", ""),
    "podfit --version": ("-m", "auditor", "--version"),
    "podfit --help": ("-m", "auditor", "--help"),
    "podfit audit --help": ("-m", "auditor", "audit", "--help"),
}


def main(runs: int) -> None:
    print(f"{'command':<20} {'median':>8} {'best':>8} {'worst':>8}   of {runs} runs, ms")
    for name, arguments in COMMANDS.items():
        took = [milliseconds(arguments) for _ in range(runs)]
        print(f"{name:<20} {statistics.median(took):8.1f} {min(took):8.1f} {max(took):8.1f}")


def milliseconds(arguments: tuple[str, ...]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=60)
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
