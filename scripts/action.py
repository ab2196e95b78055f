"""The step "Audit" of `action.yml`: runs podfit with the inputs and sets the outputs.

With the input `base`, podfit also compares with that revision, and the comparison decides.

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
REPORTS: Final = {
    "json-file": ".json",
    "sarif-file": ".sarif",
    "diff-file": "-diff.json",
}
"""The end of the name of each report, by output."""
SWITCHES: Final = {"true": True, "false": False}


class InputError(ValueError):
    """An invalid input of the action."""


def main(environment: Mapping[str, str]) -> int:
    reports = Path(environment["RUNNER_TEMP"]) / "podfit-reports"
    reports.mkdir(parents=True, exist_ok=True)
    files = {name: reports / f"podfit{end}" for name, end in REPORTS.items()}
    for stale in files.values():
        stale.unlink(missing_ok=True)
    try:
        commands = command_lines(environment, files)
    except InputError as error:
        print(f"error: {error}", flush=True)
        return finish(environment, {"exit-code": str(USAGE)})
    for command in commands:
        arguments = [sys.executable, "-I", "-m", "auditor", *command]
        code = subprocess.run(arguments, check=False).returncode
        if code == USAGE:
            break
    outputs = {"exit-code": str(code), "findings": findings(files)}
    outputs |= {name: str(path) if path.exists() else "" for name, path in files.items()}
    return finish(environment, outputs)


def command_lines(environment: Mapping[str, str], files: Mapping[str, Path]) -> list[list[str]]:
    """Return the arguments of podfit for each run; the last one decides. Raises `InputError`."""
    shown = ["-o", "github" if switch(environment, "ANNOTATIONS") else ""]
    if switch(environment, "SUMMARY") and (summary := environment.get("GITHUB_STEP_SUMMARY")):
        shown += ["-o", f"markdown={summary}"]
    written = [f"json={files['json-file']}", f"sarif={files['sarif-file']}"]
    reports = [argument for output in written for argument in ("-o", output)]
    common = common_arguments(environment)
    base = environment.get("INPUT_BASE", "").strip()
    if not base:
        return [["audit", *(text or "pretty" for text in shown), *reports, *common]]
    comparison = ["-o", f"json={files['diff-file']}", f"--base={base}"]
    return [
        ["audit", *reports, *common],
        ["diff", *(text or "text" for text in shown), *comparison, *common],
    ]


def common_arguments(environment: Mapping[str, str]) -> list[str]:
    """Return the options and paths of every run. Raises `InputError`."""
    arguments = ["--no-progress", "--color", "never"]
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


def findings(files: Mapping[str, Path]) -> str:
    """Return the number of new findings, or of findings that are not suppressed; "" if unknown."""
    if files["diff-file"].exists():
        return str(len(json.loads(files["diff-file"].read_text(encoding="utf-8"))["appearing"]))
    if not files["json-file"].exists():
        return ""
    found = json.loads(files["json-file"].read_text(encoding="utf-8"))["findings"]
    return str(sum(item["suppressed"] is None for item in found))


def finish(environment: Mapping[str, str], outputs: Mapping[str, str]) -> int:
    with Path(environment["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
