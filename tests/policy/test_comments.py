"""`# podfit: ignore[rule] reason`: wherever it stands in the lines of its workload's object."""

import pytest

from auditor.policy.ignores import comments_on, read_comments
from tests.support.ignores import audit, document, one_workload, rules_of, silenced, workloads
from tests.support.reports import joined, workload

RULE = "missing-os-selector"
IGNORE = f"# podfit: ignore[{RULE}] pool is tainted"
WEB = workload().splitlines()


def with_comment(line: int, comment: str = IGNORE, *, above: bool) -> str:
    """The workload with a comment behind a line (from 1), or alone above it."""
    lines = list(WEB)
    if above:
        lines.insert(line - 1, f"    {comment}")
    else:
        lines[line - 1] += f"  {comment}"
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("line", range(1, len(WEB) + 1))
@pytest.mark.parametrize("above", [True, False])
def test_any_line_of_the_object(line: int, above: bool) -> None:
    report = audit(with_comment(line, above=above))

    assert rules_of(report) == []
    assert silenced(report) == [(RULE, "comment", "pool is tainted")]
    assert report.exit_code == 0


def test_only_the_rules_that_are_named() -> None:
    report = audit(workload(image="coredns:1.14") + "# podfit: ignore[missing-arch-selector] no\n")

    assert RULE in rules_of(report)


def test_several_rules_with_spaces() -> None:
    (said,) = read_comments(document("#Podfit:Ignore[ a , b ]  - why not "))

    assert (said.rules, said.reason, said.mistake) == (("a", "b"), "why not", "")
    assert said.text == "#Podfit:Ignore[ a , b ]"


@pytest.mark.parametrize(
    ("behind", "reason"),
    [(" tainted, see #12 # noqa", "tainted, see #12"), (" # yamllint disable-line", ""), ("", "")],
)
def test_a_reason_ends_where_another_comment_begins(behind: str, reason: str) -> None:
    (said,) = read_comments(document(f"# podfit: ignore[a]{behind}"))

    assert said.reason == reason


@pytest.mark.parametrize(
    ("comment", "mistake"),
    [
        ("# podfit: ignore[*] all", "would silence every rule; list the rules instead"),
        (
            f"# podfit: ignore[{RULE}, *] all",
            "would silence every rule; list the rules instead",
        ),
        ("# podfit: ignore[]", "has no rule id; write `# podfit: ignore[rule] reason`"),
        *(
            (comment, "is not a valid podfit comment; write `# podfit: ignore[rule] reason`")
            for comment in (
                "# podfit: disable missing-os-selector",
                "# podfit: ignore missing-os-selector",
                "# podfit-ignore: missing-os-selector",
                "# Podfit ignore[missing-os-selector] no colon",
            )
        ),
    ],
)
def test_what_is_not_understood_silences_nothing(comment: str, mistake: str) -> None:
    (said,) = read_comments(document(comment))
    report = audit(workload() + comment + "\n")

    assert said.mistake == mistake
    assert sorted(rules_of(report)) == [RULE, "unused-ignore"]
    assert report.suppressed == ()


@pytest.mark.parametrize(
    "text",
    [
        "key: 'x# podfit: ignore[a] b'",
        "# see podfit: ignore[a]",
        "# podfit ignores this",
        "# podfit reads it",
    ],
)
def test_other_text_is_no_comment_to_podfit(text: str) -> None:
    assert read_comments(document(text)) == ()


def test_each_object_has_its_own() -> None:
    text = joined(workload("a"), f"{IGNORE}\n{workload('b')}", workload("c"))

    report = audit(text)
    assert [str(f.observation.workload) for f in report.findings] == [
        "Deployment/a",
        "Deployment/c",
    ]


def test_a_comment_behind_the_dashes_belongs_to_what_follows() -> None:
    a, b = workloads(f"{workload('a')}--- {IGNORE}\n{workload('b')}")

    assert (comments_on(a), len(comments_on(b))) == ((), 1)


def test_items_of_a_list_end_where_the_next_begins() -> None:
    items = "".join(
        f"  {comment}\n  - " + workload(name).replace("\n", "\n    ").rstrip() + "\n"
        for name, comment in (("a", "# nothing"), ("b", IGNORE), ("c", "# nothing"))
    )
    text = f"apiVersion: v1\nkind: List\nitems:\n{items}"

    assert [len(comments_on(item)) for item in workloads(text)] == [0, 1, 0]


def test_windows_line_ends() -> None:
    report = audit(with_comment(3, above=False).replace("\n", "\r\n"))

    assert silenced(report) == [(RULE, "comment", "pool is tainted")]


def test_a_long_comment_is_shortened() -> None:
    (said,) = comments_on(one_workload(workload() + f"# podfit: {'x' * 5000}\n"))

    assert len(said.text) < 80
