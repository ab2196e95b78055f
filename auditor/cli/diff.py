"""The command `podfit diff`."""

from __future__ import annotations

from auditor.cli.options import (
    ClusterFlags,
    ConfigFlags,
    DiffFlags,
    GateFlags,
    IgnoreFlags,
    ImageFlags,
    OutputFlags,
    RuleFlags,
)


def diff(
    sources: DiffFlags,
    clusters: ClusterFlags,
    rules: RuleFlags,
    ignores: IgnoreFlags,
    images: ImageFlags,
    gate: GateFlags,
    output: OutputFlags,
    config: ConfigFlags,
) -> int:
    """Show what a change of a chart or manifest makes worse.

    Compares OLD and NEW: sources as in `podfit audit`, git revisions (REV:PATH), JSON reports of
    podfit or lock files. With --base, compares SOURCEs with an earlier revision. Formats: text (the
    default), github, json, markdown. Exit codes: 0 nothing got worse, 1 a new finding or a lost
    platform, 3 audit incomplete.
    """
    from auditor.audit.comparison import compare_sides
    from auditor.cli.configuration import Flags
    from auditor.cli.console import tell_notices, tell_problems
    from auditor.cli.sides import open_sides
    from auditor.cli.terminal import parse_outputs, write_outputs
    from auditor.errors import Problem, UsageError
    from auditor.formats.comparison import FORMATS, write_github_of

    outputs = parse_outputs(output.output or ("text",), (*FORMATS, "github"))
    flags = Flags(sources, images, config, clusters, gate, rules, ignores, rules)
    sides = open_sides(flags, sources.base, output)
    result = compare_sides(sides.old, sides.new, sides.gate)
    report = sides.report
    if report is None and any(item.format == "github" for item in outputs):
        raise UsageError(
            "-o github needs a SOURCE of the working tree as NEW",
            hint="use -o markdown for reports, lock files and revisions",
        )
    failures = dict.fromkeys((*result.old.errors, *result.new.errors))
    tell_problems(Problem(item.what, item.where, item.why, item.hint) for item in failures)
    tell_notices(dict.fromkeys((*result.old.notices, *result.new.notices)))
    write_outputs(
        outputs,
        output,
        lambda name, style: (
            write_github_of(result, report, style)
            if name == "github" and report
            else FORMATS[name](result, style)
        ),
    )
    return result.exit_code
