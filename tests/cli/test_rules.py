"""`podfit rules`, and rules of the user's own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import podfit, write_lock
from tests.support.terminal import in_terminal

COMPANY = """\
id: guard-yourself
check: taint-dependence
severity: error
summary: The workload relies on a taint of the cluster, and has no guard of its own.
why: |
  Our clusters are rebuilt every quarter, and the taints have been forgotten twice.
fix: |
  Set `nodeSelector: {kubernetes.io/os: linux}`.
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
    - name: web
      image: nginx:1
"""
TAINTED = """\
name: tainted
pools:
  - {name: linux, platform: linux/amd64}
  - {name: windows, platform: windows(10.0.20348)/amd64, taints: ["os=windows:NoSchedule"]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "repo"
    (path / "policy").mkdir(parents=True)
    (path / "policy" / "guard-yourself.yaml").write_text(COMPANY)
    (path / "deploy").mkdir()
    (path / "deploy" / "web.yaml").write_text(POD)
    (path / "cluster.yaml").write_text(TAINTED)
    write_lock(path / "deploy", {"docker.io/library/nginx:1": ("linux/amd64",)})
    monkeypatch.chdir(path)
    return path


def audit(*arguments: str) -> tuple[int, list[str]]:
    done = podfit(
        "audit", "deploy", "--locked", "--cluster", "cluster.yaml", "-o", "json", *arguments
    )
    found = [item for item in done.json["findings"] if not item["suppressed"]]
    return done.code, [f"{item['severity']} {item['rule']}" for item in found]


def test_a_company_rule_counts_in_an_audit(folder: Path) -> None:
    assert audit() == (0, ["info taint-dependent-placement"])
    assert audit("--rules", "policy") == (
        1,
        ["error guard-yourself", "info taint-dependent-placement"],
    )


def test_a_variable_names_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODFIT_RULES", "policy")
    assert audit()[0] == 1


def test_the_configuration_can_speak_of_company_rules(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".podfit.yaml").write_text(
        "version: 1\nrules: {guard-yourself: {severity: warning}}\n"
    )
    assert audit("--rules", "policy")[1][0] == "warning guard-yourself"
    without = podfit("matrix", "deploy", "--locked")
    assert without.code == 2
    assert "guard-yourself" in without.err
    assert podfit("matrix", "deploy", "--locked", "--rules", "policy").code == 1


def test_the_schema_of_the_configuration_offers_company_rules(folder: Path) -> None:
    usual = podfit("config", "schema").json
    own = podfit("config", "schema", "--rules", "policy").json

    def named(schema: Any) -> set[str]:
        return set(schema["properties"]["rules"]["properties"])

    assert named(own) - named(usual) == {"guard-yourself"}
    assert "guard-yourself" in json.dumps(own["properties"]["ignore"])


def test_a_company_rule_can_be_ignored(folder: Path) -> None:
    comment = "# podfit: ignore[guard-yourself, taint-dependent-placement] until the rebuild\n"
    (folder / "deploy" / "web.yaml").write_text(POD + comment)
    assert audit("--rules", "policy") == (0, [])


def test_company_rules_are_listed(folder: Path) -> None:
    lines = podfit("rules", "--rules", "policy").out.splitlines()
    (line,) = (line for line in lines if line.startswith("guard"))
    assert line.split(maxsplit=2) == [
        "guard-yourself",
        "error",
        "The workload relies on a taint of the cluster, and has no guard of its own.",
    ]
    assert any(line.startswith("missing-os-selector ") for line in lines)


def test_the_page_is_markdown_where_nobody_watches(folder: Path) -> None:
    done = podfit("rules", "guard-yourself", "--rules", "policy")
    assert done.out.startswith("# guard-yourself\n\nThe workload relies on a taint of the cluster")
    assert "```yaml\n# podfit: ignore[guard-yourself]" not in done.out
    assert "## What to do\n\nSet `nodeSelector: {kubernetes.io/os: linux}`.\n" in done.out


def test_the_page_is_text_in_a_terminal(folder: Path) -> None:
    seen = in_terminal("rules", "guard-yourself", "--rules", "policy", width=60, cwd=folder)
    assert seen == (
        "\x1b[1mguard-yourself\x1b[0m\n"
        "\n"
        "The workload relies on a taint of the cluster, and has no\n"
        "guard of its own.\n"
        "\n"
        "severity: error · on by default: yes\n"
        "\n"
        "\x1b[1mWhat happens\x1b[0m\n"
        "\n"
        "Our clusters are rebuilt every quarter, and the taints have\n"
        "been forgotten twice.\n"
        "\n"
        "\x1b[1mWhat to do\x1b[0m\n"
        "\n"
        "Set `nodeSelector: {kubernetes.io/os: linux}`.\n"
    )


@pytest.mark.parametrize("width", [60, 100, 200])
def test_the_list_fits_a_terminal(folder: Path, width: int) -> None:
    lines = in_terminal("rules", width=width, cwd=folder).splitlines()
    assert lines[0].split() == ["RULE", "SEVERITY", "SUMMARY"]
    assert max(map(len, lines)) <= max(width, 66)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("rules", "mising-os-selector"),
            """\
error: unknown rule "mising-os-selector"
   = help: did you mean `missing-os-selector`? `podfit rules` lists all of them
""",
        ),
        (
            ("rules", "--rules", "nowhere"),
            """\
error: no rules found
  --> nowhere
   = why:  the folder does not exist
   = help: see docs/writing-rules.md for the format
""",
        ),
        (
            ("audit", "deploy", "--rules", "deploy"),
            "error: a rule has no key `apiVersion`; known keys: id, check, ",
        ),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = podfit(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(message)
