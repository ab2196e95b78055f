"""What is said once for all findings that share it."""

from dataclasses import replace

from auditor.findings import Finding
from auditor.formats.repetition import repetitions
from tests.support.reports import audit, joined, workload

LONG = "the scheduler does not look at images: on windows-2022 the pull fails with an error"


def finding(name: str, why: str, *, rule: str = "", variants: tuple[str, ...] = ()) -> Finding:
    (found,) = audit(workload(name)).findings
    seen = replace(found.observation, why=why)
    return replace(found, observation=seen, rule=rule or found.rule, variants=variants)


def test_the_first_finding_says_it_and_the_others_refer_to_it() -> None:
    found = [finding("web", LONG), finding("api", f"{LONG}; for ever"), finding("db", LONG)]
    assert list(repetitions(found)) == [{}, {}, {"why": "as for Deployment/web above"}]


def test_each_rule_speaks_for_itself() -> None:
    found = [finding("web", LONG), finding("web", LONG, rule="missing-arch-selector")]
    assert list(repetitions(found)) == [{}, {}]


def test_what_is_short_is_said_again() -> None:
    assert list(repetitions([finding("web", "no tag"), finding("api", "no tag")])) == [{}, {}]


def test_long_lists_of_variants_are_shared_too() -> None:
    variants = tuple(f"ci/{number}-rather-long-name-values.yaml" for number in range(3))
    found = [
        finding("web", "short", variants=variants),
        finding("api", "short", variants=variants),
        finding("db", "short", variants=variants[:2]),
    ]
    assert list(repetitions(found)) == [{}, {"with": "as for Deployment/web above"}, {}]


def test_nothing_found_nothing_shared() -> None:
    assert list(repetitions(audit(joined(workload(image="pause:3.8"))).findings)) == []
