"""What `podfit inspect` does."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.cli.commentary import tell_request
from auditor.cli.output import parse_outputs, write_outputs
from auditor.cli.progress import display
from auditor.cli.report_flags import OutputFlags
from auditor.cli.text import tell_notices
from auditor.cli.wiring import opened_inspector
from auditor.config.model import Config
from auditor.errors import EXIT_CLEAN, EXIT_INCOMPLETE
from auditor.formats.images import write_images_json, write_images_rows
from auditor.images import ImageReference, UnknownPlatforms
from auditor.references import parse_reference
from auditor.report import ImageEntry


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
