"""`rules` of the configuration: rules turned off or on, and what else they are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from auditor.policy import RuleSetting
from auditor.rulebook import SEVERITIES, Rule
from auditor.schema import key_node, one_of, suggestion
from auditor.shapes import Choice, Flag, Json, Key, Record
from auditor.yaml.nodes import Node, ShapeError

SEVERITY: Final = Choice(SEVERITIES, "a severity")
_SWITCH: Final = {"off": False, "on": True}
"""`off` and `on` are booleans to YAML 1.1 and texts to YAML 1.2."""


def unknown_rule(name: str, rules: tuple[Rule, ...]) -> str:
    """The sentence for a rule that there is not."""
    advice = suggestion(name, [rule.id for rule in rules]) or "`podfit rules` lists all of them"
    return f"there is no rule `{name}`; {advice}"


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """A mapping of rules to `off`, `on`, a severity, or what is to be changed about them."""

    rules: tuple[Rule, ...]

    def read(self, node: Node) -> dict[str, RuleSetting]:
        if not isinstance(node.value, Mapping):
            raise ShapeError(f"expected a mapping of rules, not {node.type_name}", node)
        by_id = {rule.id: rule for rule in self.rules}
        for name in node.value:
            if name not in by_id:
                raise ShapeError(unknown_rule(name, self.rules), key_node(node, name))
        return {name: _read(item, by_id[name]) for name, item in node.value.items()}

    def json_schema(self) -> Json:
        """Rules of a company are accepted too: an editor does not know them."""
        return {
            "type": "object",
            "properties": {rule.id: _setting_schema(rule) for rule in self.rules},
            "additionalProperties": _setting_schema(None),
        }


def _read(node: Node, rule: Rule) -> RuleSetting:
    if isinstance(node.value, bool):
        return RuleSetting(on=node.value)
    if isinstance(node.value, str) and node.value in _SWITCH:
        return RuleSetting(on=_SWITCH[node.value])
    if node.is_mapping:
        return _change(rule).read(node)
    word = one_of(node, (*_SWITCH, *SEVERITIES), "what a rule may be set to")
    return RuleSetting(severity=SEVERITIES[word])


def _setting_schema(rule: Rule | None) -> Json:
    words = [*_SWITCH, *_SWITCH.values(), *SEVERITIES]
    return {"anyOf": [{"enum": words}, _change(rule).json_schema()]}


def _change(rule: Rule | None) -> Record[RuleSetting]:
    """What may be changed about a rule; None for one that nobody knows yet."""
    keys = {
        "enabled": Key(Flag(), "Whether it is applied; pedantic rules are not unless asked for."),
        "severity": Key(SEVERITY, "How much its findings count."),
    }
    if rule is not None and rule.check.parameters:
        choices = {
            name: Key(
                Choice({value: value for value in values}, f"a value of `{name}`"), "For its check."
            )
            for name, values in rule.check.parameters.items()
        }
        keys["parameters"] = Key(Record("parameters", dict, choices), "For the check that it uses.")
    return Record("a rule's setting", RuleSetting, keys, names={"enabled": "on"})
