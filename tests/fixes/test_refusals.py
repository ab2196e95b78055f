"""What Helm's messages say of keys."""

import pytest

from auditor.fixes.paths import Key
from auditor.fixes.renderings import read_refusal

SCHEMA = """\
values don't meet the specifications of the schema(s) in the following chart(s):
shop:
- at '/web/nodeSelector': additional properties 'probe.podfit.example/n0' not allowed
cache:
- at '/nodeSelector/x': got number, want string
"""
OLD_SCHEMA = """\
values don't meet the specifications of the schema(s) in the following chart(s):
shop:
- web.nodeSelector: Additional property x is not allowed
"""
TEMPLATE = """\
shop/charts/db/templates/pod.yaml:7:22
  executing "shop/charts/db/templates/pod.yaml" at <.Values.server.nodeSelector>:
    wrong type for value; expected string; got map[string]interface {}
"""


@pytest.mark.parametrize(
    ("key", "named"),
    [
        (("web", "nodeSelector"), True),
        (("cache", "nodeSelector"), True),
        (("sub", "cache", "nodeSelector"), True),
        (("nodeSelector",), False),
        (("other", "nodeSelector"), False),
        (("web", "affinity"), False),
    ],
)
def test_a_schema_names_places_within_charts(key: Key, named: bool) -> None:
    assert read_refusal(SCHEMA, "shop").names(key) is named


def test_a_schema_as_older_helm_says_it() -> None:
    assert read_refusal(OLD_SCHEMA, "shop").names(("web", "nodeSelector"))


def test_a_template_names_an_expression() -> None:
    refusal = read_refusal(TEMPLATE, "shop")

    assert refusal.names(("db", "server", "nodeSelector"))
    assert not refusal.names(("server", "nodeSelector"))
    assert (refusal.below, refusal.wants_text) == (("db",), True)


def test_a_template_that_fails_for_another_reason() -> None:
    message = 'shop/templates/a.yaml:1: executing "shop/templates/a.yaml" at <fail "x">'

    refusal = read_refusal(message, "shop")

    assert (refusal.below, refusal.wants_text, refusal.named) == ((), False, frozenset())


def test_another_message() -> None:
    refusal = read_refusal("chart requires kubeVersion: >=1.99", "shop")

    assert not refusal.names(("nodeSelector",))
    assert refusal.below is None
