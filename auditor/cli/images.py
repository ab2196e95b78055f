"""`podfit images` and `podfit inspect`: which platforms images support."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec.structs import replace

from auditor.cli.options import ConfigFlags, ImageFlags, OutputFlags, RequirementFlags, SourceFlags


def images(
    sources: SourceFlags,
    requirements: RequirementFlags,
    images: ImageFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """List the images with their platforms, and who uses them.

    Formats: table (the default), json.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import run_audit
    from auditor.cli.terminal import parse_outputs, write_outputs
    from auditor.errors import EXIT_CLEAN, EXIT_FINDINGS, EXIT_INCOMPLETE
    from auditor.formats.images import write_images_json, write_images_table

    formats = {"json": write_images_json, "table": write_images_table}
    outputs = parse_outputs(output.output or ("table",), formats)
    flags = Flags(sources, images, config, requirements=requirements)
    wanted = replace(make_config(flags), remedies=False)
    report = run_audit(wanted, output, tell=True)
    write_outputs(outputs, output, lambda name, style: formats[name](report.images, style))
    if any(entry.lacking for entry in report.images):
        return EXIT_FINDINGS
    complete = not report.problems and not report.totals.unresolved
    return EXIT_CLEAN if complete else EXIT_INCOMPLETE


def inspect(
    image: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Image references.")],
    requirements: RequirementFlags,
    images: ImageFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """Show which platforms images support, and who said so.

    IMAGE `-` reads images from standard input: one a line, or JSON (a list of texts, or what
    `podfit images -o json` prints). Formats: text (the default), json. Exit codes: 1 if an image
    lacks a platform of --require, 3 if an image could not be resolved.
    """
    from auditor.cli.configuration import Flags, make_config
    from auditor.cli.run import run_inspect

    wanted = make_config(Flags(images=images, config=config, requirements=requirements))
    return run_inspect(image, wanted, output)
