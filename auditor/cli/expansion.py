"""Groups of flags expanded into the signature of a command.

A command takes a group as one parameter:  `def audit(sources: SourceFlags, output: OutputFlags)`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final, get_type_hints

import typer
from typer.models import OptionInfo

GIVEN: Final = "given"
"""The field of a group that is no option: it is told which options were given, and how."""
_SOURCES: Final = frozenset(("COMMANDLINE", "ENVIRONMENT"))
_CONTEXT: Final = inspect.Parameter(
    "context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context
)


def expanded(command: Callable[..., int]) -> Callable[..., None]:
    """The command for Typer: its groups of flags as single options, its result as exit code."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters = [_CONTEXT]
    for name, parameter in inspect.signature(command).parameters.items():
        if name in groups:
            parameters += _parameters(groups[name])
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))

    _hide_variables(parameters)

    def run(context: typer.Context, **values: Any) -> None:
        arguments = {}
        for name, kind in groups.items():
            own = {item.name: values.pop(item.name) for item in _options(kind)}
            if any(item.name == GIVEN for item in fields(kind)):
                own[GIVEN] = _given(context)
            arguments[name] = kind(**own)
        raise typer.Exit(command(**values, **arguments))

    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {item.name: item.annotation for item in parameters}
    return run


def _hide_variables(parameters: Iterable[inspect.Parameter]) -> None:
    """They follow from the options' names, and would take every other line of the help."""
    for parameter in parameters:
        for info in getattr(parameter.annotation, "__metadata__", ()):
            if isinstance(info, OptionInfo):
                info.show_envvar = False


def _parameters(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(
            item.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=item.default if item.default_factory is MISSING else item.default_factory(),
            annotation=hints[item.name],
        )
        for item in _options(kind)
    ]


def _options(kind: Any) -> list[Field[Any]]:
    return [item for item in fields(kind) if item.name != GIVEN]


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
