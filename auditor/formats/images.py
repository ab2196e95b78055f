"""Images and their platforms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tabulate import tabulate

from auditor.audit.report import ImageEntry
from auditor.checks.wording import count
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, log, terminal
from auditor.formats.terminal import Look, Pen, width_of
from auditor.images.images import KnownPlatforms, UnknownPlatforms

_MANY: Final = 4


def write_images_table(images: Sequence[ImageEntry], style: Style) -> str:
    """Image, platforms, digest, source, users: a table, or a block each where that is too wide."""
    if not images:
        return "no images\n"
    rows = [
        (
            terminal(_name(entry)),
            "\n".join(_platforms(entry)),
            _digest(entry),
            _source(entry),
            "\n".join(map(terminal, _few(entry.users))),
        )
        for entry in images
    ]
    headers = ("IMAGE", "PLATFORMS", "DIGEST", "SOURCE", "USED BY")
    table = tabulate(rows, headers, tablefmt="plain", disable_numparse=True)
    if max(map(width_of, table.splitlines())) > style.width:
        pen = Pen(style)
        table = "\n\n".join("\n".join(_block(entry, pen)) for entry in images)
    unknown = sum(isinstance(entry.platforms, UnknownPlatforms) for entry in images)
    ending = f", {unknown} unresolved" if unknown else ""
    return log(f"{table}\n\n{count(len(images), 'image')}{ending}\n")


def write_images_rows(images: Sequence[ImageEntry], style: Style) -> str:
    """Every row of every image."""
    del style
    return log("\n".join("\n".join(_rows(entry)) + "\n" for entry in images))


def write_images_json(images: Sequence[ImageEntry], style: Style) -> str:
    """`{"schema_version": 1, "images": [{image, reference, platforms | unknown, ...}]}`."""
    del style
    return (
        json_text({"schema_version": 1, "images": [image_json(entry) for entry in images]}) + "\n"
    )


def image_json(entry: ImageEntry) -> dict[str, object]:
    """One image as JSON has it."""
    value: dict[str, object] = {
        "image": entry.text,
        "reference": str(entry.reference) if entry.reference else None,
        "users": list(entry.users),
    }
    answer = entry.platforms
    if isinstance(answer, UnknownPlatforms):
        value["unknown"] = {
            "reason": answer.reason.value,
            "message": answer.message,
            "hint": answer.hint,
        }
        return value
    value |= {
        "platforms": [str(platform) for platform in answer.platforms],
        "kind": answer.kind,
        "digest": answer.digest,
        "source": answer.source,
        "notes": list(answer.notes),
    }
    if entry.required:
        value["required"] = [str(platform) for platform in entry.required]
        value["lacking"] = [str(platform) for platform in entry.lacking]
    return value


def _block(entry: ImageEntry, pen: Pen) -> Iterator[str]:
    """The same as a row of the table, one below the other."""
    yield pen.paint(pen.text(_name(entry)), Look.STRONG)
    answer = entry.platforms
    lines = [f"used by {', '.join(_few(entry.users))}"] if entry.users else []
    if isinstance(answer, KnownPlatforms):
        where = f"{_digest(entry)}, says the {answer.source}"
        lines = [", ".join(_platforms(entry)), where, *lines]
    else:
        lines.insert(0, f"unknown: {answer.message}")
    for line in lines:
        yield from pen.wrap(pen.text(line), "  ", "    ")


def _rows(entry: ImageEntry) -> Iterator[str]:
    yield terminal(entry.name)
    answer = entry.platforms
    if isinstance(answer, UnknownPlatforms):
        yield f"  unknown: {terminal(answer.message)}"
        if answer.hint:
            yield f"  help: {terminal(answer.hint)}"
        return
    what = "index" if answer.kind == "index" else "single manifest"
    yield f"  {what} {answer.digest} ({answer.source})"
    yield from (f"    {platform}" for platform in answer.platforms)
    yield from (f"    {row}  missing: its manifest is not there" for row in answer.dangling)
    yield from (f"    {platform}  required, not supported" for platform in entry.lacking)
    yield from (f"  note: {terminal(note)}" for note in answer.notes)


def _platforms(entry: ImageEntry) -> list[str]:
    answer = entry.platforms
    if isinstance(answer, KnownPlatforms):
        found = [terminal(str(platform)) for platform in answer.platforms] or ["none"]
        return [*found, *(f"lacks {terminal(str(platform))}" for platform in entry.lacking)]
    return [f"unknown: {answer.reason.value}"]


def _name(entry: ImageEntry) -> str:
    """As people write it. Of a digest, the first twelve characters are enough to read."""
    name = entry.reference.familiar if entry.reference else entry.text
    head, at, digest = name.partition("@sha256:")
    return f"{head}{at}{digest[:12]}…" if digest else name


def _digest(entry: ImageEntry) -> str:
    return entry.platforms.digest[:19] if isinstance(entry.platforms, KnownPlatforms) else ""


def _source(entry: ImageEntry) -> str:
    return entry.platforms.source if isinstance(entry.platforms, KnownPlatforms) else ""


def _few(users: Iterable[str]) -> list[str]:
    names = list(users)
    if len(names) <= _MANY:
        return names
    return [*names[: _MANY - 1], f"and {len(names) - _MANY + 1} more"]
