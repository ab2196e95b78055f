"""Implementation of `podfit fix`."""

from __future__ import annotations

import codecs
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from auditor.audit.report import Remedied, Report
from auditor.checks.findings import Finding
from auditor.checks.wording import count, listed
from auditor.cli.assembly import custom_resources, rendered
from auditor.cli.console import tell, tell_notices, tell_problems
from auditor.cli.options import OutputFlags
from auditor.cli.run import run_audit
from auditor.cli.terminal import Output, parse_outputs, style, write_text
from auditor.config.model import Config
from auditor.errors import (
    EXIT_CLEAN,
    EXIT_FINDINGS,
    EXIT_INCOMPLETE,
    SourceError,
    UsageError,
)
from auditor.files.paths import find_home, find_program, real_path
from auditor.files.yaml_editing import apply_edits
from auditor.fixes.diffs import unified_diff
from auditor.fixes.plan import FileFix, Plan, Planner
from auditor.formats.catalog import Style
from auditor.formats.escape import log, terminal
from auditor.formats.terminal import Pen
from auditor.registry.storage import replace_file
from auditor.sources.files import decode, read_bytes
from auditor.sources.helm import ChartSource
from auditor.sources.interface import Source
from auditor.sources.open import STREAM

FORMATS: Final = ("patch", "text")
OVERLAY: Final = "podfit-values.yaml"
_VALUES: Final = "values.yaml"
_GIT_SECONDS: Final = 30
_MODE: Final = 0o666
_COLORS: Final = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}


class FixOptions(Struct, frozen=True):
    """Options of `podfit fix`; see its help."""

    write: bool = False
    allow_dirty: bool = False
    overlay: Path | None = None
    in_place: bool = False


def run_fix(config: Config, options: FixOptions, output: OutputFlags) -> int:
    """Print or apply the changes that resolve findings; return the exit code."""
    if options.in_place and options.overlay:
        raise UsageError("--in-place cannot be used with --overlay")
    if STREAM in config.sources:
        raise UsageError("standard input cannot be fixed", hint="name the file")
    outputs = parse_outputs(output.output or ("text",), FORMATS)
    report, plan = _planned(config, options, output)
    tell_problems(report.problems)
    tell_notices(report.notices)
    _check_overlays(plan, options)
    if options.write:
        _write(plan.files, options)
    for item in outputs:
        _print(plan, report, item, output, written=options.write)
    return _exit_code(plan, report, written=options.write)


def _planned(config: Config, options: FixOptions, output: OutputFlags) -> tuple[Report, Plan]:
    """Audit the sources and plan the changes."""
    kept: dict[str, Any] = {}

    def search(sources: Sequence[Source]) -> Any:
        def keep(observed: Any, assessments: Any, rules: Any, assess: Any) -> Remedied:
            del assessments, rules
            kept.update(observed=tuple(observed), assess=assess)
            return Remedied(tuple(observed))

        kept.update(sources=sources)
        return keep

    report = run_audit(config, output, search=search)
    planner = Planner(
        report,
        kept["observed"],
        kept["assess"],
        lambda: rendered(kept["sources"]),
        lambda source: values_file(source, options),
        options.in_place,
        config.source_options.jobs,
        custom_resources(config),
    )
    return report, planner.plan()


def values_file(source: ChartSource, options: FixOptions) -> Path:
    """Return the values file to write for a chart; for an archive, in the current folder."""
    if options.overlay:
        return options.overlay
    if not source.path.is_dir():
        return Path(OVERLAY)
    return Path(source.shown) / (_VALUES if options.in_place else OVERLAY)


def _check_overlays(plan: Plan, options: FixOptions) -> None:
    paths = [item.path for item in plan.files]
    twice = [path for path in paths if paths.count(path) > 1]
    if twice:
        raise UsageError(
            f"several charts would be fixed in {twice[0]}",
            hint="fix one chart at a time" if options.overlay else "name fewer sources",
        )


def _write(files: Sequence[FileFix], options: FixOptions) -> None:
    """Write all files, or none if one of them cannot be changed. Raises UsageError."""
    contents = {item.path: _content(item) for item in files}
    changed = [item.path for item in files if item.before is not None]
    if not options.allow_dirty and (why := _uncommitted(changed)):
        raise UsageError(why, hint="commit them first, or use --allow-dirty")
    for path, content in contents.items():
        try:
            target = real_path(path)
            mode = target.stat().st_mode & 0o7777 if target.exists() else None
            replace_file(target, content, mode=_MODE if mode is None else mode)
            if mode is not None:
                target.chmod(mode)
        except OSError as error:
            raise UsageError(f"cannot write {path}", why=error.strerror or str(error)) from error


def _content(item: FileFix) -> bytes:
    """Return the new bytes of a file, with the byte order mark and encoding that it had."""
    shown = str(item.path)
    root = _tree(item.path)
    if not real_path(item.path).is_relative_to(root):
        raise UsageError(f"{shown} is a symbolic link to a file outside of {root}")
    if item.before is None:
        return apply_edits("", item.edits).encode()
    try:
        data = read_bytes(item.path, shown)
        text = decode(data, shown)
    except SourceError as error:
        raise UsageError(error.problem.what, why=error.problem.why) from error
    if text != item.before:
        raise UsageError(f"{shown} changed during the audit", hint="run `podfit fix` again")
    after = apply_edits(text, item.edits)
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            return mark + after.encode(encoding)
    return after.encode()


def _tree(path: Path) -> Path:
    """Return the folder that a file must be in: its repository, else its folder."""
    home = find_home(path.parent)
    return home.root if home and home.is_repository else real_path(path.parent)


def _uncommitted(paths: Sequence[Path]) -> str:
    """Return why git cannot restore the files, or ""."""
    by_root: dict[Path, list[Path]] = {}
    for path in paths:
        home = find_home(path.parent)
        if home is None or not home.is_repository:
            return (
                f"{path} is not in a git repository, so that podfit's changes could not be undone"
            )
        by_root.setdefault(home.root, []).append(real_path(path))
    git = find_program("git")
    if by_root and git is None:
        return "git was not found, so that uncommitted changes could not be detected"
    dirty = [name for root, own in by_root.items() for name in _dirty(str(git), root, own)]
    if dirty:
        verb = "has" if len(dirty) == 1 else "have"
        return f"{listed(dirty, limit=3)} {verb} uncommitted changes"
    return ""


def _dirty(git: str, root: Path, paths: Sequence[Path]) -> Iterator[str]:
    names = [path.relative_to(root).as_posix() for path in paths]
    arguments = ("status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--")
    safe = ("-c", "core.fsmonitor=false", "-c", f"safe.directory={root}")
    try:
        done = subprocess.run(
            [git, "-C", str(root), *safe, "--literal-pathspecs", *arguments, *names],
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
            env=_git_environment(os.environ),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"git cannot tell whether files in {root} have uncommitted changes",
            why=str(error),
            hint="use --allow-dirty to change them anyway",
        ) from error
    for entry in done.stdout.decode("utf-8", "replace").split("\0"):
        if entry:
            yield entry[3:]


def _git_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("GIT_")}


def _print(plan: Plan, report: Report, item: Output, output: OutputFlags, *, written: bool) -> None:
    look = style(output.color) if item.path is None else Style()
    diffs = [(file, _diff(file)) for file in plan.files]
    if item.format == "patch":
        for file, diff in diffs:
            if not diff:
                tell(f"{file.path} is UTF-16 and left out of the patch")
        write_text("".join(diff for _, diff in diffs), item.path)
        return
    text = "" if written else "".join(_colored(diff, look) for _, diff in diffs)
    lines = list(_summary(plan, report, Pen(look), written=written))
    write_text(
        text + ("\n" if text and lines else "") + "".join(map("{}\n".format, lines)), item.path
    )


def _diff(item: FileFix) -> str:
    """Return the diff of a file; "" for a file in UTF-16, which git takes for binary."""
    before = item.before
    if before is not None:
        data = read_bytes(item.path, str(item.path))
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return ""
        if data.startswith(codecs.BOM_UTF8):
            shifted = [replace(e, start=e.start + 1, end=e.end + 1) for e in item.edits]
            return unified_diff(str(item.path), f"\ufeff{before}", shifted)
    return unified_diff(str(item.path), before, item.edits)


def _colored(diff: str, look: Style) -> str:
    lines = (f"{line[:1]}{terminal(line[1:])}" for line in diff.replace("\r\n", "\n").splitlines())
    if not look.color:
        return log("".join(f"{line}\n" for line in lines))
    ends = ((_COLORS.get(line[:1], ""), line) for line in lines)
    return "".join(f"{start}{line}\x1b[0m\n" if start else f"{line}\n" for start, line in ends)


def _summary(plan: Plan, report: Report, pen: Pen, *, written: bool) -> Iterator[str]:
    for item in plan.unfixed:
        seen = item.finding.observation
        text = f"not fixed: {item.finding.rule}: {seen.message}"
        yield from pen.wrap(pen.text(text), following="  ")
        yield f"  --> {terminal(str(seen.location))}"
        more = "" if item.why.startswith(seen.fix) else seen.fix
        if why := "; ".join(filter(None, (item.why, more))):
            yield from pen.wrap(pen.text(f"help: {why}"), "   = ", "           ")
    if plan.unfixed:
        yield ""
    for path in plan.settled:
        yield f"{terminal(path)} has all values already; pass it to Helm with -f"
    fixed, total = len(plan.resolved), len(report.findings)
    if plan.files:
        names = [terminal(str(file.path)) for file in plan.files]
        verb = "Fixed" if written else "Would fix"
        rest = "" if written else "; --write applies the changes"
        done = f"{verb} {fixed} of {count(total, 'finding')} in {listed(names, limit=3)}{rest}"
        yield from pen.wrap(done)
        for file in plan.files:
            if file.before is None:
                yield f"Pass {terminal(str(file.path))} to Helm with -f, after your other values."
    elif report.problems:
        yield "Nothing was fixed: the audit is incomplete"
    elif plan.unfixed:
        yield f"Nothing was fixed ({count(total, 'finding')})"
    elif not plan.settled:
        yield "Nothing to fix"


def _exit_code(plan: Plan, report: Report, *, written: bool) -> int:
    gate = report.gate
    remaining: list[Finding] = [item.finding for item in plan.unfixed]
    pending = bool(plan.files) and not written and gate.fail_on is not None
    if pending or any(gate.fails(item.severity) for item in remaining):
        return EXIT_FINDINGS
    return EXIT_INCOMPLETE if report.incomplete else EXIT_CLEAN
