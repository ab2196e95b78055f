"""Output of `podfit forecast`: findings that appear and disappear, and readiness by platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from auditor import __version__
from auditor.audit.forecast import Forecast, Outlook, Readiness, Standing, Weight, weigh
from auditor.audit.report import Report
from auditor.checks.findings import Finding
from auditor.checks.wording import count
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text, log, markdown, markdown_code, markdown_prose
from auditor.formats.json_v1 import finding_data, problem_data
from auditor.formats.summary import LOOKS, verdict
from auditor.formats.terminal import Look, Pen
from auditor.formats.wording import rule_urls, workload_names

SCHEMA_VERSION: Final = 1

_LABELS: Final[Mapping[Readiness, str]] = {
    Readiness.READY: "ready",
    Readiness.GUARDED: "ready without guard",
    Readiness.UNDETERMINED: "not determined",
    Readiness.SELECTOR: "blocked by selector",
    Readiness.IMAGE: "blocked by image",
    Readiness.OTHER_SYSTEM: "for another system",
}
_LOOKS: Final[Mapping[Readiness, Look]] = {
    Readiness.READY: Look.GOOD,
    Readiness.GUARDED: Look.NOTE,
    Readiness.UNDETERMINED: Look.CAUTION,
    Readiness.SELECTOR: Look.BAD,
    Readiness.IMAGE: Look.BAD,
    Readiness.OTHER_SYSTEM: Look.FAINT,
}
_MOVES: Final[Mapping[Readiness, str]] = {
    Readiness.READY: "can use the nodes without changes",
    Readiness.GUARDED: "need another selector or a toleration",
    Readiness.IMAGE: "need another image",
    Readiness.SELECTOR: "are kept off by another constraint",
    Readiness.UNDETERMINED: "could not be determined",
}
"""What the workloads of a new platform need, in the order of the output."""

_LISTED: Final = 10
"""Workloads of each list in the text; the other formats have all."""
_HEADERS: Final = ("WORKLOADS", "PODS", "CPU", "MEMORY")
_FOOTNOTE: Final = (
    "PODS counts replicas, and a DaemonSet as one pod. CPU and MEMORY are sums of requests"
)


def write_forecast_text(forecast: Forecast, style: Style) -> str:
    """Write the forecast for a terminal."""
    pen = Pen(style)
    names = _names(forecast.target)
    blocks = [
        list(_change(forecast, pen)),
        list(_findings("New findings", forecast.appearing, pen)),
        list(_findings("Resolved findings", forecast.disappearing, pen)),
        list(_readiness(forecast, pen)),
        *(list(_moves(item, names, pen)) for item in forecast.outlooks if item.added),
        list(_dates(forecast, pen)),
        list(pen.wrap(pen.text(_conclusion(forecast)), following="")),
    ]
    return log("\n\n".join("\n".join(block) for block in blocks if block) + "\n")


def _names(report: Report) -> dict[int, str]:
    """Return the name of each workload of a report, by the id of its assessment."""
    named = zip(report.assessments, workload_names(report), strict=True)
    return {id(assessment): name for assessment, name in named}


def _change(forecast: Forecast, pen: Pen) -> Iterator[str]:
    changes = (("removed", forecast.removed_pools), ("added", forecast.added_pools))
    for title, pools in changes:
        for pool in pools:
            yield from pen.wrap(pen.text(f"{title}: {pool}"))
    if not any(pools for _, pools in changes):
        yield "The node pools have the same names and platforms."


def _findings(title: str, findings: Sequence[Finding], pen: Pen) -> Iterator[str]:
    yield pen.paint(f"{title}: {len(findings) or 'none'}", Look.STRONG)
    for finding in findings:
        kind = f"{finding.severity}[{pen.text(finding.rule)}]:"
        text = pen.text(f"{finding.observation.message}")
        first, *rest = pen.wrap(f"  {kind} {text}", following="    ")
        yield first.replace(kind, pen.paint(kind, LOOKS[finding.severity]), 1)
        yield from rest
        yield f"    {pen.text(str(finding.observation.location))}"


def _readiness(forecast: Forecast, pen: Pen) -> Iterator[str]:
    lead = max(map(len, _LABELS.values())) + 4
    head = "  ".join(f"{title:>9}" for title in _HEADERS)
    unstated = 0
    for outlook in forecast.outlooks:
        weights = _weights(outlook)
        title = f"{outlook.platform}{' (new)' if outlook.added else ''}"
        yield pen.paint(pen.text(title), Look.STRONG)
        yield pen.paint(f"{'':{lead}}{head}", Look.FAINT)
        for readiness, weight in weights.items():
            label = f"  {_LABELS[readiness]}"
            cells = "  ".join(f"{cell:>9}" for cell in _cells(weight))
            yield f"{pen.paint(label, _LOOKS[readiness])}{' ' * (lead - len(label))}{cells}"
        unstated = max(unstated, sum(weight.unstated for weight in weights.values()))
    yield ""
    yield from pen.wrap(f"{_FOOTNOTE}{_without(unstated)}.", following="")


def _without(unstated: int) -> str:
    return f"; {count(unstated, 'pod')} without a request for CPU or memory" if unstated else ""


def _weights(outlook: Outlook) -> dict[Readiness, Weight]:
    weights = {readiness: weigh(outlook.of(readiness)) for readiness in _LABELS}
    return {key: weight for key, weight in weights.items() if weight.workloads}


def _cells(weight: Weight) -> tuple[str, ...]:
    return (
        str(weight.workloads),
        str(weight.pods),
        f"{weight.cpu / 1000:.1f}",
        f"{weight.memory / 2**30:.1f} GiB",
    )


def _moves(outlook: Outlook, names: Mapping[int, str], pen: Pen) -> Iterator[str]:
    for readiness, text in _MOVES.items():
        found = outlook.of(readiness)
        if not found:
            continue
        title = f"{outlook.platform}: {count(len(found), 'workload')} {_agreeing(text, found)}"
        yield pen.paint(pen.text(title), Look.STRONG)
        for item in found[:_LISTED]:
            yield from pen.wrap(pen.text(_line(item, names[id(item.assessment)])), "  ", "    ")
        if len(found) > _LISTED:
            yield f"  and {count(len(found) - _LISTED, 'other')}; -o json lists all"


def _agreeing(text: str, found: Sequence[Standing]) -> str:
    """Return a text with its verb in the singular if it is about one workload."""
    if len(found) > 1:
        return text
    singular = {"need": "needs", "are": "is"}
    verb, _, rest = text.partition(" ")
    return f"{singular.get(verb, verb)} {rest}"


def _line(item: Standing, name: str) -> str:
    if item.readiness is Readiness.READY:
        return name
    return f"{name}: {'; '.join(dict.fromkeys(_reasons(item)))}"


def _reasons(item: Standing) -> Sequence[str]:
    """Return what has to change, without the placement if another image is needed anyway."""
    if item.readiness is Readiness.IMAGE:
        return [f"container {use.container.name}: {r.message}" for use, r in item.fit.incompatible]
    return item.fit.reasons


def _dates(forecast: Forecast, pen: Pen) -> Iterator[str]:
    if forecast.retirements:
        yield pen.paint("Node images", Look.STRONG)
    for pool, item in forecast.retirements:
        text = f"{item.date.isoformat()}  {pool}: {item.what} ({item.source})"
        yield from pen.wrap(pen.text(text), "  ", " " * 14)


def _conclusion(forecast: Forecast) -> str:
    after = f"The changed cluster: {verdict(forecast.target)}"
    before = f"now: {verdict(forecast.current)}"
    rest = "; the audit is incomplete" if forecast.incomplete else ""
    return f"{after} ({before}){rest}"


def write_forecast_markdown(forecast: Forecast, style: Style) -> str:
    """Write the forecast for pull requests and wikis."""
    del style
    names = _names(forecast.target)
    parts = [
        f"### podfit forecast\n\n{markdown(_conclusion(forecast))}",
        "\n".join(
            f"- {title} {markdown_code(pool)}"
            for title, pools in (
                ("removed", forecast.removed_pools),
                ("added", forecast.added_pools),
            )
            for pool in pools
        ),
        _markdown_findings("New findings", forecast.appearing),
        _markdown_findings("Resolved findings", forecast.disappearing),
        *map(_markdown_readiness, forecast.outlooks),
        *(_markdown_moves(item, names) for item in forecast.outlooks if item.added),
        "\n".join(
            f"- {item.date.isoformat()}: {markdown(pool)}: {markdown(item.what)} "
            f"([source](<{markdown(item.source)}>))"
            for pool, item in forecast.retirements
        ),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _markdown_findings(title: str, findings: Sequence[Finding]) -> str:
    lines = [f"#### {title}: {len(findings) or 'none'}"]
    if findings:
        lines.append("")
    lines += (
        f"- **{item.severity}** {markdown_code(item.rule)}: "
        f"{markdown_prose(item.observation.message)} "
        f"({markdown_code(str(item.observation.location))})"
        for item in findings
    )
    return "\n".join(lines)


def _markdown_readiness(outlook: Outlook) -> str:
    title = f"#### {markdown(outlook.platform)}{' (new)' if outlook.added else ''}"
    header = "| | Workloads | Pods | CPU | Memory |\n|---|--:|--:|--:|--:|"
    weights = _weights(outlook)
    rows = (f"| {_LABELS[key]} | {' | '.join(_cells(item))} |" for key, item in weights.items())
    return f"{title}\n\n" + "\n".join((header, *rows))


def _markdown_moves(outlook: Outlook, names: Mapping[int, str]) -> str:
    blocks = []
    for readiness, text in _MOVES.items():
        found = outlook.of(readiness)
        if found:
            title = f"{count(len(found), 'workload')} {_agreeing(text, found)}"
            items = "\n".join(
                f"- {markdown_prose(_line(item, names[id(item.assessment)]))}" for item in found
            )
            blocks.append(f"<details><summary>{title}</summary>\n\n{items}\n\n</details>")
    return "\n\n".join(blocks)


def write_forecast_json(forecast: Forecast, style: Style) -> str:
    """Write the forecast for programs. Its schema is `docs/schema/forecast-v1.json`."""
    del style
    problems = dict.fromkeys((*forecast.current.problems, *forecast.target.problems))
    data = {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "podfit", "version": __version__},
        "removed_pools": list(forecast.removed_pools),
        "added_pools": list(forecast.added_pools),
        "appearing": _findings_data(forecast.appearing, forecast.target),
        "disappearing": _findings_data(forecast.disappearing, forecast.current),
        "platforms": list(map(_platform_data, forecast.outlooks)),
        "retirements": [
            {
                "pool": pool,
                "platform": str(item.platform),
                "date": item.date.isoformat(),
                "what": item.what,
                "source": item.source,
            }
            for pool, item in forecast.retirements
        ],
        "errors": list(map(problem_data, problems)),
        "incomplete": forecast.incomplete,
        "exit_code": forecast.exit_code,
    }
    return json_text(data) + "\n"


def _findings_data(findings: Iterable[Finding], report: Report) -> list[Any]:
    urls = rule_urls(report)
    return [finding_data(item, None, urls.get(item.rule, "")) for item in findings]


def _platform_data(outlook: Outlook) -> dict[str, Any]:
    return {
        "platform": outlook.platform,
        "pools": list(outlook.pools),
        "new": outlook.added,
        "readiness": {item.value: _weight_data(weigh(outlook.of(item))) for item in Readiness},
        "workloads": list(map(_standing_data, outlook.standings)),
    }


def _weight_data(weight: Weight) -> dict[str, Any]:
    return {
        "workloads": weight.workloads,
        "pods": weight.pods,
        "cpu": weight.cpu / 1000,
        "memory": weight.memory,
        "pods_without_requests": weight.unstated,
    }


def _standing_data(item: Standing) -> dict[str, Any]:
    workload = item.assessment.workload
    return {
        "kind": workload.ref.kind,
        "namespace": workload.ref.namespace,
        "name": workload.ref.name,
        "component": workload.component,
        "location": str(workload.location),
        "replicas": workload.replicas,
        "cpu": None if workload.requests.cpu is None else workload.requests.cpu / 1000,
        "memory": workload.requests.memory,
        "pool": f"{item.fit.cluster.name}/{item.fit.name}",
        "readiness": item.readiness.value,
        "reasons": list(item.fit.reasons),
    }
