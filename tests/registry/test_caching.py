"""What is asked of a registry and what is not, as answers grow old or the registry goes away."""

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from auditor.images.images import (
    ImageReference,
    KnownPlatforms,
    Platforms,
    UnknownPlatforms,
    UnknownReason,
)
from auditor.images.platforms import parse_platform
from auditor.registry.cache import Cache, CachingInspector, default_max_age
from auditor.registry.client import RegistryInspector
from auditor.registry.interface import Progress, no_progress
from auditor.registry.options import RegistryOptions
from tests.support.registry import run_registry

HOUR = 3600
DAY = 24 * HOUR
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
TAG = ImageReference("docker.io", "library/nginx", "1.27")
OTHER = ImageReference("quay.io", "x/y", "1")
PINNED = ImageReference("docker.io", "library/nginx", "1.27", A)
AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64/v8")
OLD = KnownPlatforms((AMD64, ARM64), "index", A, "registry", ("odd",))
NEW = KnownPlatforms((AMD64,), "manifest", B, "registry")
OLD_CACHED = KnownPlatforms((AMD64, ARM64), "index", A, "cache", ("odd",))


def unknown(reason: UnknownReason, message: str = "why") -> UnknownPlatforms:
    return UnknownPlatforms(reason, message, "hint")


DOWN = unknown(UnknownReason.UNREACHABLE, "registry docker.io unreachable: timed out")


class FakeRegistry:
    """Answers as told and writes down what it was asked: `GET reference`, `HEAD reference`."""

    def __init__(self, answers: Mapping[ImageReference, Platforms]) -> None:
        self.answers = dict(answers)
        self.asked: list[str] = []

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        self.asked += [f"GET {image}" for image in images]
        for number, _ in enumerate(images, 1):
            progress(number, len(images))
        return {image: self.answers[image] for image in images}

    def digests(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, str | UnknownPlatforms]:
        self.asked += [f"HEAD {image}" for image in images]
        for number, _ in enumerate(images, 1):
            progress(number, len(images))
        return {image: self._digest(image) for image in images}

    def _digest(self, image: ImageReference) -> str | UnknownPlatforms:
        answer = self.answers[image]
        return answer if isinstance(answer, UnknownPlatforms) else answer.digest

    def what_was_asked(self) -> list[str]:
        asked, self.asked = self.asked, []
        return sorted(asked)


class Runs:
    """One cache, used by run after run; between them time passes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.now = 1_700_000_000.0
        self.registry = FakeRegistry({TAG: OLD, OTHER: NEW, PINNED: OLD})

    def inspect(
        self,
        *images: ImageReference,
        offline: bool = False,
        max_age: float = DAY,
        max_stale: float = 7 * DAY,
        progress: Progress = no_progress,
    ) -> Mapping[ImageReference, Platforms]:
        def clock() -> float:
            return self.now

        inspector = CachingInspector(
            None if offline else self.registry,
            Cache(self.root, clock=clock),
            max_age=max_age,
            max_stale=max_stale,
            clock=clock,
        )
        return inspector.inspect(images, progress)

    def answer(self, image: ImageReference = TAG, **options: bool | float) -> Platforms:
        return self.inspect(image, **options)[image]  # type: ignore[arg-type]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "cache")


def test_the_first_answer_is_the_registrys(runs: Runs) -> None:
    assert runs.inspect(TAG, OTHER, TAG) == {TAG: OLD, OTHER: NEW}
    assert runs.registry.what_was_asked() == [f"GET {TAG}", f"GET {OTHER}"]


def test_a_fresh_answer_costs_no_request(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.now += DAY - 1
    assert runs.answer() == OLD_CACHED
    assert runs.registry.what_was_asked() == []


def test_an_unchanged_tag_costs_one_question_for_its_digest(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.now += DAY
    assert runs.answer() == OLD_CACHED
    assert runs.registry.what_was_asked() == [f"HEAD {TAG}"]

    runs.now += DAY - 1
    assert runs.answer() == OLD_CACHED
    assert runs.registry.what_was_asked() == []


def test_a_moved_tag_is_asked_for_again(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.registry.answers[TAG] = NEW
    runs.now += DAY
    assert runs.answer() == NEW
    assert runs.registry.what_was_asked() == [f"GET {TAG}", f"HEAD {TAG}"]


def test_a_registry_that_is_away_is_not_asked_twice(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.registry.answers[TAG] = DOWN
    runs.now += DAY
    runs.answer()
    assert runs.registry.what_was_asked() == [f"HEAD {TAG}"]


def test_a_tag_that_is_gone_is_gone(runs: Runs) -> None:
    runs.answer()
    runs.registry.answers[TAG] = unknown(UnknownReason.NOT_FOUND)
    runs.now += DAY
    assert runs.answer() == unknown(UnknownReason.NOT_FOUND)
    runs.registry.what_was_asked()
    assert runs.answer() == unknown(UnknownReason.NOT_FOUND)
    assert runs.registry.what_was_asked() == []


def test_how_long_a_tag_holds_can_be_said(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.now += 10
    runs.answer(max_age=11)
    assert runs.registry.what_was_asked() == []
    runs.answer(max_age=10)
    assert runs.registry.what_was_asked() == [f"HEAD {TAG}"]
    runs.answer(max_age=0)
    assert runs.registry.what_was_asked() == [f"HEAD {TAG}"]


def test_a_digest_holds_for_ever(runs: Runs) -> None:
    runs.answer(PINNED)
    runs.registry.what_was_asked()
    runs.now += 10_000 * DAY
    assert runs.answer(PINNED, max_age=0) == OLD_CACHED
    assert runs.answer(PINNED, offline=True) == OLD_CACHED
    assert runs.registry.what_was_asked() == []


def test_an_answer_from_the_future_is_not_fresh(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.now -= 1
    assert runs.answer() == OLD_CACHED
    assert runs.registry.what_was_asked() == [f"HEAD {TAG}"]


def test_that_an_image_does_not_exist_holds_for_a_minute(runs: Runs) -> None:
    missing = unknown(UnknownReason.NOT_FOUND, "tag `1.27` not found")
    runs.registry.answers[TAG] = missing
    assert runs.answer() == missing
    runs.registry.what_was_asked()
    runs.now += 59
    assert runs.answer() == missing
    assert runs.registry.what_was_asked() == []

    runs.registry.answers[TAG] = OLD
    runs.now += 1
    assert runs.answer() == OLD
    assert runs.registry.what_was_asked() == [f"GET {TAG}"]


@pytest.mark.parametrize(
    "reason", [reason for reason in UnknownReason if reason is not UnknownReason.NOT_FOUND]
)
def test_no_other_failure_is_kept(runs: Runs, reason: UnknownReason) -> None:
    runs.registry.answers[TAG] = unknown(reason)
    assert runs.answer() == unknown(reason)
    runs.registry.what_was_asked()
    assert runs.answer() == unknown(reason)
    assert runs.registry.what_was_asked() == [f"GET {TAG}"]


@pytest.mark.parametrize(
    ("later", "age"),
    [(DAY, "1 day"), (2 * DAY + HOUR, "2 days"), (7 * DAY, "7 days")],
)
def test_an_old_answer_is_used_while_the_registry_is_away(
    runs: Runs, later: float, age: str
) -> None:
    runs.answer()
    runs.registry.answers[TAG] = DOWN
    runs.now += later
    note = f"the answer is {age} old: registry docker.io unreachable: timed out"
    assert runs.answer() == KnownPlatforms((AMD64, ARM64), "index", A, "cache", ("odd", note))


@pytest.mark.parametrize(
    ("later", "age"), [(59, "a moment"), (60, "1 minute"), (3599, "59 minutes"), (3600, "1 hour")]
)
def test_how_old_an_answer_is_in_words(runs: Runs, later: float, age: str) -> None:
    runs.answer()
    runs.registry.answers[TAG] = DOWN
    runs.now += later
    answer = runs.answer(max_age=0)
    assert isinstance(answer, KnownPlatforms)
    assert answer.notes[1].startswith(f"the answer is {age} old: ")


def test_an_answer_older_than_a_week_is_not_used(runs: Runs) -> None:
    runs.answer()
    runs.registry.answers[TAG] = DOWN
    runs.now += 7 * DAY + 1
    assert runs.answer() == DOWN


def test_how_old_a_stand_in_may_be_can_be_said(runs: Runs) -> None:
    runs.answer()
    runs.registry.answers[TAG] = DOWN
    assert runs.answer(max_age=0, max_stale=0) == DOWN
    runs.now += 2 * DAY
    assert runs.answer(max_stale=DAY) == DOWN
    assert isinstance(runs.answer(max_stale=2 * DAY), KnownPlatforms)


def test_nothing_is_taken_on_trust_without_an_age(runs: Runs) -> None:
    runs.registry.answers[TAG] = unknown(UnknownReason.NOT_FOUND)
    runs.answer()
    runs.registry.answers[TAG] = OLD
    assert runs.answer(max_age=0) == OLD


def test_an_outage_does_not_make_an_answer_younger(runs: Runs) -> None:
    runs.answer()
    runs.registry.answers[TAG] = DOWN
    for _ in range(8):
        runs.now += DAY
        last = runs.answer()
    assert last == DOWN


@pytest.mark.parametrize(
    ("reason", "stale"),
    [
        (UnknownReason.UNREACHABLE, True),
        (UnknownReason.RATE_LIMITED, True),
        (UnknownReason.TLS, True),
        (UnknownReason.AUTHENTICATION_FAILED, True),
        (UnknownReason.FAILED, True),
        (UnknownReason.NOT_FOUND, False),
        (UnknownReason.NOT_FOUND_OR_DENIED, False),
        (UnknownReason.REFUSED, False),
        (UnknownReason.DIGEST_MISMATCH, False),
        (UnknownReason.MALFORMED, False),
        (UnknownReason.NOT_AN_IMAGE, False),
    ],
)
def test_an_outage_is_told_from_an_answer_one_does_not_like(
    runs: Runs, reason: UnknownReason, stale: bool
) -> None:
    runs.answer()
    runs.registry.answers[TAG] = unknown(reason)
    runs.now += DAY
    assert isinstance(runs.answer(), KnownPlatforms) is stale


def test_offline_the_cache_alone_is_asked(runs: Runs) -> None:
    runs.answer()
    runs.registry.what_was_asked()
    runs.now += HOUR
    assert runs.inspect(TAG, OTHER, offline=True) == {
        TAG: OLD_CACHED,
        OTHER: UnknownPlatforms(
            UnknownReason.OFFLINE,
            "quay.io/x/y:1 is not in the cache (offline mode)",
            "run once without --offline, or write a lock file with `podfit lock`",
        ),
    }
    assert runs.registry.what_was_asked() == []


def test_offline_an_old_answer_is_used_and_says_so(runs: Runs) -> None:
    runs.answer()
    runs.now += 30 * DAY
    note = "the answer is 30 days old: offline mode"
    assert runs.answer(offline=True) == KnownPlatforms(
        (AMD64, ARM64), "index", A, "cache", ("odd", note)
    )


def test_offline_a_former_miss_is_no_answer(runs: Runs) -> None:
    runs.registry.answers[TAG] = unknown(UnknownReason.NOT_FOUND)
    runs.answer()
    offline = runs.answer(offline=True)
    assert isinstance(offline, UnknownPlatforms)
    assert offline.reason is UnknownReason.OFFLINE


def test_a_poisoned_answer_is_asked_for_again(runs: Runs) -> None:
    runs.answer()
    (path,) = runs.root.rglob("*.json")
    path.write_text(path.read_text().replace("linux/arm64/v8", "</script>"))
    runs.registry.what_was_asked()
    assert runs.answer() == OLD
    assert runs.registry.what_was_asked() == [f"GET {TAG}"]


def test_progress_counts_every_image_once(runs: Runs) -> None:
    runs.inspect(TAG)
    runs.now += DAY
    runs.inspect(PINNED)
    seen: list[tuple[int, int]] = []
    runs.inspect(TAG, PINNED, OTHER, progress=lambda *step: seen.append(step))
    assert seen == [(1, 3), (2, 3), (3, 3)]  # fresh, confirmed, asked for


def test_progress_never_goes_back(runs: Runs) -> None:
    runs.inspect(TAG, OTHER)
    runs.registry.answers |= {TAG: NEW, OTHER: OLD}
    runs.now += DAY
    seen: list[tuple[int, int]] = []
    runs.inspect(TAG, OTHER, progress=lambda *step: seen.append(step))
    assert seen == [(0, 2), (1, 2), (2, 2), (2, 2), (2, 2)]  # both moved, both asked for


def test_offline_progress_is_at_its_end_at_once(runs: Runs) -> None:
    seen: list[tuple[int, int]] = []
    runs.inspect(TAG, OTHER, offline=True, progress=lambda *step: seen.append(step))
    assert seen == [(2, 2)]


def test_an_interrupt_leaves_a_cache_that_works(runs: Runs) -> None:
    runs.inspect(TAG, OTHER)
    runs.now += DAY

    class Interrupted(FakeRegistry):
        def digests(
            self, images: Collection[ImageReference], progress: Progress = no_progress
        ) -> Mapping[ImageReference, str | UnknownPlatforms]:
            raise KeyboardInterrupt

    healthy, runs.registry = runs.registry, Interrupted(runs.registry.answers)
    with pytest.raises(KeyboardInterrupt):
        runs.inspect(TAG, OTHER)

    runs.registry = healthy
    assert runs.inspect(TAG, OTHER)[TAG] == OLD_CACHED


@pytest.mark.parametrize(
    ("environment", "age"),
    [
        ({}, DAY),
        ({"CI": ""}, DAY),
        ({"CI": "false"}, DAY),
        ({"CI": "true"}, HOUR),
        ({"CI": "1"}, HOUR),
    ],
)
def test_tags_hold_for_a_day_and_for_an_hour_in_ci(environment: dict[str, str], age: float) -> None:
    assert default_max_age(environment) == age


def known(answers: Mapping[ImageReference, Platforms]) -> list[KnownPlatforms]:
    return [answer for answer in answers.values() if isinstance(answer, KnownPlatforms)]


def test_with_a_real_registry_and_its_content_in_the_cache(tmp_path: Path) -> None:
    now = 1_700_000_000.0
    cache = Cache(tmp_path / "cache", clock=lambda: now)
    with run_registry(tmp_path) as registry:
        index = registry.reference("app", "1")
        single = registry.reference("single", "1")
        digest = registry.push_image("app", "1", ["linux/amd64", "linux/arm64/v8"])
        registry.push_single("single", AMD64, tag="1")

        options = RegistryOptions(retries=0)

        def requests() -> list[str]:
            sent: list[str] = []
            observer = lambda one: sent.append(one.method)  # noqa: E731
            with RegistryInspector(options, blobs=cache, observer=observer) as origin:
                inspector = CachingInspector(origin, cache, clock=lambda: now)
                answers.update(inspector.inspect([index, single]))
            return sorted(sent)

        answers: dict[ImageReference, Platforms] = {}
        assert requests() == ["GET", "GET", "GET"]  # an index; a manifest and its config
        first = dict(answers)
        assert first[index] == KnownPlatforms((AMD64, ARM64), "index", digest)
        assert known(first)[1].platforms == (AMD64,)
        assert requests() == []
        assert {answer.source for answer in known(answers)} == {"cache"}
        assert [
            dataclasses.replace(answer, source="registry") for answer in known(answers)
        ] == known(first)

        now += DAY
        assert requests() == ["HEAD", "HEAD"]
        moved = registry.push_image("app", "1", ["linux/amd64"])
        now += DAY
        assert requests() == ["GET", "HEAD", "HEAD"]
        assert answers[index] == KnownPlatforms((AMD64,), "index", moved)

    now += DAY
    requests()
    stale = known(answers)[0]
    assert stale.notes[0].startswith(
        f"the answer is 1 day old: registry {registry.host} unreachable"
    )
