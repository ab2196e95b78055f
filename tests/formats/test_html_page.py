"""The page for people who would rather look than read, as a parser and as a browser see it."""

import base64
import hashlib
import json
import re
import struct
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Explanation
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN, Style
from auditor.formats.html import write_html
from auditor.kubernetes.manifests import Document
from tests.support.browser import browse
from tests.support.reports import (
    EDGE,
    HYBRID,
    SHOP,
    audit,
    joined,
    rendered,
    silence,
    workload,
)

VOID = {"br", "wbr", "meta", "input", "link", "img", "rect"}


@dataclass
class Element:
    name: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str, **wanted: str) -> list["Element"]:
        """Descendants by name, and by words that an attribute holds (`class_` for class)."""
        found = []
        for child in self.children:
            pairs = ((key.rstrip("_"), value) for key, value in wanted.items())
            if child.name == name and all(
                value in child.attributes.get(key, "").split() for key, value in pairs
            ):
                found.append(child)
            found += child.all(name, **wanted)
        return found

    @property
    def content(self) -> str:
        return self.text + "".join(child.content for child in self.children)


class Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("root", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> closes <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(Element("", {}, data))


def tree(report: Report, style: Style = PLAIN) -> Element:
    parser = Tree()
    parser.feed(write_html(report, style))
    parser.close()
    assert parser.open == [parser.root]
    return parser.root


def test_every_section_is_there() -> None:
    problem = Problem("cannot render the chart", "charts/shop", "nil\npointer", "run `helm lint`")
    report = silence(audit(SHOP, problem), rule="windows-build-mismatch", reason="leaving soon")
    page = tree(replace(report, notices=("an odd thing",)))

    assert [section.attributes["id"] for section in page.all("section")] == [
        "errors",
        "map",
        "findings",
        "images",
        "suppressed",
    ]
    (verdict,) = page.all("p", class_="verdict")
    assert (verdict.content, verdict.attributes["class"]) == (
        "1 error, 1 warning",
        "verdict error",
    )
    assert "Note: an odd thing" in page.content
    assert "By annotation: leaving soon" in page.content
    (error,) = page.all("div", class_="problem")
    assert error.content.split("\n")[:5] == [
        "cannot render the chart",
        "charts/shop",
        "nil",
        "pointer",
        "run helm lint",
    ]


def test_one_cause_in_several_variants_is_one_card() -> None:
    names = ("default", "ci/a-values.yaml")
    problems = [Problem(f"chart shop fails, with {name}", "x.yaml:1:2", "nil") for name in names]
    problems += [Problem("chart api fails", where, "nil") for where in ("y.yaml:1:2", "z.yaml:3:4")]

    page = tree(audit(*problems))
    cards = [card.content.split("\n") for card in page.all("div", class_="problem")]
    assert [[line for line in card if line] for card in cards] == [
        [
            "chart shop fails, with default",
            "x.yaml:1:2",
            "nil",
            "Also:",
            "chart shop fails, with ci/a-values.yaml",
        ],
        ["chart api fails", "y.yaml:1:2", "nil", "Also:", "z.yaml:3:4"],
    ]


def test_why_an_image_is_unknown_is_a_sentence() -> None:
    page = tree(audit(workload(image="registry.corp/web:${TAG}")))

    (section,) = [item for item in page.all("section") if item.attributes["id"] == "images"]
    assert "${TAG}" in [code.content for code in section.all("code")]
    assert "`" not in section.content


def test_the_map_shows_each_workload_on_each_pool_the_worst_first() -> None:
    page = tree(audit(SHOP, clusters=(HYBRID, EDGE)))
    (section,) = [item for item in page.all("section") if item.attributes["id"] == "map"]
    rows = section.all("tbody")[0].all("tr")

    shown = {
        row.all("button")[0].content: "".join(cell.content for cell in row.all("td", class_="c"))
        for row in rows
    }
    assert shown == {
        "DaemonSet/log-agent": "✓✗✗✓",
        "Deployment/storefront": "·✗✗·",
        "Deployment/report": "?··?",
        "Deployment/headroom": "✓✓✓✓",
    }
    assert [row.attributes["data-c"] for row in rows] == ["rffr", "kffk", "ukku", "rrrr"]
    heads = [head.content for head in section.all("th", scope="colgroup")]
    assert heads == ["hybrid", "edge"]
    assert section.all("th", class_="pool")[1].content == "windows-2022windows(10.0.20348)/amd642 ✗"


def test_the_data_holds_the_reasons_once() -> None:
    report = audit(joined(*(workload(f"w{n}") for n in range(5))))
    (island,) = tree(report).all("script", type="application/json")
    data = json.loads(island.content)

    assert len(data["workloads"]) == 5
    assert data["workloads"][4]["images"] == [["app", "nginx:1.31", "linux amd64 arm64"]]
    state, (reason,) = data["workloads"][0]["pools"][1]
    assert data["states"][state] == ["lands but cannot run", "fails"]
    assert data["reasons"][reason] == "container app: it is not built for windows"
    assert len(data["reasons"]) == len(set(data["reasons"])) == 2


def test_a_finding_with_its_source_reasons_and_fix() -> None:
    report = audit(rendered(workload()))
    (found,) = report.findings
    other = replace(found.observation, message="a toleration undoes the taint", fix="name it")
    explanation = Explanation("broad-toleration", other)
    explained = replace(found, explanations=(explanation,), variants=("default", "ci/a.yaml"))
    (finding,) = tree(replace(report, findings=(explained,))).all("details", class_="finding")

    (primary,) = finding.all("span", class_="primary")
    assert (primary.attributes["data-n"], primary.all("mark")[0].content) == ("8", "containers")
    assert [label.content for label in finding.all("span", class_="label")] == ["linux amd64 arm64"]
    described = dict(zip(_contents(finding, "dt"), _contents(finding, "dd"), strict=True))
    assert described["Fix"] == found.observation.fix
    assert described["Why"] == found.observation.why
    assert described["On"] == "windows-2022 and windows-2025"
    assert described["With"] == "default and ci/a.yaml"
    assert described["Note"] == "a toleration undoes the taint; name it broad-toleration"
    assert "web.yaml (line 8 when rendered)" in finding.content


def test_images_with_who_uses_them() -> None:
    page = tree(audit(joined(workload("a"), workload("b"), workload("c", "registry.corp/x:1"))))
    (section,) = [item for item in page.all("section") if item.attributes["id"] == "images"]
    known, unknown = section.all("tbody")[0].all("tr")

    assert [item.content for item in known.all("summary")] == ["linux amd64 arm64", "2 workloads"]
    assert "unknown: registry.corp is unreachable" in unknown.content


def test_a_clean_and_an_empty_report() -> None:
    clean, empty = tree(audit(workload(image="pause:3.8"))), tree(audit())

    assert clean.all("p", class_="verdict")[0].content == "No problems"
    assert "No workloads." in empty.content
    assert "the audit is incomplete" in empty.all("p", class_="verdict")[0].content


def test_files_are_linked_where_they_can_be_read() -> None:
    document = Document(
        "pods.yaml", workload(), ".", identity="deploy/pods.yaml", in_repository=True
    )
    page = tree(audit(document), Style(source_url="https://github.com/o/r/blob/abc/"))

    links = [item.attributes["href"] for item in page.all("a")]
    assert "https://github.com/o/r/blob/abc/deploy/pods.yaml#L8" in links


def test_it_needs_no_network_and_runs_no_script_but_its_own() -> None:
    page = tree(audit(SHOP))
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    hashes = re.findall(r"'(sha256-[^']+)'", policy)

    assert policy.startswith("default-src 'none'; ")
    inline = [item for item in page.all("script") if "type" not in item.attributes]
    assert [_hash(item.content) for item in (*page.all("style"), *inline)] == hashes
    loading = {"src", "srcset", "style", "onclick", "onload", "action"}
    assert not [e for e in _elements(page) if loading & e.attributes.keys() or e.name == "link"]


def test_a_browser_runs_the_script_and_filters(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    many = (workload(f"w{n}", namespace=f"team-{n % 9}") for n in range(1990))
    page.write_text(write_html(audit(joined(SHOP, *many)), PLAIN), encoding="utf-8")

    document = browse(page, "--dump-dom", profile=tmp_path / "profile", query="#q=WEB+iis")
    assert '<html lang="en" class="js">' in document
    assert "0 of 1994 workloads" in document
    document = browse(page, "--dump-dom", profile=tmp_path / "profile", query="#q=storefront+IIS")
    assert "1 of 1994 workloads" in document
    shown = [row for row in re.findall(r"<tr data-w[^>]*>", document) if "hidden" not in row]
    assert len(shown) == 1
    findings = re.findall(r'<details class="finding [^>]*>', document)
    assert sum("hidden" not in finding for finding in findings) == 1


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_browser_paints_it(tmp_path: Path, scheme: str) -> None:
    page, picture = tmp_path / "report.html", tmp_path / "report.png"
    page.write_text(write_html(audit(SHOP), PLAIN), encoding="utf-8")

    browse(
        page,
        f"--screenshot={picture}",
        "--window-size=1280,900",
        f"--blink-settings=preferredColorScheme={['dark', 'light'].index(scheme)}",
        profile=tmp_path / "profile",
    )
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:24]) == (1280, 900)
    assert picture.stat().st_size > 40_000


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _elements(element: Element) -> list[Element]:
    return [element, *(item for child in element.children for item in _elements(child))]


def _contents(element: Element, name: str) -> list[str]:
    return [item.content for item in element.all(name)]
