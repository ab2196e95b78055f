"""Output of `podfit diff`: what got worse first, then what else changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auditor import __version__
from auditor.audit.comparison import Comparison, Effect, ImageChange, KeyMove, PoolChange
from auditor.audit.report import Report
from auditor.audit.sides import FindingEntry, Side
from auditor.checks.findings import Severity
from auditor.checks.wording import count, listed
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, log, markdown, markdown_code, markdown_prose
from auditor.formats.github import write_github
from auditor.formats.summary import LOOKS
from auditor.formats.terminal import Look, Pen
from auditor.formats.wording import runs_on
from auditor.images.platforms import parse_platform
from auditor.images.references import parse_reference

SCHEMA_VERSION: Final = 1

_EFFECTS: Final[Mapping[Effect, str]] = {
    Effect.STOPPED: "can no longer run on",
    Effect.WIDENED: "may now be scheduled onto",
    Effect.NARROWED: "can no longer be scheduled onto",
    Effect.STARTED: "can now run on",
}
_NAMED: Final = 5
_LISTED: Final = 20
"""Lines of a section of the text and of the Markdown; JSON has all."""


class Section(Struct, frozen=True):
    """A title and the sentences below it, in which backticks mean code."""

    title: str
    lines: tuple[str, ...]
    look: Look = Look.STRONG
    worse: bool = False


def write_comparison_text(result: Comparison, style: Style) -> str:
    """Write the comparison for a terminal."""
    pen = Pen(style)
    blocks = [
        list(_findings("New findings", result.appearing, pen)),
        list(_findings("Findings with a higher severity", result.raised, pen)),
        *(list(_block(section, pen)) for section in _sections(result) if section.lines),
        list(_gone("Findings that could not be checked in NEW", result.undetermined, pen)),
        list(_gone("Findings that are suppressed now", result.suppressed, pen)),
        list(_gone("Findings that are gone", result.disappearing, pen)),
        list(_reservations(result, pen)),
        list(_end(result, pen)),
    ]
    return log("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def _findings(title: str, findings: Sequence[FindingEntry], pen: Pen) -> Iterator[str]:
    if findings:
        yield pen.paint(f"{title}: {len(findings)}", Look.STRONG)
    for finding in _ordered(findings):
        kind = f"{finding.severity}[{pen.text(finding.rule)}]:"
        first, *rest = pen.wrap(f"  {kind} {pen.text(finding.message)}", following="    ")
        yield first.replace(kind, pen.paint(kind, LOOKS[_severity(finding)]), 1)
        yield from rest
        yield f"    {pen.text(str(finding.location))}"
        if finding.fix.text:
            yield from pen.wrap(f"fix: {pen.text(finding.fix.text)}", "    ", "         ")


def _severity(finding: FindingEntry) -> Severity:
    return Severity[finding.severity.upper()]


def _ordered(findings: Iterable[FindingEntry]) -> list[FindingEntry]:
    return sorted(findings, key=lambda item: (-_severity(item), item.location.path, item.rule))


def _block(section: Section, pen: Pen) -> Iterator[str]:
    yield pen.paint(section.title, Look.BAD if section.worse else Look.STRONG)
    for line in section.lines[:_LISTED]:
        yield from pen.wrap(pen.text(line), "  ", "    ")
    if len(section.lines) > _LISTED:
        yield f"  and {count(len(section.lines) - _LISTED, 'other')}; -o json lists all"


def _gone(title: str, findings: Sequence[FindingEntry], pen: Pen) -> Iterator[str]:
    if findings:
        yield pen.paint(f"{title}: {len(findings)}", Look.STRONG)
    for finding in _ordered(findings)[:_LISTED]:
        text = f"{finding.severity}[{finding.rule}]: {finding.message}"
        yield from pen.wrap(pen.text(text), "  ", "    ")
    if len(findings) > _LISTED:
        yield f"  and {count(len(findings) - _LISTED, 'other')}; -o json lists all"


def _sections(result: Comparison) -> Iterator[Section]:
    """Yield what changed besides findings, the worst first."""
    yield Section("Can no longer run", tuple(_pools(result, Effect.STOPPED)), worse=True)
    yield Section(
        "Lost platforms that node pools have",
        tuple(
            f"{_short(item.image)}: {item.platform} ({listed(item.pools, limit=_NAMED)})"
            for item in result.lost
        ),
        worse=True,
    )
    yield Section("Values that no longer resolve a finding", tuple(map(_key, result.keys)))
    others = (Effect.WIDENED, Effect.NARROWED, Effect.STARTED)
    placements = [line for effect in others for line in _pools(result, effect)]
    yield Section("Placements", tuple(placements))
    yield Section("Images", tuple(map(_image, result.images)))
    yield Section("Workloads", tuple(_workloads(result)))


def _pools(result: Comparison, effect: Effect) -> Iterator[str]:
    grouped: dict[tuple[str, str], list[PoolChange]] = {}
    for item in result.pools:
        if item.effect is effect:
            grouped.setdefault((item.workload, _note(item)), []).append(item)
    several = len({cluster.name for cluster in result.new.clusters}) > 1
    for (workload, note), changes in grouped.items():
        names = [item.pool if several else item.new.pool for item in changes]
        yield f"{workload} {_EFFECTS[effect]} {listed(names, limit=_NAMED)}{note}"


def _note(item: PoolChange) -> str:
    """Return whether the pod runs where it may land now, and what is undecided."""
    if item.effect is Effect.NARROWED:
        return ", where it could not run" if item.old.runnable == "no" else ""
    if item.effect is not Effect.WIDENED:
        return ""
    runs = {"no": ", where it cannot run", "unknown": ", where it is unknown whether it runs"}
    undecided = " (undecided)" if item.new.placement == "undecided" else ""
    return f"{runs.get(item.new.runnable, '')}{undecided}"


def _key(item: KeyMove) -> str:
    old = ", ".join(f"`{key}`" for key in item.old)
    new = ", ".join(f"`{key}`" for key in item.new)
    now = f"now {new} does" if new else "podfit found no key that does now"
    return f"{old} resolved {item.rule} of {item.workload}; {now}"


def _image(change: ImageChange) -> str:
    if change.old is None or change.new is None:
        image = change.new or change.old
        verb = "added" if change.new else "removed"
        return f"{verb} {_short(image.image)} ({_platforms(image.known)})" if image else ""
    return f"{_names(change)}{_platform_changes(change)}"


def _names(change: ImageChange) -> str:
    old, new = (item.image if item else "" for item in (change.old, change.new))
    if old == new:
        return f"{_short(new)}{' has another digest' if change.moved else ''}"
    before, after = _short(old), _short(new)
    repository, colon, tag = after.rpartition(":")
    same = colon and "@" not in before + after and before.startswith(f"{repository}:")
    return f"{before} → {tag}" if same else f"{before} → {after}"


def _platform_changes(change: ImageChange) -> str:
    if change.undetermined:
        unknown = [
            name
            for name, item in (("OLD", change.old), ("NEW", change.new))
            if item and item.known is None
        ]
        return f": platforms unknown in {' and '.join(unknown)}"
    parts = [
        f"{verb} {listed(platforms, limit=_NAMED)}"
        for verb, platforms in (("lost", change.lost), ("gained", change.gained))
        if platforms
    ]
    return f": {'; '.join(parts)}" if parts else ": same platforms"


def _platforms(known: tuple[str, ...] | None) -> str:
    return "platforms unknown" if known is None else runs_on(tuple(map(parse_platform, known)))


def _short(image: str) -> str:
    """Return the familiar form, with a digest cut to what identifies it."""
    familiar = str(getattr(parse_reference(image), "familiar", image))
    name, at, digest = familiar.partition("@")
    return f"{name}{at}{digest[:19]}"


def _workloads(result: Comparison) -> Iterator[str]:
    for verb, names in (("added", result.added), ("removed", result.removed)):
        if names:
            yield f"{verb} {listed(names, limit=_LISTED)}"


def _reservations(result: Comparison, pen: Pen) -> Iterator[str]:
    for text in _reserved(result):
        yield from pen.wrap(pen.text(f"! {text}"))


def _reserved(result: Comparison) -> Iterator[str]:
    """Yield why differences may be missing, or may not be real."""
    for label, side in (("OLD", result.old), ("NEW", result.new)):
        where = f"{label} ({side.name})"
        if side.failed:
            yield f"{where} could not be audited: nothing was compared"
        elif side in result.incomplete_sides:
            effect = (
                "what is new may be older"
                if label == "OLD"
                else "findings may be missing, and what is gone may still be there"
            )
            yield f"{where} was not audited completely: {effect}"
        elif side.reserved:
            yield f"{where} is partly unknown: {', '.join(_unknown(side))}"
    if result.other_clusters:
        yield (
            "OLD and NEW were audited against different node pools; podfit compares placements on "
            "the pools that both have"
        )


def _unknown(side: Side) -> Iterator[str]:
    known = side.summary
    parts = (
        (side.unresolved, f"{count(side.unresolved, 'image')} unresolved"),
        (known.unstated, f"{count(known.unstated, 'workload')} without a stated image"),
        (known.undecided, f"{count(known.undecided, 'placement')} undecided"),
        (known.unaudited, f"{count(known.unaudited, 'object')} not audited"),
    )
    return (text for number, text in parts if number)


def _end(result: Comparison, pen: Pen) -> Iterator[str]:
    mark, look = _mark(result)
    whole = f"{mark} {conclusion(result)}"
    yield from (pen.paint(line, look) for line in pen.wrap(pen.glyph(whole), following="  "))


def _mark(result: Comparison) -> tuple[str, Look]:
    if result.worse:
        return "✗", Look.BAD
    if result.incomplete:
        return "?", Look.CAUTION
    if result.appearing or result.raised or result.stopped or result.lost:
        return "!", Look.CAUTION
    reserved = result.old.reserved or result.new.reserved
    return ("?", Look.CAUTION) if reserved and not result.changed else ("✓", Look.GOOD)


def conclusion(result: Comparison) -> str:
    """Return the verdict, such as `2 new findings, 1 gone · 12 workloads compared`."""
    appearing = len(result.appearing)
    stopped = len({item.workload for item in result.stopped})
    parts = [
        (appearing, count(appearing, "new finding")),
        (len(result.raised), f"{count(len(result.raised), 'finding')} with a higher severity"),
        (len(result.lost), count(len(result.lost), "lost platform")),
        (stopped, f"{count(stopped, 'workload')} that can no longer run on a pool"),
    ]
    worse = ", ".join(text for number, text in parts if number)
    verdict = worse or _not_worse(result)
    fewer = (
        (len(result.disappearing), f"{count(len(result.disappearing), 'finding')} gone"),
        (len(result.undetermined), f"{count(len(result.undetermined), 'finding')} not checked"),
        (len(result.suppressed), f"{count(len(result.suppressed), 'finding')} suppressed now"),
    )
    gone = ", ".join(text for number, text in fewer if number)
    images = max(len(result.old.images), len(result.new.images))
    scope = f"{count(result.compared, 'workload')}, {count(images, 'image')} compared"
    if result.new.images_only:
        scope = f"{count(images, 'image')} compared"
    rest = "the comparison is incomplete" if result.incomplete else ""
    return " · ".join(filter(None, (verdict, gone, scope, rest)))


def _not_worse(result: Comparison) -> str:
    if result.old.failed or result.new.failed:
        return "Nothing was compared"
    if result.incomplete:
        return "No new findings, but not everything was audited"
    if result.changed:
        return "Nothing got worse"
    if result.old.reserved or result.new.reserved:
        return "No change in what is known"
    return "No change"


def write_comparison_markdown(result: Comparison, style: Style) -> str:
    """Write the comparison for a pull request comment or a job summary."""
    mark, _ = _mark(result)
    sections = (section for section in _sections(result) if section.lines)
    parts = [
        f"### {mark} podfit diff: {markdown(conclusion(result))}",
        _markdown_findings("New findings", result.appearing, style),
        _markdown_findings("Findings with a higher severity", result.raised, style),
        *map(_markdown_section, sections),
        _folded("Findings that could not be checked in NEW", _finding_lines(result.undetermined)),
        _folded("Findings that are suppressed now", _finding_lines(result.suppressed)),
        _folded("Findings that are gone", _finding_lines(result.disappearing)),
        "\n".join(f"> {markdown_prose(text)}\n>" for text in _reserved(result)).removesuffix("\n>"),
        "\n".join(f"- **not audited**: {markdown(item.what)}" for item in _failures(result)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _failures(result: Comparison) -> list[Any]:
    return list(dict.fromkeys((*result.old.errors, *result.new.errors)))[:_LISTED]


def _markdown_findings(title: str, findings: Sequence[FindingEntry], style: Style) -> str:
    del style
    if not findings:
        return ""
    return f"#### {title}: {len(findings)}\n\n" + "\n".join(_finding_lines(findings, fix=True))


def _finding_lines(findings: Iterable[FindingEntry], *, fix: bool = False) -> list[str]:
    ordered = _ordered(findings)
    lines = [
        f"- **{item.severity}** {markdown_code(item.rule)}: {markdown_prose(item.message)} "
        f"({markdown_code(str(item.location))})"
        + (f"<br>fix: {markdown_prose(item.fix.text)}" if fix and item.fix.text else "")
        for item in ordered[:_LISTED]
    ]
    rest = len(ordered) - _LISTED
    return [*lines, f"- and {count(rest, 'other')}"] if rest > 0 else lines


def _markdown_section(section: Section) -> str:
    shown = [f"- {markdown_prose(line)}" for line in section.lines[:_LISTED]]
    rest = len(section.lines) - _LISTED
    lines = [*shown, f"- and {count(rest, 'other')}"] if rest > 0 else shown
    if section.worse:
        return f"#### {section.title}\n\n" + "\n".join(lines)
    return _folded(section.title, lines, len(section.lines))


def _folded(title: str, lines: Sequence[str], number: int = 0) -> str:
    if not lines:
        return ""
    summary = f"<summary>{title}: {number or len(lines)}</summary>"
    return f"<details>{summary}\n\n" + "\n".join(lines) + "\n\n</details>"


def write_comparison_json(result: Comparison, style: Style) -> str:
    """Write the comparison for programs. Its schema is `docs/schema/diff-v1.json`."""
    del style
    data = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "podfit", "version": __version__},
        "old": _side_data(result, result.old),
        "new": _side_data(result, result.new),
        "appearing": _built(result.appearing),
        "disappearing": _built(result.disappearing),
        "undetermined": _built(result.undetermined),
        "suppressed": _built(result.suppressed),
        "raised": _built(result.raised),
        "images": list(map(_image_data, result.images)),
        "lost_platforms": _built(result.lost),
        "pools": list(map(_pool_data, result.pools)),
        "keys": _built(result.keys),
        "added_workloads": list(result.added),
        "removed_workloads": list(result.removed),
        "same_clusters": not result.other_clusters,
        "worse": result.worse,
        "incomplete": result.incomplete,
        "exit_code": result.exit_code,
    }
    return json_text(data) + "\n"


def _built(items: Sequence[Any]) -> Any:
    return msgspec.to_builtins(items, builtin_types=())


def _side_data(result: Comparison, side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "workloads": len(side.workloads),
        "findings": len(side.active),
        "images": len(side.images),
        "unresolved": side.unresolved,
        "incomplete": side in result.incomplete_sides,
        "errors": _built(side.errors),
    }


def _image_data(change: ImageChange) -> dict[str, Any]:
    return {
        "old": change.old and _built((change.old,))[0],
        "new": change.new and _built((change.new,))[0],
        "moved": change.moved,
        "lost": list(change.lost),
        "gained": list(change.gained),
    }


def _pool_data(item: PoolChange) -> dict[str, Any]:
    return {
        "workload": item.workload,
        "pool": item.pool,
        "change": item.effect.value,
        "old": {"placement": item.old.placement, "runnable": item.old.runnable},
        "new": {"placement": item.new.placement, "runnable": item.new.runnable},
    }


FORMATS: Final[Mapping[str, Callable[[Comparison, Style], str]]] = {
    "json": write_comparison_json,
    "markdown": write_comparison_markdown,
    "text": write_comparison_text,
}


def write_github_of(result: Comparison, report: Report, style: Style) -> str:
    """Write annotations for the new findings, and for what could not be audited."""
    new = {(item.id, str(item.location)) for item in (*result.appearing, *result.raised)}
    found = tuple(
        item
        for item in report.findings
        if (item.fingerprint, _place(item.observation.location)) in new
    )
    return write_github(replace(report, findings=found), style)


def _place(location: Any) -> str:
    return f"{location.path}:{location.file_line}:{location.file_column}"
