"""Annotations, read back as the runner reads them."""

import re
from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Severity
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN
from auditor.formats.github import write_github
from auditor.kubernetes.manifests import Document
from tests.support.reports import SHOP, audit, joined, rendered, told, workload


@dataclass(frozen=True)
class Command:
    level: str
    properties: dict[str, str]
    message: str


def commands(report: Report) -> list[Command]:
    """actions/runner `ActionCommand.TryParseV2`, each line a command."""
    found = []
    for line in write_github(report, PLAIN).splitlines():
        match = re.fullmatch(r"::(\w+)(?: ([^:]*))?::(.*)", line)
        assert match is not None, line
        pairs = (item.split("=", 1) for item in (match[2] or "").split(",") if item)
        properties = {key: _decoded(value) for key, value in pairs}
        found.append(Command(match[1], properties, _decoded(match[3])))
    return found


def _decoded(text: str) -> str:
    pairs = (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
    for escaped, plain in pairs:
        text = text.replace(escaped, plain)
    return text


def test_a_finding() -> None:
    assert commands(told(audit(workload()))) == [
        Command(
            "error",
            {
                "title": "podfit: missing-os-selector",
                "file": "deploy/pods.yaml",
                "line": "8",
                "col": "7",
            },
            "deploy/pods.yaml:8:7: Deployment/web may land on the wrong nodes, and its image does "
            "not run there\nwhy: on windows-2022 the pull fails with “no match for platform in "
            "manifest”\nfix: set nodeSelector: {kubernetes.io/os: linux}",
        )
    ]


def test_a_rendered_line_is_not_that_of_the_template() -> None:
    (command,) = commands(audit(rendered(workload())))

    assert command.properties["line"] == "1"
    assert "col" not in command.properties
    assert command.message.endswith("\nline 8 when rendered")


def test_a_line_that_the_template_holds_is_pointed_at() -> None:
    template = f"{{{{- /* of ours */}}}}\n{workload()}"
    (command,) = commands(audit(rendered(workload(), template=template)))

    assert command.properties["line"] == "9"


def test_files_are_named_from_the_root_of_the_repository() -> None:
    document = Document(
        "pods.yaml", workload(), ".", identity="deploy/prod/pods.yaml", in_repository=True
    )
    (command,) = commands(audit(document))

    assert command.properties["file"] == "deploy/prod/pods.yaml"


def test_the_worst_first() -> None:
    report = audit(SHOP)
    milder = tuple(replace(item, severity=Severity.INFO) for item in report.findings[:1])

    levels = [item.level for item in commands(replace(report, findings=report.findings + milder))]
    assert levels == ["error", "error", "warning", "notice"]


def test_at_most_ten_of_each_level_and_then_their_number() -> None:
    text = joined(*(workload(f"w{n}", "registry.corp/x:1" if n % 2 else "nginx:1.31")
                    for n in range(40)))  # fmt: skip
    report = audit(text)
    infos = tuple(replace(item, severity=Severity.INFO) for item in report.findings[:12])
    shown = commands(replace(report, findings=report.findings + infos))

    assert Counter(item.level for item in shown) == {"error": 10, "warning": 10, "notice": 10}
    assert shown[-1].level == "notice"
    assert shown[-1].message.startswith(f"{len(report.findings) + 12 - 29} more annotations")


def test_what_could_not_be_audited_is_an_error() -> None:
    problem = Problem("cannot render the chart", "charts/shop/Chart.yaml:3:1", "nil\npointer", "")
    (command,) = commands(audit(workload(image="pause:3.8"), problem))

    assert command == Command(
        "error",
        {"title": "podfit: not audited", "file": "charts/shop/Chart.yaml", "line": "3"},
        "charts/shop/Chart.yaml:3:1: cannot render the chart\nnil\npointer",
    )


def test_a_message_is_shorter_than_github_allows() -> None:
    report = audit(workload())
    (finding,) = report.findings
    long = replace(finding, observation=replace(finding.observation, why="x" * 10_000))

    (command,) = commands(replace(report, findings=(long,)))
    assert len(command.message) <= 4096


def test_nothing_to_say_is_nothing() -> None:
    assert write_github(audit(workload(image="pause:3.8")), PLAIN) == ""
