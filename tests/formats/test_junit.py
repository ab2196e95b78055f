"""JUnit XML, read back with a parser."""

from xml.etree import ElementTree as ET

from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Severity
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN
from auditor.formats.junit import write_junit
from auditor.policy.policy import Gate
from tests.support import ignores
from tests.support.ignores import entry
from tests.support.reports import (
    LINUX_ONLY,
    SHOP,
    audit,
    rendered,
    silence,
    told,
    workload,
)


def suites(report: Report) -> list[ET.Element]:
    return list(ET.fromstring(write_junit(report, PLAIN)))


def case(suite: ET.Element, rule: str, name: str) -> ET.Element:
    (found,) = [
        item
        for item in suite
        if item.get("name") == rule and (item.get("classname") or "").endswith(name)
    ]
    return found


def test_a_suite_for_each_file_and_a_case_for_each_workload_and_rule() -> None:
    report = audit(SHOP, rendered(workload("api")))
    first, second = suites(report)

    assert first.attrib == {
        "name": "deploy/pods.yaml",
        "tests": str(4 * len(report.rules)),
        "failures": "2",
        "errors": "0",
        "skipped": "1",
    }
    assert second.get("name") == "charts/shop/templates/web.yaml"


def test_what_fails_the_audit_is_a_failure() -> None:
    (suite,) = suites(told(audit(workload())))
    failure = case(suite, "missing-os-selector", "Deployment/web").find("failure")

    assert failure is not None
    assert failure.attrib == {
        "type": "error",
        "message": "Deployment/web may land on the wrong nodes, and its image does not run there",
    }
    assert failure.text == (
        "deploy/pods.yaml:8:7\n"
        "on windows-2022 the pull fails with “no match for platform in manifest”\n"
        "set nodeSelector: {kubernetes.io/os: linux}"
    )


def test_a_finding_below_the_gate_does_not_fail_a_pipeline() -> None:
    never = audit(workload(image="registry.corp/x:1"))
    always = audit(workload(image="registry.corp/x:1"), gate=Gate(fail_on=Severity.WARNING))

    for report, kind in ((never, "skipped"), (always, "failure")):
        (suite,) = suites(report)
        assert case(suite, "image-unresolved", "Deployment/web").find(kind) is not None


def test_what_is_found_in_the_configuration_has_a_suite_of_its_own() -> None:
    unused = entry("missing-os-selector", kind=("Job",), line=3)
    report = ignores.audit(workload(spec=LINUX_ONLY), scope=ignores.scope(unused, whole=True))
    failing = replace(report, gate=Gate(Severity.WARNING))

    assert failing.exit_code == 1
    last = suites(failing)[-1]
    assert (last.get("name"), last.get("failures")) == (".podfit.yaml", "1")
    assert [item.get("name") for item in last] == ["unused-ignore"]


def test_a_suppressed_finding_says_why() -> None:
    report = silence(audit(workload()), rule="missing-os-selector", reason="nodes are tainted")
    (suite,) = suites(report)
    skipped = case(suite, "missing-os-selector", "Deployment/web").find("skipped")

    assert skipped is not None
    assert skipped.get("message") == "suppressed by annotation: nodes are tainted"


def test_two_findings_of_a_rule_make_one_case() -> None:
    text = workload(image="registry.corp/x:1") + "        - {name: b, image: registry.corp/y:1}\n"
    (suite,) = suites(audit(text, gate=Gate(fail_on=Severity.WARNING)))
    found = case(suite, "image-unresolved", "Deployment/web")

    (failure,) = found
    assert failure.tag == "failure"
    assert "registry.corp/x:1" in (failure.get("message") or "")
    assert "registry.corp/y:1" in (failure.text or "")


def test_what_could_not_be_audited_is_an_error() -> None:
    problem = Problem("cannot render the chart", "charts/shop", "nil\npointer", "give values")
    *_, suite = suites(audit(workload(image="pause:3.8"), problem))

    assert (suite.get("name"), suite.get("errors")) == ("podfit", "1")
    error = suite[0].find("error")
    assert error is not None
    assert error.text == "charts/shop\nnil\npointer\ngive values"
