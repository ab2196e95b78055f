"""`ignore.podfit.dev/<rule>: "reason"` on a workload, or on its pod template."""

from auditor.policy.ignores import annotations_on
from tests.support.ignores import audit, one_workload, rules_of, silenced
from tests.support.reports import workload

RULE = "missing-os-selector"
ANNOTATION = f'annotations: {{ignore.podfit.dev/{RULE}: "pool is tainted"}}'
ON_OBJECT = workload().replace("metadata:\n", f"metadata:\n  {ANNOTATION}\n", 1)
ON_PODS = workload().replace("template:\n", f"template:\n    metadata: {{{ANNOTATION}}}\n", 1)


def test_on_the_object() -> None:
    report = audit(ON_OBJECT)

    assert rules_of(report) == []
    assert silenced(report) == [(RULE, "annotation", "pool is tainted")]
    assert report.suppressed[0].where == "deploy/pods.yaml:4:17"


def test_on_the_pod_template() -> None:
    assert silenced(audit(ON_PODS)) == [(RULE, "annotation", "pool is tainted")]


def test_without_a_rule() -> None:
    text = workload().replace("metadata:\n", "metadata:\n  annotations: {ignore.podfit.dev/: x}\n")
    (said,) = annotations_on(one_workload(text))

    assert said.mistake == "has no rule id; write `ignore.podfit.dev/<rule>: reason`"
    assert "unused-ignore" in rules_of(audit(text))


def test_others_are_none_of_our_business() -> None:
    text = workload().replace("metadata:\n", "metadata:\n  annotations: {example.com/ignore: x}\n")

    assert annotations_on(one_workload(text)) == ()


def test_a_key_in_other_letters_is_told_of_at_its_object() -> None:
    text = ON_OBJECT.replace("ignore.podfit.dev", '"ignore.podfit\\x2edev').replace(
        f"/{RULE}:", f'/{RULE}":'
    )
    (said,) = annotations_on(one_workload(text))

    assert (said.rules, str(said.location)) == ((RULE,), "deploy/pods.yaml:1:1")


def test_a_quoted_key_is_found_too() -> None:
    text = ON_OBJECT.replace(f"ignore.podfit.dev/{RULE}", f'"ignore.podfit.dev/{RULE}"')

    assert annotations_on(one_workload(text))[0].location.column == 18
