"""Rules as data: `rules/*.yaml` read, validated and bound to their checks.

Every check under the name by which rules use it, alphabetical.
"""

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
from auditor.checks.interface import IGNORE_LAPSE, UNREACHED_SELECTOR, Check
from auditor.checks.kubelet_rejection import KUBELET_REJECTION
from auditor.checks.platforms import (
    EXCLUDED_POOL,
    INCOMPATIBLE_POOL,
    MIXED_PLATFORMS,
    NO_COMPATIBLE_NODE,
)
from auditor.checks.selectors import CONFLICTING_SELECTOR, DEPRECATED_LABEL, INERT_GUARD
from auditor.checks.taints import BROAD_TOLERATION, TAINT_DEPENDENCE
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
}


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
_HINT: Final = "docs/writing-rules.md shows how a rule is written"
_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SEVERITIES: Final[Mapping[str, Severity]] = {
    str(severity): severity for severity in sorted(Severity, reverse=True)
}
"""The worst first, as people think of them."""


class Rule(Struct, frozen=True):
    """A judgement: which check's observations count, how much, and what is said about them.

    id: kebab case. summary: one sentence. why, fix, ignore: Markdown for its page: what happens,
    what to do, when not to care. parameters: for the check. explains: rules whose findings this one
    explains; beside one of those it is attached instead of standing alone. pedantic: off unless
    asked for. references: links.
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
    """The rules that podfit brings along, sorted by id."""
    return load_rules(sorted(_builtin_folder().glob("*.yaml")))


def load_rulebook(folders: Iterable[Path]) -> tuple[Rule, ...]:
    """podfit's own rules and those in some folders, sorted by id.

    Raises `ConfigurationError` for a folder without rules, a name given twice, and an `explains`
    that names no rule.
    """
    rules = {rule.id: rule for rule in load_builtin_rules()}
    for folder in folders:
        for path in _rule_files(folder):
            rule = _read_rule(path)
            if rule.id in rules:
                raise ConfigurationError(
                    f"there is a rule {rule.id} already",
                    where=str(path),
                    hint="give it another id, and turn the other rule off if it replaces that",
                )
            rules[rule.id] = rule
    for rule in rules.values():
        for name in rule.explains:
            find_rule(name, rules.values(), where=f"`explains` of rule {rule.id}")
    return tuple(rules[name] for name in sorted(rules))


def load_rules(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """The rules of some files, sorted by id. Raises `ConfigurationError` naming file and line."""
    return tuple(sorted(map(_read_rule, paths), key=lambda rule: rule.id))


def find_rule(name: str, rules: Iterable[Rule], *, where: str = "") -> Rule:
    """The rule with this id. Raises `ConfigurationError` with a suggestion."""
    by_id = {rule.id: rule for rule in rules}
    if name in by_id:
        return by_id[name]
    near = suggestion(name, by_id)
    listing = "`podfit rules` lists all of them"
    raise ConfigurationError(
        f'there is no rule "{printable(name)}"',
        where=where,
        hint=f"{near} {listing}" if near else listing,
    )


def _builtin_folder() -> Path:
    """`auditor/rules` in a wheel, `rules` beside the package in a checkout."""
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
        why = "there is no such folder"
        if folder.exists():
            why = "it holds no .yaml file" if folder.is_dir() else "it is a file: name its folder"
        raise ConfigurationError("there are no rules", where=str(folder), why=why, hint=_HINT)
    return paths


def _read_rule(path: Path) -> Rule:
    text = read_bounded(path, what=_WHAT, limit=MAX_BYTES, hint=_HINT)
    documents = parse_strict(text, str(path), what=_WHAT, hint=_HINT)
    if len(documents) != 1:
        raise ConfigurationError(
            f"a {_WHAT} holds one YAML document, not {len(documents)}", where=str(path), hint=_HINT
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
        raise ShapeError("a rule's `id` is in kebab case, such as missing-os-selector", node)
    if name != stem:
        raise ShapeError(f"the rule's id is {name}, but its file is called {stem}", node)
    return name


def _words(root: Node, key: str) -> str:
    node = required(root, key, "a rule")
    if text := node.text().strip():
        return text
    raise ShapeError(f"`{key}` is empty", node)


def _parameters(root: Node, check: Check) -> Mapping[str, str]:
    """Those that the check takes, each with one of its values: all of them, and no other."""
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
