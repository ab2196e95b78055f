"""The page on custom resources, beside its table, which is generated."""

import re

from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.kubernetes.custom_resources import ENTRIES, builtin_entries
from auditor.kubernetes.image_mentions import find_mentions
from tests.support.tools import ROOT

PAGE = (ROOT / "docs" / "custom-resources.md").read_text(encoding="utf-8")
ARGUMENTS, ENTRY = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def nodes(text: str) -> Node:
    (node,) = read_documents(text)
    assert isinstance(node, Node)
    return node


def test_the_entry_it_shows_is_one() -> None:
    (entry,) = ENTRIES.read(nodes(ENTRY))

    assert entry.pods[0].levels == (".", "/spec.defaults")
    assert entry.pods[0].images == {"shop": ("image", "/spec.image")}


def test_the_images_it_shows_are_found() -> None:
    container = nodes(ARGUMENTS.replace("…", "0" * 64))

    assert [mention.name for mention in find_mentions([container])] == [
        "--prometheus-config-reloader",
        "RELATED_IMAGE_AGENT",
    ]


def test_every_kind_is_in_the_table() -> None:
    rows = PAGE[PAGE.index("<!-- table of custom resources -->") :]

    for entry in builtin_entries():
        assert all(f"| {entry.group} |" in rows and f"`{kind}`" in rows for kind in entry.kinds)
