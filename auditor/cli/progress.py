"""A progress bar on standard error, for people who watch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auditor.cli.report_flags import WatchFlags
from auditor.cli.terminal import wants_progress
from auditor.registry.interface import Progress, no_progress


@dataclass(frozen=True, slots=True)
class Display:
    """Where the stages of an audit tell how far they are."""

    on_document: Callable[[str], None] = lambda _: None
    on_image: Progress = no_progress


@contextmanager
def display(watch: WatchFlags) -> Iterator[Display]:
    """A display for the length of an audit; it leaves nothing on the terminal.

    None where podfit tells what it does, which says more.
    """
    wanted = not watch.no_progress and not watch.verbose
    if not wanted or not wants_progress(os.environ, terminal=sys.stderr.isatty()):
        yield Display()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        reading = bar.add_task("reading documents", total=None)
        resolving = bar.add_task("resolving images", total=None, visible=False)

        def on_document(path: str) -> None:
            del path
            bar.advance(reading)

        def on_image(done: int, total: int) -> None:
            bar.update(reading, visible=False)
            bar.update(resolving, completed=done, total=total, visible=True)

        yield Display(on_document, on_image)
