"""The page of a rule in a terminal."""

from auditor.formats.catalog import Style
from auditor.formats.html import write_page, write_source

PAGE = """\
# company-rule

One sentence that is long enough to be wrapped where
the terminal ends.

| severity | on by default |
|---|---|
| error | yes |

## What happens

* a **toleration** permits tainted nodes, and
  keeps the pod off no other
* read <https://example.com/a/b>

The event:

    Failed to pull image "web:3": no match for platform in manifest: not found

```yaml
spec:
  containers: []

  nodeSelector: {}
```
"""


def test_a_page_reads_as_text() -> None:
    assert (
        write_page(PAGE, Style(width=40))
        == """\
company-rule

One sentence that is long enough to be
wrapped where the terminal ends.

severity: error · on by default: yes

What happens

* a toleration permits tainted nodes,
  and keeps the pod off no other
* read https://example.com/a/b

The event:

    Failed to pull image "web:3": no match for platform in manifest: not found

    spec:
      containers: []

      nodeSelector: {}
"""
    )


def test_headings_are_bold_and_addresses_links() -> None:
    text = write_page(PAGE, Style(color=True, links=True))

    assert text.startswith("\x1b[1mcompany-rule\x1b[0m\n\nOne sentence")
    assert "\x1b]8;;https://example.com/a/b\x1b\\https://example.com/a/b\x1b]8;;\x1b\\" in text


def test_a_terminal_without_utf8() -> None:
    assert write_page("größe — “so”\n", Style(ascii_only=True)) == 'gr\\xf6\\xdfe - "so"\n'


def test_a_rule_of_somebody_else_steers_no_terminal() -> None:
    hostile = "# \x1b[2J\n\n::error::gone\n\n    \x1b]0;title\x07\n\n```\n\x1b[31m\n```\n"

    assert write_page(hostile, Style()) == (
        "\\x1b[2J\n\n\\x3a:error::gone\n\n    \\x1b]0;title\\x07\n\n    \\x1b[31m\n"
    )
    assert "\x1b" not in write_source(hostile)
    assert "\n::error" not in write_source(hostile)
    assert write_source(PAGE) == PAGE
