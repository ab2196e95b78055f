"""From a `Config` to what is silenced: the scopes of its areas, with their baselines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from auditor.config.areas import Area
from auditor.config.files import shown_path
from auditor.config.model import Config
from auditor.config.policy_base import PolicyBase
from auditor.errors import ConfigurationError
from auditor.policy import Policy
from auditor.repositories import real_path
from auditor.schema import read_bounded
from auditor.suppression.baseline import HINT, MAX_BYTES, WHAT, Baseline, parse_baseline
from auditor.suppression.scopes import Scope
from auditor.suppression.statements import Statement


def make_policy(config: Config, *, baselines: bool = True) -> Policy:
    """What is silenced. baselines: read them. Raises `ConfigurationError` for one that is wrong."""
    known: dict[Path, Baseline] = {}
    scopes = []
    for area in config.areas:
        path = baseline_path(config, area)
        if baselines and config.ignores.wanted and _is_there(path, config, area):
            known[path] = known.get(path) or read_baseline(path)
        scopes.append(_scope(area, known.get(path)))
    return Policy(
        scopes=tuple(scopes),
        ignores=config.ignores.wanted,
        stale=config.ignores.stale,
        today=datetime.now(UTC).date(),
    )


def baseline_path(config: Config, area: Area) -> Path:
    """The baseline of an area: of the option, of its configuration, or where it usually is."""
    return config.ignores.baseline or area.settings.baseline or area.usual_baseline


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file. Raises `ConfigurationError`."""
    text = read_bounded(path, what=WHAT, limit=MAX_BYTES, hint=HINT)
    return parse_baseline(text, shown_path(path))


def _is_there(path: Path, config: Config, area: Area) -> bool:
    """One that was named must be there; the usual one need not, but is no link to elsewhere."""
    if config.ignores.baseline or area.settings.baseline:
        return True
    if path.is_file() and not real_path(path).is_relative_to(area.policy_root):
        raise ConfigurationError(
            f"the {WHAT} is a link that leads out of the repository",
            where=shown_path(path),
            hint="put the file itself there, or name another with --baseline",
        )
    return path.is_file()


def _honours(base: PolicyBase | None) -> Callable[[Statement], bool]:
    """Whether a comment or annotation counts where the policy comes from elsewhere."""
    if base is None:
        return lambda _: True
    return lambda item: base.honours(item.document, str(item.location))


def _scope(area: Area, baseline: Baseline | None) -> Scope:
    settings = area.settings
    return Scope(
        root=str(area.root),
        entries=settings.ignore,
        caps=tuple(
            (chart.path, chart.severity) for chart in settings.charts if chart.severity is not None
        ),
        baseline=baseline,
        config=area.file.document if area.file else None,
        whole=area.whole,
        streams=area.streams,
        honours=_honours(area.base),
    )
