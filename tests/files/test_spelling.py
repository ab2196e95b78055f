"""The look before parsing: it never denies a word that is there."""

import time

import pytest

from auditor.files.yaml_reading import Word

KIND = Word("kind")


@pytest.mark.parametrize(
    "text",
    [
        "kind: Pod",
        '{"kind":1}',
        "\ufeffkind:",
        "[a,kind]",
        "? |-\n kind\n: Pod",
        "a:\u2028kind: Pod",
        r'"\x6bind": Pod',
        r'"\u006B\x69\U0000006e\x64": Pod',
        '? "ki\\\n  nd"\n: Pod',
        '? "ki\\\r\n \n \\\u2028nd"\n: Pod',
        "!!binary a2luZA==: Pod",
        "!!bin%61ry a2luZA==: Pod",
        "!<tag:yaml.org,2002:binary> a2luZA==: Pod",
        "%TAG !e! tag:yaml.org,2002:\n--- \n!e!binary a2luZA==: Pod",
    ],
)
def test_a_word_is_seen_in_each_spelling(text: str) -> None:
    assert KIND.may_stand_in(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kind-of: 1",
        "mankind: 1",
        "a/kind: 1",
        "kinds: 1",
        r'"\u00fc \x41 \n \u0069nd"',
        "a: !Ref b",
        "a: b!! c",
        "a: !!python/name:x.y",
        '"a\\\n b"',
    ],
)
def test_other_words_are_not_taken_for_it(text: str) -> None:
    assert not KIND.may_stand_in(text.encode())


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text", [b"ki\\\n" * 500_000, b"ki\\\n" + b"\n" * 2_000_000, b"\\u006" * 300_000]
)
def test_no_text_takes_long(text: bytes) -> None:
    started = time.perf_counter()

    assert not KIND.may_stand_in(text)
    assert time.perf_counter() - started < 2
