"""Values for charts that resolve their findings."""

from msgspec.structs import replace

from auditor.audit.report import Overlay
from auditor.formats.catalog import PLAIN
from auditor.formats.values import write_values
from tests.support.reports import audit, workload

REPORT = audit(workload())


def test_a_document_for_each_chart_and_variant() -> None:
    report = replace(
        REPORT,
        overlays=(
            Overlay("charts/shop", "", "web:\n  nodeSelector: {}\n", 1, 2, ("Job/migrate",)),
            Overlay("charts/shop", "ci/ha-values.yaml", "db: {}\n", 2, 2),
        ),
    )

    assert write_values(report, PLAIN) == (
        "# charts/shop: resolves 1 of 2 findings\n"
        "# podfit found no value that sets Job/migrate\n"
        "web:\n"
        "  nodeSelector: {}\n"
        "---\n"
        "# charts/shop with ci/ha-values.yaml: resolves 2 of 2 findings\n"
        "db: {}\n"
    )


def test_a_chart_that_no_value_helps() -> None:
    why = "not by node.nodeSelector: it also affects DaemonSet/node-windows"
    report = replace(REPORT, overlays=(Overlay("shop", "", "", 0, 1, (), (why,)),))

    assert write_values(report, PLAIN) == f"# shop: resolves 0 of 1 finding\n# {why}\n{{}}\n"


def test_nothing_to_resolve() -> None:
    assert write_values(REPORT, PLAIN) == "# no chart needs values to resolve a finding\n{}\n"


def test_names_stay_on_their_line() -> None:
    report = replace(REPORT, overlays=(Overlay("a\nb: 1", "", "x: 1\n", 1, 1),))

    assert write_values(report, PLAIN).splitlines() == [
        "# a\\nb: 1: resolves 1 of 1 finding",
        "x: 1",
    ]
