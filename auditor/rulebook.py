"""Rules as data: `rules/*.yaml` read, validated and bound to their checks."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from auditor.checks.catalog import CHECKS
from auditor.checks.interface import Check
from auditor.errors import ConfigurationError
from auditor.findings import Severity
from auditor.yaml import Node, ShapeError, YamlError, read_documents

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
_REQUIRED: Final = ("id", "check", "severity", "summary", "why", "fix")


@dataclass(frozen=True, slots=True)
class Rule:
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


def load_builtin_rules() -> tuple[Rule, ...]:
    """The rules that podfit brings along, sorted by id."""
    folder = _builtin_folder()
    return load_rules(sorted(folder.glob("*.yaml")))


def load_rules(paths: Iterable[Path]) -> tuple[Rule, ...]:
    """The rules of some files, sorted by id. Raises `ConfigurationError` naming file and line."""
    rules = [_read_rule(path) for path in paths]
    return tuple(sorted(rules, key=lambda rule: rule.id))


def find_rule(name: str, rules: Iterable[Rule]) -> Rule:
    """The rule with this id. Raises `ConfigurationError` with a suggestion."""
    by_id = {rule.id: rule for rule in rules}
    if name in by_id:
        return by_id[name]
    near = difflib.get_close_matches(name, by_id, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ConfigurationError(
        f'there is no rule "{name}"', hint=f"{hint}`podfit rules` lists all of them"
    )


def _builtin_folder() -> Path:
    """`auditor/rules` in a wheel, `rules` beside the package in a checkout."""
    package = Path(str(files("auditor")))
    for folder in (package / "rules", package.parent / "rules"):
        if folder.is_dir():
            return folder
    raise ConfigurationError(
        "podfit's own rules are missing from this installation", hint="install podfit again"
    )


def _read_rule(path: Path) -> Rule:
    try:
        documents = list(read_documents(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError("cannot read a rule", where=str(path), why=str(error)) from error
    if len(documents) != 1 or isinstance(documents[0], YamlError):
        why = documents[0].message if documents and isinstance(documents[0], YamlError) else ""
        raise ConfigurationError(
            "a rule file holds exactly one YAML mapping", where=str(path), why=why
        )
    try:
        return _make_rule(documents[0], path.stem)
    except ShapeError as error:
        raise ConfigurationError(
            error.message, where=f"{path}:{error.line}:{error.column}", hint="see docs/writing-rules.md"
        ) from error


def _make_rule(root: Node, stem: str) -> Rule:
    for key, node in root.mapping().items():
        if key not in SCHEMA_KEYS:
            raise ShapeError(f"`{key}` is no key of a rule ({', '.join(SCHEMA_KEYS)})", node)
    for key in _REQUIRED:
        if root.get(key) is None:
            raise ShapeError(f"`{key}` is missing", root)
    name = root.text_at("id")
    if name != stem:
        raise ShapeError(f"the rule's id is {name}, but its file is called {stem}", root)
    check = CHECKS.get(root.text_at("check"))
    if check is None:
        raise ShapeError(f"there is no check `{root.text_at('check')}`", root)
    parameters = root.texts_at("parameters")
    _validate_parameters(parameters, check, root)
    return Rule(
        id=name,
        check=check,
        severity=read_severity(root.get("severity")),
        summary=root.text_at("summary").strip(),
        why=root.text_at("why").strip(),
        fix=root.text_at("fix").strip(),
        ignore=root.text_at("ignore").strip(),
        parameters=parameters,
        explains=tuple(node.text() for node in root.items_at("explains")),
        pedantic=root.flag_at("pedantic"),
        references=tuple(node.text() for node in root.items_at("references")),
    )


def _validate_parameters(parameters: Mapping[str, str], check: Check, root: Node) -> None:
    if parameters.keys() != check.parameters.keys():
        wanted = ", ".join(check.parameters) or "none"
        raise ShapeError(f"the check takes these parameters: {wanted}", root)
    for name, value in parameters.items():
        if value not in check.parameters[name]:
            allowed = ", ".join(check.parameters[name])
            raise ShapeError(f"parameter `{name}` is one of {allowed}, not {value}", root)


def read_severity(node: Node | None) -> Severity:
    """A severity by its name. Raises `ShapeError`."""
    names = {str(severity): severity for severity in Severity}
    if node is not None and node.is_text and node.text() in names:
        return names[node.text()]
    raise ShapeError(f"a severity is one of {', '.join(names)}", node or Node(None, 1, 1))
