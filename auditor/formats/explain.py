"""Output of `podfit explain`: every node pool, scheduling step and image of a workload."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.formats import escape
from auditor.formats.catalog import Style
from auditor.formats.matrix import LEGEND
from auditor.formats.terminal import Look, Pen
from auditor.images.images import UnknownPlatforms
from auditor.images.platforms import Platform
from auditor.scheduling.compatibility import Compatibility, Mismatch, Runnable, row_mismatch
from auditor.scheduling.placement import Step

_SIGNS: Final = {True: ("✓", Look.GOOD), False: ("✗", Look.BAD), None: ("?", Look.CAUTION)}
_ANSWERS: Final = {Runnable.YES: True, Runnable.NO: False, Runnable.UNKNOWN: None}
_LINE_WIDTH: Final = 60
_HANGING: Final = 2
_ROW_REASONS: Final = {
    None: "matches",
    Mismatch.OS: "another operating system",
    Mismatch.ARCHITECTURE: "another architecture",
    Mismatch.VARIANT: "another processor variant",
    Mismatch.FEATURES: "OS features that the nodes lack",
    Mismatch.WINDOWS_BUILD: "another Windows build",
}


def write_explanation(assessment: Assessment, style: Style) -> str:
    """Explain a workload for a terminal."""
    pen = Pen(style)
    parts = [_head(assessment, pen), _images(assessment, pen)]
    parts += (_pool(fit, assessment, pen) for fit in assessment.fits)
    return escape.log("\n\n".join("\n".join(part) for part in parts) + "\n")


def _head(assessment: Assessment, pen: Pen) -> Iterator[str]:
    workload = assessment.workload
    rendered = f" ({workload.location.note})" if workload.location.note else ""
    yield pen.paint(pen.text(str(workload)), Look.STRONG)
    yield from _wrapped(f"{workload.location}{rendered}", "  ", pen)
    if workload.variants:
        yield from _wrapped(f"with: {', '.join(workload.variants)}", "  ", pen)
    if workload.hooks:
        yield from _wrapped(f"Helm hook: {', '.join(workload.hooks)}", "  ", pen)


def _images(assessment: Assessment, pen: Pen) -> Iterator[str]:
    yield pen.paint("Images", Look.STRONG)
    indent = " " * 6
    for use in assessment.uses:
        container = use.container
        yield from _wrapped(
            f"{container.name} ({container.role.value}): {container.image}", "  ", pen
        )
        if isinstance(use.platforms, UnknownPlatforms):
            yield from _wrapped(f"unknown: {use.platforms.message}", indent, pen)
            continue
        known = use.platforms
        yield f"{indent}{known.kind} {known.digest[:19]}, from the {known.source}"
        yield from _wrapped(", ".join(map(str, known.platforms)), indent, pen)
        for note in known.notes:
            yield from _wrapped(f"note: {note}", indent, pen)


def _pool(fit: PoolFit, assessment: Assessment, pen: Pen) -> Iterator[str]:
    failure = f" ({fit.failure.value})" if fit.failure is not None else ""
    if fit.placement.creates_pod is False and not fit.placement.rejected:
        failure = " (the DaemonSet controller creates no pod)"
    name = pen.text(f"{fit.cluster.name}/{fit.name}")
    outcome = f"{fit.pool.platform}: {LEGEND[fit.cell]}{failure}"
    yield from _painted(name, Look.STRONG, _wrapped(f"{name}  {outcome}", "", pen), pen)
    for step in fit.placement.steps:
        yield from _step(step.answer, f"{step.message}{_line(step, assessment)}", "  ", pen)
    if fit.refusal is not None:
        yield from _step(False, f"the kubelet: {fit.refusal.message}", "  ", pen)
    for use, result in fit.results:
        yield from _container(use, result, fit, pen)


def _line(step: Step, assessment: Assessment) -> str:
    """Return the line of the document that decided a step, shortened."""
    line, _ = step.place
    if not line:
        return ""
    lines = assessment.workload.document.text.splitlines()
    text = lines[line - 1].strip() if line <= len(lines) else ""
    text = text if len(text) <= _LINE_WIDTH else f"{text[: _LINE_WIDTH - 1]}…"
    return f"  [line {line}: {text}]"


def _container(use: ImageUse, result: Compatibility, fit: PoolFit, pen: Pen) -> Iterator[str]:
    message = f": {result.message}" if result.message else " runs"
    answer = _ANSWERS[result.runnable]
    yield from _step(answer, f"container {use.container.name}{message}", "  ", pen)
    if use.known is None or use.known.kind == "manifest":
        return
    rows: dict[Mismatch | None, list[Platform]] = {}
    for row in use.known.platforms:
        rows.setdefault(row_mismatch(row, fit.pool), []).append(row)
    for mismatch, platforms in rows.items():
        text = f"{_ROW_REASONS[mismatch]}: {', '.join(map(str, platforms))}"
        yield from _step(mismatch is None, text, " " * 6, pen)


def _step(
    answer: bool | None,  # noqa: FBT001 - a value, not a switch
    text: str,
    indent: str,
    pen: Pen,
) -> Iterator[str]:
    sign, look = _SIGNS[answer]
    glyph = pen.glyph(sign)
    yield from _painted(glyph, look, _wrapped(text, f"{indent}{glyph} ", pen), pen)


def _painted(start: str, look: Look, lines: Iterator[str], pen: Pen) -> Iterator[str]:
    """Paint the start of the first line."""
    first, *rest = lines
    yield first.replace(start, pen.paint(start, look), 1)
    yield from rest


def _wrapped(text: str, lead: str, pen: Pen) -> Iterator[str]:
    yield from pen.wrap(pen.text(text), lead, " " * (len(lead) + _HANGING))
