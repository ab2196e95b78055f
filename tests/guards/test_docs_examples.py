"""Files shown in the documents are accepted by podfit."""

import re
from pathlib import Path
from typing import Any

from auditor.audit.report import Report
from auditor.checks.rulebook import CHECKS, SCHEMA_KEYS, load_rulebook
from auditor.clusters.profiles import load_cluster
from auditor.errors import Problem
from auditor.formats.catalog import FORMATS, PLAIN
from tests.support.reports import audit, workload
from tests.support.tools import ROOT

WORKFLOWS = ("README.md", "docs/github-action.md")

_ROW = re.compile(r"^\| `([a-z-]+)` \| (.*) \|$", re.MULTILINE)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_cluster_of_the_page_on_clusters(tmp_path: Path) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(_example("docs/clusters.md"), encoding="utf-8")

    cluster = load_cluster(str(path))

    assert [pool.name for pool in cluster.pools] == ["system", "arm", "windows"]


def test_the_rule_of_the_page_on_writing_rules(tmp_path: Path) -> None:
    path = tmp_path / "guard-yourself.yaml"
    path.write_text(_example("docs/writing-rules.md"), encoding="utf-8")

    rules = load_rulebook([tmp_path])

    assert "guard-yourself" in {rule.id for rule in rules}


def test_the_page_on_writing_rules_names_every_key_and_check() -> None:
    page = (ROOT / "docs/writing-rules.md").read_text(encoding="utf-8")
    rows = dict(_ROW.findall(page))

    assert set(SCHEMA_KEYS) <= rows.keys()
    assert [name for name in rows if name not in SCHEMA_KEYS] == list(CHECKS)
    for name, check in CHECKS.items():
        stated = rows[name].partition("|")[0].strip()
        assert stated == "; ".join(
            f"`{key}`: {', '.join(f'`{value}`' for value in values)}"
            for key, values in check.parameters.items()
        )


def test_the_hook_of_the_readme() -> None:
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    used = re.findall(r"- id: (\S+)", _example("README.md", "repos:"))

    assert used == ["podfit-locked"]
    assert f"- id: {used[0]}\n" in hooks


def test_the_inputs_of_the_workflow_of_the_readme() -> None:
    action = (ROOT / "action.yml").read_text(encoding="utf-8")
    workflow = _example("README.md", "jobs:")
    given = re.findall(r"^ {10}([a-z-]+):", workflow.partition("podfit@")[2], re.MULTILINE)

    assert given
    assert [name for name in given if f"\n  {name}:\n" not in action] == []


def test_the_workflows_of_the_readme_are_those_of_the_page_on_the_action() -> None:
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in WORKFLOWS]
    readme, page = ([text for text in _YAML.findall(p) if "jobs:" in text] for p in pages)

    assert len(readme) == 2
    assert readme == page


def test_every_format_is_named_on_the_page_of_the_command_line() -> None:
    page = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    section = page.partition("| format | for |")[2].partition("## Exit codes")[0]

    assert set(re.findall(r"`([a-z0-9-]+)`(?=[, ])", section)) >= set(FORMATS)


def test_the_format_of_the_page_on_writing_formats(tmp_path: Path) -> None:
    page = (ROOT / "docs/writing-formats.md").read_text(encoding="utf-8")
    code, entry = _PYTHON.findall(page)
    module: dict[str, Any] = {"__name__": "csv_findings"}
    exec(code, module)
    problem = Problem("cannot render =charts", "charts/shop", "", "")
    report = audit(workload("=web"), problem)

    assert module["write_csv"](report, PLAIN).splitlines() == [
        "place,severity,rule,workload,message",
        f"deploy/pods.yaml:8:7,error,missing-os-selector,Deployment/=web,{_quoted(report)}",
        "charts/shop,not audited,,,cannot render =charts",
    ]
    assert entry == '    "csv": "auditor.formats.csv_findings:write_csv",\n'


def _quoted(report: Report) -> str:
    return f'"{report.findings[0].observation.message}"'


def _example(document: str, holding: str = "") -> str:
    """The first YAML example of a document that holds some text."""
    examples: list[str] = _YAML.findall((ROOT / document).read_text(encoding="utf-8"))
    return next(example for example in examples if holding in example)
