"""Which Helm renders."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NoReturn

from auditor.errors import SourceError
from auditor.sources.options import HelmOptions
from auditor.sources.renderer_cli import OLDEST, CliRenderer, find_helm
from auditor.sources.renderer_embedded import EmbeddedRenderer, is_installed
from auditor.sources.rendering import NO_VALUES, Dependency, Rendered, Renderer, Values

_INSTALL_LIBRARY: Final = "run `pip install 'podfit[helm]'`"
_INSTALL_PROGRAM: Final = f"install the program helm, version {OLDEST} or later, on PATH"


class NoRenderer:
    """Stands in where there is no Helm: files are still audited, and each chart is a problem."""

    def __init__(self, what: str, hint: str) -> None:
        self._what = what
        self._hint = hint

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        del chart, options, overlay
        self._refuse()

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        del chart
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise SourceError(self._what, hint=self._hint)


def choose_renderer(options: HelmOptions) -> Renderer:
    """The renderer that the options ask for: with `auto` the library, else the program.

    Where it is absent, a `NoRenderer`. Nothing is started here.
    """
    wanted = options.renderer
    if wanted != "cli" and is_installed():
        return EmbeddedRenderer()
    if wanted == "embedded":
        return NoRenderer(
            "charts cannot be rendered: Helm's library is not installed",
            f"{_INSTALL_LIBRARY}, or leave out `--renderer embedded`",
        )
    program = find_helm()
    if program is None:
        return NoRenderer(
            "charts cannot be rendered: there is no Helm",
            f"{_INSTALL_LIBRARY}, or {_INSTALL_PROGRAM}",
        )
    return CliRenderer(program)
