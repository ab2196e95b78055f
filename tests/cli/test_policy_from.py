"""`--policy-from`: what a pull request changes decides nothing about its own verdict."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from tests.support.command import Done, podfit, write_lock
from tests.support.registry import Registry
from tests.support.repositories import Repository, new_repository

AGENT = "docker.io/library/agent:1"
MANIFEST = """apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: {name}}}
spec:
  template:
    spec:
      containers: [{{name: agent, image: "{image}"}}]{comment}
"""
IGNORE = "  # podfit: ignore[missing-os-selector] -- known"


HERE = Repository(Path())
"""The repository of the working directory."""


def manifest(name: str = "agent", image: str = "agent:1", comment: str = "") -> str:
    return MANIFEST.format(name=name, image=image, comment=comment)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose base has one finding: a DaemonSet with a Linux image and no guard."""
    folder = new_repository(tmp_path / "repository").folder
    (folder / "deploy").mkdir()
    monkeypatch.chdir(folder)
    (folder / "deploy" / "agent.yaml").write_text(manifest())
    write_lock(folder, {AGENT: ("linux/amd64", "linux/arm64")})
    HERE.commit({})
    return folder


def audit(*arguments: str, base: str = "main") -> Done:
    given = ("--policy-from", base, "--locked", "-o", "json", *arguments)
    return podfit("audit", "deploy", *given)


def findings(done: Done) -> list[tuple[str, bool]]:
    return [
        (item["workload"]["name"], item["suppressed"] is None) for item in done.json["findings"]
    ]


def as_pull_request() -> None:
    HERE.git("checkout", "-q", "-b", "change")


def test_without_a_change_it_is_the_same_audit(repository: Path) -> None:
    plain = podfit("audit", "deploy", "--locked", "-o", "json")
    based = audit()
    assert (based.code, based.json["findings"]) == (1, plain.json["findings"])


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".podfit.yaml", "rules: {missing-os-selector: {severity: info}}\n"),
        (".podfit.yaml", "exclude: [deploy/agent.yaml]\n"),
        (".podfit.yaml", "cluster: linux\n"),
        (".podfit.yaml", "fail-on: never\n"),
        (".podfit.yaml", "images: {overrides: {'**': [linux/amd64, windows/amd64]}}\n"),
        (".podfit.yaml", "ignore: [{rules: [missing-os-selector], reason: x, paths: ['**']}]\n"),
        (".github/.podfit.yaml", "fail-on: never\n"),
        ("main/.podfit.yaml", "fail-on: never\n"),
    ],
)
def test_a_changed_configuration_does_not_count(repository: Path, path: str, text: str) -> None:
    expected = audit()
    as_pull_request()
    (repository / path).parent.mkdir(exist_ok=True)
    (repository / path).write_text(f"version: 1\n{text}")
    HERE.commit({})
    if not path.startswith("main/"):
        plain = podfit("audit", "deploy", "--locked", "-o", "json")
        assert plain.code != 1, "the change would decide"
    done = audit()
    assert (done.code, done.json["findings"]) == (1, expected.json["findings"])


def test_a_changed_baseline_does_not_count(repository: Path) -> None:
    as_pull_request()
    assert podfit("baseline", ".", "--locked").code == 0
    assert podfit("audit", "deploy", "--locked").code == 0
    assert audit().code == 1
    assert audit("--baseline=.podfit-baseline.json").code == 2  # the base has none


def test_the_baseline_of_the_base_counts(repository: Path) -> None:
    assert podfit("baseline", ".", "--locked").code == 0
    HERE.commit({})
    as_pull_request()
    (repository / ".podfit-baseline.json").unlink()
    (repository / "deploy" / "new.yaml").write_text(manifest("new"))
    assert findings(audit()) == [("agent", False), ("new", True)]


def test_a_lock_entry_of_the_pull_request_does_not_count(repository: Path) -> None:
    as_pull_request()
    everywhere = ("linux/amd64", "windows(10.0.20348)/amd64", "windows(10.0.26100)/amd64")
    write_lock(repository, {AGENT: everywhere, "docker.io/library/new:1": everywhere})
    (repository / "deploy" / "new.yaml").write_text(manifest("new", "new:1"))
    assert podfit("audit", "deploy", "--locked").code == 0
    done = audit()
    assert done.code == 1
    assert ("agent", True) in findings(done)
    whys = [problem["why"] for problem in done.json["errors"]]  # there is no network
    assert any(why.startswith("agent:1: ") for why in whys)
    assert any(why.startswith("new:1: ") for why in whys)


def test_a_changed_entry_that_lies_is_found_by_its_digest(
    repository: Path, registry: Registry
) -> None:
    image = f"{registry.host}/policy/liar:1"
    registry.push_image("policy/liar", "1", ["linux/amd64"])
    as_pull_request()
    (repository / "deploy" / "new.yaml").write_text(manifest("new", image))
    assert podfit("lock", ".", "--update", image).code in (0, 3)
    lock = json.loads((repository / "podfit.lock.json").read_text())
    honest = podfit("audit", "deploy/new.yaml", "--policy-from=main", "-o", "json")
    assert (honest.code, honest.json["errors"]) == (1, [])
    lock["images"][image]["platforms"].append("windows(10.0.20348)/amd64")
    (repository / "podfit.lock.json").write_text(json.dumps(lock))

    done = podfit("audit", "deploy/new.yaml", "--policy-from=main", "-o", "json")

    assert ("new", True) in findings(done)
    (problem,) = done.json["errors"]
    assert problem["what"] == "a changed lock entry is wrong"
    assert "platforms lost: windows(10.0.20348)/amd64" in problem["why"]


def test_a_comment_counts_only_where_its_file_is_that_of_the_base(repository: Path) -> None:
    (repository / "deploy" / "agent.yaml").write_text(manifest(comment=IGNORE))
    HERE.commit({})
    as_pull_request()
    (repository / "deploy" / "new.yaml").write_text(manifest("new", comment=IGNORE))
    done = audit()
    assert [item for item in findings(done) if item[0] != ""][:1] == [("agent", False)]
    assert ("new", True) in findings(done)
    assert any("1 ignore was not applied" in notice for notice in done.json["notices"])
    (repository / "deploy" / "agent.yaml").write_text(manifest(comment=IGNORE) + "# changed\n")
    assert ("agent", True) in findings(audit())


def test_rules_and_clusters_of_the_pull_request_do_not_count(repository: Path) -> None:
    profile = files("auditor.clusters").joinpath("hybrid.yaml").read_text(encoding="utf-8")
    (repository / "cluster.yaml").write_text(profile)
    expected = audit()
    HERE.commit({})
    as_pull_request()
    (repository / "cluster.yaml").write_text("broken: [\n")
    (repository / "rules").mkdir()
    (repository / "rules" / "x.yaml").write_text("broken: [\n")
    assert audit("--rules=rules").code == 2
    done = audit("--cluster=cluster.yaml")
    assert len(done.json["findings"]) == len(expected.json["findings"])


def test_registry_settings_of_the_pull_request_do_not_count(repository: Path) -> None:
    (repository / "daemon.json").write_text("{}")
    HERE.commit({})
    as_pull_request()
    (repository / "daemon.json").write_text("broken")
    plain = podfit("audit", "deploy", "--registry-config=daemon.json")
    based = podfit("audit", "deploy", "--registry-config=daemon.json", "--policy-from=main")
    assert (plain.code, based.code) == (2, 1)


def test_config_show_shows_the_settings_of_the_base(repository: Path) -> None:
    HERE.commit({".podfit.yaml": "version: 1\nfail-on: warning\n"})
    as_pull_request()
    (repository / ".podfit.yaml").write_text("version: 1\nfail-on: never\n")
    assert "fail-on: never" in podfit("config", "show", "deploy").out
    shown = podfit("config", "show", "deploy", "--policy-from=main").out
    assert "fail-on: warning" in shown
    assert "never" not in shown


def test_a_folder_is_a_base_too(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path / "trusted")
    as_pull_request()
    (repository / ".podfit.yaml").write_text("version: 1\nfail-on: never\n")
    assert audit(base=str(tmp_path / "trusted")).code == 1
    assert audit(base="../trusted").code == 1


def test_a_folder_of_the_pull_request_is_no_base(repository: Path) -> None:
    as_pull_request()
    (repository / "main").mkdir()
    (repository / "main" / ".podfit.yaml").write_text("version: 1\nfail-on: never\n")
    assert audit(base="main").code == 1
    assert audit(base="./main").code == 2


@pytest.mark.parametrize("revision", ["--help", "-x", "no-such", "HEAD:deploy", "", "0" * 40])
def test_what_is_no_revision_is_a_usage_error(repository: Path, revision: str) -> None:
    done = podfit("audit", "deploy", f"--policy-from={revision}", "--locked")
    assert done.code == 2
    assert "--policy-from" in done.err


def test_no_program_of_the_repository_runs(repository: Path, tmp_path: Path) -> None:
    base = commit_with_filters(repository, tmp_path / "touched")
    assert audit(base=base).code == 1
    assert not (tmp_path / "touched").exists()


def commit_with_filters(repository: Path, touched: Path) -> str:
    script = repository / "run.sh"
    script.write_text(f"#!/bin/sh\ntouch '{touched}'\ncat\n")
    script.chmod(0o755)
    (repository / ".gitattributes").write_text("*.yaml filter=x diff=x export-ignore\n")
    base = HERE.commit({})
    for name in ("filter.x.smudge", "filter.x.clean", "diff.x.textconv", "core.fsmonitor"):
        HERE.git("config", name, str(script))
    return base


def test_git_variables_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert audit().code == 1


def test_without_git_a_folder_is_asked_for(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = podfit("audit", "deploy", "--policy-from=main", "--locked")
    assert (done.code, "needs git" in done.err) == (2, True)
