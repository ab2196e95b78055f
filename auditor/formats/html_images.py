"""The images of the HTML page: what each runs on, who said so, and who uses it."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.formats.escape import html, html_prose
from auditor.formats.words import runs_on
from auditor.images import KnownPlatforms
from auditor.phrases import count
from auditor.report import ImageEntry, Report


def images_section(report: Report) -> Iterator[str]:
    """A table of the images; nothing where there is none."""
    if not report.images:
        return
    yield f'<section id="images">\n<h2>Images <small>{len(report.images)}</small></h2>\n'
    yield '<div class="scroll" tabindex="0"><table>\n<thead><tr><th scope="col">Image</th>'
    yield '<th scope="col">Runs on</th><th scope="col">Used by</th></tr></thead>\n<tbody>\n'
    yield from map(_row, report.images)
    yield "</tbody>\n</table></div>\n</section>\n"


def _row(entry: ImageEntry) -> str:
    users = "".join(f"<li>{html(user)}</li>" for user in entry.users)
    used = f"<details><summary>{count(len(entry.users), 'workload')}</summary><ul>{users}</ul>"
    image = f'<td class="mono">{html(entry.name)}</td>'
    return f"<tr>{image}<td>{_platforms(entry)}</td><td>{used}</details></td></tr>\n"


def _platforms(entry: ImageEntry) -> str:
    known = entry.platforms
    if not isinstance(known, KnownPlatforms):
        hint = f"<br>{html_prose(known.hint)}" if known.hint else ""
        why = html_prose(known.message)
        return f'<span class="unknown-platforms">unknown</span>: {why}{hint}'
    rows = "".join(f"<li>{html(str(platform))}</li>" for platform in known.platforms)
    notes = "".join(f"<li>{html(note)}</li>" for note in known.notes)
    said = f'<li class="mono">{html(known.digest)}</li><li>says the {html(known.source)}</li>'
    short = html(runs_on(known.platforms))
    return f"<details><summary>{short}</summary><ul>{rows}{notes}{said}</ul></details>"
