"""The step "Audit" of `action.yml`: runs podfit with the inputs and sets the outputs.

The exit code of podfit becomes the output `exit-code`; the last step of the action exits with it
after the reports were uploaded. This is not a shell script because that would have to quote inputs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

USAGE: Final = 2
SWITCHES: Final = {"true": True, "false": False}


class InputError(ValueError):
    """An invalid input of the action."""


def main(environment: Mapping[str, str]) -> int:
    reports = Path(environment["RUNNER_TEMP"]) / "podfit-reports"
    reports.mkdir(parents=True, exist_ok=True)
    json_file, sarif_file = reports / "podfit.json", reports / "podfit.sarif"
    for stale in (json_file, sarif_file):
        stale.unlink(missing_ok=True)
    try:
        arguments = command_line(environment, json_file, sarif_file)
    except InputError as error:
        print(f"error: {error}", flush=True)
        return finish(environment, {"exit-code": str(USAGE)})
    code = subprocess.run(
        [sys.executable, "-I", "-m", "auditor", *arguments], check=False
    ).returncode
    outputs = {"exit-code": str(code), "findings": findings(json_file)}
    outputs |= {
        name: str(path) if path.exists() else ""
        for name, path in (("json-file", json_file), ("sarif-file", sarif_file))
    }
    return finish(environment, outputs)


def command_line(environment: Mapping[str, str], json_file: Path, sarif_file: Path) -> list[str]:
    """Return the arguments of podfit. Raises `InputError`."""
    arguments = ["audit", "--no-progress", "--color", "never"]
    arguments += ["-o", "github" if switch(environment, "ANNOTATIONS") else "pretty"]
    arguments += ["-o", f"json={json_file}", "-o", f"sarif={sarif_file}"]
    if switch(environment, "SUMMARY") and (summary := environment.get("GITHUB_STEP_SUMMARY")):
        arguments += ["-o", f"markdown={summary}"]
    if switch(environment, "STRICT"):
        arguments.append("--strict")
    for name, option in (
        ("FAIL_ON", "fail-on"),
        ("CONFIG", "config"),
        ("BASELINE", "baseline"),
        ("POLICY_REF", "policy-from"),
    ):
        if value := environment.get(f"INPUT_{name}", "").strip():
            arguments.append(f"--{option}={value}")
    for name, option in (("VALUES", "values"), ("CLUSTER", "cluster")):
        arguments += [f"--{option}={value}" for value in listed(environment, name)]
    paths = listed(environment, "PATHS") or ["."]
    for path in paths:
        if path.startswith("-"):
            raise InputError(f"input paths: {path!r} is not a path; write ./{path}")
    return [*arguments, *listed(environment, "EXTRA_ARGS"), "--", *paths]


def switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(f"INPUT_{name}", "").strip().lower()
    if value not in SWITCHES:
        raise InputError(f"input {name.lower()} must be true or false, not {value!r}")
    return SWITCHES[value]


def listed(environment: Mapping[str, str], name: str) -> list[str]:
    lines = environment.get(f"INPUT_{name}", "").splitlines()
    return [line.strip() for line in lines if line.strip()]


def findings(json_file: Path) -> str:
    """Return the number of findings that are not suppressed, or "" without a report."""
    if not json_file.exists():
        return ""
    found = json.loads(json_file.read_text(encoding="utf-8"))["findings"]
    return str(sum(item["suppressed"] is None for item in found))


def finish(environment: Mapping[str, str], outputs: Mapping[str, str]) -> int:
    with Path(environment["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
