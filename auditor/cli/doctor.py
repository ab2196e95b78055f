"""The command `podfit doctor`: what podfit found on this machine, and what is missing."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer
from msgspec import Struct
from msgspec.structs import replace

from auditor.cli.options import CacheFlags, ConfigFlags

if TYPE_CHECKING:
    from auditor.formats.terminal import Pen
    from auditor.sources.renderers import EmbeddedRenderer
    from auditor.sources.rendering import Renderer

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_CREDENTIALS: Final = re.compile(r"^(\w+://)?.*@", re.DOTALL)
_SECONDS: Final = 10.0
_MEBIBYTE: Final = 2**20
_BROKEN: Final = 1
"""The exit code if something that podfit would use does not work."""
_CHART: Final = {
    "Chart.yaml": "apiVersion: v2\nname: doctor\nversion: 0.1.0\n",
    "templates/pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: doctor\n  labels:\n"
    '    helm: "{{ .Capabilities.HelmVersion.Version }}"\n'
    "spec:\n  containers: [{name: doctor, image: doctor}]\n",
}
"""A chart that renders to the version of Helm."""


class State(Enum):
    """How a part is; the value is its mark."""

    WORKS = "✓"
    MISSING = "○"
    BROKEN = "✗"


class Part(Struct, frozen=True):
    """Something that podfit uses.

    Attributes:
        text: What was found.
        help: What to do, if it is broken.
    """

    name: str
    state: State
    text: str
    help: str = ""


_NO_LIBRARY: Final = Part(
    "Helm library",
    State.MISSING,
    "not installed; `pip install 'podfit[helm]'` installs it, and charts render faster",
)


def doctor(cache: CacheFlags, config: ConfigFlags) -> int:
    """Show what podfit finds on this machine, and what is missing.

    The exit code is 1 if something does not work that an audit would use.
    """
    from auditor.cli.options import ColorMode
    from auditor.cli.terminal import style
    from auditor.formats.terminal import Pen

    parts = list(examine(cache, config, os.environ))
    pen = Pen(style(ColorMode.AUTO))
    for part in parts:
        typer.echo("\n".join(_lines(part, max(len(part.name) for part in parts), pen)))
    broken = [part.name for part in parts if part.state is State.BROKEN]
    total = f"does not work: {', '.join(broken)}" if broken else "podfit is ready"
    typer.echo(f"\n{pen.glyph(total)}")
    return _BROKEN if broken else 0


def examine(
    cache: CacheFlags, config: ConfigFlags, environment: Mapping[str, str]
) -> Iterator[Part]:
    """Yield every part, those that every audit uses first."""
    yield _podfit()
    yield _python()
    yield from _configuration(config)
    yield from _helm()
    yield _kustomize()
    yield _kubectl()
    yield _git()
    yield _sandbox()
    yield _cache(cache, environment)
    yield from _credentials(environment)
    yield from _proxies(environment)


def _podfit() -> Part:
    import auditor

    return Part("podfit", State.WORKS, f"{auditor.__version__}, {Path(auditor.__file__).parent}")


def _python() -> Part:
    import platform

    system = f"{platform.system()} {platform.machine()}"
    return Part("Python", State.WORKS, f"{platform.python_version()}, {sys.executable}, {system}")


def _configuration(flags: ConfigFlags) -> Iterator[Part]:
    from auditor.cli.configuration import Flags, notices_of, survey
    from auditor.errors import PodfitError

    name = "configuration"
    try:
        areas = survey(Flags(config=flags)).areas
    except PodfitError as error:
        problem = error.problem
        found = ": ".join(filter(None, (problem.where, problem.what, problem.why)))
        yield Part(name, State.BROKEN, found, problem.hint)
        return
    files = [area.file.shown for area in areas if area.file]
    if not files:
        found = "no .podfit.yaml; not required, `podfit config init` writes one"
        yield Part(name, State.MISSING, found)
    yield from (Part(name, State.WORKS, file) for file in files)
    yield from (Part(name, State.MISSING, notice) for notice in notices_of(areas))


def _helm() -> Iterator[Part]:
    """Yield the library and the program, each after it rendered a chart."""
    from auditor.sources.renderers import CliRenderer, EmbeddedRenderer, find_helm, is_installed

    name, library, program = "helm program", is_installed(), find_helm()
    yield _library(EmbeddedRenderer()) if library else _NO_LIBRARY
    if program is None:
        needed = "not required, since the library renders charts"
        if not library:
            needed = "without Helm, charts are not audited: install the library or the program"
        yield Part(name, State.MISSING, f"not found on PATH; {needed}")
        return
    use = "used only with `--renderer cli`" if library else "renders charts"
    found = _rendering(name, CliRenderer(program), f"{program}; {use}")
    required = found.state is State.WORKS or not library
    yield found if required else replace(found, state=State.MISSING)


def _library(renderer: EmbeddedRenderer) -> Part:
    from importlib.metadata import version

    try:
        found = f"helm-python-sdk {version('helm-python-sdk')}; renders charts"
        return _rendering("Helm library", renderer, found)
    finally:
        renderer.close()


def _rendering(name: str, renderer: Renderer, found: str) -> Part:
    from auditor.errors import SourceError
    from auditor.sources.interface import HelmOptions
    from auditor.sources.rendering import RenderError

    with tempfile.TemporaryDirectory(prefix="podfit-doctor-") as folder:
        for path, text in _CHART.items():
            Path(folder, path).parent.mkdir(exist_ok=True)
            Path(folder, path).write_text(text, encoding="utf-8")
        try:
            rendered = renderer.render(Path(folder), HelmOptions(timeout=_SECONDS))
        except SourceError as error:
            problem = error.problem
            return Part(name, State.BROKEN, f"{problem.what}: {problem.why}", problem.hint)
        except RenderError as error:
            why = error.text.strip().partition("\n")[0] or error.cause.value
            hint = "reinstall it, or choose the other one with `--renderer`"
            return Part(name, State.BROKEN, f"cannot render a chart: {why}", hint)
    version = re.search(r'helm: "(.*)"', "".join(rendered.templates.values()))
    return Part(name, State.WORKS, f"{version[1] if version else 'no version'}, {found}")


def _kustomize() -> Part:
    from auditor.sources.kustomize import find_builder

    if builder := find_builder():
        found = " ".join(builder)
        return Part("kustomize", State.WORKS, f"`{found}` builds kustomizations")
    found = "not found on PATH, nor kubectl; without either, kustomizations are not audited"
    return Part("kustomize", State.MISSING, found)


def _kubectl() -> Part:
    use = "not required; podfit reads what `kubectl get nodes -o yaml` prints"
    return _program("kubectl", ("version", "--client"), use)


def _git() -> Part:
    return _program("git", ("--version",), "only `--policy-from REVISION` needs it")


def _program(name: str, arguments: tuple[str, ...], use: str) -> Part:
    from auditor.files.paths import find_program
    from auditor.sources.processes.programs import run
    from auditor.sources.rendering import RenderError

    program = find_program(name)
    if program is None:
        return Part(name, State.MISSING, f"not found on PATH; {use}")
    try:
        version = re.search(r"\d+\.\d+[\w.+-]*", run((program, *arguments), _SECONDS, {}).stdout)
    except RenderError:
        version = None
    if version is None:
        return Part(name, State.MISSING, f"{program} does not print its version; {use}")
    return Part(name, State.WORKS, f"{version[0]}, {program}")


def _sandbox() -> Part:
    from auditor.sources.processes.programs import network_is_blocked

    if sys.platform == "linux" and network_is_blocked():
        return Part("sandbox", State.WORKS, "the kernel blocks network access of charts")
    found = (
        "charts can access the network: this needs Linux on x86-64 or arm64 with seccomp; audit "
        "charts that you do not trust elsewhere"
    )
    return Part("sandbox", State.MISSING, found)


def _cache(flags: CacheFlags, environment: Mapping[str, str]) -> Part:
    from auditor.registry.cache import Cache, default_root

    root = flags.cache_dir or default_root(environment)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
    except OSError as error:
        found = f"{root} cannot be written: {error.strerror}; choose a folder with --cache-dir"
        return Part("cache", State.MISSING, found)
    usage = Cache(root).usage()
    files = "file" if usage.files == 1 else "files"
    size = f"{usage.bytes / _MEBIBYTE:.1f} MiB in {usage.files} {files}"
    return Part("cache", State.WORKS, f"{root}, {size}")


def _credentials(environment: Mapping[str, str]) -> Iterator[Part]:
    from auditor.files.paths import find_program
    from auditor.registry.auth.credentials import DockerKeychain, user_home

    logins = DockerKeychain(environment, user_home()).logins()
    name = "credentials"
    for problem in logins.problems:
        yield Part(name, State.BROKEN, problem, "repair the file, or log in again")
    for store, helpers in logins.stores.items():
        yield Part(name, State.WORKS, store)
        for helper in helpers:
            program = f"docker-credential-{helper}"
            if path := find_program(program):
                yield Part(name, State.WORKS, f"{path}, named in {store}")
                continue
            hint = f"install it on PATH, or remove it from {store}"
            yield Part(name, State.BROKEN, f"{program}, named in {store}, not found on PATH", hint)
    if not logins.stores and not logins.problems:
        found = "no logins of Docker or Podman found; only private images need them"
        yield Part(name, State.MISSING, found)


def _proxies(environment: Mapping[str, str]) -> Iterator[Part]:
    """Yield the proxy variables, lower case before upper case as in `requests`."""
    for name in _PROXIES:
        if value := environment.get(name.lower()) or environment.get(name):
            shown = _CREDENTIALS.sub(r"\1***@", value)
            yield Part("proxy", State.WORKS, f"{name}={shown}")


def _lines(part: Part, width: int, pen: Pen) -> Iterator[str]:
    from auditor.formats.terminal import Look

    looks = {State.WORKS: Look.GOOD, State.MISSING: Look.CAUTION, State.BROKEN: Look.BAD}
    mark = pen.paint(pen.glyph(part.state.value), looks[part.state])
    indent = " " * (width + 4)
    first, *rest = pen.wrap(pen.text(part.text), f"  {part.name:<{width}}  ", indent)
    yield mark + first[1:]
    yield from rest
    if part.help:
        yield from pen.wrap(pen.text(part.help), f"{indent}= help: ", f"{indent}        ")
