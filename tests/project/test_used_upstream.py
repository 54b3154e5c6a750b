"""Images that stay in another repository, and what is built from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hashtag
from builders.fake import BUILDAH, Fake, fake
from hashtag.builders import find_builder
from hashtag.errors import AccessDenied, RegistryUnreachable
from hashtag.project.building import build_plan
from hashtag.project.receipt import BuildReceipt, Built, Found
from hashtag.testing import MemoryRegistry
from project.projects import BASE, REPOSITORY, open_project, registry_with_base, three_images, write

UPSTREAM = "upstream.example/group/app"
BOTH = ("linux/amd64", "linux/arm64")


class Workshop:
    """Three images, of which another repository holds `base`, and a builder."""

    def __init__(
        self, folder: Path, platforms: tuple[str, ...] = ("linux/amd64",), settings: str = ""
    ) -> None:
        self.folder = three_images(folder / "project")
        if settings:
            write(self.folder, {"hashtag.toml": settings})
        self.registry = registry_with_base()
        self.registry.add_image(BASE, platforms=BOTH)
        first = open_project(self.folder).plan(self.registry)
        base = next(action.target for action in first if action.name == "base")
        self.digest = self.registry.add_image(f"{UPSTREAM}/base:{base.cache_tag}", platforms=platforms)
        self.programs: Fake = fake(folder / "bin")
        builds, _, _ = BUILDAH.partition('if words[0] == "push"')
        self.programs.program("buildah", builds % {"texts": str(self.programs.folder / "texts")})
        for name in ("web", "docs", "base"):  # as if the builder had pushed them
            self.registry.add_image(f"{REPOSITORY}/{name}:1742", layers=[name.encode()])

    @property
    def project(self) -> hashtag.Project:
        return open_project(self.folder, look_in=[UPSTREAM], on_upstream_hit="use")

    def plan(self) -> hashtag.Plan:
        return self.project.plan(self.registry, pipeline_tag="1742")

    def build(self, plan: hashtag.Plan, **more: object) -> BuildReceipt:
        self.registry.requests.clear()
        return build_plan(
            self.project, plan, self.registry, lambda: find_builder("buildah", self.programs.environ), **more
        )

    def first_lines(self) -> list[str]:
        return sorted(text.splitlines()[0] for text in self.programs.dockerfiles)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def written(registry: MemoryRegistry) -> set[str]:
    methods = ("PUT", "POST", "DELETE")
    return {
        what.partition(":")[0].partition("@")[0] for method, what in registry.requests if method in methods
    }


def test_a_child_is_built_from_its_parent_where_that_is_and_nothing_of_it_is_written(
    workshop: Workshop,
) -> None:
    receipt = workshop.build(workshop.plan())

    assert receipt.of(Built) == ("docs", "web")
    assert receipt.of(Found) == ("base",)
    assert workshop.first_lines() == ["FROM scratch", f"FROM {UPSTREAM}/base@{workshop.digest}"]
    assert written(workshop.registry) == {f"{REPOSITORY}/web", f"{REPOSITORY}/docs"}


def test_the_receipt_says_where_an_image_is_as_the_plan_does(workshop: Workshop) -> None:
    plan = workshop.plan()
    images = {image["name"]: image for image in json.loads(workshop.build(plan).to_json())["images"]}

    assert (images["base"]["outcome"], images["base"]["upstream"]) == ("found", f"{UPSTREAM}/base")
    assert images["base"]["digest"] == str(workshop.digest)
    assert "upstream" not in images["web"]
    lines = hashtag.render(plan, "dotenv").splitlines()
    assert f"HASHTAG_BASE_IMAGE={UPSTREAM}/base@{workshop.digest}" in lines


def test_a_saved_plan_is_built_alike(workshop: Workshop, tmp_path: Path) -> None:
    workshop.plan().save(tmp_path / "plan.json")

    receipt = workshop.build(hashtag.Plan.load(tmp_path / "plan.json"), images=["web"], aliases=False)

    assert receipt.of(Built) == ("web",)
    assert workshop.first_lines() == [f"FROM {UPSTREAM}/base@{workshop.digest}"]


@pytest.mark.parametrize(
    ("platforms", "is_index"),
    [
        pytest.param('["linux/arm64"]', False, id="one platform: that platform's own image"),
        pytest.param('["linux/amd64", "linux/arm64"]', True, id="several: the index"),
    ],
)
def test_a_parent_of_several_platforms_is_pinned_for_those_of_the_build(
    tmp_path: Path, platforms: str, is_index: bool
) -> None:
    settings = (
        f'[[image]]\nname = "base"\ndockerfile = "base/Dockerfile"\nplatforms = {json.dumps(BOTH)}\n'
        f'[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\nplatforms = {platforms}\n'
    )
    workshop = Workshop(tmp_path, BOTH, settings)
    plan = workshop.plan()
    base = next(alias for alias in plan.aliases if alias.name == "base")
    _, arm = workshop.registry.manifest(base.reference).children()

    workshop.build(plan)

    expected = base.digest if is_index else arm.digest
    assert workshop.first_lines() == [f"FROM {UPSTREAM}/base@{expected}"]


def test_an_image_that_has_left_the_other_repository_is_built_here(workshop: Workshop) -> None:
    plan = workshop.plan()
    base = next(alias for alias in plan.aliases if alias.name == "base")
    workshop.registry.remove_manifest(base.upstream.repository, base.digest)

    receipt = workshop.build(plan)

    assert receipt.of(Built) == ("base", "docs", "web")
    made = workshop.registry.resolve(base.target.cache_reference)
    assert f"FROM {REPOSITORY}/base@{made.digest}" in workshop.first_lines()


def test_what_is_here_too_by_now_does_not_change_what_was_planned(workshop: Workshop) -> None:
    plan = workshop.plan()
    base = next(alias for alias in plan.aliases if alias.name == "base")
    workshop.registry.add_image(str(base.target.cache_reference), layers=[b"another"])

    workshop.build(plan)

    assert f"FROM {UPSTREAM}/base@{workshop.digest}" in workshop.first_lines()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(AccessDenied("no permission"), id="denied"),
        pytest.param(RegistryUnreachable("down", where="upstream.example"), id="down"),
    ],
)
def test_a_repository_that_does_not_answer_is_not_one_without_the_image(
    workshop: Workshop, fault: hashtag.HashtagError
) -> None:
    plan = workshop.plan()
    base = next(alias for alias in plan.aliases if alias.name == "base")
    workshop.registry.fail("resolve", fault, reference=str(base.reference))

    with pytest.raises(type(fault)):
        workshop.build(plan)

    assert workshop.programs.calls == []
