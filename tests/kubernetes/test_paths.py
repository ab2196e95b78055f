"""Where things stand in an object."""

import pytest

from auditor.files.yaml_nodes import Node
from auditor.kubernetes.custom_resources import check_path, matches
from tests.support.objects import manifest

ROOT = manifest("""
    apiVersion: example.com/v1
    kind: Thing
    spec:
      image: outer
      absent: null
      text: words
      template: {image: inner}
      groups:
      - {name: a, template: {image: ga}}
      - {groupName: b, template: {image: gb}}
      - {template: {image: gc}}
      - other
      roles: {worker: {image: w}, master: {image: m}, none: null}
    """).root


def found(path: str, here: Node = ROOT) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(str(m.node.value), m.path, m.names) for m in matches(path, here, ROOT)]


def test_keys_are_followed() -> None:
    assert found("spec.template.image") == [("inner", "spec.template.image", ())]


def test_a_leading_slash_begins_at_the_object() -> None:
    here = ROOT.at("spec", "template")
    assert here is not None

    assert found("image", here) == [("inner", "image", ())]
    assert found("/spec.image", here) == [("outer", "spec.image", ())]
    assert [match.node for match in matches(".", here, ROOT)] == [here]


def test_each_item_of_a_list_has_the_name_it_gives_or_its_place() -> None:
    assert found("spec.groups[].template.image") == [
        ("ga", "spec.groups[a].template.image", ("a",)),
        ("gb", "spec.groups[b].template.image", ("b",)),
        ("gc", "spec.groups[2].template.image", ("2",)),
    ]


def test_each_value_of_a_mapping_has_its_key() -> None:
    assert found("spec.roles{}.image") == [
        ("w", "spec.roles.worker.image", ("worker",)),
        ("m", "spec.roles.master.image", ("master",)),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "spec.nothing",
        "spec.absent",
        "spec.text.more",
        "spec.template[]",
        "spec.groups{}",
        "a.b.c",
        "spec.groups.name",
        "spec.text[]",
        "spec.groups[].name.more",
    ],
)
def test_what_is_absent_or_of_another_shape_is_not_found(path: str) -> None:
    assert found(path) == []


@pytest.mark.parametrize("path", [".", "spec", "/spec.a-b", "spec.a[].b{}.c"])
def test_paths(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path", ["", "/", "..", "spec.", ".spec", "spec..a", "spec[0]", "spec.[]", "a b", "spec[].{}"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match=r"is not a path; write it as spec\.tasks\[\]\.template"):
        check_path(path)
