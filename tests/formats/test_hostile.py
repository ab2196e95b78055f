"""Names that attack whatever they are written to do no harm in any format.

Two reports of the same shape are written: one with harmless names, one with hostile ones. What a
proper parser makes of both must have the same structure, and hold the names as text.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from auditor.audit.report import ImageEntry, Report
from auditor.checks.findings import Explanation, Finding, Severity
from auditor.errors import Problem
from auditor.formats.catalog import FORMATS, Style, render
from auditor.formats.escape import visible
from auditor.formats.explain import write_explanation
from auditor.formats.images import write_images_json, write_images_rows, write_images_table
from auditor.formats.listings import show_profile
from auditor.formats.matrix import write_matrix_json, write_matrix_markdown, write_matrix_text
from auditor.images.images import UnknownPlatforms, UnknownReason
from auditor.kubernetes.manifests import Document
from auditor.policy.policy import Suppressed
from auditor.scheduling.nodes import ClusterProfile
from tests.support.browser import browse
from tests.support.reports import LINUX, audit, pool

HOSTILE = (
    "</script><script>alert(1)</script>",
    "%0A::error::x",
    "::error file=a,line=1::x",
    "##[set-output name=exit-code]0",
    "##vso[task.setvariable variable=a]b",
    "a|b",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://evil.test\x1b\\x",
    "\u202egnp.exe",
    "zero\u200bwidth",
    "two\nlines",
    "two\r::warning::lines",
    "\u2028separated",
    "\"double\" and 'single'",
    "`tick`s`",
    "[x](https://evil.test)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
    "{0} and {x",
    "*bold* _it_ ~~no~~ $x$",
    "https://evil.test www.evil.test @team #1",
    "a, b: c; d=e",
    "\\",
    "<img src=x onerror=alert(1)>",
    "\x00nul\x7f",
    "日本\u0301",
)
HARMLESS = tuple(f"name{number}" for number in range(len(HOSTILE)))
STYLES = (Style(), Style(ascii_only=True, width=60, show_passed=True))
PRIVATE = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;(https://[!-~]*)?\x1b\\")
"""What podfit itself writes to a terminal."""

_COMMENT = re.compile(r"[\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd]+")
"""What a YAML comment can hold: neither control characters nor ends of a line."""


WRITERS: dict[str, Callable[[Report, Style], str]] = {
    **{name: partial(render, name) for name in FORMATS},
    "clusters": lambda found, style: "".join(show_profile(c, style) for c in found.clusters),
    "explain": lambda found, style: "\n".join(
        write_explanation(a, style) for a in found.assessments
    ),
    "images": lambda found, style: write_images_table(found.images, style),
    "images-json": lambda found, style: write_images_json(found.images, style),
    "inspect": lambda found, style: write_images_rows(found.images, style),
    "matrix": write_matrix_text,
    "matrix-json": write_matrix_json,
    "matrix-markdown": write_matrix_markdown,
}
"""Every format, and what the other commands print."""


def report(names: tuple[str, ...]) -> Report:
    """A name in every place that a chart, a registry, a cluster or a user can fill."""
    windows = [pool(f"{name} pool", "windows(10.0.20348)/amd64") for name in names[:3]]
    clusters = tuple(ClusterProfile(f"{name} c", (LINUX, w)) for name, w in zip(names, windows))  # noqa: B905
    problems = [Problem(name, f"{name}:3:1", _two_lines(name), name) for name in names]
    found = audit(*map(_document, names), *problems, clusters=clusters)
    findings = tuple(map(_explained, found.findings, names * 2))
    silenced = tuple(
        Suppressed(item, name, name) for item, name in zip(findings, names, strict=False)
    )
    images = tuple(map(_unknown, found.images, (names[0], *names)))
    return replace(found, findings=findings, suppressed=silenced, notices=names, images=images)


def _two_lines(name: str) -> str:
    """A foreign error text: its lines are kept, so there must be equally many."""
    line = " ".join(name.splitlines())
    return f"{line}\n{line}"


def _explained(finding: Finding, name: str) -> Finding:
    """With an explanation; and with one rule for text that is no image, whatever it looks like."""
    rule = finding.rule.replace("image-unresolved", "invalid-image")
    seen = replace(finding.observation, why=name, fix=name)
    return replace(
        finding,
        rule=rule,
        severity=Severity.ERROR,
        observation=seen,
        explanations=(Explanation("other", seen),),
    )


def _unknown(entry: ImageEntry, name: str) -> ImageEntry:
    return replace(entry, platforms=UnknownPlatforms(UnknownReason.NOT_FOUND, name, name))


def _document(name: str) -> Document:
    """A workload without a guard, and with an image that no node can pull. JSON holds any text."""
    comment = "".join(_COMMENT.findall(name))
    containers = [
        {"name": name, "image": "nginx:1.31"},
        {"name": f"{name}2", "image": f"BAD {name}"},
    ]
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": name},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    return Document(f"deploy/{name}.yaml", f"# {comment}\n{json.dumps(manifest)}\n", "deploy")


@pytest.fixture(scope="module")
def hostile() -> Report:
    return report(HOSTILE)


@pytest.fixture(scope="module")
def harmless() -> Report:
    return report(HARMLESS)


def test_both_reports_have_the_same_shape(hostile: Report, harmless: Report) -> None:
    rules = [item.rule for item in harmless.findings]

    assert sorted(item.rule for item in hostile.findings) == sorted(rules)
    assert set(rules) == {"missing-os-selector", "invalid-image"}
    assert len(rules) == 2 * len(HOSTILE)


@pytest.mark.parametrize("style", STYLES, ids=["wide", "narrow"])
@pytest.mark.parametrize("name", WRITERS)
def test_no_character_hides_and_no_line_commands(hostile: Report, name: str, style: Style) -> None:
    text = WRITERS[name](hostile, style)

    text.encode()
    assert {c for c in text if not c.isprintable()} <= {"\n"}
    assert not re.search(r"##\w*\[", text)
    if name != "github":
        assert not re.search(r"^\s*::", text, re.MULTILINE)


@pytest.mark.parametrize(
    "name", ["clusters", "concise", "explain", "images", "inspect", "matrix", "pretty", "table"]
)
def test_a_terminal_gets_no_sequence_but_podfits_own(hostile: Report, name: str) -> None:
    text = PRIVATE.sub("", WRITERS[name](hostile, Style(color=True, links=True)))

    assert {c for c in text if not c.isprintable()} <= {"\n"}


def test_concise_has_a_line_for_each(hostile: Report) -> None:
    lines = render("concise", hostile, Style()).splitlines()

    assert len(lines) == len(hostile.findings) + len(hostile.problems)
    for name in HOSTILE:
        shown = re.sub(r"##(?=\w*\[)", r"#\\x23", visible(name))
        assert any(f"Deployment/{shown} " in line for line in lines)


def test_github_reads_only_podfits_commands(hostile: Report) -> None:
    lines = render("github", hostile, Style()).splitlines()

    assert len(lines) == 11  # ten errors and the notice
    for line in lines:
        properties = re.fullmatch(r"::(?:error|notice) ([^:]*)::.*", line)
        assert properties is not None
        keys = [item.partition("=")[0] for item in properties[1].split(",")]
        assert set(keys) <= {"title", "file", "line", "col"}
        assert len(set(keys)) == len(keys)


def test_json_keeps_every_name_as_it_is(hostile: Report, harmless: Report) -> None:
    data = json.loads(render("json", hostile, Style()))

    assert [item["name"] for item in data["workloads"]] == list(HOSTILE)
    assert [item["what"] for item in data["errors"]] == list(HOSTILE)
    assert data["notices"] == list(HOSTILE)
    assert _shape(data) == _shape(json.loads(render("json", harmless, Style())))


@pytest.mark.parametrize("name", ["gitlab", "sarif"])
def test_json_reports_have_the_same_shape(hostile: Report, harmless: Report, name: str) -> None:
    bad, good = (json.loads(render(name, item, Style())) for item in (hostile, harmless))

    assert _counted(_shape(bad)) == _counted(_shape(good))
    assert all(text.isprintable() or "\n" in text for text in _strings(bad))


def test_sarif_addresses_are_relative_references(hostile: Report) -> None:
    results = json.loads(render("sarif", hostile, Style()))["runs"][0]["results"]

    places = [result["locations"][0]["physicalLocation"] for result in results]
    uris = {place["artifactLocation"]["uri"] for place in places}
    assert len(uris) == len(HOSTILE)
    assert all(re.fullmatch(r"deploy/([\w.~!$&'()*+,;=@/-]|%[0-9A-F]{2})+", uri) for uri in uris)


def test_junit_holds_the_names_and_nothing_more(hostile: Report, harmless: Report) -> None:
    bad, good = (ET.fromstring(render("junit", item, Style())) for item in (hostile, harmless))

    assert _counted(_tags(bad)) == _counted(_tags(good))
    assert [suite.get("name") for suite in bad][:-1] == [
        visible(f"deploy/{name}.yaml") for name in HOSTILE
    ]


@pytest.mark.parametrize("name", ["html", "markdown"])
def test_no_element_comes_of_a_name(hostile: Report, harmless: Report, name: str) -> None:
    bad, good = (_parsed(render(name, item, Style()), name) for item in (hostile, harmless))

    assert _counted(bad.elements) == _counted(good.elements)
    for attack in HOSTILE:
        assert visible(f"Deployment/{attack}") in bad.text
    addresses = {value for key, value in bad.values if key == "href"}
    assert addresses == {value for key, value in good.values if key == "href"}


def test_a_browser_sees_the_same_page(hostile: Report, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render("html", hostile, Style()), encoding="utf-8")

    document = browse(page, "--dump-dom", profile=tmp_path / "profile", query="#q=</script>")
    assert '<html lang="en" class="js">' in document
    assert f"1 of {len(HOSTILE)} workloads" in document
    assert document.count("<script") == 2
    assert "<img" not in document


class _Page(HTMLParser):
    """Elements with the names of their attributes, the values of these, and the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, ...]] = []
        self.values: list[tuple[str, str]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":  # pairs of backticks are code, whoever wrote them
            self.elements.append((tag, *(key for key, _ in attrs)))
        self.values += [(key, value or "") for key, value in attrs]

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment", data))

    def handle_data(self, data: str) -> None:
        self.text += data


def _parsed(text: str, name: str) -> _Page:
    page = _Page()
    if name == "markdown":
        text = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
    page.feed(text)
    page.close()
    return page


def _shape(value: Any) -> Any:
    """Keys and lengths; what a text says does not matter."""
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value).__name__


def _strings(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for item in value.values():
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)
        case str():
            yield value


def _tags(element: ET.Element) -> list[tuple[str, ...]]:
    return [(item.tag, *item.attrib) for item in element.iter()]


def _counted(items: Any, key: Callable[[Any], str] = repr) -> list[str]:
    """Whatever their order: names decide how findings are sorted."""
    return sorted(map(key, items)) if isinstance(items, list) else [repr(items)]
