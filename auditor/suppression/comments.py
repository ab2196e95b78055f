"""Comments in manifests and templates: `# podfit: ignore[rule-a, rule-b] reason`.

Helm renders text, so a comment in a template is still there when its output is read; one within
`{{/* */}}` is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from auditor.errors import shorten
from auditor.manifests import Document, Location
from auditor.suppression.statements import Layer, Statement, lines_of, split_lines
from auditor.workloads import Workload

_COMMENT: Final = re.compile(
    r"(?:^|(?<=\s))#[ \t]*podfit(?P<said>:.*|[ _-]+ignore\b.*)", re.IGNORECASE
)
"""What is meant for podfit, well written or not; it is not podfit of which other words speak."""
_IGNORE: Final = re.compile(r":\s*ignore\s*\[(?P<rules>[^\]]*)\](?P<reason>.*)", re.IGNORECASE)
_ANOTHER: Final = re.compile(r"(?:^|\s)#\s")
"""A comment of another tool in the same line; `#123` in a reason is none."""
_HOW: Final = "write `# podfit: ignore[rule] reason`"
_SHOWN: Final = 60


@lru_cache(maxsize=256)
def read_comments(document: Document) -> tuple[Statement, ...]:
    """Everything that is said to podfit in the comments of a document, in its order."""
    if "podfit" not in document.text.lower():
        return ()
    return tuple(_found(document))


def comments_on(workload: Workload) -> tuple[Statement, ...]:
    """The comments within a workload's object, or directly above it."""
    comments = read_comments(workload.document)
    if not comments:
        return ()
    lines = lines_of(workload)
    return tuple(item for item in comments if item.location.line in lines)


def _found(document: Document) -> Iterator[Statement]:
    for number, line in enumerate(split_lines(document.text), 1):
        if match := _COMMENT.search(line):
            place = document.place(number, match.start() + 1)
            yield _statement(line[match.start() :], match["said"], place, document)


def _statement(comment: str, said: str, place: Location, document: Document) -> Statement:
    match = _IGNORE.match(said)
    if match is None:
        mistake = f"is not what podfit understands; {_HOW}"
        return Statement(Layer.COMMENT, shorten(comment, _SHOWN), (), "", place, document, mistake)
    rules = tuple(rule.strip() for rule in match["rules"].split(",") if rule.strip())
    mistake = ""
    if not rules:
        mistake = f"names no rule; {_HOW}"
    elif "*" in rules:
        mistake = "would silence every rule; name those that are meant"
    reason = _ANOTHER.split(match["reason"])[0].lstrip("-: ").rstrip()
    text = comment[: comment.index("]") + 1]
    return Statement(Layer.COMMENT, text, rules, reason, place, document, mistake)
