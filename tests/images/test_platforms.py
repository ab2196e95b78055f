"""Platforms as containerd writes, reads and compares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.images.platforms import Platform, make_platform, normalise, parse_platform

FORMS = {
    "linux/amd64": Platform("linux", "amd64"),
    "linux/arm64/v8": Platform("linux", "arm64", "v8"),
    "linux/arm/v7": Platform("linux", "arm", "v7"),
    "windows/amd64": Platform("windows", "amd64"),
    "windows(10.0.20348.1970)/amd64": Platform("windows", "amd64", "", "10.0.20348.1970"),
    "windows(10.0.17763.1+win32k)/amd64": Platform(
        "windows", "amd64", "", "10.0.17763.1", ("win32k",)
    ),
    "windows(+win32k)/amd64": Platform("windows", "amd64", "", "", ("win32k",)),
    "linux(2.23)/amd64": Platform("linux", "amd64", "", "2.23"),
    "linux(+a+b)/arm64/v8": Platform("linux", "arm64", "v8", "", ("a", "b")),
    "windows(10%280%29+a%2Bb)/amd%2F64": Platform("windows", "amd/64", "", "10(0)", ("a+b",)),
}


@pytest.mark.parametrize(("text", "platform"), FORMS.items())
def test_both_ways_between_text_and_platform(text: str, platform: Platform) -> None:
    assert parse_platform(text) == platform
    assert str(platform) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Linux/AMD64", "linux/amd64"),
        ("macos/arm64", "darwin/arm64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/i386/x", "linux/386"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armhf/v6", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("windows()/amd64", "windows/amd64"),
        ("windows(10.0.1+b+a+b)/amd64", "windows(10.0.1+a+b)/amd64"),
        ("linux/amd64/v1", "linux/amd64/v1"),
    ],
)
def test_other_spellings(text: str, canonical: str) -> None:
    assert str(parse_platform(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", "linux", "linux/", "/amd64", "linux/amd64/", "linux/amd64/v1/x", "linux /amd64", "*/*",
        "windows(10.0/amd64", "windows10.0)/amd64", "windows(10.0)(x)/amd64", "linux/amd64\n",
        "windows(a b)/amd64", "windows(1++2)/amd64", "linux/%zz", "linux/%20", "%09/amd64",
    ],
)  # fmt: skip
def test_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="is not a platform; write it as linux/amd64") as caught:
        parse_platform(text)
    assert str(caught.value).isprintable()


def test_the_message_for_a_long_text_is_short() -> None:
    with pytest.raises(ValueError, match="is not a platform") as caught:
        parse_platform("x" * 1_000_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/amd64/v1", "linux/amd64"),
        ("linux/amd64/v2", "linux/amd64/v2"),
        ("linux/arm64", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v8.0", "linux/arm64"),
        ("linux/arm64/8.0", "linux/arm64/8.0"),
        ("linux/arm64/v8.2", "linux/arm64/v8.2"),
        ("linux/arm64/9", "linux/arm64/v9"),
        ("linux/arm64/9.0", "linux/arm64/v9"),
        ("linux/arm64/v9.0", "linux/arm64/v9"),
        ("linux/arm64/v9.2", "linux/arm64/v9.2"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/5", "linux/arm/v5"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/8", "linux/arm/v8"),
        ("linux/arm/v6", "linux/arm/v6"),
        ("linux/386", "linux/386"),
        ("linux/riscv64/v1", "linux/riscv64/v1"),
        ("windows(10.0.20348.1+win32k)/amd64/v1", "windows(10.0.20348.1+win32k)/amd64"),
    ],
)
def test_the_form_that_compares(written: str, compared: str) -> None:
    assert str(normalise(parse_platform(written))) == compared


def test_the_family_leaves_version_and_features_out() -> None:
    assert parse_platform("windows(10.0.17763.1+win32k)/amd64").family == "windows/amd64"
    assert parse_platform("linux/arm64/v8").family == "linux/arm64/v8"


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("windows(10.0.20348.1970)/amd64", "10.0.20348"),
        ("windows(10.0.20348)/amd64", "10.0.20348"),
        ("windows/amd64", ""),
        ("linux(2.23)/amd64", ""),
    ],
)
def test_the_windows_build(text: str, build: str) -> None:
    assert parse_platform(text).windows_build == build


@pytest.mark.parametrize(
    ("text", "expected"),
    [("unknown/unknown", True), ("linux/unknown", True), ("unknown/amd64", True),
     ("linux/amd64", False)],
)  # fmt: skip
def test_attestations(text: str, expected: bool) -> None:
    assert parse_platform(text).is_attestation is expected


def test_unpaired_surrogates_do_not_stop_the_writing() -> None:
    assert str(make_platform("linux", "amd64", "\ud800")) == "linux/amd64/%3F"


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SOME = ANY.filter(str.strip)
PLATFORMS = st.builds(make_platform, SOME, SOME, ANY, ANY, st.lists(ANY).map(tuple))


@given(PLATFORMS)
def test_what_is_written_is_read_back(platform: Platform) -> None:
    text = str(platform)
    assert text.isascii()
    assert text.isprintable()
    assert parse_platform(text) == platform


@given(PLATFORMS)
def test_normalising_twice_changes_nothing(platform: Platform) -> None:
    assert normalise(normalise(platform)) == normalise(platform)


@given(st.text(max_size=60) | st.text(alphabet="linuxamd64/()+%. ", max_size=60))
def test_any_text_is_a_platform_or_a_value_error(text: str) -> None:
    try:
        platform = parse_platform(text)
    except ValueError:
        return
    assert parse_platform(str(platform)) == platform
