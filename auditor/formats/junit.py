"""The format `junit`: a suite for each file, a case for each workload and rule.

It uses the elements that Jenkins and GitLab support. Findings below `--fail-on` and suppressed
findings are skipped cases, so that the test result agrees with the exit code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from xml.etree import ElementTree as ET

from auditor.audit.report import Report
from auditor.checks.findings import Finding
from auditor.checks.wording import count
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.escape import lines, visible, xml_document
from auditor.formats.wording import workload_names
from auditor.kubernetes.workloads import Workload
from auditor.policy.policy import Gate

_KINDS: Final = ("failure", "error", "skipped")

Key = tuple[str, str, int]
"""A rule and the place of a workload: file and ordinal."""


def write_junit(report: Report, style: Style) -> str:
    """Write JUnit XML, without times and host name so that the output is reproducible."""
    del style
    root = ET.Element("testsuites", name="podfit")
    by_file: dict[str, list[tuple[Workload, str]]] = {}
    for assessment, name in zip(report.assessments, workload_names(report), strict=True):
        path = assessment.workload.document.path
        by_file.setdefault(path, []).append((assessment.workload, name))
    cases, placed = _cases(report), set()
    for path, workloads in by_file.items():
        suite = ET.SubElement(root, "testsuite", name=visible(path))
        for workload, name in workloads:
            for rule in report.rules:
                classname = f"{visible(path)}: {visible(name)}"
                case = ET.SubElement(suite, "testcase", name=rule.id, classname=classname)
                key = _key(rule.id, workload)
                placed.add(key)
                if (element := cases.get(key)) is not None:
                    case.append(element)
        _count(suite)
    for key in sorted(cases.keys() - placed):
        root.append(_about_no_workload(key, cases[key]))
    if report.problems or report.partial:
        suite = ET.SubElement(root, "testsuite", name="podfit")
        suite.extend(_not_audited(problem) for problem in report.problems)
        suite.extend(_unaudited(report))
        _count(suite)
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode", xml_declaration=False)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml_document(text)}\n'


def _unaudited(report: Report) -> Iterator[ET.Element]:
    """Yield a skipped case for objects that may make pods, and for each accepted part."""
    if report.unaudited:
        case = ET.Element("testcase", name="not audited", classname="objects that may make pods")
        message = f"{count(report.unaudited, 'object')} not audited"
        ET.SubElement(case, "skipped", message=message)
        yield case
    for item in report.accepted:
        case = ET.Element("testcase", name="not audited", classname=visible(item.problem.what))
        ET.SubElement(case, "skipped", message=visible(item.note))
        yield case


def _about_no_workload(key: Key, element: ET.Element) -> ET.Element:
    """Return the suite for a finding in a policy file, such as an unused ignore."""
    rule, path, _ = key
    suite = ET.Element("testsuite", name=visible(path))
    ET.SubElement(suite, "testcase", name=rule, classname=visible(path)).append(element)
    _count(suite)
    return suite


def _key(rule: str, workload: Workload) -> Key:
    return rule, workload.document.path, workload.ordinal


def _cases(report: Report) -> Mapping[Key, ET.Element]:
    """Return the elements of the cases that did not pass."""
    found: dict[Key, list[ET.Element]] = {}
    for finding in report.findings:
        key = _key(finding.rule, finding.observation.workload)
        found.setdefault(key, []).append(_of_finding(finding, report.gate))
    for item in report.suppressed:
        key = _key(item.finding.rule, item.finding.observation.workload)
        message = visible(f"suppressed by {item}")
        found.setdefault(key, []).append(ET.Element("skipped", message=message))
    return {key: _merged(elements) for key, elements in found.items()}


def _merged(elements: Sequence[ET.Element]) -> ET.Element:
    """The worst of a case's elements, with what the others say below its own text."""
    first, *others = sorted(elements, key=lambda element: _KINDS.index(element.tag))
    if others:
        told = (f"{other.get('message')}\n{other.text or ''}".strip() for other in others)
        first.text = "\n\n".join(filter(None, (first.text, *told)))
    return first


def _of_finding(finding: Finding, gate: Gate) -> ET.Element:
    seen = finding.observation
    severity = str(finding.severity)
    if not gate.fails(finding.severity):
        return ET.Element("skipped", message=visible(f"{severity}: {seen.message}"))
    element = ET.Element("failure", type=severity, message=visible(seen.message))
    rendered = f" ({seen.location.note})" if seen.location.note else ""
    notes = [f"note: {item.observation.message}" for item in finding.explanations]
    element.text = _text((f"{seen.location}{rendered}", seen.why, seen.fix, *notes))
    return element


def _not_audited(problem: Problem) -> ET.Element:
    case = ET.Element("testcase", name=visible(problem.what), classname="podfit: not audited")
    error = ET.SubElement(case, "error", type="not-audited", message=visible(problem.what))
    error.text = _text((problem.where, *lines(problem.why), problem.hint))
    return case


def _text(parts: Iterable[str]) -> str:
    return "\n".join(visible(part) for part in parts if part)


def _count(suite: ET.Element) -> None:
    suite.set("tests", str(len(suite)))
    for kind, name in zip(_KINDS, ("failures", "errors", "skipped"), strict=True):
        suite.set(name, str(sum(case.find(kind) is not None for case in suite)))
