"""How workloads came out."""

from msgspec.structs import replace

from auditor.checks.findings import Severity
from auditor.formats.summary import Outcome, results
from tests.support.reports import EDGE, HYBRID, SHOP, audit, joined, silence, workload

OPERATED = (
    "apiVersion: monitoring.coreos.com/v1\nkind: Alertmanager\nmetadata: {name: a}\nspec: {}\n"
)
NAMED = "nodeName: worker-1"


def test_outcomes() -> None:
    report = audit(joined(SHOP, workload("named", "pause:3.8", spec=NAMED)))

    assert [(result.outcome, str(result)) for result in results(report)] == [
        (Outcome.ERROR, "missing-os-selector"),
        (Outcome.ERROR, "windows-build-mismatch"),
        (Outcome.OK, "ok"),
        (Outcome.WARNING, "image-unresolved"),
        (Outcome.UNKNOWN, "undecided"),
    ]


def test_what_is_silenced_or_not_looked_for_is_not_called_ok() -> None:
    report = audit(workload())
    silenced = silence(report, rule="missing-os-selector", reason="tainted")
    unruled = replace(report, findings=(), rules=())
    unresolved = replace(audit(workload(image="registry.corp/x")), findings=())
    unstated = audit(OPERATED)

    assert [str(result) for result in results(silenced)] == ["ignored: missing-os-selector"]
    assert [str(result) for result in results(unruled)] == ["cannot run, no rule applied"]
    assert [str(result) for result in results(unresolved)] == ["image unresolved"]
    assert [str(result) for result in results(unstated)] == ["image not stated"]


def test_the_worst_rule_comes_first_and_each_once() -> None:
    report = audit(workload(image="coredns:1.14"), clusters=(HYBRID, EDGE))
    (info, *others) = report.findings
    milder = replace(report, findings=(replace(info, severity=Severity.INFO), *others, info))

    (result,) = results(milder)
    assert result.outcome is Outcome.ERROR
    assert sorted(result.rules) == ["missing-arch-selector", "missing-os-selector"]
