"""Inputs like those of public reports, through the whole command."""

from pathlib import Path

import pytest

from tests.support.command import podfit, write_lock

LOGS = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: logs-windows}
spec:
  template:
    metadata: {labels: {app: logs}}
    spec:
      nodeSelector: {{- toYaml .Values.windows.nodeSelector | nindent 8 }}
      containers: [{name: logs, image: "ghcr.io/acme/logs:3"}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_windows_agent_is_not_moved_to_linux(folder: Path) -> None:
    """Its image lacks the builds of the cluster, but has Linux: it must stay a Windows agent."""
    chart = folder / "logs"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: logs\nversion: 1.0.0\n")
    (chart / "templates" / "windows.yaml").write_text(LOGS)
    (chart / "values.yaml").write_text("windows: {nodeSelector: {kubernetes.io/os: windows}}\n")
    write_lock(folder, {"ghcr.io/acme/logs:3": ("linux/amd64", "windows(10.0.17763.1)/amd64")})

    done = podfit("audit", "logs", "--locked", "--cluster", "aks", "-o", "json")
    (finding,) = done.json["findings"]
    assert finding["rule"] == "windows-build-mismatch"
    assert finding["fix"]["text"] == (
        "use an image that is built for Windows 10.0.20348 or Windows 10.0.26100, or add nodes for "
        'Windows 10.0.17763 and set nodeSelector: {node.kubernetes.io/windows-build: "10.0.17763"}'
    )
    values = podfit("audit", "logs", "--locked", "--cluster", "aks", "-o", "values")
    assert "linux" not in values.out


ELSEWHERE = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: patched}
spec:
  podSpecPatch: %s
  templates: [{name: main, container: {image: "acme/web:1.0"}}]
---
apiVersion: sparkoperator.k8s.io/v1beta2
kind: SparkApplication
metadata: {name: conf}
spec:
  image: acme/web:1.0
  sparkConf: {"spark.kubernetes.node.selector.kubernetes.io/os": linux}
  driver: {cores: 1}
  executor: {instances: 1}
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: pr}
spec:
  taskRunSpecs: [{pipelineTaskName: build, podTemplate: {nodeSelector: {kubernetes.io/os: linux}}}]
  pipelineSpec:
    tasks: [{name: build, taskSpec: {steps: [{name: s, image: "acme/web:1.0"}]}}]
---
apiVersion: actions.github.com/v1alpha1
kind: AutoscalingRunnerSet
metadata: {name: runners}
spec:
  listenerTemplate: {spec: {containers: [{name: listener, image: "acme/web:1.0"}]}}
"""


def test_a_guard_in_a_field_of_a_custom_resource_is_read(folder: Path) -> None:
    write_lock(folder, {"docker.io/acme/web:1.0": ("linux/amd64",)})
    guard = "'nodeSelector: {kubernetes.io/os: linux}'"
    (folder / "cr.yaml").write_text(ELSEWHERE % guard)

    done = podfit("audit", "cr.yaml", "--locked", "--cluster", "hybrid")
    assert done.code == 0, done.out


def test_an_unreadable_patch_leaves_the_placement_undecided(folder: Path) -> None:
    write_lock(folder, {"docker.io/acme/web:1.0": ("linux/amd64",)})
    (folder / "cr.yaml").write_text(ELSEWHERE % "'{{workflow.parameters.patch}}'")

    done = podfit("audit", "cr.yaml", "--locked", "--cluster", "hybrid", "-o", "json")
    assert (done.code, done.json["findings"]) == (0, [])
    workload = "WorkflowTemplate/patched"
    told = podfit("explain", workload, "cr.yaml", "--locked", "--cluster", "hybrid").out
    assert "podfit cannot read spec.podSpecPatch, which may set a nodeSelector" in " ".join(
        told.split()
    )


def test_a_misplaced_guard_is_pointed_at_with_its_line(folder: Path) -> None:
    write_lock(folder, {"docker.io/library/nginx:1.27": ("linux/amd64",)})
    (folder / "web.yaml").write_text(
        "apiVersion: apps/v1\n"
        "kind: Deployment\n"
        "metadata: {name: web}\n"
        "spec:\n"
        "  nodeSelector: {kubernetes.io/os: linux}\n"
        "  template:\n"
        '    spec: {containers: [{name: c, image: "nginx:1.27"}]}\n'
    )

    done = podfit("audit", "web.yaml", "--locked", "--cluster", "hybrid")
    assert done.code == 1
    assert (
        "note: Deployment/web: Kubernetes does not read spec.nodeSelector (line 5); move it to "
        "spec.template.spec.nodeSelector [inert-guard]"
    ) in " ".join(done.out.split())
