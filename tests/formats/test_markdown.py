"""The summary of a job, read back with a Markdown parser."""

import re

from markdown_it import MarkdownIt
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.errors import Problem
from auditor.formats.catalog import PLAIN, Style
from auditor.formats.markdown import MAX_BYTES, write_markdown
from auditor.kubernetes.manifests import Document
from tests.support.reports import SHOP, audit, joined, rendered, silence, told, workload


def markdown(report: Report, style: Style = PLAIN) -> str:
    return write_markdown(report, style)


def html(report: Report) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown(report)))


def test_findings_and_table() -> None:
    expected = """\
### ✗ podfit: 1 error

1 workload, 1 image

<details>
<summary><b>error</b> <code>missing-os-selector</code>: Deployment/web may land on the wrong \
nodes, and its image does not run there</summary>

<code>charts/shop/templates/web.yaml</code> (line 8 when rendered)

<pre>
    7      spec:
<b>    8        containers:</b>
    9          - name: app
   10            image: nginx:1.31
</pre>

- **Why:** on windows-2022 the pull fails with “no match for platform in manifest”
- **Fix:** set nodeSelector: {kubernetes.io/os: linux}
- **On:** windows-2022 and windows-2025

</details>

| | Workload | Image | Runs on | May land on | Result |
|---|---|---|---|---|---|
| ✗ | <code>Deployment/web</code> | <code>nginx:1.31</code> | linux amd64 arm64 | any | \
missing-os-selector |
"""
    report = told(audit(rendered(workload())))
    unlinked = replace(report, rules=tuple(replace(rule, references=()) for rule in report.rules))
    assert markdown(unlinked) == expected


def test_a_clean_run() -> None:
    assert markdown(audit(workload(image="pause:3.8"))) == (
        "### ✓ podfit: No problems\n\n1 workload, 1 image\n"
    )


def test_the_worst_rows_come_first() -> None:
    text = markdown(audit(SHOP))

    assert re.findall(r"^\| (.) \|", text, re.MULTILINE) == ["✗", "✗", "!", "✓"]


def test_a_file_is_linked_where_it_can_be_read() -> None:
    document = Document(
        "pods.yaml", workload(), ".", identity="deploy/pods.yaml", in_repository=True
    )
    style = Style(source_url="https://github.com/o/r/blob/abc/")

    text = MarkdownIt("commonmark", {"html": True}).render(markdown(audit(document), style))
    assert (
        '<a href="https://github.com/o/r/blob/abc/deploy/pods.yaml#L8">'
        "<code>pods.yaml:8</code></a>" in text
    )


def test_what_qualifies_the_verdict() -> None:
    problem = Problem("cannot render the chart", "charts/shop", "nil\npointer", "run `helm lint`")
    report = silence(audit(workload(), problem), rule="missing-os-selector", reason="tainted")
    text = markdown(replace(report, notices=("an odd thing",)))

    assert text == (
        "### ✗ podfit: No findings, but the audit is incomplete\n\n"
        "1 workload, 1 image · 1 suppressed · 1 part not audited\n\n"
        "- **not audited:** cannot render the chart at <code>charts/shop</code><br>nil<br>pointer"
        "<br>run <code>helm lint</code>\n\n"
        "> note: an odd thing\n"
    )


def test_a_long_table_is_folded() -> None:
    many = joined(*(workload(f"w{n}", "pause:3.8") for n in range(20)))

    text = html(audit(many))
    assert "<summary>20 workloads</summary>" in text
    assert text.count("<tr>") == 21


def test_it_stays_below_the_limit_of_a_job_summary_and_says_what_is_missing() -> None:
    report = audit(joined(*(workload(f"w{n}") for n in range(3000))))
    text = markdown(report)

    assert len(text.encode()) < MAX_BYTES
    assert "more findings omitted; see the full report." in text
    assert text.count("<details>") == text.count("</details>")


def test_one_huge_name_does_not_break_the_limit() -> None:
    text = markdown(audit(workload("x" * 2_000_000)))

    assert len(text.encode()) < MAX_BYTES
    assert "1 more finding omitted" in text
