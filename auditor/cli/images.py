"""`podfit images` and `podfit inspect`: which platforms images support.

What `podfit inspect` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from auditor.audit.report import ImageEntry
from auditor.cli.assembly import opened_inspector
from auditor.cli.console import display, parse_outputs, tell_notices, write_outputs
from auditor.cli.options import ConfigFlags, ImageFlags, OutputFlags, SourceFlags
from auditor.cli.verbose import tell_request
from auditor.config.model import Config
from auditor.errors import EXIT_CLEAN, EXIT_INCOMPLETE
from auditor.formats.images import write_images_json, write_images_rows
from auditor.images.images import ImageReference, UnknownPlatforms
from auditor.images.references import parse_reference


def run_inspect(texts: Sequence[str], config: Config, output: OutputFlags) -> int:
    """Asks for the images and shows what is known of each; the exit code."""
    formats = {"json": write_images_json, "text": write_images_rows}
    outputs = parse_outputs(output.output or ("text",), formats)
    parsed = {text: parse_reference(text) for text in dict.fromkeys(texts)}
    wanted = sorted({item for item in parsed.values() if isinstance(item, ImageReference)})
    observer = tell_request if output.verbose else None
    with (
        display(output) as shown,
        opened_inspector(config, observer=observer) as inspection,
    ):
        answers = inspection.inspector.inspect(wanted, shown.on_image)
        remarks = inspection.remarks()
    entries = tuple(
        ImageEntry(text, item, answers[item], ())
        if isinstance(item, ImageReference)
        else ImageEntry(text, None, item, ())
        for text, item in parsed.items()
    )
    tell_notices((*config.notices, *remarks))
    write_outputs(outputs, output, lambda name, style: formats[name](entries, style))
    unknown = any(isinstance(entry.platforms, UnknownPlatforms) for entry in entries)
    return EXIT_INCOMPLETE if unknown else EXIT_CLEAN


def images(
    sources: SourceFlags, images: ImageFlags, output: OutputFlags, config: ConfigFlags
) -> int:
    """List the images with their platforms, and who uses them.

    Formats: table (the default), json.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.console import parse_outputs, write_outputs
    from auditor.cli.run import run_audit
    from auditor.errors import EXIT_CLEAN, EXIT_INCOMPLETE
    from auditor.formats.images import write_images_json, write_images_table

    formats = {"json": write_images_json, "table": write_images_table}
    outputs = parse_outputs(output.output or ("table",), formats)
    wanted = replace(make_config(Flags(sources, images, config)), remedies=False)
    report = run_audit(wanted, output, tell=True)
    write_outputs(outputs, output, lambda name, style: formats[name](report.images, style))
    complete = not report.problems and not report.totals.unresolved
    return EXIT_CLEAN if complete else EXIT_INCOMPLETE


def inspect(
    image: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Image references.")],
    images: ImageFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """Show which platforms images support, and who said so.

    Formats: text (the default), json.
    """
    from auditor.cli.configuration import Flags, make_config

    wanted = make_config(Flags(images=images, config=config))
    return run_inspect(image, wanted, output)
