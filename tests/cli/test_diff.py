"""`podfit diff`: what a change of charts and manifests makes worse."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from auditor.cli import sides
from auditor.cli.run import run_audits
from auditor.config.model import Config, Reach
from tests.support.command import Done, podfit, write_lock
from tests.support.tools import ROOT, require_tool

SCHEMA = json.loads((ROOT / "docs/schema/diff-v1.json").read_text(encoding="utf-8"))
BOTH = ("linux/amd64", "windows(10.0.20348.1)/amd64", "windows(10.0.26100.1)/amd64")
LINUX = ("linux/amd64",)
DEPLOYMENT = """\
---
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  template:
    spec:
      nodeSelector: {{{selector}}}
      containers: [{{name: {container}, image: "{image}"}}]
"""
GUARD = "kubernetes.io/os: linux"


def pod(
    name: str = "web",
    image: str = "web:1",
    selector: str = "",
    container: str = "web",
    kind: str = "Deployment",
) -> str:
    return DEPLOYMENT.format(
        name=name, image=image, selector=selector, container=container, kind=kind
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    write_lock(
        path,
        {
            "docker.io/library/web:1": BOTH,
            "docker.io/library/web:2": LINUX,
            "docker.io/library/web:3": BOTH,
            "docker.io/library/other:1": LINUX,
        },
    )
    (path / ".git").mkdir()
    monkeypatch.chdir(path)
    return path


def diff(*arguments: str | Path) -> Done:
    return podfit("diff", *arguments, "--locked")


def compared(old: str, new: str, *arguments: str) -> Any:
    Path("old.yaml").write_text(old)
    Path("new.yaml").write_text(new)
    done = diff("old.yaml", "new.yaml", *arguments, "-o", "json")
    Draft202012Validator(SCHEMA).validate(done.json)
    assert done.code == done.json["exit_code"]
    return done.json


def names(findings: Any) -> list[tuple[str, str]]:
    return [(item["rule"], item["workload"]["name"]) for item in findings]


def git(*arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.test")
    subprocess.run(["git", *identity, *arguments], check=True, timeout=60, capture_output=True)


@pytest.fixture
def repository(folder: Path) -> Path:
    """The folder as a repository with one commit of a chart and a manifest."""
    require_tool("git")
    (folder / ".git").rmdir()
    chart = folder / "charts" / "shop"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("image: web:2\nweb: {nodeSelector: {}}\n")
    (chart / "templates" / "web.yaml").write_text(
        pod("{{ .Release.Name }}-web", "{{ .Values.image }}").replace(
            "{}", "{{ toJson .Values.web.nodeSelector }}"
        )
    )
    (folder / "app.yaml").write_text(pod())
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "base")
    return folder


def test_a_new_finding_fails_and_a_gone_one_does_not() -> None:
    found = compared(pod(image="web:1"), pod(image="web:2"))
    assert names(found["appearing"]) == [("missing-os-selector", "web")]
    assert (found["disappearing"], found["exit_code"]) == ([], 1)

    found = compared(pod(image="web:2"), pod(image="web:1"))
    assert names(found["disappearing"]) == [("missing-os-selector", "web")]
    assert (found["appearing"], found["exit_code"], found["worse"]) == ([], 0, False)


def test_fail_on_decides_which_findings_fail() -> None:
    found = compared(pod(image="web:1"), pod(image="web:2"), "--fail-on", "never")
    assert names(found["appearing"]) == [("missing-os-selector", "web")]
    assert found["exit_code"] == 0


@pytest.mark.parametrize(
    "new",
    [
        "# a comment\n\n" + pod(image="web:2"),
        pod("first", image="web:1") + pod(image="web:2"),
        pod(image="web:2", container="renamed"),
    ],
)
def test_a_finding_stays_the_same(new: str) -> None:
    found = compared(pod(image="web:2"), new)
    assert (found["appearing"], found["disappearing"]) == ([], [])
    assert found["exit_code"] == 0


def test_another_workload_with_the_same_finding_is_new() -> None:
    found = compared(
        pod("a", image="web:2") + pod("b", image="web:2"),
        pod("b", image="web:2") + pod("c", image="other:1", container="c"),
    )
    assert names(found["appearing"]) == [("missing-os-selector", "c")]
    assert names(found["disappearing"]) == [("missing-os-selector", "a")]
    assert found["added_workloads"] == ["Deployment/c"]
    assert found["removed_workloads"] == ["Deployment/a"]


def test_images_are_paired_by_container_and_repository() -> None:
    found = compared(
        pod("a", image="web:1") + pod("b", image="other:1", selector=GUARD, container="x"),
        pod("a", image="web:3"),
    )
    images = [
        (item["old"] and item["old"]["image"], item["new"] and item["new"]["image"])
        for item in found["images"]
    ]
    assert images == [
        ("docker.io/library/web:1", "docker.io/library/web:3"),
        ("docker.io/library/other:1", None),
    ]
    assert found["images"][0]["lost"] == found["images"][0]["gained"] == []


def test_a_lost_platform_that_a_pool_needs_is_worse_without_a_finding() -> None:
    """The guard keeps the new image off Windows, where the old one ran."""
    found = compared(pod(image="web:1"), pod(image="web:2", selector=GUARD))
    assert found["appearing"] == []
    assert {(item["pool"], item["change"]) for item in found["pools"]} == {
        ("hybrid/windows-2022", "no-longer-runs"),
        ("hybrid/windows-2025", "no-longer-runs"),
    }
    assert found["images"][0]["lost"] == [
        "windows(10.0.20348.1)/amd64",
        "windows(10.0.26100.1)/amd64",
    ]
    assert found["exit_code"] == 1
    assert (
        compared(pod(image="web:1"), pod(image="web:2", selector=GUARD), "--cluster", "linux")[
            "exit_code"
        ]
        == 0
    )


def test_placements_that_widen_and_narrow() -> None:
    found = compared(pod("a", selector=GUARD) + pod("b"), pod("a") + pod("b", selector=GUARD))
    changes = {(item["workload"], item["change"]) for item in found["pools"]}
    assert changes == {("Deployment/a", "may-land-now"), ("Deployment/b", "kept-off-now")}
    assert found["exit_code"] == 0


def test_a_moved_tag(folder: Path) -> None:
    for name, digest, platforms in (("one", "1", BOTH), ("two", "2", LINUX)):
        (folder / name).mkdir()
        (folder / name / "app.yaml").write_text(pod())
        write_lock(folder / name, {"docker.io/library/web:1": platforms})
        lock = folder / name / "podfit.lock.json"
        lock.write_text(lock.read_text().replace("sha256:0", f"sha256:{digest}"))
    done = diff("one", "two", "-o", "json")
    (image,) = done.json["images"]
    assert (image["moved"], len(image["lost"])) == (True, 2)
    assert names(done.json["appearing"]) == [("missing-os-selector", "web")]
    assert "web:1 has another digest: lost windows" in diff("one", "two").out

    locks = diff("one/podfit.lock.json", "two/podfit.lock.json", "-o", "json")
    Draft202012Validator(SCHEMA).validate(locks.json)
    assert locks.code == 1
    assert {pool for item in locks.json["lost_platforms"] for pool in item["pools"]} == {
        "hybrid/windows-2022",
        "hybrid/windows-2025",
    }
    assert diff("two/podfit.lock.json", "one/podfit.lock.json").code == 0
    assert diff("one/podfit.lock.json", "two/app.yaml").code == 2


def test_two_reports_are_compared_like_the_sources() -> None:
    Path("old.yaml").write_text(pod(image="web:1"))
    Path("new.yaml").write_text(pod(image="web:2"))
    for name in ("old", "new"):
        podfit("audit", f"{name}.yaml", "--locked", "-o", f"json={name}.json")
    direct = diff("old.yaml", "new.yaml", "-o", "json").json
    written = diff("old.json", "new.json", "-o", "json").json
    assert written["appearing"] == direct["appearing"]
    assert written["pools"] == direct["pools"]
    assert written["exit_code"] == 1
    assert diff("old.json", "new.yaml", "-o", "json").json["appearing"] == direct["appearing"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema_version": 2}, "reads version 1"),
        ({"findings": [{"rule": 1}]}, "$.findings[0]"),
        ({"images": [{"image": "a", "platforms": ["x"]}]}, "not a platform"),
    ],
)
def test_an_invalid_report_is_a_configuration_error(change: Any, why: str) -> None:
    Path("old.yaml").write_text(pod())
    podfit("audit", "old.yaml", "--locked", "-o", "json=old.json")
    report = json.loads(Path("old.json").read_text())
    Path("bad.json").write_text(json.dumps({**report, **change}))
    done = diff("old.json", "bad.json")
    assert (done.code, why in done.err, "bad.json" in done.err) == (2, True, True)


def test_a_side_that_cannot_be_audited_is_not_without_changes() -> None:
    Path("old.yaml").write_text(pod(image="web:2"))
    Path("bad.yaml").write_text("a: [\n")
    for both in (("old.yaml", "bad.yaml"), ("bad.yaml", "old.yaml"), ("old.yaml", "none.yaml")):
        done = diff(*both)
        assert done.code == 3
        assert "Nothing was compared" in done.out
        assert "gone" not in done.out
        assert "New findings" not in done.out


def test_a_side_that_is_partly_audited_says_so(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "app.yaml").write_text(pod())
    (folder / "two" / "bad.yaml").write_text("apiVersion: v1\nkind: Pod\nspec: [\n")
    done = diff("one", "two")
    assert done.code == 3
    assert "NEW (two) was not audited completely" in done.out
    assert "incomplete" in done.out


def test_unresolved_images_are_not_without_changes() -> None:
    Path("old.yaml").write_text(pod(image="unknown:1"))
    done = diff("old.yaml", "old.yaml")
    assert done.code == 0
    assert "1 image unresolved" in done.out
    assert "No change in what is known" in done.out
    assert diff("old.yaml", "old.yaml", "--strict").code == 3


def test_a_revision_is_compared_with_the_working_tree(repository: Path) -> None:
    (repository / "app.yaml").write_text(pod(image="web:2"))
    done = diff("HEAD:app.yaml", "app.yaml", "-o", "json")
    assert names(done.json["appearing"]) == [("missing-os-selector", "web")]
    assert (
        diff("app.yaml", "HEAD:app.yaml", "-o", "json").json["disappearing"][0]["location"]["path"]
        == "app.yaml"
    )
    back = diff("app.yaml", "HEAD:./app.yaml", "-o", "json").json
    assert (names(back["disappearing"]), back["new"]["name"]) == (
        [("missing-os-selector", "web")],
        "HEAD:./app.yaml",
    )


def test_each_side_uses_its_own_lock_file(repository: Path) -> None:
    write_lock(repository, {"docker.io/library/web:1": LINUX})
    done = diff("--base", "HEAD", "app.yaml", "-o", "json")
    assert names(done.json["appearing"]) == [("missing-os-selector", "web")]
    assert done.json["images"][0]["lost"] != []


def test_base_shows_only_what_the_branch_changes(repository: Path) -> None:
    git("checkout", "-q", "-b", "branch")
    (repository / "new.yaml").write_text(pod("new", image="web:2"))
    git("add", "-A")
    git("commit", "-q", "-m", "branch")
    git("checkout", "-q", "main")
    (repository / "app.yaml").write_text(pod(image="web:1", selector=GUARD))
    git("commit", "-q", "-a", "-m", "main")
    git("checkout", "-q", "branch")
    done = diff("--base", "main", "-o", "json")
    assert names(done.json["appearing"]) == [("missing-os-selector", "new")]
    assert (done.json["disappearing"], done.json["pools"], done.code) == ([], [], 1)
    assert diff("--base", "main", "new.yaml", "-o", "json").json["appearing"] != []


def test_a_renamed_release_template_version_and_key(repository: Path) -> None:
    """None of them makes a finding new; the key that resolves it is shown."""
    chart = repository / "charts" / "shop"
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 2.0.0\n")
    (chart / "values.yaml").write_text("image: web:2\nfront: {nodeSelector: {}}\n")
    text = (chart / "templates" / "web.yaml").read_text().replace("Values.web", "Values.front")
    (chart / "templates" / "web.yaml").unlink()
    (chart / "templates" / "front.yaml").write_text("\n\n" + text)
    done = diff("--base", "HEAD", "charts/shop", "-o", "json")
    assert (done.json["appearing"], done.json["disappearing"], done.code) == ([], [], 0)
    assert [(item["old"], item["new"]) for item in done.json["keys"]] == [
        (["web.nodeSelector"], ["front.nodeSelector"])
    ]
    done = diff("--base", "HEAD", "charts/shop", "--no-remedies", "-o", "json")
    assert done.json["keys"] == []

    podfit("audit", "charts/shop", "--locked", "-o", "json=one.json", "--release-name", "one")
    podfit("audit", "charts/shop", "--locked", "-o", "json=two.json", "--release-name", "two")
    done = diff("one.json", "two.json", "-o", "json")
    assert (done.json["appearing"], done.json["disappearing"]) == ([], [])
    assert (done.json["added_workloads"], done.json["removed_workloads"]) == ([], [])


def test_values_files_of_a_revision_have_its_version(repository: Path) -> None:
    (repository / "prod.yaml").write_text("image: web:1\n")
    git("add", "-A")
    git("commit", "-q", "-m", "values")
    (repository / "prod.yaml").write_text("image: web:2\n")
    done = diff("--base", "HEAD", "charts/shop", "-f", "prod.yaml", "-o", "json")
    assert names(done.json["appearing"]) == [("missing-os-selector", "release-name-web")]


def test_git_runs_no_filter_and_no_hook(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.yaml filter=evil export-ignore\n")
    git("add", "-A")
    git("commit", "-q", "-m", "attributes")
    for kind in ("clean", "smudge"):
        git("config", f"filter.evil.{kind}", "touch evil; cat")
    done = diff("HEAD:app.yaml", "app.yaml", "-o", "json")
    assert (done.code, done.json["old"]["workloads"]) == (0, 1)
    assert not (repository / "evil").exists()


def test_a_finding_that_is_suppressed_now_is_not_gone() -> None:
    ignored = pod(image="web:2").replace(
        "{name: web}", "{name: web, annotations: {ignore.podfit.dev/missing-os-selector: x}}", 1
    )
    found = compared(pod(image="web:2"), ignored)
    assert names(found["suppressed"]) == [("missing-os-selector", "web")]
    assert (found["appearing"], found["disappearing"], found["exit_code"]) == ([], [], 0)
    assert "1 finding suppressed now" in diff("old.yaml", "new.yaml").out
    assert names(compared(ignored, pod(image="web:2"))["appearing"]) == [
        ("missing-os-selector", "web")
    ]


def test_a_finding_whose_image_is_unknown_now_is_not_gone() -> None:
    found = compared(pod(image="web:2"), pod(image="other:9"))
    assert names(found["undetermined"]) == [("missing-os-selector", "web")]
    assert found["disappearing"] == []
    done = diff("old.yaml", "new.yaml")
    assert "Findings that could not be checked in NEW: 1\n" in done.out
    assert "1 finding not checked" in done.out
    found = compared(pod(image="web:2"), pod(image="other:9", selector=GUARD))
    assert (names(found["undetermined"]), names(found["disappearing"])) == (
        [],
        [("missing-os-selector", "web")],
    )


def test_a_link_of_a_revision_does_not_lead_out_of_it(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(pod("secret", image="web:2"))
    (repository / "deploy").mkdir()
    (repository / "deploy" / "out.yaml").symlink_to(tmp_path / "secret.yaml")
    (repository / "deploy" / "in.yaml").symlink_to("../app.yaml")
    git("add", "-A")
    git("commit", "-q", "-m", "links")
    done = diff("HEAD:deploy", "app.yaml", "-o", "json")
    assert (done.code, done.json["old"]["workloads"]) == (3, 1)
    assert "links to a file outside" in done.err


def test_a_submodule_is_an_error(repository: Path) -> None:
    git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},deploy/module")
    git("commit", "-q", "-m", "submodule")
    done = diff("HEAD:deploy", "app.yaml")
    assert (done.code, "deploy/module is a submodule" in done.err) == (2, True)
    assert diff("HEAD:app.yaml", "app.yaml").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "needs OLD and NEW, not 0"),
        (("app.yaml",), "needs OLD and NEW, not 1"),
        (("-", "-"), "cannot be both"),
        (("nothing:app.yaml", "app.yaml"), "does not have the revision"),
        (("HEAD:nothing.yaml", "app.yaml"), "the revision has no nothing.yaml"),
        (("HEAD:../../x", "app.yaml"), "outside of the repository"),
        (("--base", "nothing"), "does not have the revision"),
        (("--base", "HEAD", "-"), "standard input"),
        (("app.yaml", "HEAD:app.yaml", "-o", "github"), "-o github needs"),
    ],
)
@pytest.mark.usefixtures("repository")
def test_wrong_usage(arguments: tuple[str, ...], message: str) -> None:
    done = diff(*arguments)
    assert (done.code, message in done.err, done.out) == (2, True, "")


def test_with_a_trusted_policy_the_base_does_not_use_cached_tags(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The author of a change may have written the cache to make its findings look old."""
    seen = []

    def audited(config: Config, *arguments: Any) -> Any:
        seen.append((config.policy_base is not None, config.images.refresh))
        locked = replace(config.images, reach=Reach.LOCKED)
        return run_audits(replace(config, images=locked), *arguments)

    monkeypatch.setattr(sides, "run_audits", audited)
    assert podfit("diff", "--base", "HEAD", "--policy-from", "HEAD").code == 0
    assert seen == [(True, False), (False, True)]
    seen.clear()
    assert podfit("diff", "--base", "HEAD").code == 0
    assert seen == [(False, False), (False, False)]


def test_annotations_are_those_of_new_findings(repository: Path) -> None:
    (repository / "app.yaml").write_text(pod(image="web:2"))
    done = diff("--base", "HEAD", "-o", "github")
    assert done.out.count("::error") == 1
    assert "file=app.yaml" in done.out
    assert podfit("audit", ".", "--locked", "-o", "github").out.count("::error") == 2


def test_the_text_and_the_markdown_escape_names() -> None:
    hostile = "web\\n::error::x"
    Path("old.yaml").write_text(pod())
    Path("new.yaml").write_text(pod().replace("{name: web}", f'{{name: "{hostile}"}}', 1))
    for form in ("text", "markdown"):
        out = diff("old.yaml", "new.yaml", "-o", form).out
        assert not any(line.startswith("::") for line in out.splitlines())


def test_the_text_names_what_got_worse_first() -> None:
    Path("old.yaml").write_text(pod("a", selector=GUARD) + pod("b", image="web:1"))
    Path("new.yaml").write_text(pod("a") + pod("b", image="web:2"))
    done = diff("old.yaml", "new.yaml")
    end = "1 workload that can no longer run on a pool · 2 workloads, 2 images compared"
    assert [line for line in done.out.splitlines() if line and not line.startswith(" ")] == [
        "New findings: 1",
        "Can no longer run",
        "Placements",
        "Images",
        f"✗ 1 new finding, {end}",
    ]
    assert "Deployment/a may now be scheduled onto windows-2022 and windows-2025" in done.out
