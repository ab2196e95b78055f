"""What containerd, Podman and Docker keep about registries, as podfit reads it."""

import json
import ssl
from pathlib import Path

import pytest

from auditor.errors import ConfigurationError
from auditor.images.images import ImageReference
from auditor.registry.network.endpoints import stops_of
from auditor.registry.node_config import NodeConfig, read_node_configs
from auditor.registry.options import HostOptions, Namespace, Place, RegistryOptions
from tests.registry.conftest import NewAsker
from tests.registry.test_hostile import index_body
from tests.support.certificates import make_certificates
from tests.support.faults import FaultServer, Reply, challenge, index, redirect
from tests.support.registry import Registry, run_registry

ANY = HostOptions(insecure="any")
HEADERS = "\n".join(f'X{number} = "a"' for number in range(51))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def urls(config: NodeConfig, image: ImageReference) -> list[str]:
    options = config.applied_to(RegistryOptions())
    return [stop.endpoint.address(stop.repository, "x") for stop in stops_of(image, options)]


def test_hosts_toml(tmp_path: Path) -> None:
    folder = tmp_path / "certs.d" / "docker.io"
    write(
        folder / "hosts.toml",
        """
        server = "https://registry-1.docker.io"
        [host."https://mirror.corp:5000"]
          capabilities = ["pull", "resolve"]
          ca = ["one.crt", "/two.crt"]
          client = [["a.cert", "a.key"]]
        [host."http://cache.corp"]
          capabilities = ["pull"]
        [host."https://harbor.corp/v2/hub"]
          override_path = true
          skip_verify = true
        [host."https://files.corp/api/docker"]
        [host."https://push.corp"]
          capabilities = ["push"]
        """,
    )

    config = read_node_configs([tmp_path / "certs.d"])

    (namespace,) = config.namespaces
    assert namespace.prefix == "docker.io"
    assert namespace.mirrors == (
        Place(
            "mirror.corp:5000",
            options=HostOptions(
                cas=(folder / "one.crt", Path("/two.crt")),
                client_certificate=folder / "a.cert",
                client_key=folder / "a.key",
            ),
        ),
        Place("cache.corp", options=HostOptions(insecure="http"), pulls="digest"),
        Place("harbor.corp", "hub", options=HostOptions(insecure="skip-verify")),
        Place("files.corp", root="/api/docker/v2"),
    )
    assert urls(config, ImageReference("docker.io", "library/nginx", "1")) == [
        "https://mirror.corp:5000/v2/library/nginx/x?ns=docker.io",
        "https://harbor.corp/v2/hub/library/nginx/x?ns=docker.io",
        "https://files.corp/api/docker/v2/library/nginx/x?ns=docker.io",
        "https://registry-1.docker.io/v2/library/nginx/x",
    ]


def test_folders_of_hosts(tmp_path: Path) -> None:
    write(tmp_path / "a.corp_5000_" / "hosts.toml", 'skip_verify = true\nserver = "https://b.corp"')
    write(tmp_path / "c.corp:5000" / "hosts.toml", 'server = "http://c.corp:5000"')
    write(tmp_path / "_default" / "hosts.toml", '[host."https://all.corp"]')
    write(tmp_path / "d.corp" / "ca.crt", "")
    write(tmp_path / "d.corp" / "me.cert", "")
    write(tmp_path / "d.corp" / "me.key", "")

    config = read_node_configs([tmp_path])

    assert config.hosts == {
        "a.corp:5000": HostOptions(insecure="skip-verify"),
        "c.corp:5000": HostOptions(insecure="http"),
        "d.corp": HostOptions(
            cas=(tmp_path / "d.corp" / "ca.crt",),
            client_certificate=tmp_path / "d.corp" / "me.cert",
            client_key=tmp_path / "d.corp" / "me.key",
        ),
    }
    assert urls(config, ImageReference("a.corp:5000", "x", "1")) == ["https://b.corp/v2/x/x"]
    assert urls(config, ImageReference("c.corp:5000", "x", "1")) == ["http://c.corp:5000/v2/x/x"]
    assert urls(config, ImageReference("d.corp", "x", "1")) == ["https://d.corp/v2/x/x"]
    assert urls(config, ImageReference("e.corp", "x", "1")) == [
        "https://all.corp/v2/x/x?ns=e.corp",
        "https://e.corp/v2/x/x",
    ]


def test_registries_conf(tmp_path: Path) -> None:
    path = write(
        tmp_path / "registries.conf",
        """
        unqualified-search-registries = ["docker.io"]
        [[registry]]
        prefix = "docker.io/library"
        location = "harbor.corp/hub/library"
        [[registry.mirror]]
        location = "cache.corp:5000/hub"
        insecure = true
        [[registry.mirror]]
        location = "digests.corp"
        pull-from-mirror = "digest-only"
        [[registry]]
        location = "plain.corp"
        insecure = true
        [[registry]]
        prefix = "*.bad.corp"
        blocked = true
        """,
    )

    config = read_node_configs([path])

    assert config.hosts == {"plain.corp": ANY}
    assert config.namespaces == (
        Namespace(
            "docker.io/library",
            (
                Place("cache.corp:5000", "hub", options=ANY),
                Place("digests.corp", pulls="digest"),
            ),
            Place("harbor.corp", "hub/library"),
        ),
        Namespace("plain.corp"),
        Namespace("*.bad.corp", blocked=f"by {path}"),
    )
    assert urls(config, ImageReference("docker.io", "library/nginx", "1")) == [
        "https://cache.corp:5000/v2/hub/nginx/x?ns=docker.io",
        "http://cache.corp:5000/v2/hub/nginx/x?ns=docker.io",
        "https://harbor.corp/v2/hub/library/nginx/x",
    ]


def test_mirrors_by_digest_only(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.conf",
        '[[registry]]\nlocation = "a.corp"\nmirror-by-digest-only = true\n'
        '[[registry.mirror]]\nlocation = "b.corp"\n',
    )

    (namespace,) = read_node_configs([path]).namespaces

    assert namespace.mirrors == (Place("b.corp", pulls="digest"),)


def test_daemon_json(tmp_path: Path) -> None:
    says = {
        "registry-mirrors": ["https://mirror.corp", "http://plain.corp:5000/hub/"],
        "insecure-registries": ["10.0.0.0/8", "old.corp:5000"],
        "log-driver": "none",
    }
    path = write(tmp_path / "daemon.json", json.dumps(says))

    config = read_node_configs([path])

    assert config == NodeConfig(
        {"old.corp:5000": ANY},
        ("10.0.0.0/8",),
        (
            Namespace(
                "docker.io",
                (
                    Place("mirror.corp"),
                    Place("plain.corp:5000", "hub", options=HostOptions(insecure="http")),
                ),
            ),
        ),
    )
    assert urls(config, ImageReference("10.1.2.3", "x", "1")) == [
        "https://10.1.2.3/v2/x/x",
        "http://10.1.2.3/v2/x/x",
    ]
    assert urls(config, ImageReference("ghcr.io", "x", "1")) == ["https://ghcr.io/v2/x/x"]


def test_a_folder_of_a_program(tmp_path: Path) -> None:
    write(tmp_path / "daemon.json", '{"insecure-registries": ["a.corp"]}')
    write(tmp_path / "certs.d" / "b.corp" / "ca.crt", "")
    write(
        tmp_path / "registries.conf.d" / "1.conf", '[[registry]]\nlocation="c.corp"\nblocked=true'
    )

    config = read_node_configs([tmp_path])

    assert set(config.hosts) == {"a.corp", "b.corp"}
    assert [namespace.prefix for namespace in config.namespaces] == ["c.corp"]


def test_an_empty_folder_of_a_program_is_no_mistake(tmp_path: Path) -> None:
    write(tmp_path / "daemon.json", '{"insecure-registries": ["a.corp"]}')
    for name in ("certs.d", "registries.conf.d"):
        (tmp_path / name).mkdir()

    assert set(read_node_configs([tmp_path]).hosts) == {"a.corp"}


def test_later_files_of_podman_go_before_earlier_ones(tmp_path: Path) -> None:
    for name in ("registries.conf", "registries.conf.d/1.conf", "registries.conf.d/2.conf"):
        location = f"{Path(name).stem}.corp"
        write(
            tmp_path / name, f'[[registry]]\nprefix="r.corp"\nlocation="{location}"\ninsecure=true'
        )

    config = read_node_configs([tmp_path])

    assert urls(config, ImageReference("r.corp", "x", "1"))[0] == "https://2.corp/v2/x/x"


def test_a_folder_that_may_not_be_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "x.corp").mkdir()
    monkeypatch.setattr(Path, "is_file", closed)
    with pytest.raises(ConfigurationError) as caught:
        read_node_configs([tmp_path])
    assert (caught.value.problem.where, caught.value.problem.why) == (
        str(tmp_path),
        "Permission denied",
    )


def test_the_first_that_speaks_of_a_host_counts(tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.corp" / "ca.crt", "")
    write(tmp_path / "b" / "x.corp" / "ca.crt", "")
    config = read_node_configs([tmp_path / "a", tmp_path / "b"])
    assert config.hosts["x.corp"].cas == (tmp_path / "a" / "x.corp" / "ca.crt",)

    said = RegistryOptions(hosts={"x.corp": ANY})
    assert config.applied_to(said).hosts == {"x.corp": ANY}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("none.conf", None, "No such file or directory"),
        ("none", None, "the file does not exist"),
        ("x.yaml", "a: 1", "it is not a registries.conf, daemon.json, hosts.toml or certs.d"),
        ("x.conf", "[[", "it is not TOML"),
        ("x.conf", "[registries.search]", "version 1 ([registries]) is not supported"),
        ("x.conf", "[[registry]]", "neither `prefix` nor `location`"),
        ("x.conf", 'registry = "x"', "`registry` must be a list of tables"),
        ("x.conf", "[[registry]]\nlocation = 1", "`location` must be a string"),
        ("x.conf", '[[registry]]\nlocation="a"\ninsecure = 1', "`insecure` must be true or false"),
        ("x.conf", '[[registry]]\nlocation="a"\n[[registry.mirror]]', "has no `location`"),
        (
            "x.conf",
            '[[registry]]\nprefix="a"\nlocation="https://b"',
            "`location` is an address with a scheme; write host or host/path",
        ),
        (
            "x.conf",
            '[[registry]]\nlocation="a"\n[[registry.mirror]]\nlocation="b:99999"',
            "`location` is an address that is not a URL",
        ),
        (
            "x.conf",
            '[[registry]]\nlocation="a"\n[[registry.mirror]]\nlocation="b"\npull-from-mirror="x"',
            "must be all, digest-only or tag-only",
        ),
        ("x.json", "[]", ""),
        ("x.json", '{"registry-mirrors": [1]}', "`registry-mirrors` must be a list of strings"),
        ("x.json", '{"registry-mirrors": ["x"]}', "an address that is not an http or https URL"),
        ("x.json", '{"insecure-registries": ["10.0.0.1/8"]}', "has host bits set"),
        ("x.json", " " * (2**20 + 1), "it is larger than 1048576 bytes"),
        ("h/hosts.toml", '[host."ftp://x"]', "`ftp://x` is an address that is not"),
        ("h/hosts.toml", 'server = "https://u:pw@x"', "`x` is an address with credentials in it"),
        ("h/hosts.toml", 'host = "x"', "`host` must be a table"),
        ("h/hosts.toml", "client = 1", "`client` must be files"),
        ("h/hosts.toml", "header = 1", "`header` must be a table"),
        ("h/hosts.toml", "[header]\nX = 1", "`X` must be a list of strings"),
        ("h/hosts.toml", '[header]\nX = "a\\r\\nHost: b"', "`header` contains an invalid header"),
        ("h/hosts.toml", '[header]\n"X:" = "a"', "`header` contains an invalid header"),
        ("h/hosts.toml", f"[header]\n{HEADERS}", "`header` has more than 50 names"),
        ("d/h/x.cert", "", "its key x.key does not exist"),
        ("d/h/readme", "", "it has no settings for any registry"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str | None, why: str) -> None:
    path = tmp_path / name
    if text is not None:
        write(path, text)
    with pytest.raises(ConfigurationError) as caught:
        read_node_configs([tmp_path / "d" if name.startswith("d/") else path])
    assert why in caught.value.problem.why


def test_a_mirror_of_containerd_with_a_private_ca(
    server: FaultServer, tmp_path: Path, new_asker: NewAsker
) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.create_default_context(cafile=str(certificates.ca))
    tls = {"certificate": str(certificates.server), "key": str(certificates.server_key)}
    with run_registry(tmp_path, tls=tls, context=context) as mirror:
        mirror.push_image("app", "1")
        host = server.host.replace(":", "_") + "_"
        text = f'[host."https://{mirror.host}"]\nca = "{certificates.ca}"\n'
        write(tmp_path / "certs.d" / host / "hosts.toml", text)
        options = read_node_configs([tmp_path / "certs.d"])

        answer = new_asker(namespaces=options.namespaces, hosts=options.hosts).known(
            ImageReference(server.host, "app", "1")
        )

    assert answer.source == f"mirror {mirror.host}"
    assert server.seen == []


def test_the_certs_of_docker(tmp_path: Path, new_asker: NewAsker) -> None:
    certificates = make_certificates(tmp_path)
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(certificates.client, certificates.client_key)
    tls = {
        "certificate": str(certificates.server),
        "key": str(certificates.server_key),
        "clientcas": [str(certificates.ca)],
    }
    with run_registry(tmp_path, tls=tls, context=context) as registry:
        registry.push_image("app", "1")
        folder = tmp_path / "certs.d" / registry.host
        write(folder / "ca.crt", certificates.ca.read_text())
        write(folder / "client.cert", certificates.client.read_text())
        write(folder / "client.key", certificates.client_key.read_text())
        hosts = read_node_configs([tmp_path / "certs.d"]).hosts

        assert new_asker(hosts=hosts).known(registry.reference("app", "1")).kind == "index"


def test_headers_of_containerd_go_to_their_host_alone(
    server: FaultServer, other_server: FaultServer, tmp_path: Path, new_asker: NewAsker
) -> None:
    """Not to the registry, not to its token service, and not where a redirect leads."""
    server.on("/v2/mirrored/app/manifests/1", redirect(f"http://{other_server.host}/elsewhere"))
    server.on("/v2/app/manifests/1", challenge(f'Bearer realm="http://{server.host}/token"'))
    server.on("/token", Reply(200, b'{"token": "t"}'))
    other_server.on("/elsewhere", Reply(404))
    text = f"""
        [host."http://{server.host}/v2/mirrored"]
        override_path = true
        [host."http://{server.host}/v2/mirrored".header]
        X-Key = "s3cret"
        X-Team = ["a", "b"]
        Authorization = "Basic bWU6czNjcmV0"
        Accept = "text/html"
        Host = "evil.example"
        Transfer-Encoding = "chunked"
        """
    config = read_node_configs([write(tmp_path / server.host / "hosts.toml", text)])
    asker = new_asker(
        hosts={**config.hosts, other_server.host: HostOptions()}, namespaces=config.namespaces
    )

    asker.ask(ImageReference(server.host, "app", "1"))

    first, *others = (*server.seen, *other_server.seen)
    assert first.path == f"/v2/mirrored/app/manifests/1?ns={server.host.replace(':', '%3A')}"
    assert first.headers["x-key"] == "s3cret"
    assert first.headers["x-team"] == "a, b"
    assert first.headers["authorization"] == "Basic bWU6czNjcmV0"
    assert "oci.image.index" in first.headers["accept"]
    assert first.headers["host"] == server.host
    assert "transfer-encoding" not in first.headers
    assert {seen.path.partition("?")[0] for seen in others} >= {"/elsewhere", "/token"}
    assert not any("x-key" in seen.headers for seen in others)
    assert not any("bWU6czNjcmV0" in str(seen.headers) for seen in others)
    assert "s3cret" not in repr(config)


def test_a_token_replaces_an_authorization_of_containerd(
    server: FaultServer, tmp_path: Path, new_asker: NewAsker
) -> None:
    wants_token = challenge(f'Bearer realm="http://{server.host}/token"')
    server.on("/v2/app/manifests/1", wants_token, index(index_body()))
    server.on("/token", Reply(200, b'{"token": "t"}'))
    text = f'server = "http://{server.host}"\n[header]\nAuthorization = "Basic eDp5"\n'
    config = read_node_configs([write(tmp_path / server.host / "hosts.toml", text)])

    answer = new_asker(hosts=config.hosts, namespaces=config.namespaces).known(
        ImageReference(server.host, "app", "1")
    )

    assert answer.kind == "index"
    sent = [seen.headers.get("authorization") for seen in server.seen]
    assert sent == ["Basic eDp5", None, "Bearer t"]


def test_a_second_registry_of_podman_is_a_mirror(
    registry: Registry, tmp_path: Path, new_asker: NewAsker
) -> None:
    registry.push_image("conf/app", "1")
    text = (
        '[[registry]]\nlocation = "registry.corp/team"\n'
        f'[[registry.mirror]]\nlocation = "{registry.host}/conf"\ninsecure = true\n'
    )
    config = read_node_configs([write(tmp_path / "registries.conf", text)])
    asker = new_asker(namespaces=config.namespaces)

    answer = asker.known(ImageReference("registry.corp", "team/app", "1"))

    assert answer.source == f"mirror {registry.host}"
