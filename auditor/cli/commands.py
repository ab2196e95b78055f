"""How commands are declared: with groups of flags, a struct and a section of the help each.

A command takes a group as one parameter:  `def audit(sources: SourceFlags, output: OutputFlags)`.

What the shell offers when the user presses the tab key.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import typer
from msgspec import Struct
from typer.core import TyperCommand
from typer.models import ArgumentInfo

GIVEN: Final = "given"
"""The field of a group that is no option: it is told which options were given, and how."""
_SOURCES: Final = frozenset(("COMMANDLINE", "ENVIRONMENT"))
_CONTEXT: Final = inspect.Parameter(
    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)
_VARIABLES: Final = "Options have variables, such as PODFIT_LOCK_FILE for --lock-file."
_COLUMN: Final = 30
"""The most that the names of options take; a description begins below a longer one."""


class SectionedCommand(TyperCommand):
    """A command whose help shows the options of each group below a title."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """As they are usually written: Typer puts what is required into braces."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The sections in the order of their first options, aligned with each other."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = getattr(parameter, "rich_help_panel", None) or "Options"
                sections.setdefault(title, []).append(record)
        names = [name for records in sections.values() for name, _ in records]
        width = min(max(map(len, names)), _COLUMN)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:{width}}", text) for name, text in records], _COLUMN)


def make_command(name: str, command: Callable[..., int]) -> Any:
    """Return a command on its own, for a group that imports its commands lazily."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    add_command(app, name, command)
    return typer.main.get_command(app)


def option(*names: str, **more: Any) -> Any:
    """An option with its variable: `PODFIT_LOCK_FILE` for `--lock-file`. more: as Typer has it."""
    long = names[-1].partition("/")[0].removeprefix("--")
    return typer.Option(*names, envvar=f"PODFIT_{long.replace('-', '_').upper()}", **more)


def add_command(app: typer.Typer, name: str, command: Callable[..., int]) -> None:
    """Adds a command: its groups of flags as single options, its result as exit code."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if _is_group(kind)}
    parameters = [_CONTEXT]
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            parameters += _parameters(groups[parameter.name])
        else:
            hint = _described(hints[parameter.name], None)
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hint, kind=kind))

    def run(context: typer.Context, **values: Any) -> None:
        arguments = {}
        for parameter, kind in groups.items():
            own = {name: values.pop(name) for name in kind.__struct_fields__ if name != GIVEN}
            if GIVEN in kind.__struct_fields__:
                own[GIVEN] = _given(context)
            arguments[parameter] = kind(**own)
        raise typer.Exit(command(**values, **arguments))

    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    app.command(name, cls=SectionedCommand, epilog=_VARIABLES if groups else None)(run)


def _described(hint: Any, title: str | None) -> Any:
    """An annotation with its words in a section of the help.

    Variables are left out: they follow from the options' names, and would take every other line.
    """
    info = copy(hint.__metadata__[0])
    info.show_envvar = False
    info.rich_help_panel = "Arguments" if isinstance(info, ArgumentInfo) else title
    return Annotated[hint.__origin__, info]


@cache
def _parameters(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    defaults = kind()
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=getattr(defaults, name),
            annotation=_described(hints[name], kind.title),
        )
        for name in kind.__struct_fields__
        if name != GIVEN
    ]


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _given(context: typer.Context) -> dict[str, str]:
    """Each option that was given, by parameter: `--fail-on`, or the variable that gave it."""
    found = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name in _SOURCES:
            by_option = source.name == "COMMANDLINE"
            label = max(parameter.opts, key=len) if by_option else str(parameter.envvar)
            found[parameter.name or ""] = label
    return found


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Rules whose id begins so, those in the folders of `--rules` among them."""
    from auditor.checks.rulebook import load_builtin_rules, load_rulebook
    from auditor.errors import ConfigurationError

    try:
        rules = load_rulebook(map(Path, context.params.get("rule_folders") or ()))
    except ConfigurationError:
        rules = load_builtin_rules()
    return [rule.id for rule in rules if rule.id.startswith(incomplete)]


def complete_format(incomplete: str) -> list[str]:
    """Formats whose name begins so."""
    from auditor.formats.catalog import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def complete_cluster(incomplete: str) -> list[str]:
    """Built-in clusters whose name begins so; files are the shell's own business."""
    from auditor.clusters.profiles import BUILT_IN

    return [name for name in BUILT_IN if name.startswith(incomplete)]
