"""The renderers of charts: the `helm` program, and Helm's library in a separate process.

The library is installed with the extra `podfit[helm]`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

from msgspec.structs import replace

from auditor.errors import SourceError
from auditor.files.paths import find_program
from auditor.sources.chart_safety import with_template, without_dependencies
from auditor.sources.files import Piece, normalise, normalise_all, read_pieces
from auditor.sources.interface import HelmOptions
from auditor.sources.processes.programs import Finished, run
from auditor.sources.processes.worker import Worker
from auditor.sources.rendering import (
    NO_VALUES,
    Cause,
    Dependency,
    Rendered,
    Renderer,
    RenderError,
    Values,
    makes_pods,
    warnings_in,
)
from auditor.sources.values import apply_set, drop_digits, keep_digits, merge, read_values_file

OLDEST: Final = "3.8"
"""The oldest supported version of helm."""
_QUICK_SECONDS: Final = 10.0
"""For calls that run no template: parsing values, reading Chart.yaml."""
_MISSING: Final = re.compile(r"missing in charts/ directory: (?P<names>[^\n]+)")
_ROW: Final = re.compile(
    r"(?P<name>[^\t]*?) *\t(?P<version>[^\t]*?) *\t[^\t]*\t(?P<status>[^\t]*?)\s*"
)
_INVALID_YAML: Final = "YAML parse error on"
_ERROR: Final = re.compile(r"^Error: ", re.MULTILINE)
_NOTES_TEMPLATE: Final = "podfit-notes.yaml"
_INCLUDE_NOTES: Final = 'notes: {{ include (print .Template.BasePath "/NOTES.txt") . | toJson }}'
_NOTES: Final = re.compile(r'^notes: (".*")$', re.MULTILINE)


def find_helm() -> str | None:
    """Return the path of helm in a trusted folder of PATH."""
    return find_program("helm")


class CliRenderer:
    """The helm program, started for each rendering without the user's plugins and settings."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._version_checked = False

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        with _flags(options, overlay) as flags:
            try:
                return self._render(chart, options, flags)
            except RenderError as error:
                missing = _MISSING.search(error.text)
                if missing is None:
                    raise
                names = frozenset(re.split(r",\s*", missing["names"].strip()))
            with without_dependencies(chart, names) as complete:
                return self._render(complete, options, flags)

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        done = self._helm(
            _QUICK_SECONDS, "dependency", "list", str(chart.absolute()), "--max-col-width=0"
        )
        rows = (_ROW.fullmatch(line) for line in done.stdout.splitlines())
        return tuple(
            Dependency(row["name"], row["version"], row["status"])
            for row in rows
            if row and row["status"] != "STATUS"
        )

    def _render(self, chart: Path, options: HelmOptions, flags: list[str]) -> Rendered:
        call = ["template", options.release_name, str(chart.absolute()), *flags]
        try:
            done = self._helm(options.timeout, *call)
        except RenderError as error:
            if _INVALID_YAML not in error.text:
                raise
            # A template is not YAML. With --debug Helm prints all templates and still fails.
            done = self._run(options.timeout, *call, "--debug")
        templates = normalise_all(_attributed(read_pieces(done.stdout)))
        rendered = Rendered(templates, warnings=warnings_in(done.stderr))
        if any(map(makes_pods, rendered.templates.values())):
            return rendered
        return replace(rendered, notes=self._notes(chart, options, flags))

    def _notes(self, chart: Path, options: HelmOptions, flags: list[str]) -> str:
        """Render NOTES.txt with a template that includes it; `helm template` does not print it."""
        with with_template(chart, _NOTES_TEMPLATE, _INCLUDE_NOTES) as copy:
            call = ("template", options.release_name, str(copy), *flags)
            done = self._run(options.timeout, *call, f"--show-only=templates/{_NOTES_TEMPLATE}")
        found = _NOTES.search(done.stdout)
        return str(json.loads(found[1])) if found else ""

    def _helm(self, timeout: float, *arguments: str) -> Finished:
        done = self._run(timeout, *arguments)
        if done.status:
            raise RenderError(Cause.REFUSED, error_message(done.stderr))
        return done

    def _run(self, timeout: float, *arguments: str) -> Finished:
        if not self._version_checked:
            _require_version(self._program)
            self._version_checked = True
        return _run(self._program, timeout, *arguments)


@contextlib.contextmanager
def _flags(options: HelmOptions, overlay: Values) -> Iterator[list[str]]:
    """Yield the options as flags. The overlay is the last values file, below `--set`."""
    import tempfile

    flags = [f"--namespace={options.namespace or 'default'}"]
    documents = [text for name in options.values_files for text in read_values_file(name)]
    if overlay:
        documents.append(json.dumps(overlay))  # JSON is YAML
    flags += (f"--set={expression}" for expression in options.set_values)
    flags += (f"--set-string={expression}" for expression in options.set_strings)
    flags += (f"--api-versions={name}" for name in options.api_versions)
    if options.kube_version:
        flags.append(f"--kube-version={options.kube_version}")
    with tempfile.TemporaryDirectory(prefix="podfit-values-") as folder:
        for number, text in enumerate(documents):
            file = Path(folder, f"{number}.yaml")
            file.write_text(text, encoding="utf-8")
            flags.append(f"--values={file}")
        yield flags


def _attributed(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Yield each piece with its template; --debug names it only before the first of several."""
    template = ""
    for piece in pieces:
        template = piece.template or template
        if template:
            yield replace(piece, template=template)


def _run(program: str, timeout: float, *arguments: str) -> Finished:
    import tempfile

    folders = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_PLUGINS")
    with tempfile.TemporaryDirectory(prefix="podfit-helm-") as home:
        own = {**dict.fromkeys(folders, home), "HELM_NO_PLUGINS": "1", "KUBECONFIG": os.devnull}
        return run((program, *arguments), timeout, own)


def error_message(log: str) -> str:
    """Return the text after `Error:`; the rest of standard error is Helm's log."""
    found = _ERROR.search(log)
    text = log[found.end() :] if found else log
    return text.replace("Use --debug flag to render out invalid YAML", "").strip()


def _require_version(program: str) -> None:
    """Raise SourceError if the version of the program is unknown or older than `OLDEST`."""
    try:
        done = _run(program, _QUICK_SECONDS, "version", "--template={{.Version}}")
    except RenderError as error:
        raise _unusable(program, error.text) from error
    match = re.match(r"v(\d+)\.(\d+)", done.stdout)
    if match is None or done.status:
        raise _unusable(program, error_message(done.stderr) or "it does not print its version")
    if [int(match[1]), int(match[2])] < [int(part) for part in OLDEST.split(".")]:
        raise _unusable(program, f"it is version {match[0]}")


def _unusable(program: str, why: str) -> SourceError:
    return SourceError(
        f"charts cannot be rendered with {program}",
        why=why,
        hint=f"install helm {OLDEST} or later, or run `pip install 'podfit[helm]'`",
    )


_EMBEDDED_NOTES: Final = "templates/NOTES.txt"


def is_installed() -> bool:
    return importlib.util.find_spec("helm_python") is not None


class EmbeddedRenderer:
    """Helm's library, in a process for each thread that renders. They start on first use."""

    def __init__(self) -> None:
        self._idle: list[Worker] = []

    def close(self) -> None:
        """Stop the idle processes; the next call starts another."""
        for worker in self._idle:
            worker.close()

    def render(self, chart: Path, options: HelmOptions, overlay: Values = NO_VALUES) -> Rendered:
        with self._worker() as worker:
            _quickly(worker)("validate_release_name", name=options.release_name)
            values = _compose(worker, options, overlay)
            try:
                return _render(worker, chart, values, options)
            except RenderError as error:
                plain = drop_digits(values)
                if error.cause is not Cause.REFUSED or plain == values:
                    raise
                return _render(worker, chart, plain, options)

    def dependencies(self, chart: Path) -> tuple[Dependency, ...]:
        with self._worker() as worker:
            listed = _quickly(worker)("list_dependencies", chart=str(chart.absolute()))
        return tuple(Dependency(item["name"], item["version"], item["status"]) for item in listed)

    @contextlib.contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Yield a process that no other thread uses meanwhile."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker()
        try:
            yield worker
        finally:
            self._idle.append(worker)


def _quickly(worker: Worker) -> Callable[..., Any]:
    return partial(worker.ask, timeout=_QUICK_SECONDS)


def _render(worker: Worker, chart: Path, values: dict[str, Any], options: HelmOptions) -> Rendered:
    settings = {
        "name": options.release_name,
        "namespace": options.namespace or "default",
        "kube_version": options.kube_version,
        "api_versions": options.api_versions,
    }
    texts: dict[str, str] = worker.ask(
        "render",
        options.timeout,
        chart=str(chart.absolute()),
        values=values,
        options={key: value for key, value in settings.items() if value},
    )
    templates = {
        name: normalise(texts[name]) for name in sorted(texts) if not name.endswith(_EMBEDDED_NOTES)
    }
    own = (text for name, text in texts.items() if name.partition("/")[2] == _EMBEDDED_NOTES)
    return Rendered(
        {name: text for name, text in templates.items() if text},
        next(own, ""),
        warnings_in(worker.log()),
    )


def _compose(worker: Worker, options: HelmOptions, overlay: Values) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name in options.values_files:
        for text in read_values_file(name):
            values = merge(values, _quickly(worker)("read_values", text=text))
    values = merge(values, dict(overlay))
    for call, expressions in (
        ("parse_set", options.set_values),
        ("parse_set_string", options.set_strings),
    ):
        for expression in expressions:
            values = apply_set(values, expression, partial(_parse, worker, call))
    return values


def _parse(worker: Worker, call: str, expression: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = keep_digits(_quickly(worker)(call, expression=expression))
    except RenderError as error:
        flag = call.removeprefix("parse_").replace("_", "-")
        raise RenderError(
            error.cause, f"failed parsing --{flag} data: {error.text}: {expression}"
        ) from error
    return parsed


_INSTALL_LIBRARY: Final = "run `pip install 'podfit[helm]'`"
_INSTALL_PROGRAM: Final = f"install the program helm, version {OLDEST} or later, on PATH"


class NoRenderer:
    """The renderer without a Helm: files are still audited, and each chart is a problem."""

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
    """Return the renderer of the options: with `auto` the library, else the program.

    If it is not installed, return a `NoRenderer`. No process is started.
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
            "charts cannot be rendered: Helm was not found",
            f"{_INSTALL_LIBRARY}, or {_INSTALL_PROGRAM}",
        )
    return CliRenderer(program)
