"""One line for each finding."""

from auditor.errors import Problem
from auditor.formats.catalog import PLAIN, Style
from auditor.formats.concise import write_concise
from tests.support.reports import SHOP, audit, rendered, told, workload


def test_one_line_for_each_finding_and_each_part_not_audited() -> None:
    problem = Problem("cannot render charts/shop", "charts/shop", "nil\npointer", "give values")
    report = told(audit(workload(), rendered(workload("api")), problem))

    assert write_concise(report, PLAIN) == (
        "charts/shop/templates/web.yaml:1:1: error[missing-os-selector] Deployment/api may land on "
        "the wrong nodes, and its image does not run there "
        "(set nodeSelector: {kubernetes.io/os: linux})\n"
        "deploy/pods.yaml:8:7: error[missing-os-selector] Deployment/web may land on "
        "the wrong nodes, and its image does not run there "
        "(set nodeSelector: {kubernetes.io/os: linux})\n"
        "charts/shop: not audited: cannot render charts/shop (nil pointer)\n"
    )


def test_nothing_to_say_is_nothing() -> None:
    assert write_concise(audit(workload(image="pause:3.8")), PLAIN) == ""


def test_colour_and_ascii() -> None:
    coloured = write_concise(audit(SHOP), Style(color=True, ascii_only=True))

    assert coloured.isascii()
    assert "\x1b[1;33mwarning[image-unresolved]\x1b[0m" in coloured
