"""What is wrong with ignores: they silence nothing, name nothing, or give no reason."""

from datetime import date

import pytest

from auditor.audit.report import Report
from auditor.checks.findings import Severity
from auditor.kubernetes.manifests import Document
from auditor.policy.baseline import Baseline, BaselineEntry, make_baseline
from auditor.policy.ignores import Scope, silence
from auditor.policy.unused_ignores import Audited, find_lapses, find_stale_baselines
from tests.support.ignores import (
    RULES,
    TODAY,
    audit,
    document,
    entry,
    finding,
    rules_of,
    scope,
)
from tests.support.reports import LINUX_ONLY, joined, workload

UNUSED, UNDOCUMENTED = "unused-ignore", "undocumented-ignore"
FINE = workload(spec=LINUX_ONLY)
COMMENT = "# podfit: ignore[missing-os-selector] tainted\n"


def said(report: Report, rule: str = UNUSED) -> tuple[str, str]:
    found = finding(report, rule)
    return found.observation.message, str(found.observation.location)


def test_a_comment_that_silences_nothing() -> None:
    report = audit(FINE + COMMENT)

    assert said(report) == (
        "`# podfit: ignore[missing-os-selector]` silences nothing",
        "deploy/pods.yaml:12:1",
    )
    found = finding(report, UNUSED)
    assert found.severity is Severity.WARNING
    assert str(found.observation.workload) == "Deployment/web"


def test_an_annotation_that_silences_nothing() -> None:
    text = FINE.replace(
        "metadata:\n", "metadata:\n  annotations: {ignore.podfit.dev/inert-guard: old}\n", 1
    )

    assert said(audit(text))[0] == "`ignore.podfit.dev/inert-guard` silences nothing"


def test_one_rule_of_two() -> None:
    report = audit(workload() + "# podfit: ignore[missing-os-selector,invalid-image] why\n")

    assert said(report)[0].endswith("silences nothing with invalid-image")


def test_a_rule_that_does_not_exist() -> None:
    report = audit(workload() + "# podfit: ignore[mising-os-selector] why\n")

    assert said(report)[0].endswith("names an unknown rule: mising-os-selector")
    assert finding(report, UNUSED).observation.fix == "did you mean `missing-os-selector`?"


def test_no_rule_is_unknown_where_nobody_told_which_there_are() -> None:
    report = audit(workload() + "# podfit: ignore[mising-os-selector] why\n")
    unheard = Audited(report.assessments, RULES, frozenset())

    assert list(find_lapses(unheard, (), silence((), (), TODAY), TODAY)) == []


def test_a_comment_outside_of_every_workload() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
    report = audit(joined(FINE, service + COMMENT))

    message, where = said(report)
    assert message.endswith("silences nothing: it is outside of every workload")
    assert where == "deploy/pods.yaml:16:1"


def test_each_of_several_ignores_that_silence_something_is_used() -> None:
    report = audit(
        joined(workload("web") + COMMENT, workload("api") + COMMENT.replace("tainted", "cordoned"))
    )

    assert UNUSED not in rules_of(report)
    assert len(report.suppressed) == 2


def test_nothing_is_said_where_it_cannot_be_known() -> None:
    unresolved = workload(image="registry.corp/x:1", spec=LINUX_ONLY)
    pedantic = FINE + "# podfit: ignore[excluded-compatible-pool] not with us\n"

    assert UNUSED not in rules_of(audit(unresolved + COMMENT))
    assert UNUSED not in rules_of(audit(pedantic))


def test_the_same_comment_in_two_renderings_is_one() -> None:
    """A template under two sets of values: unused in one of them is not unused."""
    path = "charts/web/templates/web.yaml"
    fine, guilty = document(FINE + COMMENT, path), document(workload() + COMMENT, path)

    assert rules_of(audit(fine, guilty)) == []
    assert rules_of(audit(fine, document(FINE + "\n" + COMMENT, path))) == [UNUSED]


def test_without_a_reason() -> None:
    report = audit(workload() + "# podfit: ignore[missing-os-selector]\n")

    assert rules_of(report) == [UNDOCUMENTED]
    assert said(report, UNDOCUMENTED)[0].endswith("gives no reason")
    assert finding(report, UNDOCUMENTED).severity is Severity.INFO


def test_unused_and_without_a_reason_is_one_lapse() -> None:
    assert rules_of(audit(FINE + "# podfit: ignore[missing-os-selector]\n")) == [UNUSED]


@pytest.mark.parametrize(("whole", "count"), [(True, 1), (False, 0)])
def test_an_entry_is_unused_if_the_whole_repository_was_audited(whole: bool, count: int) -> None:
    config = Document(".podfit.yaml", "version: 1\n", "")
    settings = scope(entry("missing-os-selector", kind=("*",), line=3), whole=whole, config=config)
    report = audit(FINE, scope=settings)

    assert rules_of(report) == [UNUSED] * count
    if whole:
        assert said(report) == (
            "the ignore of `missing-os-selector` silences nothing",
            ".podfit.yaml:3:1",
        )
        assert finding(report, UNUSED).observation.workload.document is config


def test_an_entry_is_not_unused_while_an_image_is_unresolved() -> None:
    settings = scope(entry("missing-os-selector", kind=("*",)), whole=True)

    assert UNUSED not in rules_of(audit(workload(image="registry.corp/x:1"), scope=settings))


def test_an_expired_entry_is_always_told() -> None:
    settings = scope(entry("missing-os-selector", kind=("*",), expires=date(2026, 6, 1)))
    report = audit(workload(), scope=settings)

    assert rules_of(report) == [UNUSED, "missing-os-selector"]
    assert said(report)[0] == "the ignore of `missing-os-selector` expired on 2026-06-01"
    assert "its reason was: known" in finding(report, UNUSED).observation.why


def test_stale_entries_of_a_baseline_are_told_once() -> None:
    old = make_baseline(".podfit-baseline.json", audit(workload()).findings)
    report = audit(workload(), scope=scope(baseline=Baseline(old.path, old.entries * 3)))

    assert rules_of(report) == [UNUSED]
    assert said(report) == (
        "2 entries match no finding any more",
        ".podfit-baseline.json:1:1",
    )


@pytest.mark.parametrize(("complete", "count"), [(True, 1), (False, 0)])
def test_an_entry_is_not_unused_where_a_source_could_not_be_read(
    complete: bool, count: int
) -> None:
    report = audit(FINE)
    settings = scope(entry("missing-os-selector", kind=("*",)), whole=True)
    audited = Audited(report.assessments, RULES, frozenset(), complete=complete)

    found = find_lapses(audited, [settings], silence((), [settings], TODAY), TODAY)
    assert len(list(found)) == count


@pytest.mark.parametrize(("whole", "count"), [(True, 1), (False, 0)])
def test_a_baseline_of_two_folders_is_stale_once_both_were_read(whole: bool, count: int) -> None:
    entries = (BaselineEntry("0", "missing-os-selector", "gone.yaml", "Pod/gone"),)
    shared = Baseline(".podfit-baseline.json", entries)
    scopes = [
        Scope("/repo/a", baseline=shared, whole=True),
        Scope("/repo/b", baseline=shared, whole=whole),
    ]
    audited = Audited((), RULES, frozenset())

    assert len(list(find_stale_baselines(audited, scopes, silence((), scopes, TODAY)))) == count


def test_without_ignores_nothing_is_said_of_them() -> None:
    report = audit(FINE + COMMENT, ignores=False)

    assert rules_of(report) == []


def test_each_entry_is_a_finding_of_its_own() -> None:
    settings = scope(
        entry("missing-os-selector", kind=("Job",), line=1),
        entry("missing-os-selector", kind=("Pod",), line=2),
        whole=True,
    )
    report = audit(FINE, scope=settings)

    assert len({item.fingerprint for item in report.findings}) == 2
