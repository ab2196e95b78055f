"""Render charts with Helm's library in a child process. Run as a script; imports nothing of podfit.

Some templates abort or hang the process without an exception (endless recursion of `tpl`,
`until 2000000000`), so Helm's library is loaded only here.

Each line of standard input is a JSON object `{"call": name, "arguments": {...}}`; each is answered
by a line `{"result": ...}` or `{"error": text, "kind": class name}`. Helm logs to standard error.
The process ends when its standard input is closed, even during a call.
"""

from __future__ import annotations

import io
import json
import os
import queue
import sys
import tarfile
import threading
from collections.abc import Callable
from typing import Any, BinaryIO, Final

MAX_ANSWER: Final = 64_000_000
"""Bytes of one answer; no chart for a real cluster renders more."""


def load() -> str:
    """Load Helm's library and return its version."""
    import helm_python

    return str(helm_python.helm_sdk_version())


def render(chart: str, values: dict[str, Any], options: dict[str, Any]) -> dict[str, str]:
    """Return rendered text by template. Each call loads the chart, as rendering changes it."""
    import helm_python
    from helm_python import _native

    with helm_python.Chart.load(chart) as handle:
        _check_kube_version(str(handle.metadata.get("kubeVersion") or ""), options)
        # `Chart.render` does not offer the library's options kube_version and api_versions.
        answer = _native.call_string(
            "helm_render",
            handle._raw(),  # noqa: SLF001
            json.dumps(values),
            json.dumps(options),
        )
    rendered: dict[str, str] = json.loads(answer)
    return rendered


def _check_kube_version(constraint: str, options: dict[str, Any]) -> None:
    """Check kubeVersion as `helm install` does; the library only offers `semverCompare`."""
    if not constraint:
        return
    import helm_python
    from helm_python import _native

    values = json.dumps({"constraint": constraint})
    with helm_python.Chart.load_archive(_probe_chart()) as handle:
        answer = json.loads(
            _native.call_string("helm_render", handle._raw(), values, json.dumps(options))  # noqa: SLF001
        )
    supported, version = answer["probe/templates/probe"].split()
    if supported != "true":
        needs = f"chart requires kubeVersion: {constraint}"
        raise ValueError(f"{needs} which is incompatible with Kubernetes {version}")


def _probe_chart() -> bytes:
    template = (
        b"{{ semverCompare .Values.constraint .Capabilities.KubeVersion.Version }}"
        b" {{ .Capabilities.KubeVersion.Version }}"
    )
    described = b"{apiVersion: v2, name: probe, version: 0.0.0}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("Chart.yaml", described), ("templates/probe", template)):
            member = tarfile.TarInfo(f"probe/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def list_dependencies(chart: str) -> list[dict[str, str]]:
    """Return name, version, repository and status of the declared dependencies."""
    import helm_python

    listed: list[dict[str, str]] = helm_python.dependency_list(chart)
    return listed


def read_values(text: str) -> dict[str, Any]:
    """Return the first document of a values file, as Helm reads it."""
    import helm_python

    values: dict[str, Any] = helm_python.values_from_yaml(text)
    return values


def parse_set(expression: str) -> dict[str, Any]:
    """Return the values of one `--set` expression."""
    import helm_python

    values: dict[str, Any] = helm_python.parse_set_string(expression)
    return values


def parse_set_string(expression: str) -> dict[str, Any]:
    """Return the values of one `--set-string` expression."""
    import helm_python

    values: dict[str, Any] = helm_python.parse_set_string_values(expression)
    return values


def validate_release_name(name: str) -> None:
    """Raise HelmInvalidArgError for an invalid name, which rendering does not check."""
    import helm_python

    helm_python.validate_release_name(name)


_CALLS: Final[dict[str, Callable[..., Any]]] = {
    call.__name__: call
    for call in (
        list_dependencies,
        load,
        parse_set,
        parse_set_string,
        read_values,
        render,
        validate_release_name,
    )
}


def answer(request: dict[str, Any]) -> bytes:
    """Return the answer to one request as a line."""
    try:
        result = _CALLS[request["call"]](**request["arguments"])
    except Exception as error:  # noqa: BLE001 - the parent process reports every failure
        return json.dumps({"error": str(error), "kind": type(error).__name__}).encode() + b"\n"
    line = json.dumps({"result": result}).encode() + b"\n"
    if len(line) > MAX_ANSWER:
        text = f"the result has {len(line)} bytes; the limit is {MAX_ANSWER}"
        return json.dumps({"error": text, "kind": "TooLargeError"}).encode() + b"\n"
    return line


def _read_lines(stream: BinaryIO, lines: queue.SimpleQueue[bytes]) -> None:
    for line in stream:
        lines.put(line)
    os._exit(0)


def main() -> None:
    """Answer requests until standard input ends."""
    sys.path += sys.argv[1:]  # last: Python's own modules come first
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of a library must not be read as an answer
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(sys.stdin.buffer, lines), daemon=True).start()
    while True:
        answers.write(answer(json.loads(lines.get())))
        answers.flush()


if __name__ == "__main__":
    main()
