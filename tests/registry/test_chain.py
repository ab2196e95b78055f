"""Who is asked in which order, each image once."""

from collections.abc import Collection, Mapping

from auditor.images.images import ImageReference, KnownPlatforms, Platforms
from auditor.images.platforms import parse_platform
from auditor.registry.interface import ChainInspector, Overrides, Progress, no_progress

A = f"sha256:{'a' * 64}"
AMD64, ARM64 = parse_platform("linux/amd64"), parse_platform("linux/arm64/v8")
NGINX = ImageReference("docker.io", "library/nginx", "1.27")
APP = ImageReference("registry.corp", "team/app", "", A)
REDIS = ImageReference("docker.io", "library/redis", "7")
FIRST = KnownPlatforms((AMD64,), "index", A, "first")
SECOND = KnownPlatforms((AMD64,), "index", A, "second")
LAST = KnownPlatforms((ARM64,), "manifest", A, "last")


class Last:
    def __init__(self) -> None:
        self.asked: list[ImageReference] = []

    def inspect(
        self, images: Collection[ImageReference], progress: Progress = no_progress
    ) -> Mapping[ImageReference, Platforms]:
        self.asked += images
        for number, _ in enumerate(images, 1):
            progress(number, len(images))
        return dict.fromkeys(images, LAST)


def test_the_first_that_knows_an_image_answers() -> None:
    last = Last()
    first = {NGINX: FIRST}.get
    second = {NGINX: SECOND, APP: SECOND}.get
    seen: list[tuple[int, int]] = []

    answers = ChainInspector((first, second), last).inspect(
        [REDIS, NGINX, APP, REDIS], lambda *step: seen.append(step)
    )

    assert list(answers.items()) == [(REDIS, LAST), (NGINX, FIRST), (APP, SECOND)]
    assert last.asked == [REDIS]
    assert seen == [(2, 3), (3, 3)]


def test_the_last_is_not_asked_for_nothing() -> None:
    last = Last()
    assert ChainInspector(({NGINX: FIRST}.get,), last).inspect([NGINX]) == {NGINX: FIRST}
    assert ChainInspector((), last).inspect([]) == {}
    assert last.asked == []


def test_lookups_may_know_every_image() -> None:
    seen: list[tuple[int, int]] = []
    chain = ChainInspector(({NGINX: FIRST}.get, lambda _: SECOND), None)
    assert chain.inspect([NGINX, APP], lambda *step: seen.append(step)) == {
        NGINX: FIRST,
        APP: SECOND,
    }
    assert seen == [(2, 2)]


def test_overrides_state_platforms_by_name_with_or_without_tag() -> None:
    overrides = Overrides((("registry.corp/*", (ARM64,)), ("nginx:*", (AMD64,)), ("*", ())))
    assert overrides(APP) == KnownPlatforms((ARM64,), "index", A, "override")
    assert overrides(NGINX) == KnownPlatforms((AMD64,), "index", "", "override")
    assert overrides(REDIS) == KnownPlatforms((), "index", "", "override")
    assert Overrides((("nginx", (AMD64,)),))(NGINX) == overrides(NGINX)
    assert Overrides((("ngin", (AMD64,)),))(NGINX) is None
    assert Overrides((("docker.io/library/nginx:*", (AMD64,)),))(NGINX) is not None
    assert Overrides((("NGINX:*", (AMD64,)),))(NGINX) is None
