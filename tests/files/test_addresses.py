import pytest

from auditor.files.addresses import is_loopback_name, is_public, join, origin_of, without_query


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "registry.example", "2002:101:101::"]
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "[::1]",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]
)
def test_loopback_names(host: str) -> None:
    assert is_loopback_name(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "::ffff:127.0.0.1", "0.0.0.0"])
def test_other_names(host: str) -> None:
    assert not is_loopback_name(host)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://Registry.Example/v2/", "registry.example"),
        ("https://registry.example:443", "registry.example"),
        ("http://registry.example:443", "registry.example:443"),
        ("http://registry.example", "registry.example"),
        ("https://[::1]:5000/", "[::1]:5000"),
        ("https://[::1]", "[::1]"),
    ],
)
def test_origins(url: str, text: str) -> None:
    assert str(origin_of(url)) == text


def test_an_origin_is_scheme_host_and_port() -> None:
    same = {origin_of("https://a"), origin_of("https://A:443/x")}
    others = {origin_of("http://a"), origin_of("https://a:444"), origin_of("https://b")}

    assert len(same) == 1
    assert not same & others


@pytest.mark.parametrize(
    ("base", "location", "url"),
    [
        ("https://a/v2/x", "/y?z", "https://a/y?z"),
        ("https://a/v2/x", "y", "https://a/v2/y"),
        ("https://a/v2/x", "//b/y", "https://b/y"),
        ("https://a/v2/x", "http://b", "http://b"),
    ],
)
def test_joining(base: str, location: str, url: str) -> None:
    assert join(base, location) == url


@pytest.mark.parametrize(
    "location",
    [
        "http://",
        "gopher://x",
        "http://u@b",
        "http://:p@b",
        "http://b:0/",
        "http://b:x/",
        "http://b\x1b[2J/",
        "http://" + "b" * 254,
    ],
)
def test_not_joining(location: str) -> None:
    with pytest.raises(ValueError, match="an address"):
        join("https://a", location)


def test_queries_are_secrets() -> None:
    assert without_query("https://user:pw@a:1/p?X-Amz-Signature=s#f") == "https://a:1/p"
