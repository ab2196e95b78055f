"""The format `json`: the whole report. Its schema is `docs/schema/report-v1.json`.

Within version 1, keys are added, but never renamed, removed or changed in meaning. Lines and
columns count from 1. Names are exact; special characters in them are JSON escapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from auditor import __version__
from auditor.audit.report import ImageEntry, Overlay, Report
from auditor.checks.assessment import Assessment, ImageUse, PoolFit
from auditor.checks.findings import Explanation, Finding, Observation, Remedy, RemedyKind, Subject
from auditor.errors import Problem
from auditor.files.yaml_nodes import Node
from auditor.files.yaml_reading import read_documents
from auditor.formats.catalog import Style
from auditor.formats.escape import json_text
from auditor.formats.wording import rule_urls
from auditor.images.images import KnownPlatforms, Platforms
from auditor.kubernetes.manifests import Location
from auditor.kubernetes.pod_spec import Requirement
from auditor.kubernetes.workloads import Workload
from auditor.policy.policy import Suppressed
from auditor.scheduling.nodes import ClusterProfile

SCHEMA_VERSION: Final = 1

Json = dict[str, Any]


def write_json(report: Report, style: Style) -> str:
    """Write the whole report; the style is ignored."""
    del style
    return json_text(report_data(report)) + "\n"


def report_data(report: Report) -> Json:
    """Return the report as JSON values, with the keys in the documented order."""
    urls = rule_urls(report)
    suppressed: list[tuple[Finding, Suppressed | None]] = [
        (item.finding, item) for item in report.suppressed
    ]
    findings = [*((finding, None) for finding in report.findings), *suppressed]
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "podfit", "version": __version__},
        "summary": _summary(report),
        "clusters": [_cluster(cluster) for cluster in report.clusters],
        "findings": [
            finding_data(finding, by, urls.get(finding.rule, ""))
            for finding, by in sorted(findings, key=lambda pair: pair[0].sort_key)
        ],
        "workloads": [_assessment(assessment) for assessment in report.assessments],
        "images": [_image(entry) for entry in report.images],
        "errors": [problem_data(problem) for problem in report.problems],
        "accepted": [
            {**problem_data(item.problem), "reason": item.reason, "accepted_at": item.where}
            for item in report.accepted
        ],
        "notices": list(report.notices),
        "overlays": [_overlay(overlay) for overlay in report.overlays],
    }


def _summary(report: Report) -> Json:
    totals = report.totals
    return {
        "errors": totals.errors,
        "warnings": totals.warnings,
        "infos": totals.infos,
        "suppressed": totals.suppressed,
        "workloads": totals.workloads,
        "images": totals.images,
        "unresolved": totals.unresolved,
        "unstated": totals.unstated,
        "undecided": totals.undecided,
        "unaudited": totals.unaudited,
        "accepted": totals.accepted,
        "incomplete": report.incomplete,
        "exit_code": report.exit_code,
    }


def _cluster(cluster: ClusterProfile) -> Json:
    return {
        "name": cluster.name,
        "pools": [
            {
                "name": pool.name,
                "platform": str(pool.platform),
                "taints": [str(taint) for taint in pool.taints],
                "runtime": str(pool.runtime) if pool.runtime else None,
            }
            for pool in cluster.pools
        ],
    }


def finding_data(finding: Finding, suppressed: Suppressed | None, url: str) -> Json:
    """Return a finding as JSON values; `url` is that of its rule."""
    seen = finding.observation
    return {
        "id": finding.fingerprint,
        "rule": finding.rule,
        "severity": str(finding.severity),
        "confidence": str(seen.confidence),
        "consequence": seen.consequence.value,
        "message": seen.message,
        "why": seen.why,
        "fix": _fix(seen),
        "url": url,
        "location": _location(seen.location),
        "workload": _workload(seen.workload),
        "containers": [_subject(subject) for subject in seen.subjects],
        "pools": list(seen.pools),
        "variants": list(finding.variants),
        "explanations": [_explanation(item) for item in finding.explanations],
        "suppressed": suppressed and _suppressed(suppressed),
    }


def _suppressed(item: Suppressed) -> Json:
    return {"by": item.by, "reason": item.reason, "where": item.where}


def _fix(seen: Observation) -> Json:
    """Return the fix as text, as chart values, and as selectors for a pod spec."""
    values = (item.text for item in seen.remedies if item.kind is RemedyKind.VALUES)
    documents = read_documents(next(values, ""))
    root = next((item for item in documents if isinstance(item, Node)), None)
    return {
        "text": seen.fix,
        "nodeSelector": seen.guard.node_selector,
        "requiredNodeAffinity": [_requirement(item) for item in seen.guard.affinity],
        "values": root.plain() if root else None,
        "remedies": [_remedy(item) for item in seen.remedies],
    }


def _remedy(remedy: Remedy) -> Json:
    return {
        "kind": remedy.kind.value,
        "text": remedy.text,
        "keys": list(remedy.keys),
        "where": remedy.where,
        "verified": remedy.verified,
    }


def _overlay(overlay: Overlay) -> Json:
    """Return the values that resolve findings of a chart."""
    return {
        "chart": overlay.chart,
        "variant": overlay.variant,
        "text": overlay.text,
        "resolved": overlay.resolved,
        "findings": overlay.findings,
        "unreached": list(overlay.unreached),
        "objections": list(overlay.objections),
    }


def _requirement(item: Requirement) -> Json:
    return {"key": item.key, "operator": item.operator, "values": list(item.values)}


def _explanation(item: Explanation) -> Json:
    seen = item.observation
    return {
        "rule": item.rule,
        "message": seen.message,
        "why": seen.why,
        "fix": seen.fix,
        "location": _location(seen.location),
    }


def _subject(subject: Subject) -> Json:
    return {
        "name": subject.container,
        "role": subject.role,
        "image": subject.image,
        "platforms": list(subject.platforms) or "unknown",
        "problem": subject.problem,
    }


def _location(location: Location) -> Json:
    value: Json = {
        "path": location.path,
        "start": {"line": location.file_line, "col": location.file_column},
        "precision": location.precision.value,
    }
    if location.rendered:
        value["rendered"] = {"line": location.line, "col": location.column}
    return value


def _workload(workload: Workload) -> Json:
    return {
        "apiVersion": workload.ref.api_version,
        "kind": workload.ref.kind,
        "namespace": workload.ref.namespace,
        "name": workload.ref.name,
        "component": workload.component,
    }


def _assessment(assessment: Assessment) -> Json:
    workload = assessment.workload
    return {
        **_workload(workload),
        "location": _location(workload.location),
        "hooks": list(workload.hooks),
        "variants": list(workload.variants),
        "containers": [_container(use) for use in assessment.uses],
        "pools": [_fit(fit) for fit in assessment.fits],
    }


def _container(use: ImageUse) -> Json:
    return {
        "name": use.container.name,
        "role": use.container.role.value,
        "image": use.container.image,
        "platforms": _platforms(use.platforms),
    }


def _platforms(platforms: Platforms) -> Sequence[str] | str:
    if isinstance(platforms, KnownPlatforms):
        return [str(platform) for platform in platforms.platforms]
    return "unknown"


def _fit(fit: PoolFit) -> Json:
    return {
        "cluster": fit.cluster.name,
        "pool": fit.name,
        "placement": fit.placement.verdict.value,
        "runnable": fit.runnable.value,
        "failure": fit.failure.value if fit.failure else None,
        "reasons": list(fit.reasons),
    }


def _image(entry: ImageEntry) -> Json:
    return {
        "image": entry.name,
        "platforms": _platforms(entry.platforms),
        **_answer(entry.platforms),
        "users": list(entry.users),
    }


def _answer(platforms: Platforms) -> Json:
    """Return the keys of an answer; known and unknown images have the same keys."""
    if isinstance(platforms, KnownPlatforms):
        return {
            "kind": platforms.kind,
            "digest": platforms.digest,
            "source": platforms.source,
            "notes": list(platforms.notes),
            "problem": None,
        }
    problem = {
        "reason": platforms.reason.value,
        "message": platforms.message,
        "hint": platforms.hint,
    }
    return {"kind": None, "digest": None, "source": None, "notes": [], "problem": problem}


def problem_data(problem: Problem) -> Json:
    """Return a problem as JSON values."""
    return {
        "what": problem.what,
        "where": problem.where,
        "why": problem.why,
        "hint": problem.hint,
        "part": problem.part or None,
    }
