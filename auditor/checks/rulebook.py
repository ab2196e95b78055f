"""Load rules from `rules/*.yaml`, validate them and bind them to their checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from auditor.checks.findings import Severity
from auditor.checks.images import (
    DANGLING_ROW,
    MISSING_PLATFORM,
    PINNED_ROW,
    REFERENCED_IMAGE,
    UNRESOLVED_IMAGE,
)
from auditor.checks.inert_guards import INERT_GUARD
from auditor.checks.interface import IGNORE_LAPSE, UNREACHED_SELECTOR, Check
from auditor.checks.kubelet_rejection import KUBELET_REJECTION
from auditor.checks.platforms import (
    EXCLUDED_POOL,
    INCOMPATIBLE_POOL,
    MIXED_PLATFORMS,
    NO_COMPATIBLE_NODE,
)
from auditor.checks.selectors import CONFLICTING_SELECTOR, DEPRECATED_LABEL
from auditor.checks.taints import BROAD_TOLERATION, TAINT_DEPENDENCE, UNTOLERATED
from auditor.errors import ConfigurationError, printable
from auditor.files.strict import (
    naming,
    one_of,
    only_keys,
    parse_strict,
    read_bounded,
    required,
    suggestion,
)
from auditor.files.yaml_nodes import Node, ShapeError

CHECKS: Final[Mapping[str, Check]] = {
    "broad-toleration": BROAD_TOLERATION,
    "conflicting-selector": CONFLICTING_SELECTOR,
    "dangling-row": DANGLING_ROW,
    "deprecated-label": DEPRECATED_LABEL,
    "excluded-pool": EXCLUDED_POOL,
    "ignore-lapse": IGNORE_LAPSE,
    "incompatible-pool": INCOMPATIBLE_POOL,
    "inert-guard": INERT_GUARD,
    "kubelet-rejection": KUBELET_REJECTION,
    "missing-platform": MISSING_PLATFORM,
    "mixed-platforms": MIXED_PLATFORMS,
    "no-compatible-node": NO_COMPATIBLE_NODE,
    "pinned-row": PINNED_ROW,
    "referenced-image": REFERENCED_IMAGE,
    "taint-dependence": TAINT_DEPENDENCE,
    "unreached-selector": UNREACHED_SELECTOR,
    "unresolved-image": UNRESOLVED_IMAGE,
    "untolerated": UNTOLERATED,
}
"""Checks by the name that rules use."""

SCHEMA_KEYS: Final = (
    "id",
    "check",
    "severity",
    "summary",
    "why",
    "fix",
    "ignore",
    "parameters",
    "explains",
    "pedantic",
    "references",
)
MAX_BYTES: Final = 64 * 2**10

_WHAT: Final = "rule file"
_HINT: Final = "see docs/writing-rules.md for the format"
_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SEVERITIES: Final[Mapping[str, Severity]] = {
    str(severity): severity for severity in sorted(Severity, reverse=True)
}
"""Severities by name, the worst first."""


class Rule(Struct, frozen=True):
    """A check with its parameters, severity and documentation.

    Attributes:
        id: In kebab case.
        summary: One sentence.
        why: What happens, as Markdown for the rule's page; `fix` and `ignore` likewise.
        fix: What to do.
        ignore: When to ignore the finding.
        parameters: For the check.
        explains: Rules whose findings this one explains. It is attached to such a finding of the
            same workload instead of being reported separately.
        pedantic: Whether it is off by default.
        references: Links.
    """

    id: str
    check: Check
    severity: Severity
    summary: str
    why: str
    fix: str
    ignore: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    explains: tuple[str, ...] = ()
    pedantic: bool = False
    references: tuple[str, ...] = ()


@cache
def load_builtin_rules() -> tuple[Rule, ...]:
    """Return podfit's own rules, sorted by id."""
    return load_rules(sorted(_builtin_folder().glob("*.yaml")))


def load_rulebook(folders: Iterable[Path]) -> tuple[Rule, ...]:
    """Return podfit's own rules and those in some folders, sorted by id.

    Raises:
        ConfigurationError: A folder has no rules, an id is duplicated, or `explains` names an
            unknown rule.
    """
    rules = {rule.id: rule for rule in load_builtin_rules()}
    for folder in folders:
        for path in _rule_files(folder):
            rule = _read_rule(path)
            if rule.id in rules:
                raise ConfigurationError(
                    f"a rule {rule.id} already exists",
                    where=str(path),
                    hint="use another id, and turn the other rule off if this one replaces it",
                )
            rules[rule.id] = rule
    for rule in rules.values():
        for name in rule.explains:
            find_rule(name, rules.values(), where=f"`explains` of rule {rule.id}")
    return tuple(rules[name] for name in sorted(rules))


def load_rules(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """Return the rules of some files, sorted by id. Raises ConfigurationError with the line."""
    return tuple(sorted(map(_read_rule, paths), key=lambda rule: rule.id))


def find_rule(name: str, rules: Iterable[Rule], *, where: str = "") -> Rule:
    """Return the rule with this id. Raises ConfigurationError with a suggestion."""
    by_id = {rule.id: rule for rule in rules}
    if name in by_id:
        return by_id[name]
    near = suggestion(name, by_id)
    listing = "`podfit rules` lists all of them"
    raise ConfigurationError(
        f'unknown rule "{printable(name)}"',
        where=where,
        hint=f"{near} {listing}" if near else listing,
    )


def _builtin_folder() -> Path:
    """Return `auditor/rules` in a wheel, or `rules` next to the package in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "rules", package.parent / "rules"):
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        "podfit's own rules are missing from this installation", hint="install podfit again"
    )


def _rule_files(folder: Path) -> Sequence[Path]:
    paths = sorted((*folder.glob("*.yaml"), *folder.glob("*.yml")))
    if not paths:
        why = "the folder does not exist"
        if folder.exists():
            why = "it has no .yaml files" if folder.is_dir() else "it is a file, not a folder"
        raise ConfigurationError("no rules found", where=str(folder), why=why, hint=_HINT)
    return paths


def _read_rule(path: Path) -> Rule:
    text = read_bounded(path, what=_WHAT, limit=MAX_BYTES, hint=_HINT)
    documents = parse_strict(text, str(path), what=_WHAT, hint=_HINT)
    if len(documents) != 1:
        raise ConfigurationError(
            f"a {_WHAT} has one YAML document, not {len(documents)}", where=str(path), hint=_HINT
        )
    with naming(str(path), hint=_HINT):
        return _make_rule(documents[0], path.stem)


def _make_rule(root: Node, stem: str) -> Rule:
    only_keys(root, SCHEMA_KEYS, "a rule")
    check = CHECKS[one_of(required(root, "check", "a rule"), tuple(CHECKS), "a check of podfit")]
    return Rule(
        id=_id(required(root, "id", "a rule"), stem),
        check=check,
        severity=SEVERITIES[
            one_of(required(root, "severity", "a rule"), tuple(SEVERITIES), "a severity")
        ],
        summary=_words(root, "summary"),
        why=_words(root, "why"),
        fix=_words(root, "fix"),
        ignore=root.text_at("ignore").strip(),
        parameters=_parameters(root, check),
        explains=tuple(node.text() for node in root.items_at("explains")),
        pedantic=root.flag_at("pedantic"),
        references=tuple(node.text() for node in root.items_at("references")),
    )


def _id(node: Node, stem: str) -> str:
    name = node.text()
    if not _ID.fullmatch(name):
        raise ShapeError("`id` must be in kebab case, such as missing-os-selector", node)
    if name != stem:
        raise ShapeError(f"the id is {name}, but the file is named {stem}", node)
    return name


def _words(root: Node, key: str) -> str:
    node = required(root, key, "a rule")
    if text := node.text().strip():
        return text
    raise ShapeError(f"`{key}` is empty", node)


def _parameters(root: Node, check: Check) -> Mapping[str, str]:
    """Return the parameters: exactly those of the check, each with an allowed value."""
    given = root.get("parameters")
    if given is None:
        if check.parameters:
            raise ShapeError(f"the check needs {_choices(check)} under `parameters`", root)
        return {}
    if not check.parameters:
        raise ShapeError("the check takes no parameters", given)
    only_keys(given, tuple(check.parameters), "parameters of this check")
    return {
        name: one_of(required(given, name, "the check"), values, f"a value of `{name}`")
        for name, values in check.parameters.items()
    }


def _choices(check: Check) -> str:
    return ", ".join(f"`{name}` ({' or '.join(items)})" for name, items in check.parameters.items())
