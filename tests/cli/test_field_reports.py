"""Inputs like those of public reports, through the whole command."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

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


WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      nodeSelector: {kubernetes.io/os: linux}
      containers: [{name: web, image: "acme/web:1"}]
"""
REMOTE_SCHEMA = '{"properties": {"a": {"$ref": "https://schemas.acme.test/a.json"}}}'


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


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


def write_chart(folder: Path, files: Mapping[str, str] = MappingProxyType({})) -> None:
    """A chart `chart` with a Deployment, and a lock file for its image."""
    described = {"Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n"}
    write(folder / "chart", {**described, "templates/web.yaml": WEB, **files})
    write_lock(folder, {"docker.io/acme/web:1": ("linux/amd64",)})


@pytest.mark.parametrize("name", ["LICENSE", "README.md", "crds", "files"])
def test_a_link_within_the_repository_is_followed(folder: Path, name: str) -> None:
    write_chart(folder)
    write(folder, {"shared/x.yaml": "x: 1"})
    (folder / "chart" / name).symlink_to("../shared")

    done = podfit("audit", "chart", "--locked", "-o", "json")
    assert (done.code, done.json["errors"], done.json["notices"]) == (0, [], [])


@pytest.mark.parametrize(
    ("link", "template", "code"),
    [
        ("LICENSE", "", 0),
        ("docs", "", 0),
        ("charts/sub/NOTICE", "", 0),
        ("NOTICE", '{{ .Files.Get "NOTICE" }}', 3),
        ("templates/more.yaml", "", 3),
        ("charts/sub", "", 3),
        ("values.yaml", "", 3),
    ],
)
def test_a_link_out_of_the_repository_is_a_note_if_it_changes_no_pod(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, link: str, template: str, code: int
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    sub = {"charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.0.0\n"}
    files = sub if link == "charts/sub/NOTICE" else {}
    write_chart(folder, {"templates/x.txt": template, **files})
    (folder / "chart" / link).parent.mkdir(exist_ok=True)
    (folder / "chart" / link).symlink_to(outside)

    done = podfit("audit", "chart", "--locked", "-o", "json")
    assert done.code == code
    told = done.json["notices"] if code == 0 else [item["where"] for item in done.json["errors"]]
    assert len(told) == 1
    assert told[0].startswith(f"chart/{link}")


@pytest.mark.parametrize(
    ("files", "notes"),
    [
        ({"values.schema.json": REMOTE_SCHEMA}, 1),
        ({"values.schema.json": "{not json"}, 1),
        ({"test-chart/values.schema.json": REMOTE_SCHEMA}, 0),
        ({"docs/charts/a/values.schema.json": REMOTE_SCHEMA}, 0),
    ],
)
def test_a_schema_that_is_not_checked_is_a_note(
    folder: Path, files: dict[str, str], notes: int
) -> None:
    write_chart(folder, files)

    done = podfit("audit", "chart", "--locked", "-o", "json")
    assert (done.code, done.json["errors"]) == (0, [])
    assert len(done.json["notices"]) == notes
    assert all("were not checked against a schema" in note for note in done.json["notices"])


ACCEPT = """\
version: 1
accept:
  - parts: {part}
    path: {path}
    reason: it needs files of developers
"""


@pytest.mark.parametrize(
    ("part", "path", "files"),
    [
        ("chart", "bad", {"bad/Chart.yaml": "name: x\nversion: 1", "bad/templates/a.yaml": "{{"}),
        (
            "dependency",
            "bad/**",
            {
                "bad/Chart.yaml": "name: x\nversion: 1\napiVersion: v2\n"
                "dependencies: [{name: db, version: 1.0.0, repository: https://charts.acme.test}]"
            },
        ),
        ("manifest", "bad/*.yaml", {"bad/a.yaml": "apiVersion: v1\nkind: Pod\nx: [\n"}),
        ("file", "bad", {"bad/a.yaml": "apiVersion: v1\nkind: Pod\n\0\udcff"}),
    ],
)
def test_a_part_that_fails_can_be_accepted(
    folder: Path, part: str, path: str, files: dict[str, str]
) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    write(folder, {"web.yaml": WEB})
    write_lock(folder, {"docker.io/acme/web:1": ("linux/amd64",)})
    assert podfit("audit", "--locked").code == 3

    write(folder, {".podfit.yaml": ACCEPT.format(part=part, path=path)})
    done = podfit("audit", "--locked", "-o", "json", "-o", "pretty=out.txt", "-o", "junit=out.xml")
    assert (done.code, done.json["errors"], done.json["findings"]) == (0, [], [])
    (accepted,) = done.json["accepted"]
    assert (accepted["part"], accepted["reason"]) == (part, "it needs files of developers")
    assert accepted["accepted_at"] == ".podfit.yaml:3:5"
    assert done.json["summary"]["accepted"] == 1
    text = (folder / "out.txt").read_text()
    assert "? No problems in what was audited" in text
    assert "1 part not audited (accepted)" in text
    assert 'skipped="1"' in (folder / "out.xml").read_text()
    assert podfit("audit", "--locked", "--no-ignores").code == 3
    locked = podfit("lock", "--check", "--cache-dir", "cache", "--offline")
    assert "accepted as not audited" in locked.err
    assert "error:" not in locked.err


@pytest.mark.parametrize(
    ("entry", "code", "told"),
    [
        (ACCEPT.format(part="chart", path="."), 0, "the acceptance of `chart` accepts nothing"),
        (ACCEPT.format(part="manifest", path="other"), 3, "accepts nothing"),
        (
            ACCEPT.format(part="manifest", path="bad.yaml") + "    expires: 2020-01-31\n",
            3,
            "the acceptance of `manifest` expired on 2020-01-31",
        ),
    ],
)
def test_an_acceptance_that_accepts_nothing_is_reported(
    folder: Path, entry: str, code: int, told: str
) -> None:
    broken = {"bad.yaml": "apiVersion: v1\nkind: Pod\nx: [\n"} if code else {}
    write(folder, {"web.yaml": WEB, ".podfit.yaml": entry, **broken})
    write_lock(folder, {"docker.io/acme/web:1": ("linux/amd64",)})

    done = podfit("audit", "--locked", "-o", "json")
    assert done.code == code
    (finding,) = done.json["findings"]
    assert finding["rule"] == "unused-ignore"
    assert told in finding["message"]
    assert finding["location"]["path"] == ".podfit.yaml"
