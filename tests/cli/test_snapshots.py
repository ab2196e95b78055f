"""Reports as a terminal shows them: each width, with and without UTF-8, colour and links."""

# ruff: noqa: E501 - a terminal of 200 columns

import re
from pathlib import Path

import pytest

from tests.support.command import write_lock
from tests.support.terminal import in_terminal

MANIFESTS = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
        - {name: nginx, image: nginx:1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: payments-gateway-of-the-second-generation}
spec:
  template:
    spec:
      containers:
        - {name: gateway, image: registry.example/payments/gateway/service:2026-11}
---
apiVersion: v1
kind: Pod
metadata: {name: headroom}
spec:
  containers:
    - {name: pause, image: registry.k8s.io/pause:3.8}
"""
ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    (path / "shop.yaml").write_text(MANIFESTS)
    linux = ("linux/amd64", "linux/arm64/v8")
    write_lock(
        path,
        {
            "docker.io/library/nginx:1": linux,
            "registry.example/payments/gateway/service:2026-11": linux,
            "registry.k8s.io/pause:3.8": (
                *linux,
                "windows(10.0.20348.1)/amd64",
                "windows(10.0.26100.1)/amd64",
            ),
        },
    )
    return path


def audit(folder: Path, width: int, *arguments: str, **variables: str) -> str:
    return in_terminal(
        *("audit", "shop.yaml", "--locked", "--no-progress", *arguments),
        width=width,
        cwd=folder,
        variables=variables,
    )


SNAPSHOTS = {
    60: """\
error[missing-os-selector]: Deployment/web can land on
  Windows nodes, but its image is Linux-only
 --> shop.yaml:7:7
   │
 6 │     spec:
 7 │       containers:
   │       ^^^^^^^^^^
 8 │ …ginx, image: nginx:1}
   │               ------- linux amd64 arm64
   │
   = why:  the scheduler does not look at images: on
           windows-2022 the pull fails with “no match for
           platform in manifest: not found”
           (ImagePullBackOff); the pod never moves to
           another node by itself
   = fix:  set nodeSelector: {kubernetes.io/os: linux}
   = on:   windows-2022 and windows-2025

error[missing-os-selector]:
  Deployment/payments-gateway-of-the-second-generation can
  land on Windows nodes, but its image is Linux-only
  --> shop.yaml:16:7
    │
 15 │     spec:
 16 │       containers:
    │       ^^^^^^^^^^
 17 │ …eway, image: registry.example/payments/gateway/servi…
    │               ---------------------- linux amd64 arm64
    │
    = why:  see Deployment/web above
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD                 MAY LAND ON  RESULT
     image                               runs on
✗  Deployment/web           any          missing-os-selector
     nginx:1                             linux amd64 arm64
✗  deploy/paym…-generation  any          missing-os-selector
     …/payments/gateway/service:2026-11  linux amd64 arm64
✓  Pod/headroom             any          ok
     registry.k8s.io/pause:3.8           linux, windows

✗ 2 errors · 3 workloads, 3 images
  Explain a rule: podfit rules missing-os-selector
""",
    100: """\
error[missing-os-selector]: Deployment/web can land on Windows nodes, but its image is Linux-only
 --> shop.yaml:7:7
   │
 6 │     spec:
 7 │       containers:
   │       ^^^^^^^^^^
 8 │         - {name: nginx, image: nginx:1}
   │                                ------- linux amd64 arm64
   │
   = why:  the scheduler does not look at images: on windows-2022 the pull fails with “no match for
           platform in manifest: not found” (ImagePullBackOff); the pod never moves to another node
           by itself
   = fix:  set nodeSelector: {kubernetes.io/os: linux}
   = on:   windows-2022 and windows-2025

error[missing-os-selector]: Deployment/payments-gateway-of-the-second-generation can land on Windows
  nodes, but its image is Linux-only
  --> shop.yaml:16:7
    │
 15 │     spec:
 16 │       containers:
    │       ^^^^^^^^^^
 17 │         - {name: gateway, image: registry.example/payments/gateway/service:2026-11}
    │                                  ------------------------------------------- linux amd64 arm64
    │
    = why:  see Deployment/web above
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD                                              MAY LAND ON  RESULT
     image                                                            runs on
✗  Deployment/web                                        any          missing-os-selector
     nginx:1                                                          linux amd64 arm64
✗  Deployment/payments-gateway-of-the-second-generation  any          missing-os-selector
     registry.example/payments/gateway/service:2026-11                linux amd64 arm64
✓  Pod/headroom                                          any          ok
     registry.k8s.io/pause:3.8                                        linux, windows

✗ 2 errors · 3 workloads, 3 images
  Explain a rule: podfit rules missing-os-selector
""",
    200: """\
error[missing-os-selector]: Deployment/web can land on Windows nodes, but its image is Linux-only
 --> shop.yaml:7:7
   │
 6 │     spec:
 7 │       containers:
   │       ^^^^^^^^^^
 8 │         - {name: nginx, image: nginx:1}
   │                                ------- linux amd64 arm64
   │
   = why:  the scheduler does not look at images: on windows-2022 the pull fails with “no match for platform in
           manifest: not found” (ImagePullBackOff); the pod never moves to another node by itself
   = fix:  set nodeSelector: {kubernetes.io/os: linux}
   = on:   windows-2022 and windows-2025

error[missing-os-selector]: Deployment/payments-gateway-of-the-second-generation can land on Windows nodes, but its
  image is Linux-only
  --> shop.yaml:16:7
    │
 15 │     spec:
 16 │       containers:
    │       ^^^^^^^^^^
 17 │         - {name: gateway, image: registry.example/payments/gateway/service:2026-11}
    │                                  ------------------------------------------------- linux amd64 arm64
    │
    = why:  see Deployment/web above
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD                                              IMAGE                                              RUNS ON                                 MAY LAND ON  RESULT
✗  Deployment/web                                        nginx:1                                            linux amd64 arm64                       any          missing-os-selector
✗  Deployment/payments-gateway-of-the-second-generation  registry.example/payments/gateway/service:2026-11  linux amd64 arm64                       any          missing-os-selector
✓  Pod/headroom                                          registry.k8s.io/pause:3.8                          linux amd64 arm64, windows 20348 26100  any          ok

✗ 2 errors · 3 workloads, 3 images
  Explain a rule: podfit rules missing-os-selector
""",
}


@pytest.mark.parametrize("width", SNAPSHOTS)
def test_a_report(folder: Path, width: int) -> None:
    assert audit(folder, width, NO_COLOR="1") == SNAPSHOTS[width]


@pytest.mark.parametrize("width", SNAPSHOTS)
def test_colour_and_links_add_nothing_but_themselves(folder: Path, width: int) -> None:
    seen = audit(folder, width, TERM_PROGRAM="vscode")
    assert "\x1b[1;31merror[" in seen
    assert "\x1b]8;;https://" in seen
    assert ESCAPES.sub("", seen) == SNAPSHOTS[width]


def test_only_colours_of_the_terminals_own_palette(folder: Path) -> None:
    """They are legible on dark and on light; black, white and backgrounds are left alone."""
    seen = audit(folder, 100, TERM_PROGRAM="vscode")
    codes = {code for found in re.findall(r"\x1b\[([0-9;]*)m", seen) for code in found.split(";")}
    assert codes == {"0", "1", "2", "31", "32", "34"}


@pytest.mark.parametrize("width", [50, 300])
def test_narrower_and_wider_than_reads_well(folder: Path, width: int) -> None:
    assert audit(folder, width, NO_COLOR="1") == SNAPSHOTS[60 if width < 60 else 200]


ASCII = """\
error[missing-os-selector]: Deployment/web can land on
  Windows nodes, but its image is Linux-only
 --> shop.yaml:7:7
   |
 6 |     spec:
 7 |       containers:
   |       ^^^^^^^^^^
 8 | ...ginx, image: nginx:1}
   |                 ------- linux amd64 arm64
   |
   = why:  the scheduler does not look at images: on
           windows-2022 the pull fails with "no match for
           platform in manifest: not found"
           (ImagePullBackOff); the pod never moves to
           another node by itself
   = fix:  set nodeSelector: {kubernetes.io/os: linux}
   = on:   windows-2022 and windows-2025

error[missing-os-selector]:
  Deployment/payments-gateway-of-the-second-generation can
  land on Windows nodes, but its image is Linux-only
  --> shop.yaml:16:7
    |
 15 |     spec:
 16 |       containers:
    |       ^^^^^^^^^^
 17 | ...eway, image: registry.example/payments/gateway/s...
    |                 -------------------- linux amd64 arm64
    |
    = why:  see Deployment/web above
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD                 MAY LAND ON  RESULT
     image                               runs on
x  Deployment/web           any          missing-os-selector
     nginx:1                             linux amd64 arm64
x  deploy/pay...generation  any          missing-os-selector
     .../gateway/service:2026-11         linux amd64 arm64
+  Pod/headroom             any          ok
     registry.k8s.io/pause:3.8           linux, windows

x 2 errors - 3 workloads, 3 images
  Explain a rule: podfit rules missing-os-selector
"""


def test_a_terminal_without_utf8(folder: Path) -> None:
    c = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    seen = audit(folder, 60, NO_COLOR="1", **c)
    assert seen.isascii()
    assert seen == ASCII


PASSED = """\
   WORKLOAD                                              MAY LAND ON  RESULT
     image                                                            runs on
✓  Deployment/web                                        any          ok
     nginx:1                                                          linux amd64 arm64
✓  Deployment/payments-gateway-of-the-second-generation  any          ok
     registry.example/payments/gateway/service:2026-11                linux amd64 arm64
✓  Pod/headroom                                          any          ok
     registry.k8s.io/pause:3.8                                        linux, windows

✓ No problems in 3 workloads, 3 images
"""


def test_a_clean_report(folder: Path) -> None:
    assert audit(folder, 100, "--show-passed", "--cluster", "linux", NO_COLOR="1") == PASSED


def test_quiet_is_the_same_without_table_and_hint(folder: Path) -> None:
    findings, table = SNAPSHOTS[100].split("   WORKLOAD")
    totals = next(line for line in table.splitlines() if line.startswith("✗ 2 errors"))
    assert audit(folder, 100, "-q", NO_COLOR="1") == f"{findings}{totals}\n"
