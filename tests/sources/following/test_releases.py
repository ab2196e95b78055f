"""Which chart an object of Argo CD, Flux or k3s installs, and with which values."""

import dataclasses

import pytest

from auditor.errors import Problem
from auditor.kubernetes.manifests import Document
from auditor.sources.following.follower import Releases
from auditor.sources.helm import Release, chart_address

ARGO = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: shop}\n"
ARGO_SET = "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: shops}\n"
FLUX = (
    "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n"
    "metadata: {name: shop, namespace: a}\n"
)
REPOSITORY = (
    "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: charts}\n"
    "spec: {url: 'https://charts.test'}\n"
)
K3S = "apiVersion: helm.cattle.io/v1\nkind: HelmChart\nmetadata: {name: shop}\n"


def read(*texts: str) -> list[Release | Problem]:
    releases = Releases()
    releases.look(Document("apps.yaml", "---\n".join(texts), "."))
    return list(releases.read())


def release(*texts: str) -> Release:
    (found,) = read(*texts)
    assert isinstance(found, Release), found
    return dataclasses.replace(found, where="")


def why(*texts: str) -> str:
    (found,) = read(*texts)
    assert isinstance(found, Problem)
    assert found.what.endswith("was not followed to its chart")
    return found.why


def test_an_application_with_a_chart() -> None:
    text = """spec:
  destination: {namespace: prod}
  source:
    repoURL: https://charts.test
    chart: shop
    targetRevision: 1.2.3
    helm:
      releaseName: my-shop
      valueFiles: [values-prod.yaml]
      values: "a: 1"
      parameters: [{name: b, value: "2"}, {name: c, value: "3", forceString: true}]
"""
    assert release(ARGO + text) == Release(
        "Application/shop",
        "",
        "https://charts.test/shop@1.2.3",
        values=({"a": 1},),
        value_files=("values-prod.yaml",),
        set_values=("b=2",),
        set_strings=("c=3",),
        release_name="my-shop",
        namespace="prod",
    )


def test_an_application_names_the_repositories_of_its_folder_and_files() -> None:
    text = """spec:
  sources:
  - {repoURL: https://git.test/values, ref: values}
  - {repoURL: https://git.test/unused, ref: other}
  - {repoURL: https://git.test/a, path: charts/shop, helm: {valueFiles: [$values/x.yaml, y.yaml]}}
"""
    assert release(ARGO + text).repositories == ("https://git.test/a", "https://git.test/values")


def test_a_chart_elsewhere_is_of_no_git_repository() -> None:
    text = "spec: {source: {repoURL: https://charts.test, chart: shop}}\n"

    assert release(ARGO + text).repositories == ()


def test_an_application_with_a_folder_and_values_of_another_source() -> None:
    text = """spec:
  sources:
  - {repoURL: https://git.test/a, ref: values}
  - repoURL: https://git.test/a
    path: charts/shop
    helm: {valuesObject: {a: {b: 1}}, valueFiles: [$values/prod.yaml]}
"""
    assert release(ARGO + text) == Release(
        "Application/shop",
        "",
        "charts/shop",
        is_local=True,
        values=({"a": {"b": 1}},),
        value_files=("/prod.yaml",),
        release_name="shop",
        repositories=("https://git.test/a", "https://git.test/a"),
    )


def test_a_registry_of_argo_has_no_scheme() -> None:
    text = "spec: {source: {repoURL: r.test/charts, chart: shop, targetRevision: '1'}}\n"

    assert release(ARGO + text).chart == "oci://r.test/charts/shop:1"


@pytest.mark.parametrize("marks", ["{{name}}", "{{ .name }}"])
def test_an_application_set_with_a_list(marks: str) -> None:
    text = f"""spec:
  generators: [{{list: {{elements: [{{name: a, v: 1}}, {{name: b, v: 2}}]}}}}]
  template:
    metadata: {{name: "shop-{marks}"}}
    spec:
      source: {{repoURL: "https://charts.test", chart: shop, helm: {{values: "for: {marks}"}}}}
"""
    found = [item for item in read(ARGO_SET + text) if isinstance(item, Release)]

    assert [(item.name, item.values) for item in found] == [
        ("Application/shop-a", ({"for": "a"},)),
        ("Application/shop-b", ({"for": "b"},)),
    ]


def test_other_generators_need_more_than_the_object() -> None:
    text = "spec: {generators: [{clusters: {}}], template: {spec: {}}}\n"

    assert why(ARGO_SET + text) == "it has a generator that is not a list"


def test_a_helm_release_and_its_repository() -> None:
    text = """spec:
  targetNamespace: prod
  chart: {spec: {chart: shop, version: 1.x, sourceRef: {kind: HelmRepository, name: charts}}}
  values: {a: 1}
"""
    assert release(FLUX + text, REPOSITORY) == Release(
        "HelmRelease/shop",
        "",
        "https://charts.test/shop@1.x",
        values=({"a": 1},),
        release_name="shop",
        namespace="prod",
    )


def test_a_helm_release_and_a_folder_of_its_git_repository() -> None:
    git = (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: me}\n"
        "spec: {url: 'https://git.test/me'}\n"
    )
    text = (
        "spec: {chart: {spec: {chart: ./charts/shop, valuesFiles: [./charts/shop/prod.yaml], "
        "sourceRef: {kind: GitRepository, name: me}}}}\n"
    )

    found = release(FLUX + text, git)

    assert (found.chart, found.is_local) == ("./charts/shop", True)
    assert found.value_files == ("/charts/shop/prod.yaml",)
    assert found.repositories == ("https://git.test/me",)


CHARTS_OF_FLUX = (
    "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\n"
    "metadata: {{name: charts, namespace: {0}}}\nspec: {{url: 'https://{0}.test'}}\n"
)
SHOP_OF_FLUX = (
    "spec: {{chart: {{spec: {{chart: shop, sourceRef: "
    "{{kind: HelmRepository, name: charts, namespace: {0}}}}}}}}}\n"
)


@pytest.mark.parametrize("namespace", ["a", "b"])
def test_of_several_repositories_of_a_name_that_of_the_namespace(namespace: str) -> None:
    places = [CHARTS_OF_FLUX.format(name) for name in "ab"]

    found = release(FLUX + SHOP_OF_FLUX.format(namespace), *places)

    assert found.chart == f"https://{namespace}.test/shop@"


def test_the_only_repository_of_a_name_will_do() -> None:
    """Its namespace may be given to it later, by a kustomization."""
    assert release(FLUX + SHOP_OF_FLUX.format("c"), CHARTS_OF_FLUX.format("a")).chart == (
        "https://a.test/shop@"
    )


def test_none_of_several_repositories_of_a_name() -> None:
    places = [CHARTS_OF_FLUX.format(name) for name in "ab"]

    assert why(FLUX + SHOP_OF_FLUX.format("c"), *places) == (
        "HelmRepository/charts is not among the audited objects"
    )


@pytest.mark.parametrize(
    ("ref", "chart"),
    [
        ("{tag: 1.2.3}", "oci://r.test/shop:1.2.3"),
        ("{digest: 'sha256:ab'}", "oci://r.test/shop@sha256:ab"),
        ("{}", "oci://r.test/shop"),
    ],
)
def test_a_helm_release_and_an_oci_repository(ref: str, chart: str) -> None:
    oci = (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {name: shop}\n"
        f"spec: {{url: 'oci://r.test/shop', ref: {ref}}}\n"
    )
    text = "spec: {chartRef: {kind: OCIRepository, name: shop}}\n"

    assert release(FLUX + text, oci).chart == chart


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (
            "{chart: {spec: {chart: a, sourceRef: {kind: HelmRepository, name: b}}}}",
            "HelmRepository/b is not among the audited objects",
        ),
        ("{}", "it references no chart"),
        (
            "{valuesFrom: [{kind: Secret, name: a}]}",
            "its values come from objects in the cluster (valuesFrom)",
        ),
        ("[]", "mapping"),
    ],
)
def test_a_helm_release_that_cannot_be_followed(spec: str, reason: str) -> None:
    assert reason in why(f"{FLUX}spec: {spec}\n")


def test_a_chart_of_k3s() -> None:
    text = """spec:
  repo: https://charts.test
  chart: shop
  version: 1.0.0
  valuesContent: "a: 1"
  set: {b: 2}
"""
    assert release(K3S + text) == Release(
        "HelmChart/shop",
        "",
        "https://charts.test/shop@1.0.0",
        values=({"a": 1},),
        set_values=("b=2",),
        release_name="shop",
    )


def test_settings_of_k3s_are_text_but_for_numbers_and_words() -> None:
    """As helm-controller tells them apart; a comma in a text is part of it."""
    text = r"""spec:
  chart: oci://r.test/shop
  set: {tag: "1.10", a: "true", b: "Null", number: 8080, list: "a,b", kept: 'a\,b'}
"""
    found = release(K3S + text)

    assert found.set_values == ("a=true", "b=Null", "number=8080")
    assert found.set_strings == (r"kept=a\,b", r"list=a\,b", "tag=1.10")


CONFIG = "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\n"


def test_the_configuration_of_a_chart_of_k3s_comes_after_its_values() -> None:
    chart = K3S + (
        "spec: {chart: 'oci://r.test/shop', valuesContent: 'a: 1', values: {a: 2}, set: {b: 1}}\n"
    )
    config = CONFIG + ("metadata: {name: shop}\nspec: {values: {a: 4}, valuesContent: 'a: 3'}\n")

    assert release(config, chart).values == ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 4})


def test_the_configuration_of_another_chart_does_not_count() -> None:
    chart = K3S + "spec: {chart: 'oci://r.test/shop'}\n"
    config = CONFIG + "metadata: {name: shop, namespace: b}\nspec: {valuesContent: 'a: 3'}\n"

    problem, found = read(config, chart)

    assert isinstance(found, Release)
    assert found.values == ()
    assert isinstance(problem, Problem)
    assert (problem.what, problem.why) == (
        "HelmChartConfig/shop was not followed to its chart",
        "HelmChart/shop is not among the audited objects",
    )


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("{chart: shop, chartContent: aGk=}", "its chart is embedded (chartContent) or"),
        ("{}", "its chart is embedded (chartContent) or missing"),
        (
            "{chart: 'oci://r.test/shop', valuesSecrets: [{name: a, keys: [b]}]}",
            "its values come from objects in the cluster (valuesSecrets)",
        ),
    ],
)
def test_a_chart_of_k3s_that_cannot_be_followed(spec: str, reason: str) -> None:
    assert why(f"{K3S}spec: {spec}\n").startswith(reason)


def test_values_that_are_no_yaml() -> None:
    text = "spec: {chart: 'oci://r.test/shop', valuesContent: ']'}\n"

    assert why(K3S + text) == "its values are not YAML that Helm can read"


def test_other_objects_of_these_kinds_are_left_alone() -> None:
    assert (
        read("apiVersion: app.k8s.io/v1\nkind: Application\nmetadata: {name: argoproj.io/}\n") == []
    )


def test_notices_tell_of_those_that_nobody_followed() -> None:
    releases = Releases()
    for number in range(7):
        releases.look(Document(f"{number}.yaml", ARGO, "."))

    (notice,) = releases.notices
    assert notice.startswith(
        "7 objects install charts that podfit did not follow: Application/shop"
    )
    assert notice.endswith(" and 2 more; --follow audits them")
    list(releases.read())
    assert releases.notices == ()


def test_a_configuration_of_k3s_installs_nothing() -> None:
    releases = Releases()
    releases.look(Document("a.yaml", f"{CONFIG}metadata: {{name: shop}}\n", "."))

    assert releases.notices == ()


@pytest.mark.parametrize(
    ("repository", "chart", "version", "address"),
    [
        ("https://charts.test/", "a", "1", "https://charts.test/a@1"),
        ("oci://r.test/x", "a", "1", "oci://r.test/x/a:1"),
        ("oci://r.test/x", "a", "*", "oci://r.test/x/a"),
        ("", "oci://r.test/a", "", "oci://r.test/a"),
    ],
)
def test_charts_as_sources(repository: str, chart: str, version: str, address: str) -> None:
    assert chart_address(repository, chart, version) == address
