"""Write the generated parts of the documentation: `write_docs.py [--check]`.

Every rule gets a page in `docs/rules`. In other documents, this script fills in the blocks between
comments: the output of a command, a table, the layers of the architecture.

    <!-- output of: podfit audit --help -->
    <!-- end of output -->

    <!-- last finding of: podfit audit charts -->
    <!-- end of last finding -->

    <!-- table of options -->
    <!-- end of table -->

    <!-- layers -->
    <!-- end of layers -->

The pictures in `docs/images` are the colored output of commands, in light and dark.

With `--check` nothing is written; the exit code is 1 if a document is out of date.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
WIDTH: Final = "100"
PICTURED: Final = "podfit audit examples/shop --locked"

sys.path.insert(0, str(ROOT))
from rich._export_format import CONSOLE_SVG_FORMAT  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, SVG_EXPORT_THEME  # noqa: E402
from rich.text import Text  # noqa: E402
from typer.main import get_command  # noqa: E402

from auditor.checks.rulebook import load_builtin_rules  # noqa: E402 - the checkout, not an install
from auditor.checks.rules_page import rule_page, rules_index  # noqa: E402
from auditor.cli.app import app  # noqa: E402
from auditor.config.show import config_schema, schema_text  # noqa: E402
from auditor.kubernetes.custom_resources import Entry, PodSource, builtin_entries  # noqa: E402

_SVG: Final = re.sub(r" *@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""The format of rich without the fonts, which a page would fetch from another host."""
_BLOCK: Final = re.compile(
    r"(?P<begin><!-- (?P<what>output|last finding|table|layers)"
    r"(?: of:? (?P<of>[^\n]*?))? -->\n)"
    r".*?(?P<end><!-- end of (?P=what) -->)",
    re.DOTALL,
)


def main(arguments: list[str]) -> int:
    stale = [(path, text) for path, text in documents() if read(path) != text]
    if arguments == ["--check"]:
        for path, _ in stale:
            name = path.relative_to(ROOT)
            print(f"{name} is out of date; run `make docs`", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def documents() -> Iterator[tuple[Path, str]]:
    """Yield each document with generated parts, and its expected text."""
    yield ROOT / "docs" / "rules" / "index.md", rules_index(load_builtin_rules())
    for rule in load_builtin_rules():
        yield ROOT / "docs" / "rules" / f"{rule.id}.md", rule_page(rule)
    yield ROOT / "docs" / "schema" / "config-v1.json", schema_text(load_builtin_rules())
    for look in ("light", "dark"):
        yield ROOT / "docs" / "images" / f"finding-{look}.svg", picture(PICTURED, look)
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]):
        yield path, _BLOCK.sub(filled, read(path))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def filled(block: re.Match[str]) -> str:
    fillers: dict[str, Callable[[str], str]] = {
        "output": output,
        "last finding": last_finding,
        "table": table,
        "layers": layers,
    }
    return f"{block['begin']}\n{fillers[block['what']](block['of'])}\n{block['end']}"


def table(of: str) -> str:
    tables = {
        "configuration keys": keys_table,
        "custom resources": resources_table,
        "options": options_table,
    }
    return tables[of]()


def keys_table() -> str:
    """Return the table of configuration keys, including nested ones."""
    rows = (f"| `{key}` | {about} |\n" for key, about in keys_of(config_schema(())))
    return "| key | |\n|---|---|\n" + "".join(rows)


def keys_of(schema: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the keys of a JSON Schema; `[]` is an item of a list, `<name>` any key."""
    for option in schema.get("anyOf", ()):
        yield from keys_of(option, prefix)
    for key, inner in schema.get("properties", {}).items():
        path = f"{prefix}.{key}" if prefix else key
        yield path, inner["description"]
        yield from keys_of(inner, path)
    for keyword, step in (("items", "[]"), ("additionalProperties", ".<name>")):
        if isinstance(inner := schema.get(keyword), dict):
            yield from keys_of(inner, f"{prefix}{step}")


def options_table() -> str:
    """Return the table of the options of all commands, with their variables."""
    of: dict[tuple[str, str], list[str]] = {}
    about: dict[tuple[str, str], str] = {}
    for name, option in options_of(get_command(app)):
        key = (option_cell(option), str(option.envvar or ""))
        of.setdefault(key, []).append(name)
        about.setdefault(key, str(option.help))
    rows = (
        f"| `{label}` | {f'`{variable}`' if variable else ''} "
        f"| {about[label, variable]} | {', '.join(names)} |\n"
        for (label, variable), names in sorted(of.items(), key=lambda item: item[0][0].lstrip("-"))
    )
    return "| option | variable | | commands |\n|---|---|---|---|\n" + "".join(rows)


def options_of(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the options of a command and its subcommands, with the name of the command."""
    for below, inner in getattr(command, "commands", {}).items():
        yield from options_of(inner, f"{name} {below}".strip())
    for parameter in command.params if name else ():
        if parameter.param_type_name == "option":
            yield name, parameter


def option_cell(option: Any) -> str:
    """Format an option as `-f, --values FILE`."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    return f"{names} {option.metavar or ''}".strip().replace("|", "\\|")


def resources_table() -> str:
    """Return the table of custom resources."""
    groups = sorted({entry.group for entry in builtin_entries()})
    entries = sorted(builtin_entries(), key=lambda entry: groups.index(entry.group))
    return "| group | kinds | pods | |\n|---|---|---|---|\n" + "".join(map(resources_row, entries))


def resources_row(entry: Entry) -> str:
    kinds = ", ".join(f"`{kind}`" for kind in entry.kinds)
    pods = "<br>".join(map(pods_cell, entry.pods)) or "none"
    notes = "; ".join(filter(None, (entry.note, f"[source]({entry.source})")))
    return f"| {entry.group} | {kinds} | {pods} | {notes} |\n"


def pods_cell(source: PodSource) -> str:
    """Format the path of pods, their component, controller and conditions."""
    conditions = (
        f"{path} {' or '.join(value or 'absent' for value in values)}"
        for path, values in source.when.items()
    )
    details = (source.component, source.controller, *conditions)
    return f"`{source.at}` {', '.join(filter(None, details))}".strip()


def layers(_: str) -> str:
    """Return the layers that import-linter enforces, upper first."""
    project = tomllib.loads(read(ROOT / "pyproject.toml"))
    contract = next(c for c in project["tool"]["importlinter"]["contracts"] if "layers" in c)
    names = (re.sub(r"[()]", "", layer) for layer in contract["layers"])
    return "```\n" + "\n".join(names) + "\n```\n"


def output(command: str) -> str:
    """Return a command and its output."""
    return f"```console\n$ {command}\n{printed(command)}\n```\n"


def last_finding(command: str) -> str:
    """Return a command and the end of its output: a finding, the workloads, the totals."""
    blocks = printed(command).split("\n\n")
    return f"```console\n$ {command}\n...\n" + "\n\n".join(blocks[-3:]) + "\n```\n"


def picture(command: str, look: str) -> str:
    """Return the same as an SVG, in light or dark colors."""
    console = Console(record=True, width=int(WIDTH), file=io.StringIO())
    text = "\n\n".join(printed(command, "--color=always").split("\n\n")[-3:])
    shown = Text.from_ansi(f"$ {command}\n...\n{text}")
    console.print(shown)
    theme = {"light": DEFAULT_TERMINAL_THEME, "dark": SVG_EXPORT_THEME}[look]
    return console.export_svg(title="podfit", theme=theme, code_format=_SVG, unique_id="podfit")


@cache
def printed(command: str, *options: str) -> str:
    """Return the output of a command with options, with 100 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *shlex.split(command)[1:], *options],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"`{command}` exited with {done.returncode}")
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())


def environment() -> dict[str, str]:
    """Return the environment without the user's settings for podfit and terminals."""
    ours = ("PODFIT_", "FORCE_COLOR", "CLICOLOR", "GITHUB_", "TERM")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {**kept, "COLUMNS": WIDTH, "NO_COLOR": "1", "PYTHONUTF8": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
