"""Options on sources, from the outside: fetching, following, charts elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chart_repository import ChartRepository, run_chart_repository
from tests.support.charts import require_library, write_chart, write_tree
from tests.support.command import podfit, write_lock

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: nginx:1}]
"""
APP = """\
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {{name: shop}}
spec: {{repo: "{url}", chart: web, version: 0.1.0}}
"""


@pytest.fixture(autouse=True)
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    require_library()
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_lock(folder, {"docker.io/library/nginx:1": ("linux/amd64",)})
    return folder


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[ChartRepository]:
    with run_chart_repository(tmp_path / "published") as running:
        running.add(write_chart(tmp_path / "web", {"pod.yaml": POD}), "0.1.0")
        yield running


def test_what_lies_here_is_named_from_here(repo: Path, tmp_path: Path) -> None:
    (repo / "deploy").mkdir()
    (repo / "deploy" / "web.yaml").write_text(POD)
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(POD)

    done = podfit("audit", repo / "deploy", elsewhere, repo / "nope", "--locked", "-o", "concise")
    found = {line.partition(":")[0] for line in done.out.splitlines()}
    assert found == {"deploy/web.yaml", str(elsewhere), "nope"}


def test_a_chart_elsewhere_and_its_lock_file_here(repository: ChartRepository) -> None:
    done = podfit("audit", f"{repository.url}/web@0.1.0", "--locked", "-o", "json")

    assert done.code == 1, done.err
    finding = done.json["findings"][0]
    assert finding["rule"] == "missing-os-selector"
    assert finding["location"]["path"] == f"{repository.url}/web/templates/pod.yaml"
    assert done.json["summary"]["unresolved"] == 0


def test_the_version_is_no_part_of_what_names_a_finding(
    repository: ChartRepository, tmp_path: Path
) -> None:
    web = tmp_path / "web"
    (web / "Chart.yaml").write_text("{apiVersion: v2, name: web, version: 0.2.0}")
    repository.add(web, "0.2.0")

    one, other = (
        podfit("audit", f"{repository.url}/web@{version}", "--locked", "-o", "json").json
        for version in ("0.1.0", "0.2.0")
    )

    assert one["findings"][0]["id"] == other["findings"][0]["id"]


def test_dependencies_are_fetched_where_that_is_wanted(
    repo: Path, repository: ChartRepository
) -> None:
    described = f"dependencies: [{{name: web, version: 0.1.0, repository: '{repository.url}'}}]\n"
    write_chart(repo / "shop", chart_yaml=described)

    without = podfit("audit", "shop", "--locked")
    done = podfit("audit", "shop", "--locked", "--dependency-update")

    assert without.code == 3
    assert done.code == 1, done.out
    assert not (repo / "shop" / "charts").exists()


def test_offline_nothing_is_fetched() -> None:
    done = podfit("audit", ".", "--offline", "--dependency-update")

    assert done.code == 2
    assert "--offline cannot be used with --dependency-update" in done.err


def test_what_installs_charts_is_told_or_followed(repo: Path, repository: ChartRepository) -> None:
    write_tree(repo, {"apps/shop.yaml": APP.format(url=repository.url), "apps/pod.yaml": POD})

    told = podfit("audit", "apps", "--locked", "-o", "json").json
    followed = podfit("audit", "apps", "--locked", "--follow", "-o", "json").json

    assert len(told["findings"]) == 1
    [notice] = told["notices"]
    assert notice.startswith("1 object installs a chart that podfit did not follow: HelmChart/shop")
    assert f"note: {notice}\n" in podfit("lock", "--lock-file", "other.json", "--offline").err
    variants = [item["variants"] for item in followed["findings"] if item["severity"] == "error"]
    assert variants == [[], ["HelmChart/shop"]]
    assert followed["notices"] == []
