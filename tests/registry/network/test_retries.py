import pytest

from auditor.registry.network.retries import longest_delay, retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("99999999999999999999", 9999999999.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:59:00 GMT", 0.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("", None),
        ("soon", None),
        ("1.16ms", None),
        ("-1", None),
        ("\u0667", None),
        ("Fri, 99 Jan 99999 08:00:30 GMT", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_delays_grow_to_a_cap() -> None:
    assert [longest_delay(attempt) for attempt in range(1, 7)] == [0.3, 1.0, 3.0, 8.0, 8.0, 8.0]
