"""`podfit fix`: diffs, patches, written files, and what it refuses."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.charts import require_library, write_tree
from tests.support.command import Done, podfit, write_lock
from tests.support.reports import workload
from tests.support.tools import missing, require_kustomize

LOCK = {
    "docker.io/library/nginx:1.31": ("linux/amd64", "linux/arm64"),
    "docker.io/library/iis:ltsc2019": ("windows(10.0.17763.8755)/amd64",),
}
GUARD = "      nodeSelector:\n        kubernetes.io/os: linux\n"
FIXED = workload().replace("      containers", f"{GUARD}      containers")
DIFF = """\
--- a/pods.yaml
+++ b/pods.yaml
@@ -5,6 +5,8 @@
 spec:
   template:
     spec:
+      nodeSelector:
+        kubernetes.io/os: linux
       containers:
         - name: app
           image: nginx:1.31
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lock(tmp_path, LOCK)
    monkeypatch.chdir(tmp_path)


def fix(*arguments: str, source: str = "pods.yaml") -> Done:
    return podfit("fix", source, "--locked", "--lock-file", "podfit.lock.json", *arguments)


def write(text: str, name: str = "pods.yaml", encoding: str = "utf-8") -> Path:
    path = Path(name)
    path.write_bytes(text.encode(encoding))
    return path


def git(*arguments: str) -> None:
    from shutil import which

    if which("git") is None:
        missing("git is not installed")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *identity, *arguments], check=True, timeout=30, capture_output=True)


def commit() -> None:
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "all")


def test_a_diff_is_printed_and_nothing_is_written() -> None:
    path = write(workload())
    done = fix()

    assert done.code == 1
    assert done.out == (
        f"{DIFF}\nWould fix 1 of 1 finding in pods.yaml; --write applies the changes\n"
    )
    assert path.read_text(encoding="utf-8") == workload()


def test_git_applies_the_patch() -> None:
    path = write(workload().replace("\n", "\r\n") + "---\n" + workload("other"))
    commit()
    done = fix("-o", "patch=fix.patch")
    git("apply", "fix.patch")

    assert done.code == 1
    assert done.out == ""
    assert path.read_bytes().decode() == FIXED.replace("\n", "\r\n") + "---\n" + FIXED.replace(
        "web", "other"
    )


def test_git_applies_a_patch_of_many_files() -> None:
    names = [f"a{n} b.yaml" for n in range(3)]
    for name in names:
        write("\ufeff" + workload().rstrip("\n"), name)
    commit()
    fix("-o", "patch=fix.patch", source=".")
    git("apply", "fix.patch")

    assert {Path(name).read_text("utf-8") for name in names} == {"\ufeff" + FIXED.rstrip("\n")}


def test_files_are_written_once() -> None:
    path = write(workload())
    path.chmod(0o640)
    commit()
    done, again = fix("--write"), fix("--write")

    assert (done.code, done.out) == (0, "Fixed 1 of 1 finding in pods.yaml\n")
    assert (again.code, again.out) == (0, "Nothing to fix\n")
    assert path.read_text(encoding="utf-8") == FIXED
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_encoding_is_kept(encoding: str) -> None:
    path = write(workload(), encoding=encoding)

    assert fix("--write", "--allow-dirty").code == 0
    assert path.read_bytes() == FIXED.encode(encoding)


def test_utf_16_is_left_out_of_a_patch() -> None:
    write(workload(), encoding="utf-16")
    done = fix("-o", "patch")

    assert (done.out, done.code) == ("", 1)
    assert "pods.yaml is UTF-16 and left out of the patch" in done.err


def test_uncommitted_changes_are_not_mixed_with_fixes() -> None:
    path = write(workload())
    commit()
    path.write_text(workload("other"), encoding="utf-8")
    refused, allowed = fix("--write"), fix("--write", "--allow-dirty")

    assert refused.code == 2
    assert "error: pods.yaml has uncommitted changes" in refused.err
    assert "--allow-dirty" in refused.err
    assert allowed.code == 0
    assert path.read_text(encoding="utf-8") == FIXED.replace("web", "other")


def test_files_outside_of_git_need_the_option() -> None:
    path = write(workload())
    done = fix("--write")

    assert done.code == 2
    assert "pods.yaml is not in a git repository" in done.err
    assert path.read_text(encoding="utf-8") == workload()


def test_one_refused_file_keeps_all_from_being_written() -> None:
    write(workload(), "a.yaml")
    write(workload(), "b.yaml")
    commit()
    write(workload("other"), "b.yaml")

    assert fix("--write", source=".").code == 2
    assert Path("a.yaml").read_text(encoding="utf-8") == workload()


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need a privilege on Windows")
def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    target = write(workload(), "outside.yaml")
    (inside / "link.yaml").symlink_to(target.absolute())
    done = fix("--write", "--allow-dirty", source="inside/link.yaml")

    assert done.code == 2
    assert "inside/link.yaml is a symbolic link to a file outside of" in done.err
    assert target.read_text(encoding="utf-8") == workload()


def test_what_no_guard_resolves_is_listed() -> None:
    write(workload(image="iis:ltsc2019"))
    done = fix()

    assert done.code == 1
    assert "not fixed: windows-build-mismatch: Deployment/web can land on" in done.out
    assert all(len(line) <= 100 for line in done.out.splitlines())
    assert "add nodes for Windows 10.0.17763 and set nodeSelector" in done.out
    assert done.out.endswith("Nothing was fixed (2 findings)\n")
    assert fix("--fail-on", "never").code == 0


def test_nothing_to_fix() -> None:
    write(FIXED)

    assert fix().out == "Nothing to fix\n"
    assert fix().code == 0


def test_an_ignored_finding_is_not_fixed() -> None:
    path = write(workload())
    podfit("baseline", "pods.yaml", "--locked", "--baseline", "known.json")
    done = fix("--write", "--allow-dirty", "--baseline", "known.json")

    assert (done.code, done.out) == (0, "Nothing to fix\n")
    assert path.read_text(encoding="utf-8") == workload()


def test_standard_input_has_no_file() -> None:
    done = fix(source="-")

    assert done.code == 2
    assert "standard input cannot be fixed" in done.err


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "# the image\nimage: nginx:1.31\nnodeSelector: {}  # none\n",
    "templates/web.yaml": workload(
        spec="{{- with .Values.nodeSelector }}\n      nodeSelector:\n"
        "        {{- toYaml . | nindent 8 }}\n      {{- end }}"
    ).replace("nginx:1.31", "{{ .Values.image }}"),
}
OVERLAY = """\
# Written by `podfit fix`: pass it to Helm with -f, after your other values.
nodeSelector:
  kubernetes.io/os: linux
"""


def test_a_chart_gets_a_values_file(tmp_path: Path) -> None:
    require_library()
    write_tree(tmp_path / "shop", CHART)
    done = fix("--write", source="shop")
    again = fix("--write", source="shop")

    assert done.code == 0
    assert done.out == (
        "Fixed 1 of 1 finding in shop/podfit-values.yaml\n"
        "Pass shop/podfit-values.yaml to Helm with -f, after your other values.\n"
    )
    assert Path("shop/podfit-values.yaml").read_text(encoding="utf-8") == OVERLAY
    assert "shop/podfit-values.yaml has all values already" in again.out
    assert again.code == 0
    passed = fix("-f", "shop/podfit-values.yaml", source="shop")
    assert (passed.code, passed.out) == (0, "Nothing to fix\n")


def test_a_values_file_is_extended(tmp_path: Path) -> None:
    require_library()
    write_tree(tmp_path / "shop", CHART)
    path = write("# mine\nimage: 'nginx:1.31'\n", "mine.yaml")

    assert fix("--write", "--allow-dirty", "--overlay", "mine.yaml", source="shop").code == 0
    assert path.read_text(encoding="utf-8") == (
        "# mine\nimage: 'nginx:1.31'\nnodeSelector:\n  kubernetes.io/os: linux\n"
    )


def test_the_values_of_a_chart_are_changed_in_place(tmp_path: Path) -> None:
    require_library()
    write_tree(tmp_path / "shop", CHART)
    done = fix("--write", "--allow-dirty", "--in-place", source="shop")

    assert (done.code, done.out) == (0, "Fixed 1 of 1 finding in shop/values.yaml\n")
    assert Path("shop/values.yaml").read_text(encoding="utf-8") == (
        "# the image\nimage: nginx:1.31\nnodeSelector:  # none\n  kubernetes.io/os: linux\n"
    )
    assert fix(source="shop").out == "Nothing to fix\n"


def test_a_default_that_other_values_override_is_not_changed_in_place(tmp_path: Path) -> None:
    require_library()
    override = {"ci/a-values.yaml": "nodeSelector: {kubernetes.io/os: null}\n"}
    write_tree(tmp_path / "shop", CHART | override)
    done = fix("--in-place", source="shop")

    assert done.code == 1
    assert "+++" not in done.out
    assert "not fixed: missing-os-selector" in done.out


def test_two_charts_do_not_share_a_values_file(tmp_path: Path) -> None:
    require_library()
    write_tree(tmp_path / "charts" / "a", CHART)
    write_tree(tmp_path / "charts" / "b", CHART)
    done = fix("--overlay", "mine.yaml", source="charts")

    assert done.code == 2
    assert "several charts would be fixed in mine.yaml" in done.err
    assert fix(source="charts").out.count("+++ b/charts/") == 2


def test_options_that_contradict_each_other() -> None:
    write(workload())
    done = fix("--in-place", "--overlay", "mine.yaml")

    assert done.code == 2
    assert "--in-place cannot be used with --overlay" in done.err


def test_a_kustomization_is_given_a_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_kustomize(monkeypatch, tmp_path)
    web = workload().replace("spec:\n  template:\n", f"spec:\n{SELECTED}")
    write_tree(
        tmp_path / "deploy",
        {
            "base/web.yaml": web,
            "base/kustomization.yaml": "resources: [web.yaml]\n",
            "prod/kustomization.yaml": "# prod\nnamePrefix: prod-\nresources:\n- ../base  # all\n",
        },
    )
    done = fix("--write", "--allow-dirty", "--cluster", "rke1", source="deploy")

    assert (done.code, done.out) == (0, "Fixed 1 of 1 finding in deploy/prod/kustomization.yaml\n")
    text = Path("deploy/prod/kustomization.yaml").read_text(encoding="utf-8")
    assert text.startswith(
        "# prod\nnamePrefix: prod-\nresources:\n- ../base  # all\npatches:\n- target:\n"
    )
    assert "kubernetes.io/os: linux" in text
    assert "key: cattle.io/os" in text
    assert Path("deploy/base/web.yaml").read_text(encoding="utf-8") == web
    assert fix("--cluster", "rke1", source="deploy").out == "Nothing to fix\n"


SELECTED = """\
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
"""
ARGO = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  source:
    repoURL: https://git.example/shop.git
    path: shop
    helm:VALUES
"""
FLUX = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: shop}
spec: {url: https://git.example/shop.git}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop}
spec:
  chart: {spec: {chart: shop, sourceRef: {kind: GitRepository, name: shop}}}
"""
ARGO_TEXT = """
      values: |
        # mine
        image: nginx:1.31

        nodeSelector: {}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            ARGO.replace("VALUES", " {}"),
            ARGO.replace(
                "VALUES",
                "\n      valuesObject:\n        nodeSelector:\n          kubernetes.io/os: linux",
            ),
        ),
        (
            ARGO.replace("VALUES", ARGO_TEXT.rstrip("\n")),
            ARGO.replace(
                "VALUES",
                ARGO_TEXT.rstrip("{} \n") + "\n          kubernetes.io/os: linux",
            ),
        ),
        (FLUX, f"{FLUX}  values:\n    nodeSelector:\n      kubernetes.io/os: linux\n"),
    ],
)
def test_values_go_into_the_object_that_installs_the_chart(
    tmp_path: Path, before: str, after: str
) -> None:
    require_library()
    write_tree(tmp_path / "shop", CHART)
    (tmp_path / ".git").mkdir()
    write('[remote "origin"]\nurl = https://git.example/shop.git\n', ".git/config")
    path = write(before, "app.yaml")
    done = fix("--write", "--allow-dirty", "--follow", source="app.yaml")

    assert path.read_text(encoding="utf-8") == after
    assert (done.code, done.out) == (0, "Fixed 1 of 1 finding in app.yaml\n")
    assert fix("--follow", source="app.yaml").out == "Nothing to fix\n"


def test_objects_in_one_file_are_fixed_together(tmp_path: Path) -> None:
    require_library()
    write_tree(tmp_path / "shop", CHART)
    (tmp_path / ".git").mkdir()
    write('[remote "origin"]\nurl = https://git.example/shop.git\n', ".git/config")
    argo = ARGO.replace("VALUES", " {}")
    write("---\n".join((argo, argo.replace("name: shop", "name: other"), workload())), "app.yaml")
    done = fix("--write", "--allow-dirty", "--follow", source="app.yaml")

    assert done.code == 0
    assert Path("app.yaml").read_text(encoding="utf-8").count("kubernetes.io/os: linux") == 3
    assert fix("--follow", source="app.yaml").out == "Nothing to fix\n"


def test_what_cannot_be_read_is_not_clean() -> None:
    done = fix(source="missing.yaml")

    assert (done.code, done.out) == (3, "Nothing was fixed: the audit is incomplete\n")
    assert "missing.yaml does not exist" in done.err


def test_the_help_of_a_finding_without_a_change_is_its_fix() -> None:
    write(workload().replace("nginx:1.31", "nginx:${TAG}"))
    done = fix()

    assert "   = help: render it first; Kubernetes does not expand variables" in done.out
