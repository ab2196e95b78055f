"""Silencing findings, and the baseline, from the outside."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Done, podfit, write_lock
from tests.support.reports import LINUX_ONLY, joined, workload

RULE = "missing-os-selector"
LINUX = ("linux/amd64", "linux/arm64/v8")
BASELINE = Path(".podfit-baseline.json")
ENTRY = f"ignore: [{{rules: [{RULE}], match: {{kind: Deployment}}, reason: tainted}}]\n"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_lock(folder, {"docker.io/library/nginx:1.31": LINUX})
    deploy(workload())
    return folder


def deploy(text: str, name: str = "web.yaml") -> None:
    path = Path("deploy", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def configure(text: str) -> None:
    Path(".podfit.yaml").write_text(f"version: 1\n{text}")


def audit(*arguments: str) -> Done:
    return podfit("audit", *arguments, "--locked")


def findings(*arguments: str) -> list[tuple[str, Any]]:
    """Rule and, where it was silenced, by what."""
    done = audit(*arguments, "-o", "json")
    assert done.code in (0, 1), done.err
    return [(f["rule"], (f["suppressed"] or {}).get("by")) for f in done.json["findings"]]


@pytest.mark.parametrize(
    ("text", "config", "by"),
    [
        (workload() + f"# podfit: ignore[{RULE}] tainted\n", "", "comment"),
        (
            workload().replace(
                "metadata:\n", f"metadata:\n  annotations: {{ignore.podfit.dev/{RULE}: t}}\n", 1
            ),
            "",
            "annotation",
        ),
        (workload(), ENTRY, "config"),
    ],
)
def test_each_layer(text: str, config: str, by: str) -> None:
    deploy(text)
    configure(config)

    assert findings() == [(RULE, by)]
    done = audit()
    assert done.code == 0
    assert "1 suppressed" in done.out
    assert (audit("--no-ignores").code, findings("--no-ignores")) == (1, [(RULE, None)])


def test_a_comment_in_a_template_survives_rendering() -> None:
    chart = Path("charts/shop")
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (chart / "templates" / "web.yaml").write_text(
        "# podfit: ignore[missing-os-selector] tainted\n"
        + workload("{{ .Release.Name }}-web").replace("nginx:1.31", "{{ .Values.image }}")
    )
    (chart / "values.yaml").write_text("image: nginx:1.31\n")

    assert (RULE, "comment") in findings("charts")


def test_an_expired_entry_is_told() -> None:
    configure(ENTRY.replace("reason", "expires: 2001-01-01, reason"))

    done = audit("--fail-on", "never")
    assert "expired on 2001-01-01" in done.out
    assert sorted(findings()) == [(RULE, None), ("unused-ignore", None)]


def test_an_unused_entry_is_told_if_everything_was_audited() -> None:
    deploy(workload(spec=LINUX_ONLY))
    configure(ENTRY)

    assert findings() == [("unused-ignore", None)]
    assert findings("deploy/web.yaml") == []
    done = audit("--fail-on", "warning")
    assert (done.code, ".podfit.yaml:2:10" in done.out) == (1, True)


def test_a_baseline_is_written_and_heeded() -> None:
    done = podfit("baseline", "--locked")
    assert (done.code, done.out) == (0, "wrote .podfit-baseline.json (1 finding)\n")
    entry = json.loads(BASELINE.read_text())["findings"][0]
    assert (entry["rule"], entry["path"]) == (RULE, "deploy/web.yaml")

    assert findings() == [(RULE, "baseline")]
    done = audit()
    assert (done.code, "1 suppressed (1 by the baseline)" in done.out) == (0, True)
    deploy(workload("api"), "api.yaml")
    assert sorted(findings(), key=str) == [(RULE, "baseline"), (RULE, None)]
    assert audit().code == 1


def test_the_same_findings_give_the_same_bytes() -> None:
    deploy(joined(workload("b"), workload("a")), "more.yaml")
    podfit("baseline", "--locked")
    before = BASELINE.read_bytes()

    done = podfit("baseline", "--locked", ".")
    assert done.out == "unchanged: .podfit-baseline.json (3 findings)\n"
    assert BASELINE.read_bytes() == before


@pytest.mark.parametrize(
    ("folder", "source"),
    [(".", "."), (".", "deploy"), (".", "./deploy/web.yaml"), ("deploy", "."), ("..", "repo")],
)
def test_it_holds_however_the_source_is_named(
    repository: Path, monkeypatch: pytest.MonkeyPatch, folder: str, source: str
) -> None:
    podfit("baseline", "--locked")
    monkeypatch.chdir(repository / folder)

    assert findings(source) == [(RULE, "baseline")]
    assert findings(str((repository / folder / source).resolve())) == [(RULE, "baseline")]


def test_it_is_made_of_what_is_not_silenced_otherwise() -> None:
    deploy(workload("api") + f"# podfit: ignore[{RULE}] tainted\n", "api.yaml")

    assert "(1 finding)" in podfit("baseline", "--locked").out


def test_another_file() -> None:
    podfit("baseline", "--locked", "--baseline", "ci/known.json")
    assert not BASELINE.exists()

    assert findings("--baseline", "ci/known.json") == [(RULE, "baseline")]
    configure("baseline: ci/known.json\n")
    assert findings() == [(RULE, "baseline")]


def test_one_that_is_named_must_be_there() -> None:
    done = audit("--baseline", "gone.json")

    assert (done.code, "cannot read the baseline" in done.err) == (2, True)


def test_a_broken_one_is_2_with_its_place() -> None:
    BASELINE.write_text('{"version": 1,\n "findngs": []}')

    done = audit()
    assert done.code == 2
    assert "did you mean `findings`?" in done.err
    assert ".podfit-baseline.json:2:2" in done.err


def test_one_that_leads_out_of_the_repository_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2: 1\n")
    BASELINE.symlink_to(secret)

    done = audit()
    assert (done.code, "outside of the repository" in done.err) == (2, True)
    assert "hunter2" not in done.err


def test_stale_entries_are_told_and_pruned() -> None:
    deploy(workload("api"), "api.yaml")
    podfit("baseline", "--locked")
    deploy(workload("api", spec=LINUX_ONLY), "api.yaml")

    assert sorted(findings(), key=str) == [(RULE, "baseline"), ("unused-ignore", None)]
    done = audit("--update-baseline")
    assert done.code == 0
    assert "removed 1 entry from .podfit-baseline.json" in done.out
    assert "unused-ignore" not in done.out
    assert [f["path"] for f in json.loads(BASELINE.read_text())["findings"]] == ["deploy/web.yaml"]
    assert findings() == [(RULE, "baseline")]


def test_updating_adds_nothing() -> None:
    podfit("baseline", "--locked")
    before = BASELINE.read_bytes()
    deploy(workload("api"), "api.yaml")

    assert audit("--update-baseline").code == 1
    assert BASELINE.read_bytes() == before


def test_updating_what_is_not_there_does_nothing() -> None:
    done = audit("--update-baseline")

    assert (done.code, BASELINE.exists()) == (1, False)


def test_nothing_is_pruned_while_something_is_unknown() -> None:
    podfit("baseline", "--locked")
    before = BASELINE.read_bytes()
    deploy(workload(image="registry.corp/x:1"))

    done = audit("--update-baseline")
    assert "the baseline was not updated" in done.out
    assert BASELINE.read_bytes() == before


def test_a_file_that_was_not_audited_keeps_its_entries() -> None:
    deploy(workload("api"), "api.yaml")
    podfit("baseline", "--locked")

    assert findings("deploy/api.yaml") == [(RULE, "baseline")]
    audit("deploy/api.yaml", "--update-baseline")
    assert len(json.loads(BASELINE.read_text())["findings"]) == 2


def test_a_baseline_of_a_part_leaves_the_rest_as_it_was() -> None:
    deploy(workload("api"), "api.yaml")
    podfit("baseline", "--locked")

    done = podfit("baseline", "--locked", "deploy/api.yaml")
    assert "unchanged" in done.out
    assert "(2 findings, 1 of them outside of the audited sources)" in done.out
    Path("deploy/api.yaml").unlink()
    assert "(1 finding)" in podfit("baseline", "--locked").out


def test_each_repository_has_its_own(repository: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    (other / "web.yaml").write_text(workload())

    done = podfit("baseline", ".", "../other", "--locked")
    assert done.out == (
        "wrote .podfit-baseline.json (1 finding)\n"
        "wrote ../other/.podfit-baseline.json (1 finding)\n"
    )
    assert findings(".", "../other") == [(RULE, "baseline")] * 2


def test_the_release_name_does_not_matter() -> None:
    chart = Path("charts/shop")
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (chart / "templates" / "web.yaml").write_text(workload("{{ .Release.Name }}-web"))
    podfit("baseline", "charts", "--locked")

    assert {by for _, by in findings("charts", "--release-name", "blue")} == {"baseline"}


def test_one_entry_holds_for_every_variant_of_a_chart() -> None:
    """The finding is one, though each set of values shows it on another workload."""
    chart = Path("charts/shop")
    (chart / "templates").mkdir(parents=True)
    (chart / "ci").mkdir()
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("image: nginx:1.31\n")
    (chart / "ci" / "old-values.yaml").write_text("image: docker.io/library/nginx:1.31\n")
    (chart / "templates" / "web.yaml").write_text(
        workload().replace("nginx:1.31", "{{ .Values.image }}")
    )
    podfit("baseline", "charts", "--locked")
    known = json.loads(BASELINE.read_text())["findings"]

    assert [entry["rule"] for entry in known].count(RULE) == 1
    assert {by for _, by in findings("charts")} == {"baseline"}
    assert {by for _, by in findings("charts", "--no-ci-values")} == {"baseline"}


def test_no_baseline_is_written_where_nothing_could_be_audited() -> None:
    done = podfit("baseline", "gone.yaml", "--locked")

    assert done.code == 3
    assert "no baseline was written" in done.err
    assert not Path(".podfit-baseline.json").exists()
