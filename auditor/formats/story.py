"""The full story of one workload: every pool, every test, every image row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.assessment import Assessment, ImageUse, PoolFit
from auditor.compatibility import Compatibility, Mismatch, Runnable, row_mismatch
from auditor.formats.escape import terminal
from auditor.formats.interface import Style
from auditor.formats.matrix import LEGEND, cell
from auditor.formats.pen import Pen
from auditor.images import UnknownPlatforms
from auditor.placement import Step

_MARKS: Final = {True: "✓", False: "✗", None: "?"}
_ASCII_MARKS: Final = {True: "+", False: "x", None: "?"}
_ANSWERS: Final = {Runnable.YES: True, Runnable.NO: False, Runnable.UNKNOWN: None}
_LINE_WIDTH: Final = 60
_ROW_REASONS: Final = {
    None: "matches",
    Mismatch.OS: "another operating system",
    Mismatch.ARCHITECTURE: "another architecture",
    Mismatch.VARIANT: "another processor variant",
    Mismatch.FEATURES: "OS features that the nodes lack",
    Mismatch.WINDOWS_BUILD: "another Windows build",
}


def write_story(assessment: Assessment, style: Style) -> str:
    """For terminals; lines of the document that decided are named with their number."""
    lines = [*_head(assessment, style), "", *_images(assessment), ""]
    for fit in assessment.fits:
        lines += [*_pool(fit, assessment, style), ""]
    return "\n".join(lines[:-1]) + "\n"


def _head(assessment: Assessment, style: Style) -> Iterator[str]:
    workload = assessment.workload
    rendered = f" ({workload.location.note})" if workload.location.note else ""
    yield _bold(terminal(str(workload)), style)
    yield f"  {terminal(str(workload.location))}{rendered}"
    if workload.variants:
        yield f"  with: {terminal(', '.join(workload.variants))}"
    if workload.hooks:
        yield f"  Helm hook: {terminal(', '.join(workload.hooks))}"


def _images(assessment: Assessment) -> Iterator[str]:
    yield "Images"
    for use in assessment.uses:
        container = use.container
        yield f"  {terminal(container.name)} ({container.role.value}): {terminal(container.image)}"
        if isinstance(use.platforms, UnknownPlatforms):
            yield f"      unknown: {terminal(use.platforms.message)}"
            continue
        known = use.platforms
        yield f"      {known.kind} {known.digest[:19]}, says the {known.source}"
        yield from (f"      {platform}" for platform in known.platforms)
        yield from (f"      note: {terminal(note)}" for note in known.notes)


def _pool(fit: PoolFit, assessment: Assessment, style: Style) -> Iterator[str]:
    platform = str(fit.pool.platform)
    verdict = LEGEND[cell(fit)]
    failure = f" ({fit.failure.value})" if fit.failure is not None else ""
    yield _bold(f"{fit.cluster.name}/{terminal(fit.name)}", style) + (
        f"  {platform}: {verdict}{failure}"
    )
    for step in fit.placement.steps:
        line = _line(step, assessment, style)
        yield f"  {_mark(step.answer, style)} {terminal(step.message)}{line}"
    if fit.refusal is not None:
        yield f"  {_mark(False, style)} the kubelet: {terminal(fit.refusal.message)}"
    for use, result in fit.results:
        yield from _container(use, result, fit, style)


def _line(step: Step, assessment: Assessment, style: Style) -> str:
    line, _ = step.place
    if not line:
        return ""
    return f"  [line {line}: {Pen(style).glyph(terminal(_text(assessment, line)))}]"


def _text(assessment: Assessment, line: int) -> str:
    lines = assessment.workload.document.text.splitlines()
    text = lines[line - 1].strip() if line <= len(lines) else ""
    return text if len(text) <= _LINE_WIDTH else f"{text[: _LINE_WIDTH - 1]}…"


def _container(use: ImageUse, result: Compatibility, fit: PoolFit, style: Style) -> Iterator[str]:
    name = terminal(use.container.name)
    message = f": {terminal(result.message)}" if result.message else " runs"
    yield f"  {_mark(_ANSWERS[result.runnable], style)} container {name}{message}"
    if use.known is None or use.known.kind == "manifest":
        return
    for row in use.known.platforms:
        mismatch = row_mismatch(row, fit.pool)
        yield f"      {_mark(mismatch is None, style)} {row}: {_ROW_REASONS[mismatch]}"


def _mark(answer: bool | None, style: Style) -> str:  # noqa: FBT001 - a value, not a switch
    mark = (_ASCII_MARKS if style.ascii_only else _MARKS)[answer]
    if not style.color:
        return mark
    color = {True: "32", False: "31", None: "33"}[answer]
    return f"\x1b[{color}m{mark}\x1b[0m"


def _bold(text: str, style: Style) -> str:
    return f"\x1b[1m{text}\x1b[0m" if style.color else text
