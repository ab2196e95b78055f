"""`.podfit.yaml` and `podfit config` from the outside."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command import podfit, write_lock
from tests.support.registry import Registry
from tests.support.reports import LINUX_ONLY, workload
from tests.support.tools import ROOT

LINUX = ("linux/amd64", "linux/arm64/v8")


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a Deployment that can land on Windows nodes, and a lock file that knows its image."""
    folder = make_repository(tmp_path / "repo")
    monkeypatch.chdir(folder)
    return folder


def make_repository(folder: Path) -> Path:
    (folder / ".git").mkdir(parents=True)
    (folder / "deploy").mkdir()
    (folder / "deploy" / "web.yaml").write_text(workload())
    write_lock(folder, {"docker.io/library/nginx:1.31": LINUX})
    return folder


def configure(text: str, folder: Path = Path()) -> None:
    (folder / ".podfit.yaml").write_text(f"version: 1\n{text}")


def rules_found(*arguments: str) -> list[str]:
    done = podfit("audit", *arguments, "--locked", "-o", "json")
    assert done.code in (0, 1), done.err
    return [f["rule"] for f in done.json["findings"] if f["suppressed"] is None]


def test_a_rule_is_turned_off() -> None:
    assert rules_found() == ["missing-os-selector"]
    configure("rules: {missing-os-selector: off}\n")

    assert rules_found() == []


def test_a_rule_is_given_a_severity() -> None:
    configure("rules: {missing-os-selector: {severity: warning}}\n")

    done = podfit("audit", "--locked")
    assert (done.code, "warning[missing-os-selector]" in done.out) == (0, True)


@pytest.mark.parametrize("source", [".", "deploy", "deploy/web.yaml", "../repo"])
def test_it_is_found_whatever_is_named(source: str) -> None:
    configure("fail-on: never\n")

    assert podfit("audit", source, "--locked").code == 0


def test_it_is_found_from_within(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure("exclude: [deploy/web.yaml]\n")
    monkeypatch.chdir(repository / "deploy")

    assert podfit("audit", "--locked", "--allow-empty").code == 0


def test_the_cluster_of_a_file_beside_it() -> None:
    Path("edge.yaml").write_text("pools: [{name: pi, platform: linux/arm64}]\n")
    configure("cluster: edge.yaml\n")

    assert rules_found() == []
    assert rules_found("--cluster", "hybrid") == ["missing-os-selector"]


def test_a_cluster_within_it() -> None:
    configure("cluster: {pools: [{name: win, platform: windows(10.0.20348)/amd64}]}\n")

    assert rules_found() == ["missing-os-selector"]


def test_options_go_before_variables_before_files(monkeypatch: pytest.MonkeyPatch) -> None:
    configure("fail-on: never\n")
    monkeypatch.setenv("PODFIT_FAIL_ON", "error")

    assert podfit("audit", "--locked").code == 1
    assert podfit("audit", "--locked", "--fail-on", "never").code == 0


def test_what_a_file_turns_on_an_option_turns_off() -> None:
    configure("strict: true\n")
    Path("deploy/web.yaml").write_text(workload(image="private.test/x:1", spec=LINUX_ONLY))

    assert podfit("audit", "--locked").code == 3
    assert podfit("audit", "--locked", "--no-strict").code == 0


def test_another_is_named_by_option_or_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("nonsense: 1\n")
    own = tmp_path / "own.yaml"
    own.write_text("version: 1\nfail-on: never\n")

    assert podfit("audit", "--locked", "--config", own).code == 0
    monkeypatch.setenv("PODFIT_CONFIG", str(own))
    assert podfit("audit", "--locked").code == 0


def test_none_is_read() -> None:
    configure("fail-on: never\n")

    assert podfit("audit", "--locked", "--no-config").code == 1


def test_both_is_too_much() -> None:
    done = podfit("audit", "--locked", "--no-config", "--config", "x.yaml")

    assert (done.code, "cannot be used with" in done.err) == (2, True)


def test_a_wrong_one_is_2_with_its_place() -> None:
    configure("rules:\n  mising-os-selector: off\n")

    done = podfit("audit", "--locked")
    assert done.code == 2
    assert "unknown rule `mising-os-selector`; did you mean `missing-os-selector`?" in done.err
    assert ".podfit.yaml:3:3" in done.err


def test_third_parties_are_judged_less_severely() -> None:
    configure("charts: [{path: deploy/**, severity: info}]\n")

    done = podfit("audit", "--locked")
    assert (done.code, "missing-os-selector" in done.out) == (0, True)


def test_what_is_said_of_images_needs_no_registry() -> None:
    Path("deploy/web.yaml").write_text(workload(image="registry.corp/report:9", spec=LINUX_ONLY))
    assert rules_found() == ["image-unresolved"]
    configure('images: {overrides: {"registry.corp/report:*": [linux/amd64]}}\n')

    assert "image-unresolved" not in rules_found()
    image = podfit("images", "--locked", "-o", "json").json["images"][0]
    assert (image["platforms"], image["source"]) == (["linux/amd64"], "override")


def test_what_is_said_of_images_is_not_locked() -> None:
    Path("podfit.lock.json").unlink()
    configure('images: {overrides: {"nginx:*": [linux/amd64]}}\n')

    done = podfit("lock", "--offline")
    assert (done.code, done.err) == (0, "")
    assert json.loads(Path("podfit.lock.json").read_text())["images"] == {}


def test_custom_resources() -> None:
    crawler = workload().replace("apps/v1", "example.com/v1").replace("Deployment", "Crawler")
    Path("deploy/web.yaml").write_text(crawler)
    entry = "{group: example.com, kinds: [Crawler], pods: [spec.template]}"
    configure(f"custom-resources: [{entry}]\n")

    done = podfit("audit", "--locked", "-o", "json")
    (finding,) = done.json["findings"]
    assert (finding["rule"], finding["workload"]["kind"]) == ("missing-os-selector", "Crawler")


def test_the_lock_file_of_each_repository(repository: Path) -> None:
    (repository / "locks").mkdir()
    Path("podfit.lock.json").rename("locks/nodes.json")
    configure("lock-file: locks/nodes.json\n")

    assert rules_found("deploy") == ["missing-os-selector"]


def test_registries_are_heeded_where_they_are_trusted(tmp_path: Path) -> None:
    configure("registries: {evil.test: {insecure: http}}\n")
    left_out = "registries` is ignored"

    assert left_out in podfit("audit", "--locked").out
    assert left_out in podfit("audit", "--locked", "-o", "concise").err
    assert left_out not in podfit("audit", "--locked", "-o", "concise", "--quiet").err
    assert left_out in podfit("images", "--locked").err
    assert left_out not in podfit("audit", "--locked", "--trust-config").out
    own = tmp_path / "own.yaml"
    Path(".podfit.yaml").rename(own)
    assert left_out not in podfit("audit", "--locked", "--config", own).out


@pytest.mark.parametrize("key", ["mirrors: [{}]", "rewrite: {}"])
def test_a_registry_that_is_elsewhere(registry: Registry, key: str) -> None:
    registry.push_image("hub/shop/web", "1", ["linux/amd64"])
    configure(f"registries: {{moved.test: {{{key.format(f'{registry.host}/hub')}}}}}\n")
    image = "moved.test/shop/web:1"

    done = podfit("inspect", image, "--trust-config", "-o", "json")
    assert (done.code, done.json["images"][0]["platforms"]) == (0, ["linux/amd64"])


def test_what_is_not_allowed_is_not_asked(registry: Registry) -> None:
    registry.push_image("shop/web", "2", ["linux/amd64"])
    configure(f"registries: {{'{registry.host}': {{allowed: [base/*]}}}}\n")

    done = podfit("inspect", f"{registry.host}/shop/web:2", "--trust-config", "-o", "json")
    unknown = done.json["images"][0]["unknown"]
    assert (done.code, "is not allowed" in unknown["message"]) == (3, True)


def test_two_repositories_each_under_its_own(tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    configure("exclude: [deploy]\n")

    done = podfit("audit", ".", str(other), "--locked", "--allow-empty", "-o", "json")
    (finding,) = done.json["findings"]
    assert finding["location"]["path"] == f"{other}/deploy/web.yaml"


def test_two_repositories_that_disagree(tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    configure("fail-on: never\n")
    configure("fail-on: info\n", other)

    done = podfit("audit", ".", str(other), "--locked")
    assert done.code == 2
    assert "disagree on `fail-on`" in done.err
    assert podfit("audit", ".", str(other), "--locked", "--fail-on", "never").code == 0


def test_show_names_the_origin_of_every_value(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(
        "cluster: linux\nrules:\n  inert-guard: off\nexclude:\n  - a\n  - 'b: c'\n"
        "images: {overrides: {'x:*': linux/amd64}}\n"
    )
    monkeypatch.setenv("PODFIT_STRICT", "1")

    done = podfit("config", "show", "--fail-on", "info", "--lock-file", "podfit.lock.json")
    assert (done.code, done.err) == (0, "")
    assert (
        done.out
        == f"""\
# {Path.cwd()}: configuration .podfit.yaml
version: 1
cluster: linux  # .podfit.yaml:2:1
fail-on: info  # --fail-on
strict: true  # PODFIT_STRICT
pedantic: false  # default
rules:
  inert-guard: false  # .podfit.yaml:4:3
ignore: []  # default
accept: []  # default
exclude:
  - a  # .podfit.yaml:6:5
  - "b: c"  # .podfit.yaml:7:5
charts: []  # default
images:
  overrides:
    "x:*": linux/amd64  # .podfit.yaml:8:22
  require: []  # default
registries: {{}}  # default
custom-resources: []  # default
lock-file: podfit.lock.json  # --lock-file
baseline: null  # default
"""
    )


def test_what_is_shown_is_a_configuration_that_says_the_same() -> None:
    configure(
        "cluster: [linux, hybrid]\nfail-on: info\nrules: {inert-guard: {severity: info}}\n"
        "ignore: [{rules: inert-guard, match: {kind: Job}, reason: 'a: b', expires: 2999-01-01}]\n"
    )
    first = podfit("config", "show", "-o", "json").json["areas"][0]["settings"]
    Path(".podfit.yaml").write_text(podfit("config", "show").out)

    second = podfit("config", "show", "-o", "json").json["areas"][0]["settings"]
    assert values(second) == values(first)


def values(shown: Any) -> Any:
    """What is shown without where it is from."""
    if isinstance(shown, dict):
        if shown.keys() == {"value", "origin"}:
            return shown["value"]
        return {key: values(item) for key, item in shown.items()}
    return [values(item) for item in shown] if isinstance(shown, list) else shown


def test_show_tells_repositories_apart(tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    configure("exclude: [a]\n")

    done = podfit("config", "show", ".", str(other))
    documents = list(yaml.safe_load_all(done.out))
    assert [document["exclude"] for document in documents] == [["a"], []]


def test_init_writes_one_at_the_root(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository / "deploy")

    done = podfit("config", "init")
    assert (done.code, done.out) == (0, "wrote ../.podfit.yaml\n")
    assert podfit("audit", "--locked").code == 1
    again = podfit("config", "init")
    assert (again.code, "a configuration already exists" in again.err) == (2, True)


def test_schema_prints_what_is_published() -> None:
    published = (ROOT / "docs" / "schema" / "config-v1.json").read_text("utf-8")

    assert podfit("config", "schema").out == published


def test_the_variants_of_a_chart(repository: Path) -> None:
    templates = repository / "charts" / "shop" / "templates"
    templates.mkdir(parents=True)
    (templates.parent / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    (templates.parent / "values.yaml").write_text("web: {enabled: false}\nnote: ''\n")
    (templates / "web.yaml").write_text(
        "{{- if and .Values.web.enabled (eq .Values.note `a,b={c}`) }}\n"
        + workload()
        + "{{- end }}\n"
    )
    (repository / "prod.yaml").write_text("web: {enabled: true}\n")
    variant = "{name: prod, values: prod.yaml, set: {note: 'a,b={c}'}}"
    configure(f"charts: [{{path: charts/*, variants: [{variant}]}}]\n")

    done = podfit("audit", "charts", "--locked", "-o", "json")
    found = {f["rule"]: f["variants"] for f in done.json["findings"]}
    assert found["missing-os-selector"] == ["prod"]
    assert podfit("audit", "charts", "--locked", "--set", "x=1", "--allow-empty").code == 0
