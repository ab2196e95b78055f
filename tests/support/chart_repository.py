"""A chart repository on loopback: files over HTTP, with the index that Helm makes."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.charts import pack_chart


@dataclass
class ChartRepository:
    """A running repository. requests: the paths that were asked for."""

    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)

    def add(self, chart: Path, version: str) -> Path:
        """Publishes a chart's folder, and indexes anew."""
        import helm_python

        archive = pack_chart(chart, self.folder / f"{chart.name}-{version}.tgz")
        helm_python.repo_index_generate(str(self.folder), base_url=self.url)
        return archive


@contextmanager
def run_chart_repository(folder: Path) -> Iterator[ChartRepository]:
    folder.mkdir(parents=True)
    repository = ChartRepository(folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            repository.requests.append(self.path)

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        repository.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield repository
        finally:
            server.shutdown()
            thread.join(10)
