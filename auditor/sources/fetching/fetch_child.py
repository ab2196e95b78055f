"""Fetch charts with Helm's library in a child process. Run as a script; imports nothing of podfit.

Standard input is a JSON object `{"call": name, "arguments": {...}}`. Like the helm program, it
prints `Error: ...` to standard error and exits with status 1 on failure.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final


def complete(chart: str, plain_http: bool) -> None:  # noqa: FBT001 - called by name
    """Fetch the declared dependencies into charts/, in the versions of Chart.lock if present."""
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
    except Exception as error:  # noqa: BLE001 - the parent process reports every failure
        sys.stderr.write(f"\nError: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
