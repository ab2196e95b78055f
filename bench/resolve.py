"""How many requests, and how long, 60 images of three registries take: podfit and other clients.

    python -m bench.resolve [--write]

All are measured side by side in one run, against the same registries (`bench/registries.py`),
which answer after 40 ms. `--write` puts the table into docs/performance.md. Programs that are not
there are left out.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from auditor.images.images import ImageReference, KnownPlatforms
from auditor.registry.cache import Cache, CachingInspector
from auditor.registry.client import RegistryInspector
from auditor.registry.options import HostOptions, RegistryOptions
from bench.registries import INDEX, TAG, Counts, Far, far_registries

DELAY: Final = 0.04
ROOT: Final = Path(__file__).resolve().parents[1]
DOCUMENT: Final = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- resolve: written by make bench -->", "<!-- end of resolve -->"
MOST_COLD: Final = 111
"""60 images, 30 tokens, a redirect for each of 20, and one question who the first host is."""


@dataclass(frozen=True)
class Measured:
    client: str
    counts: Counts
    seconds: float


def main(arguments: list[str]) -> int:
    with far_registries(DELAY) as far:
        measured = tuple(measure_all(far))
    table = table_of(measured)
    print(table)
    if "--write" in arguments:
        write(table)
    return 0 if keeps_promises(measured) else 1


def measure_all(far: Far) -> Iterator[Measured]:
    """Every client in turn. Raises AssertionError where one does not answer for every image."""
    yield measure(far, "sequential loop, a fresh client for each image", sequential)
    with tempfile.TemporaryDirectory() as folder:
        for client, run in podfits(Path(folder)):
            yield measure(far, client, run)
    if skopeo := tool("skopeo"):
        yield measure(
            far,
            "`skopeo inspect --raw` for each image",
            lambda far: each(far, skopeo, "inspect", "--raw", "--tls-verify=false", prefix=True),
        )
    if crane := tool("crane"):
        yield measure(
            far, "`crane manifest` for each image", lambda far: each(far, crane, "manifest")
        )


def podfits(folder: Path) -> Iterator[tuple[str, Callable[[Far], None]]]:
    """podfit with nothing known, with all of it known, and with all of it known and too old."""
    cache = Cache(folder)
    yield "podfit, nothing in its cache", lambda far: podfit(far, cache, 3600)
    yield "podfit, within the time to live", lambda far: podfit(far, cache, 3600)
    yield "podfit, after the time to live", lambda far: podfit(far, cache, 0)


def podfit(far: Far, cache: Cache, max_age: float) -> None:
    images = [ImageReference(host, repository, TAG) for host, repository in far.images]
    hosts = {host: HostOptions() for host in far.hosts.values()}
    with RegistryInspector(RegistryOptions(hosts=hosts), blobs=cache) as origin:
        answers = CachingInspector(origin, cache, max_age=max_age).inspect(images)
    wrong = [str(answer) for answer in answers.values() if not isinstance(answer, KnownPlatforms)]
    assert len(answers) == len(images), len(answers)
    assert not wrong, wrong[0]


def sequential(far: Far) -> None:
    """What a script does that asks for one image after the other: ping, token, manifest."""
    for host, repository in far.images:
        with requests.Session() as session:
            session.trust_env = False
            challenge = session.get(f"http://{host}/v2/").headers.get("WWW-Authenticate", "")
            headers = {"Accept": INDEX}
            if realm := re.search(r'realm="([^"]+)"', challenge):
                scope = f"repository:{repository}:pull"
                token = session.get(realm[1], params={"scope": scope}).json()["token"]
                headers["Authorization"] = f"Bearer {token}"
            url = f"http://{host}/v2/{repository}/manifests/{TAG}"
            session.get(url, headers=headers).raise_for_status()


def each(far: Far, *command: str, prefix: bool = False) -> None:
    """A program that is started for one image after the other."""
    for host, repository in far.images:
        name = f"{'docker://' if prefix else ''}{host}/{repository}:{TAG}"
        subprocess.run([*command, name], check=True, capture_output=True, timeout=60)


def measure(far: Far, client: str, run: Callable[[Far], None]) -> Measured:
    far.take_counts()
    started = time.perf_counter()
    run(far)
    seconds = time.perf_counter() - started
    return Measured(client, far.take_counts(), seconds)


def keeps_promises(measured: tuple[Measured, ...]) -> bool:
    """Whether podfit asks no more, and takes no longer, than it should."""
    loop, cold, known, old = measured[:4]
    kept = {
        f"at most {MOST_COLD} requests with nothing known": cold.counts.requests <= MOST_COLD,
        "no request within the time to live": known.counts.requests == 0,
        "no manifest is downloaded again": old.counts.manifests == 0,
        "at most a tenth of the loop's time": cold.seconds * 10 <= loop.seconds,
    }
    for promise, is_kept in kept.items():
        print(f"{'kept' if is_kept else 'BROKEN'}: {promise}")
    return all(kept.values())


def table_of(measured: tuple[Measured, ...]) -> str:
    """Ratios rather than seconds: those of another machine say little."""
    loop = measured[0].seconds
    lines = [
        "| client | requests | of them HEAD | manifests downloaded | time, of the loop's |",
        "|---|---:|---:|---:|---:|",
    ]
    for item in measured:
        counts = item.counts
        counted = f"{counts.requests} | {counts.heads} | {counts.manifests}"
        lines.append(f"| {item.client} | {counted} | {100 * item.seconds / loop:.1f} % |")
    return "\n".join(lines)


def write(table: str) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{DOCUMENT.name} has no place for the table: {BEGIN} ... {END}")
    DOCUMENT.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


def tool(name: str) -> str | None:
    local = ROOT / ".tools" / "bin" / name
    return str(local) if local.exists() else shutil.which(name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
