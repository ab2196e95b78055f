"""Typer commands with option groups, and shell completion.

An option group is a struct and a section of the help. A command takes it as one parameter:
`def audit(sources: SourceFlags, output: OutputFlags)`.
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
"""Field of a group that is not an option: maps each parameter the user set to how it was set."""
_SOURCES: Final = frozenset(("COMMANDLINE", "ENVIRONMENT"))
_CONTEXT: Final = inspect.Parameter(
    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)
_VARIABLES: Final = (
    "Options can be set by environment variables, such as PODFIT_LOCK_FILE for --lock-file."
)
_COLUMN: Final = 30
"""Maximum width of option names; the description of a longer one begins on the next line."""


class SectionedCommand(TyperCommand):
    """Command with one help section for each option group."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the usage pieces without the braces Typer puts around required arguments."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the sections in the order of their first options, with aligned columns."""
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
    """Return a standalone command, for a group that imports its commands lazily."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    add_command(app, name, command)
    return typer.main.get_command(app)


def option(*names: str, **more: Any) -> Any:
    """Return a Typer option with its variable, such as `PODFIT_LOCK_FILE` for `--lock-file`."""
    long = names[-1].partition("/")[0].removeprefix("--")
    return typer.Option(*names, envvar=f"PODFIT_{long.replace('-', '_').upper()}", **more)


def add_command(app: typer.Typer, name: str, command: Callable[..., int]) -> None:
    """Add a command, with its groups expanded to options and its result as the exit code."""
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
    """Return an annotation that puts its option into a section of the help.

    The help omits variables: they follow from the option names and would take every other line.
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
    """Return, by parameter, the option or variable that set it, such as `--fail-on`."""
    found = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name in _SOURCES:
            by_option = source.name == "COMMANDLINE"
            label = max(parameter.opts, key=len) if by_option else str(parameter.envvar)
            found[parameter.name or ""] = label
    return found


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Complete rule ids, including those of `--rules` folders."""
    from auditor.checks.rulebook import load_builtin_rules, load_rulebook
    from auditor.errors import ConfigurationError

    try:
        rules = load_rulebook(map(Path, context.params.get("rule_folders") or ()))
    except ConfigurationError:
        rules = load_builtin_rules()
    return [rule.id for rule in rules if rule.id.startswith(incomplete)]


def complete_format(incomplete: str) -> list[str]:
    """Complete format names."""
    from auditor.formats.catalog import FORMATS

    return [name for name in FORMATS if name.startswith(incomplete)]


def complete_cluster(incomplete: str) -> list[str]:
    """Complete the names of built-in clusters; the shell completes files."""
    from auditor.clusters.profiles import BUILT_IN

    return [name for name in BUILT_IN if name.startswith(incomplete)]


def complete_workload(incomplete: str) -> list[str]:
    """Complete the workloads below the working directory. Renders charts; queries no registry."""
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import list_workloads
    from auditor.errors import PodfitError

    try:
        names = list_workloads(make_config(Flags()))
    except PodfitError:
        return []
    return [name for name in names if name.startswith(incomplete)]
