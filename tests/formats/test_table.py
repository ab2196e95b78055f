"""One table of everything."""

import pytest

from auditor.audit.report import Report
from auditor.errors import Problem
from auditor.formats.catalog import Style
from auditor.formats.table import write_table
from auditor.formats.terminal import width_of
from tests.support.reports import LINUX_ONLY, SHOP, WIDE, audit, joined, workload


def table(report: Report, width: int = 120, *, ascii_only: bool = False) -> str:
    return write_table(report, Style(width=width, ascii_only=ascii_only))


def test_everything_in_one_table() -> None:
    texts = (workload(kind="DaemonSet"), workload("api", "registry.corp/api:9", spec=LINUX_ONLY))

    expected = """\
   WORKLOAD        IMAGE                RUNS ON            MAY LAND ON  RESULT
-  --------------  -------------------  -----------------  -----------  -------------------
✗  DaemonSet/web   nginx:1.31           linux amd64 arm64  any          missing-os-selector
!  Deployment/api  registry.corp/api:9  unknown            linux        image-unresolved

✗ 1 error, 1 warning · 2 workloads, 2 images · 1 image unresolved
"""
    assert table(audit(joined(*texts))) == expected


def test_what_could_not_be_audited_follows_the_table() -> None:
    text = table(audit(workload(image="pause:3.8"), Problem("not YAML", "x.yaml:1:1")))

    assert "\n\nnot audited: x.yaml:1:1: not YAML\n\n?" in text


def test_no_workloads() -> None:
    assert table(audit()) == (
        "not audited: deploy: nothing to audit in deploy: it creates no pods\n\n"
        "? No findings, but the audit is incomplete · 0 workloads, 0 images · "
        "1 part not audited\n"
    )


@pytest.mark.parametrize("name", ["1.30", "1e5", "007", "+1", "0x10", " x "])
def test_what_looks_like_a_number_stays_as_it_is(name: str) -> None:
    """tabulate turns 1.30 into 1.3 and 1e5 into 100000 unless told not to."""
    text = table(audit(workload(f'"{name}"', "pause:3.8")))

    assert f"✓  Deployment/{name.rstrip()} " in text


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("width", range(60, 201, 7))
def test_it_never_exceeds_the_width(width: int, *, ascii_only: bool) -> None:
    text = table(audit(joined(WIDE, SHOP)), width, ascii_only=ascii_only)

    assert max(map(width_of, text.splitlines())) <= width


def test_passes_are_always_listed() -> None:
    many = joined(*(workload(f"api-{n}", "pause:3.8") for n in range(20)))

    assert table(audit(many)).count("✓  Deployment/api-") == 20
