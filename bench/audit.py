"""CPU time of audits, as ratios to `helm template` and to a plain load of the same YAML.

    python -m bench.audit [--runs N] [CHART...]

Audits each chart (by default that of examples/) with an empty cache, without a network: images are
taken for Linux on amd64 and arm64. Then audits a generated file of 1,000 Deployments. Each run
starts every command once, in turn, and compares it with the first one of the same run, so that a
busy machine slows all. Prints medians: user and system time of the process and its children in
seconds, wall time, and the ratio of the CPU times. The charts themselves are yours to fetch, with
their dependencies.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from auditor.sources.renderers import find_helm

ROOT: Final = Path(__file__).resolve().parents[1]
CHART: Final = ROOT / "examples" / "shop"
DEPLOYMENTS: Final = 1000
CONFIGURATION: Final = "version: 1\nimages: {overrides: {'**': [linux/amd64, linux/arm64]}}\n"
LOAD: Final = "import sys, yaml; list(yaml.load_all(open(sys.argv[1]), yaml.CSafeLoader))"
DEPLOYMENT: Final = """\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{0}, labels: {{app: app-{0}}}}}
spec:
  selector:
    matchLabels:
      app: app-{0}
  template:
    metadata:
      labels:
        app: app-{0}
    spec:
      serviceAccountName: app-{0}
      containers:
        - name: app
          image: registry.example/app-{0}:1.0
          args: ["--port=8080"]
          env:
            - name: PASSWORD
              valueFrom:
                secretKeyRef: {{name: app-{0}, key: password}}
          resources:
            limits: {{memory: 256Mi}}
          volumeMounts:
            - name: config
              mountPath: /etc/app
      volumes:
        - name: config
          configMap:
            name: app-{0}
"""
"""A typical Deployment; `{0}` is its number."""


class Took(Struct, frozen=True):
    """Seconds of one command: user and system time of all its processes, and wall time."""

    cpu: float
    wall: float


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.audit")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("charts", nargs="*", type=Path, default=[CHART])
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        configuration = Path(name, "podfit.yaml")
        configuration.write_text(CONFIGURATION, encoding="utf-8")
        for chart in given.charts:
            print(table_of(chart.name, measure(chart_commands(chart, configuration), given.runs)))
        file = Path(name, "deployments.yaml")
        file.write_text(deployments(DEPLOYMENTS), encoding="utf-8")
        measured = measure(file_commands(file, configuration), given.runs)
        print(table_of(f"{DEPLOYMENTS} Deployments in a file", measured))
    return 0


def deployments(count: int) -> str:
    return "---\n".join(DEPLOYMENT.format(number) for number in range(count))


def chart_commands(chart: Path, configuration: Path) -> dict[str, tuple[str, ...]]:
    """The first is `helm template`, where the program is installed."""
    audit = _audit(chart, configuration)
    tool = ROOT / ".tools" / "bin" / "helm"
    helm = str(tool) if tool.exists() else find_helm()
    first = {"`helm template`": (helm, "template", str(chart))} if helm else {}
    return {
        **first,
        "`podfit audit`": audit,
        "`--jobs 1`": (*audit, "--jobs", "1"),
        "`--no-remedies`": (*audit, "--no-remedies"),
        "`--no-remedies --no-ci-values`": (*audit, "--no-remedies", "--no-ci-values"),
    }


def file_commands(file: Path, configuration: Path) -> dict[str, tuple[str, ...]]:
    """The first is PyYAML's C loader."""
    audit = _audit(file, configuration)
    return {
        "PyYAML's `CSafeLoader`": (sys.executable, "-c", LOAD, str(file)),
        "`podfit audit`": audit,
        "`--no-remedies`": (*audit, "--no-remedies"),
    }


def _audit(source: Path, configuration: Path) -> tuple[str, ...]:
    options = ("--config", str(configuration), "--locked", "-o", "json")
    return (sys.executable, "-m", "auditor", "audit", str(source), *options)


def measure(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, list[Took]]:
    """Start every command once for each run, in turn."""
    took: dict[str, list[Took]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            took[name].append(seconds(command))
    return took


def seconds(command: Sequence[str]) -> Took:
    """Start a command and wait for it. Raises RuntimeError for a status other than 0, 1 and 3."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, capture_output=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1, 3):
        raise RuntimeError(done.stderr.decode())
    return Took(
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        wall,
    )


def table_of(title: str, measured: Mapping[str, Sequence[Took]]) -> str:
    """Return the medians as a Markdown table."""
    first = next(iter(measured.values()))
    lines = [f"| {title} | CPU | wall | CPU, of the first |", "|---|---:|---:|---:|"]
    for name, took in measured.items():
        cpu, wall = (
            statistics.median(item.cpu for item in took),
            statistics.median(item.wall for item in took),
        )
        ratio = statistics.median(
            item.cpu / base.cpu for item, base in zip(took, first, strict=True)
        )
        lines.append(f"| {name} | {cpu:.2f} s | {wall:.2f} s | {ratio:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
