"""The process in which Helm's library fetches charts. Run by its path; imports nothing of podfit.

On standard input comes a JSON object: `{"call": name, "arguments": {...}}`. What fails is said
on standard error as the helm program says it: `Error: ...`, with exit status 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final


def complete(chart: str, plain_http: bool) -> None:  # noqa: FBT001 - called by name
    """Put the declared dependencies into charts/, those of Chart.lock where there is one."""
    import helm_python

    locked = any(Path(chart, name).exists() for name in ("Chart.lock", "requirements.lock"))
    fetch = helm_python.dependency_build if locked else helm_python.dependency_update
    fetch(chart, plain_http=plain_http)


def pull(
    chart: str,
    version: str,
    repository: str,
    username: str,
    password: str,
    into: str,
    plain_http: bool,  # noqa: FBT001 - called by name
) -> None:
    """Download one chart into a folder."""
    import helm_python

    helm_python.pull(
        chart,
        version=version or None,
        repo_url=repository or None,
        username=username or None,
        password=password or None,
        destination=into,
        plain_http=plain_http,
    )


_CALLS: Final[dict[str, Callable[..., None]]] = {"complete": complete, "pull": pull}


def main() -> None:
    sys.path += sys.argv[1:]  # last: Python's own modules come first
    request: dict[str, Any] = json.loads(sys.stdin.read())
    try:
        _CALLS[request["call"]](**request["arguments"])
    except Exception as error:  # noqa: BLE001 - every failure is the parent's to explain
        sys.stderr.write(f"\nError: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
