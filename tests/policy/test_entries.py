"""Entries of `ignore` in the configuration: matchers, and the date on which they end."""

from datetime import date

import pytest

from auditor.policy.baseline import Match
from tests.support.ignores import TODAY, audit, entry, finding, rules_of, scope, silenced
from tests.support.reports import workload

RULE = "missing-os-selector"
TWO = workload(namespace="shop") + "        - name: proxy\n          image: busybox:1.37\n"


@pytest.mark.parametrize(
    ("key", "glob", "met"),
    [
        ("kind", "Deployment", True),
        ("kind", "deployment", True),
        ("kind", "DEPLOY*", True),
        ("kind", "Daemon*", False),
        ("name", "w?b", True),
        ("name", "w", False),
        ("namespace", "sh*", True),
        ("namespace", "", False),
        ("image", "nginx:*", True),
        ("image", "docker.io/library/nginx", True),
        ("image", "docker.io/library/nginx:1.31", True),
        ("image", "nginx", True),
        ("image", "ghcr.io/*", False),
        ("container", "app", True),
        ("container", "web", False),
        ("path", "deploy", True),
        ("path", "deploy/*.yaml", True),
        ("path", "*.yaml", False),
    ],
)
def test_a_matcher(key: str, glob: str, met: bool) -> None:
    found = finding(audit(workload(namespace="shop")), RULE)

    assert Match(**{key: (glob,)}).meets(found) is met


def test_all_kinds_of_matchers_must_be_met_and_any_glob_of_each() -> None:
    found = finding(audit(workload()), RULE)

    assert Match(kind=("Job", "Deployment"), name=("web",)).meets(found)
    assert not Match(kind=("Deployment",), name=("api",)).meets(found)


def test_an_ignored_container_does_not_hide_another() -> None:
    found = finding(audit(TWO), RULE)

    assert [subject.container for subject in found.observation.subjects] == ["app", "proxy"]
    assert not Match(container=("app",)).meets(found)
    assert Match(container=("app", "proxy")).meets(found)
    assert not Match(image=("nginx",)).meets(found)


@pytest.mark.parametrize(("globs", "silent"), [(("*",), False), ((), True)])
def test_a_finding_about_no_container_is_about_none_that_is_named(
    globs: tuple[str, ...], silent: bool
) -> None:
    believed = workload(spec="tolerations: [{key: os, value: linux}]")
    report = audit(believed, scope=scope(entry("inert-guard", kind=("*",), container=globs)))

    assert (("inert-guard", "config", "known") in silenced(report)) is silent


def test_what_is_no_reference_is_met_as_it_is_written() -> None:
    found = finding(audit(workload(image="'{{ .Values.image }}'")), "image-unresolved")

    assert Match(image=("{{*",)).meets(found)
    assert not Match(image=("nginx",)).meets(found)


def test_it_silences() -> None:
    report = audit(workload(), scope=scope(entry(RULE, kind=("Deployment",), line=7)))

    assert rules_of(report) == []
    assert silenced(report) == [(RULE, "config", "known")]
    assert report.suppressed[0].where == ".podfit.yaml:7:1"


@pytest.mark.parametrize(
    ("expires", "holds"),
    [(TODAY, True), (date(2026, 6, 14), False), (date(2027, 1, 1), True), (None, True)],
)
def test_it_holds_until_the_end_of_its_last_day(expires: date | None, holds: bool) -> None:
    report = audit(workload(), scope=scope(entry(RULE, kind=("*",), expires=expires)))

    assert (RULE not in rules_of(report)) is holds


def test_it_counts_below_its_own_folder_only() -> None:
    elsewhere = scope(entry(RULE, kind=("*",)), root="/another")

    assert RULE in rules_of(audit(workload(), scope=elsewhere))
