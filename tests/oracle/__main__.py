"""Compare podfit with upstream code: `python -m tests.oracle [--cases N] [--seed S] [AREA...]`."""

from __future__ import annotations

import argparse
import secrets
import sys

from scripts.fetch_tools import FetchError
from tests.oracle.compare import AREAS, compare

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle")
    parser.add_argument("areas", nargs="*", metavar="AREA", help=", ".join(AREAS))
    parser.add_argument("--cases", type=int, default=100_000, help="answers in each area")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeat a run")
    options = parser.parse_args()
    if unknown := set(options.areas).difference(AREAS):
        parser.error(f"there is no area {', '.join(sorted(unknown))}")
    print(f"seed {options.seed}", flush=True)
    differences = 0
    for name in options.areas or AREAS:
        try:
            result = compare(name, options.cases, options.seed)
        except FetchError as error:
            print(f"{name}: not compared: {error}", file=sys.stderr)
            return 2
        differences += len(result.differences)
        print(
            f"{name}: {result.cases} cases, {len(result.differences)} differences, "
            f"{result.seconds:.0f} seconds",
            flush=True,
        )
        for text in result.differences[:SHOWN]:
            print(text)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
