"""What a person sees in a terminal."""

import re

import pytest
from msgspec.structs import replace

from auditor.audit.report import Report
from auditor.checks.findings import Explanation
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.pretty import write_pretty
from auditor.formats.terminal import width_of
from tests.support.reports import (
    EDGE,
    HYBRID,
    LINUX_ONLY,
    SHOP,
    WIDE,
    audit,
    joined,
    rendered,
    silence,
    told,
    workload,
)

ESCAPES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\")


def pretty(
    report: Report,
    width: int = 100,
    *,
    ascii_only: bool = False,
    show_passed: bool = False,
    rich: bool = False,
) -> str:
    style = Style(
        color=rich, links=rich, ascii_only=ascii_only, width=width, show_passed=show_passed
    )
    return write_pretty(report, style)


def test_problem_first_then_the_workloads_then_the_totals() -> None:
    report = told(audit(joined(workload(kind="DaemonSet"), workload("headroom", "pause:3.8"))))

    expected = """\
error[missing-os-selector]: DaemonSet/web may land on the wrong nodes, and its image does not run
  there
  --> deploy/pods.yaml:8:7
    │
  7 │     spec:
  8 │       containers:
    │       ^^^^^^^^^^
  9 │         - name: app
 10 │           image: nginx:1.31
    │                  ---------- linux amd64 arm64
    │
    = why:  on windows-2022 the pull fails with “no match for platform in manifest”
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD             IMAGE       RUNS ON            MAY LAND ON  RESULT
✗  DaemonSet/web        nginx:1.31  linux amd64 arm64  any          missing-os-selector
✓  Deployment/headroom  pause:3.8   linux, windows     any          ok

✗ 1 error · 2 workloads, 2 images
  Explain a rule: podfit rules missing-os-selector
"""
    assert pretty(report) == expected


def test_a_narrow_terminal_groups_the_images_below_their_workload() -> None:
    table = pretty(told(audit(SHOP)), 60).partition("WORKLOAD")[2]

    expected = """\
              MAY LAND ON  RESULT
     image                            runs on
✗  DaemonSet/log-agent   any          missing-os-selector
     fluentd:1.19                     linux amd64 arm64 +3
✗  deploy/storefront     windows      windows-build-mismatch
     iis:ltsc2019                     windows 17763
✓  Deployment/headroom   any          ok
     pause:3.8                        linux, windows
!  Deployment/report     linux        image-unresolved
     registry.corp/report:9           unknown

✗ 2 errors, 1 warning · 4 workloads, 4 images ·
  1 image unresolved
  Explain a rule: podfit rules missing-os-selector
"""
    assert table == expected


def test_a_terminal_without_utf8() -> None:
    text = pretty(told(audit(workload(name="größe"))), 70, ascii_only=True)

    assert text.isascii()
    expected = """\
error[missing-os-selector]: Deployment/gr\\xf6\\xdfe may land on the
  wrong nodes, and its image does not run there
  --> deploy/pods.yaml:8:7
    |
  7 |     spec:
  8 |       containers:
    |       ^^^^^^^^^^
  9 |         - name: app
 10 |           image: nginx:1.31
    |                  ---------- linux amd64 arm64
    |
    = why:  on windows-2022 the pull fails with "no match for platform
            in manifest"
    = fix:  set nodeSelector: {kubernetes.io/os: linux}
    = on:   windows-2022 and windows-2025

   WORKLOAD                MAY LAND ON  RESULT
     image                              runs on
x  Deployment/gr\\xf6\\xdfe  any          missing-os-selector
     nginx:1.31                         linux amd64 arm64

x 1 error - 1 workload, 1 image
  Explain a rule: podfit rules missing-os-selector
"""
    assert text == expected


def test_a_clean_run_is_one_line() -> None:
    assert pretty(audit(workload(image="pause:3.8"))) == "✓ No problems in 1 workload, 1 image\n"


def test_several_workloads_in_order_are_listed() -> None:
    text = joined(workload(image="pause:3.8"), workload("api", "busybox:1.37", spec=LINUX_ONLY))

    expected = """\
   WORKLOAD        IMAGE         RUNS ON                                 MAY LAND ON  RESULT
✓  Deployment/web  pause:3.8     linux amd64 arm64, windows 20348 26100  any          ok
✓  Deployment/api  busybox:1.37  linux amd64 arm64                       linux        ok

✓ No problems in 2 workloads, 2 images
"""
    assert pretty(audit(text)) == expected


def test_many_in_order_are_counted_and_listed_on_demand() -> None:
    many = joined(workload(), *(workload(f"api-{n}", "pause:3.8") for n in range(20)))

    short, long = pretty(audit(many)), pretty(audit(many), show_passed=True)
    assert "   20 other workloads passed (--show-passed lists them)\n" in short
    assert "api-7" not in short
    assert "✓  Deployment/api-7 " in long
    assert "--show-passed" not in long


def test_a_clean_run_over_many_is_one_line_too() -> None:
    many = joined(*(workload(f"api-{n}", "pause:3.8") for n in range(20)))

    assert pretty(audit(many)) == "✓ No problems in 20 workloads, 1 image\n"


def test_a_rendered_line_is_called_one() -> None:
    text = pretty(audit(rendered(workload())))

    assert "--> charts/shop/templates/web.yaml (line 8 when rendered)\n" in text


def test_a_template_line_is_named_as_well_as_it_is_known() -> None:
    known = pretty(audit(rendered(workload(), template=f"# ours\n{workload()}")))
    assert "--> charts/shop/templates/web.yaml:9 (line 8 when rendered)\n" in known

    head, _, _ = workload().partition("    spec:")
    near = pretty(audit(rendered(workload(), template=f'{head}{{{{ include "pod" . }}}}\n')))
    assert "web.yaml:7 (made near here: line 8 when rendered)\n" in near


def test_what_could_not_be_audited_stands_out() -> None:
    problem = Problem(
        "cannot render charts/shop (helm exited 1)",
        "charts/shop/templates/web.yaml:12:20",
        "nil pointer evaluating interface {}.port\n\nhelm says more",
        "the chart needs values; pass them with -f FILE",
    )

    expected = """\
not audited: cannot render charts/shop (helm exited 1)
  --> charts/shop/templates/web.yaml:12:20
    = why:  nil pointer evaluating interface {}.port
            helm says more
    = help: the chart needs values; pass them with -f FILE

? No findings, but the audit is incomplete · 1 workload, 1 image · 1 part not audited
"""
    assert pretty(audit(workload(image="pause:3.8"), problem)) == expected


def test_one_cause_in_several_variants_is_told_once() -> None:
    where, why = "charts/shop/templates/web.yaml:12:20", "nil pointer evaluating interface {}.port"
    variants = ("default", "ci/a-values.yaml", "ci/b-values.yaml")
    problems = [
        Problem(f"chart shop fails, with {name}", where, why, f"mend {name}") for name in variants
    ]
    problems.insert(2, Problem("chart shop fails, with ci/c-values.yaml", where, "another cause"))

    expected = """\
not audited: chart shop fails, with default
  --> charts/shop/templates/web.yaml:12:20
    = why:  nil pointer evaluating interface {}.port
    = help: mend default
    = also: chart shop fails, with ci/a-values.yaml
            chart shop fails, with ci/b-values.yaml

not audited: chart shop fails, with ci/c-values.yaml
  --> charts/shop/templates/web.yaml:12:20
    = why:  another cause

? No findings, but the audit is incomplete · 1 workload, 1 image · 4 parts not audited
"""
    assert pretty(audit(workload(image="pause:3.8"), *problems)) == expected


def test_the_same_words_in_several_places_are_told_once() -> None:
    places = ("a.yaml:6:15", "b.yaml:4:10", "c.yaml:1:1")
    whys = ("a mapping as a key", "a mapping as a key", "a tab")
    problems = [
        Problem("not a YAML document", where, why, "mend it")
        for where, why in zip(places, whys, strict=True)
    ]

    expected = """\
not audited: not a YAML document
  --> a.yaml:6:15
    = why:  a mapping as a key
    = help: mend it
    = also: b.yaml:4:10

not audited: not a YAML document
  --> c.yaml:1:1
    = why:  a tab
    = help: mend it

? No findings, but the audit is incomplete · 1 workload, 1 image · 3 parts not audited
"""
    assert pretty(audit(workload(image="pause:3.8"), *problems)) == expected


def test_an_explanation_is_attached() -> None:
    report = told(audit(workload()))
    (finding,) = report.findings
    other = replace(
        finding.observation, message="a toleration undoes the taint", fix="name the taint"
    )
    explained = replace(finding, explanations=(Explanation("broad-toleration", other),))

    text = pretty(replace(report, findings=(explained,)))
    note = "    = note: a toleration undoes the taint (line 8); name the taint [broad-toleration]\n"
    assert note in text


def test_notices_and_suppressed_findings_are_counted_not_hidden() -> None:
    report = silence(audit(workload()), rule="missing-os-selector", reason="tainted")
    text = pretty(replace(report, notices=("podfit.lock.json names 3 images nobody uses",)))

    expected = """\
note: podfit.lock.json names 3 images nobody uses

✓ No problems in 1 workload, 1 image · 1 suppressed
"""
    assert text == expected


UNREACHABLE = joined(
    workload("web", "registry.corp/shop/web:9"),
    workload("log-agent", "registry.corp/shop/web:9", kind="DaemonSet"),
    workload("storefront", "registry.corp/shop/web:9", spec=LINUX_ONLY),
    workload("cache", "registry.corp/shop/cache:9", kind="StatefulSet"),
)


def test_where_nothing_is_known_one_block_names_every_workload_and_no_table_repeats_it() -> None:
    expected = """\
warning[image-unresolved]: Deployment/web: could not determine the platforms of
  image registry.corp/shop/web:9 of container `app`
  --> deploy/pods.yaml:10:18
    │
  9 │         - name: app
 10 │           image: registry.corp/shop/web:9
    │                  ^^^^^^^^^^^^^^^^^^^^^^^^
    │
    = why:  registry.corp is unreachable
    = fix:  check the network, or commit a lock file (`podfit lock`)
    = also: DaemonSet/log-agent and Deployment/storefront
            registry.corp/shop/cache:9 of StatefulSet/cache

! 4 warnings · 4 workloads, 2 images · 2 images unresolved
  Explain a rule: podfit rules image-unresolved
"""
    assert pretty(audit(UNREACHABLE), 80) == expected


def test_the_table_is_there_where_anything_is_known_or_wanted() -> None:
    known = joined(UNREACHABLE, workload("headroom", "pause:3.8"))

    assert "MAY LAND ON" in pretty(audit(known))
    assert "MAY LAND ON" in pretty(audit(UNREACHABLE), show_passed=True)


def test_clusters_are_named_where_there_are_several() -> None:
    text = pretty(audit(workload(), clusters=(HYBRID, EDGE)))

    assert "= on:   hybrid/windows-2022 and hybrid/windows-2025\n" in text


def test_colour_and_links_add_nothing_but_themselves() -> None:
    report = audit(SHOP, Problem("not YAML", "x.yaml:1:1", "tabs", "use spaces"))

    coloured = pretty(report, rich=True)
    assert "\x1b[1;31merror[" in coloured
    assert "\x1b]8;;https://" in coloured
    assert ESCAPES.sub("", coloured) == pretty(report)


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", range(60, 201, 7))
def test_the_table_never_exceeds_the_width(width: int, *, ascii_only: bool) -> None:
    text = pretty(audit(joined(WIDE, SHOP)), width, ascii_only=ascii_only)
    table = text[text.index("WORKLOAD") - 3 :]

    assert max(map(width_of, table.splitlines())) <= width
    assert "missing-os-selector" in table


def test_source_lines_are_cut_around_what_they_show() -> None:
    flow = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: a, image: "
    text = pretty(audit(f"{flow}{'registry.corp/' + 'x' * 150}}}]}}}}\n"), 60)

    (line, pointer) = re.findall(r"^.*│ (.+)$", text, re.MULTILINE)
    assert (len(line), line[0], line[-1]) == (55, "…", "…")
    assert line[pointer.index("^") :].startswith("registry.corp/xxx")


def test_a_label_finds_room_beside_a_long_image() -> None:
    long = "registry.example.com/a/rather/long/name/of/an/image/that/nobody/would/type:1"
    text = pretty(audit(workload(image=long), images={long: ("linux/amd64",)}), 80)

    (pointer,) = re.findall(r"^ +│ +(-.*)$", text, re.MULTILINE)
    assert re.fullmatch(r"-{40,} linux amd64", pointer)
    assert max(map(len, text.splitlines())) <= 80
