"""The baseline file: what it silences, what it holds, and what in it is stale."""

import json
from collections import Counter

import pytest

from auditor.errors import ConfigurationError
from auditor.policy.baseline import (
    Baseline,
    BaselineEntry,
    format_baseline,
    make_baseline,
    parse_baseline,
    split_stale,
)
from tests.support.ignores import audit, document, entry, rules_of, scope, silenced
from tests.support.reports import joined, workload

RULE = "missing-os-selector"
FILE = ".podfit-baseline.json"


def baseline_of(*documents: object) -> Baseline:
    return make_baseline(FILE, audit(*documents).findings)  # type: ignore[arg-type]


def test_it_silences_what_it_was_made_of() -> None:
    text = joined(workload("a"), workload("b"))
    report = audit(text, scope=scope(baseline=baseline_of(text)))

    assert rules_of(report) == []
    assert silenced(report) == [(RULE, "baseline", "")] * 2
    assert report.suppressed[0].where == FILE
    assert report.exit_code == 0


def test_a_new_finding_is_shown() -> None:
    old = baseline_of(workload("a"))
    report = audit(joined(workload("a"), workload("b")), scope=scope(baseline=old))

    assert [str(f.observation.workload) for f in report.findings] == ["Deployment/b"]


@pytest.mark.parametrize(
    "edited",
    [
        "\n\n# a comment\n" + workload("a"),
        workload("a", "nginx:1.30").replace("1.30", "1.31"),
        workload("renamed"),
        joined("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n", workload("a")),
    ],
)
def test_unrelated_edits_do_not_matter(edited: str) -> None:
    assert rules_of(audit(edited, scope=scope(baseline=baseline_of(workload("a"))))) == []


def test_other_layers_come_first_and_save_the_entry() -> None:
    report = audit(
        workload(), scope=scope(entry(RULE, kind=("*",)), baseline=baseline_of(workload()))
    )

    assert silenced(report) == [(RULE, "config", "known")]


def test_an_entry_silences_one_finding() -> None:
    aliases = [
        document(workload("db"), "charts/shop/charts/db/templates/db.yaml"),
        document(workload("db") + "\n", "charts/shop/charts/db/templates/db.yaml"),
    ]
    once = Baseline(FILE, baseline_of(*aliases).entries[:1])

    assert rules_of(audit(*aliases, scope=scope(baseline=once))) == [RULE]


def test_the_file_says_what_each_entry_is() -> None:
    made = baseline_of(joined(workload("b"), workload("a")))

    value = json.loads(format_baseline(made))
    assert value["version"] == 1
    assert [
        {key: found[key] for key in ("rule", "path", "workload", "containers")}
        for found in value["findings"]
    ] == [
        {"rule": RULE, "path": "deploy/pods.yaml", "workload": name, "containers": ["app"]}
        for name in sorted(
            ("Deployment/a", "Deployment/b"),
            key=lambda name: next(e.id for e in made.entries if e.workload == name),
        )
    ]


def test_it_is_read_as_it_was_written() -> None:
    made = baseline_of(joined(workload("a"), workload("größe")))

    assert parse_baseline(format_baseline(made), FILE) == made


def test_what_was_known_keeps_its_words() -> None:
    report = audit(workload("job-x7k2p"))
    old = make_baseline(FILE, audit(workload("job-abcde")).findings)

    assert make_baseline(FILE, report.findings, old) == old


def test_what_was_not_looked_for_is_still_known() -> None:
    old = baseline_of(workload("web"))
    known = audit(workload("api")).findings

    assert make_baseline(FILE, [], old, {"deploy/other.yaml"}) == old
    assert make_baseline(FILE, known, old, {"deploy/pods.yaml"}).entries == old.entries
    assert make_baseline(FILE, [], old, {"deploy/pods.yaml"}).entries == ()
    assert make_baseline(FILE, [], old).entries == ()


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ("[1", "is not YAML", "2:1"),
        ("[]", "the baseline must be a mapping", "1:1"),
        ('{"findings": []}', "needs `version`", "1:1"),
        ('{"version": 2, "findings": []}', "the version of a baseline is 1", "1:13"),
        ('{"version": 1,\n "finding": []}', "did you mean `findings`?", "2:2"),
        ('{"version": 1, "findings": [{"id": "x"}]}', "needs `rule`", "1:29"),
        ("", "is not one JSON object", ""),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, message: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_baseline(text, FILE)

    problem = caught.value.problem
    assert message in f"{problem.what} {problem.why}"
    assert problem.where == (f"{FILE}:{where}" if where else FILE)


def made(*ids: str, path: str = "a.yaml") -> Baseline:
    return Baseline(FILE, tuple(BaselineEntry(item, "r", path, "w") for item in ids))


def test_stale_are_those_that_no_finding_needs() -> None:
    kept, stale = split_stale(made("x", "x", "y"), Counter(x=1), {"a.yaml"}, whole=False)

    assert ([item.id for item in kept.entries], stale) == (["x"], 2)


def test_nothing_is_known_of_files_that_were_not_read() -> None:
    kept, stale = split_stale(made("x"), Counter(), {"b.yaml"}, whole=False)

    assert (kept, stale) == (made("x"), 0)


def test_a_file_that_is_gone_is_stale_once_everything_was_read() -> None:
    assert split_stale(made("x"), Counter(), (), whole=True)[1] == 1
