"""Rule files: read, validated, and every mistake named with its place."""

import re
from pathlib import Path

import pytest
import yaml

from auditor.checks.findings import Severity
from auditor.checks.rulebook import (
    CHECKS,
    MAX_BYTES,
    Rule,
    find_rule,
    load_builtin_rules,
    load_rulebook,
    load_rules,
)
from auditor.errors import ConfigurationError

_FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)

WHOLE = """\
id: company-rule
check: incompatible-pool
parameters: {mismatch: os}
severity: warning
summary: One sentence.
why: |
  What happens.
fix: What to do.
ignore: When not to care.
explains: [missing-os-selector]
pedantic: true
references: [https://example.com/rules]
"""
SHORT = """\
id: company-rule
check: mixed-platforms
severity: info
summary: One sentence.
why: What happens.
fix: What to do.
"""


def write(folder: Path, text: str, name: str = "company-rule.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def mistake(folder: Path, text: str) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        load_rules([write(folder, text)])
    return caught.value


def test_a_rule_with_everything(tmp_path: Path) -> None:
    (rule,) = load_rules([write(tmp_path, WHOLE)])

    assert rule.id == "company-rule"
    assert rule.check is CHECKS["incompatible-pool"]
    assert rule.severity is Severity.WARNING
    assert (rule.summary, rule.why, rule.fix) == ("One sentence.", "What happens.", "What to do.")
    assert rule.ignore == "When not to care."
    assert rule.parameters == {"mismatch": "os"}
    assert rule.explains == ("missing-os-selector",)
    assert rule.pedantic
    assert rule.references == ("https://example.com/rules",)


def test_what_may_be_left_out(tmp_path: Path) -> None:
    (rule,) = load_rules([write(tmp_path, SHORT)])

    assert (rule.ignore, rule.parameters, rule.explains, rule.references) == ("", {}, (), ())
    assert not rule.pedantic


@pytest.mark.parametrize(
    ("before", "after", "place", "what"),
    [
        ("id: company-rule", "id: Company", "1:5", "kebab case"),
        ("id: company-rule", "id: other-rule", "1:5", "the file is named company-rule"),
        ("id: company-rule\n", "", "1:1", "a rule needs `id`"),
        ("mixed-platforms", "mixed-platform", "2:8", "did you mean `mixed-platforms`?"),
        ("severity: info", "severity: fatal", "3:11", "`fatal` is not a severity"),
        ("severity: info", "severity: 3", "3:11", "a severity is one of error, warning, info"),
        ("summary: One sentence.", "summary: ''", "4:10", "`summary` is empty"),
        ("summary: One sentence.\n", "", "1:1", "a rule needs `summary`"),
        ("why: What happens.", "why: [What]", "5:6", "expected text"),
        ("fix: ", "fixes: ", "6:1", "a rule has no key `fixes`; did you mean `fix`?"),
        ("severity: info", "severity: info\npedantic: sure", "4:11", "expected true or false"),
        ("severity: info", "severity: info\nexplains: all", "4:11", "expected a list"),
        ("severity: info", "severity: info\nparameters: {a: b}", "4:13", "takes no parameters"),
    ],
)
def test_a_mistake_is_named_with_its_place(
    tmp_path: Path, before: str, after: str, place: str, what: str
) -> None:
    assert before in SHORT
    problem = mistake(tmp_path, SHORT.replace(before, after)).problem

    assert what in problem.what
    assert problem.where == f"{tmp_path / 'company-rule.yaml'}:{place}"
    assert problem.hint == "see docs/writing-rules.md for the format"


@pytest.mark.parametrize(
    ("parameters", "place", "what"),
    [
        ("", "1:1", "the check needs `mismatch` (architecture or os or windows-build)"),
        ("parameters: {}\n", "3:13", "the check needs `mismatch`"),
        ("parameters: {mismatch: cpu}\n", "3:24", "`cpu` is not a value of `mismatch`"),
        (
            "parameters: {mismatch: os, os: linux}\n",
            "3:28",
            "parameters of this check has no key `os`",
        ),
        ("parameters: os\n", "3:13", "must be a mapping"),
    ],
)
def test_parameters_are_those_of_the_check(
    tmp_path: Path, parameters: str, place: str, what: str
) -> None:
    text = WHOLE.replace("parameters: {mismatch: os}\n", parameters)
    problem = mistake(tmp_path, text).problem

    assert what in problem.what
    assert problem.where.endswith(f":{place}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "a rule file has one YAML document, not 0"),
        (f"{SHORT}---\n{SHORT}", "a rule file has one YAML document, not 2"),
        ("id: [", "the rule file is not YAML"),
        ("- id", "a rule must be a mapping, not a list"),
        ("#" * MAX_BYTES + "\n", "the rule file has more than 65536 bytes"),
    ],
)
def test_what_is_no_rule_file(tmp_path: Path, text: str, what: str) -> None:
    assert mistake(tmp_path, text).problem.what == what


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_rules([tmp_path / "none.yaml"])

    assert caught.value.problem.what == "cannot read the rule file"


def test_a_company_adds_rules(tmp_path: Path) -> None:
    write(tmp_path, WHOLE)
    rules = load_rulebook([tmp_path])

    assert {rule.id for rule in rules} - {rule.id for rule in load_builtin_rules()} == {
        "company-rule"
    }
    assert [rule.id for rule in rules] == sorted(rule.id for rule in rules)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    text = SHORT.replace("company-rule", "kubelet-rejects")
    write(tmp_path, text, "kubelet-rejects.yaml")

    with pytest.raises(ConfigurationError, match="a rule kubelet-rejects already exists"):
        load_rulebook([tmp_path])


def test_a_rule_explains_rules_that_exist(tmp_path: Path) -> None:
    write(tmp_path, WHOLE.replace("[missing-os-selector]", "[mising-os-selector]"))

    with pytest.raises(ConfigurationError) as caught:
        load_rulebook([tmp_path])
    problem = caught.value.problem
    assert problem.what == 'unknown rule "mising-os-selector"'
    assert problem.where == "`explains` of rule company-rule"
    assert problem.hint.startswith("did you mean `missing-os-selector`?")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "the folder does not exist"),
        ("", "it has no .yaml files"),
        ("note.txt", "it is a file, not a folder"),
    ],
)
def test_a_folder_without_rules(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "note.txt").touch()

    with pytest.raises(ConfigurationError) as caught:
        load_rulebook([tmp_path / name])

    assert (caught.value.problem.what, caught.value.problem.why) == ("no rules found", why)


def test_find_rule_suggests() -> None:
    rules = load_builtin_rules()
    assert find_rule("inert-guard", rules).id == "inert-guard"

    with pytest.raises(ConfigurationError) as caught:
        find_rule("inert-gard\x1b", rules)
    assert caught.value.problem.what == 'unknown rule "inert-gard\\x1b"'
    assert caught.value.problem.hint.startswith("did you mean `inert-guard`?")
    with pytest.raises(ConfigurationError) as caught:
        find_rule("xyz", rules)
    assert caught.value.problem.hint == "`podfit rules` lists all of them"


def test_the_built_in_rules_agree_with_each_other() -> None:
    assert load_rulebook([]) == load_builtin_rules()


@pytest.mark.parametrize("rule", load_builtin_rules(), ids=lambda rule: rule.id)
def test_the_words_of_a_built_in_rule(rule: Rule) -> None:
    assert rule.summary.endswith(".")
    assert ". " not in rule.summary
    assert "\n" not in rule.summary
    for words in (rule.why, rule.fix, rule.ignore):
        assert words
        assert "\t" not in words
    assert all(link.startswith("https://") for link in rule.references)


@pytest.mark.parametrize("rule", load_builtin_rules(), ids=lambda rule: rule.id)
def test_what_a_built_in_rule_shows_is_yaml(rule: Rule) -> None:
    """Also the patches within it; templates of charts are another language."""
    blocks = _FENCE.findall(f"{rule.why}\n{rule.fix}\n{rule.ignore}")
    shown = [yaml.safe_load(block) for block in blocks if "{{" not in block]

    patches = [patch for value in shown for patch in value.get("patches", ())]
    for patch in patches:
        assert yaml.safe_load(patch["patch"])
        if "target" not in patch:
            assert {"apiVersion", "kind", "metadata", "spec"} <= yaml.safe_load(
                patch["patch"]
            ).keys()
