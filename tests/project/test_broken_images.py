"""Cache tags whose images lack a part: found with `deep`, or when they are tagged; built again, replaced."""

from __future__ import annotations

import json
from urllib.request import Request, urlopen

import pytest

import hashtag
from hashtag.apply import apply_plan
from hashtag.errors import AccessDenied, RegistryError, StalePlan
from hashtag.oci.manifest import OCI_INDEX, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.plan import Alias, Build, Reason
from hashtag.project.building import BuildOptions
from hashtag.project.receipt import Built, Found
from hashtag.project.settling import held, settle
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from planning.plan_strategies import target
from project.projects import open_project, registry_with_base, three_images
from project.test_building import Workshop
from registry.trees import put_image

PLATFORMS = ("linux/amd64", "linux/arm64")


@pytest.fixture
def registry():
    return registry_with_base()


@pytest.fixture
def project(tmp_path, registry):
    """Three images, all of them there: for two platforms, each with a layer."""
    opened = open_project(three_images(tmp_path))
    for build in opened.plan(registry).builds:
        layers = [build.name.encode()]
        registry.add_image(str(build.target.cache_reference), platforms=PLATFORMS, layers=layers)
    registry.requests.clear()
    return opened


def cache(project, registry, name: str) -> Reference:
    actions = project.plan(registry, images=[name]).actions
    return next(action.target.cache_reference for action in actions if action.name == name)


def parts(registry, reference: Reference) -> dict[str, hashtag.Digest]:
    """Return what belongs to an image of two platforms, by what it is."""
    children = registry.manifest(reference).children()
    config, layer = registry.manifest(reference.repository.at(children[1].digest)).blobs()
    return {"child": children[1].digest, "config": config.digest, "layer": layer.digest}


def by_name(plan):
    return {action.name: action for action in plan}


# ── planning ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("part", ["child", "config", "layer"])
def test_26_a_hit_that_lacks_a_part_is_built_and_named_loudly(project, registry, part):
    web = cache(project, registry, "web")
    digest, lost = registry.resolve(web).digest, parts(registry, web)[part]
    registry.lose(web.repository, lost)

    plan = project.plan(registry, deep=True)

    build = by_name(plan)["web"]
    assert isinstance(build, Build)
    assert (build.reason, build.replaces) == (Reason.CACHE_IS_BROKEN, digest)
    assert [type(by_name(plan)[name]) for name in ("base", "docs")] == [Alias, Alias]
    kind = "manifest" if part == "child" else "blob"
    assert plan.warnings == (
        f"BROKEN IMAGE: {web} holds {digest}, whose {kind} {lost} is missing; it is not used",
    )


def test_26_without_deep_a_look_up_is_one_head_a_tag(project, registry):
    registry.requests.clear()

    plan = project.plan(registry)

    assert len(plan.aliases) == 3
    asked = [what for what in registry.requests if "/tiny" not in what[1]]
    assert sorted(asked) == sorted(("HEAD", str(alias.target.cache_reference)) for alias in plan.aliases)


def test_26_whole_images_are_hits_and_no_part_is_asked_for_twice(project, registry):
    registry.requests.clear()

    plan = project.plan(registry, deep=True)

    assert (len(plan.aliases), plan.warnings) == (3, ())
    assert len(set(registry.requests)) == len(registry.requests)
    # For each: the tag; the index and two manifests; two configs and the layer that both share.
    assert len([what for what in registry.requests if "/tiny" not in what[1]]) == 3 * (1 + 3 + 3)


@pytest.mark.parametrize("fault", [AccessDenied("no", where="x"), RegistryError("nonsense", where="x")])
@pytest.mark.parametrize("operation", ["manifest", "has_blob"])
def test_26_only_a_404_makes_an_image_broken(project, registry, operation, fault):
    web = cache(project, registry, "web")
    part = parts(registry, web)["child" if operation == "manifest" else "layer"]
    registry.fail(operation, fault, reference=f"{web.repository}@{part}")

    with pytest.raises(type(fault)):
        project.plan(registry, deep=True)


def test_26_a_broken_image_is_not_taken_from_upstream_in_its_place(tmp_path, registry):
    """The same bytes may be there, and a copy leaves alone what seems to be in its place."""
    project = open_project(three_images(tmp_path), look_in=["registry.example/up"])
    docs = cache(project, registry, "docs")
    for name in (str(docs), str(docs).replace("/app/", "/up/")):
        registry.add_image(name, platforms=PLATFORMS, layers=[b"docs"])
    registry.lose(docs.repository, parts(registry, docs)["layer"])

    assert by_name(project.plan(registry))["docs"].reason is Reason.HIT
    assert by_name(project.plan(registry, deep=True))["docs"].reason is Reason.CACHE_IS_BROKEN


def test_26_a_broken_image_upstream_is_not_copied(tmp_path, registry):
    project = open_project(three_images(tmp_path), look_in=["registry.example/up"])
    there = Reference.parse(str(cache(project, registry, "docs")).replace("/app/", "/up/"))
    registry.add_image(str(there), platforms=PLATFORMS, layers=[b"docs"])
    registry.lose(there.repository, parts(registry, there)["child"])

    plan = project.plan(registry, deep=True)

    assert by_name(plan)["docs"].reason is Reason.NEVER_BUILT
    assert str(there) in plan.warnings[0]


def test_26_a_saved_plan_keeps_what_is_to_be_replaced(project, registry, tmp_path):
    web = cache(project, registry, "web")
    registry.lose(web.repository, parts(registry, web)["layer"])
    plan = project.plan(registry, deep=True)
    plan.save(tmp_path / "plan.json")

    assert hashtag.Plan.load(tmp_path / "plan.json") == plan
    (image,) = [i for i in json.loads((tmp_path / "plan.json").read_text())["images"] if i["name"] == "web"]
    assert (image["action"], image["reason"]) == ("build", "cache is broken")
    assert image["replaces"] == str(registry.resolve(web).digest)


# ── tagging ──────────────────────────────────────────────────────────────────────────────────────


def test_26_apply_refuses_an_image_that_lacks_a_part(project, registry):
    web = cache(project, registry, "web")
    plan = project.plan(registry, pipeline_tag="7", images=["web"])
    registry.lose(web.repository, parts(registry, web)["child"])

    with pytest.raises(StalePlan, match="the image is broken") as caught:
        apply_plan(plan, registry)

    assert caught.value.status == 5
    assert caught.value.where == str(web.repository.at(registry.resolve(web).digest))
    assert registry.resolve(web.repository.tagged("7")) is None


def test_26_a_copy_of_an_image_that_lacks_a_part_is_refused(tmp_path, registry):
    project = open_project(three_images(tmp_path), look_in=["registry.example/up"])
    there = Reference.parse(str(cache(project, registry, "docs")).replace("/app/", "/up/"))
    registry.add_image(str(there), platforms=PLATFORMS, layers=[b"docs"])
    plan = project.plan(registry, pipeline_tag="7", images=["docs"])
    registry.lose(there.repository, parts(registry, there)["layer"])

    with pytest.raises(StalePlan, match="the image is broken") as caught:
        apply_plan(plan, registry)

    assert (caught.value.status, str(there.repository) in caught.value.where) == (5, True)
    assert registry.resolve(plan.aliases[0].target.cache_reference) is None


# ── building ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def workshop(tmp_path):
    """Three images in a layout folder, built by pipeline 1."""
    made = Workshop(tmp_path)
    made.build(made.plan())
    return made


def break_image(workshop, name: str) -> hashtag.Digest:
    """Delete the config of an image, which no other has; return the image's digest."""
    repository = workshop.registry.repository.child(name)
    digest = workshop.held(name, "1")
    config, _ = workshop.registry.manifest(repository.at(digest)).blobs()
    (workshop.folder.parent / "store/blobs/sha256" / config.digest.hex).unlink()
    return digest


def test_26_a_build_replaces_the_broken_image(workshop):
    broken = break_image(workshop, "docs")
    plan = workshop.plan(pipeline_tag="2", deep=True)

    receipt = workshop.build(plan)

    assert (receipt.of(Built), set(receipt.of(Found))) == (("docs",), {"base", "web"})
    (digest,) = [outcome.digest for outcome in receipt.outcomes if outcome.target.name == "docs"]
    assert digest != broken
    assert (
        workshop.held("docs", "2") == workshop.held("docs", by_name(plan)["docs"].target.cache_tag) == digest
    )
    assert workshop.plan(pipeline_tag="3", deep=True).builds == ()


def test_26_the_second_who_replaces_a_broken_image_gives_way(workshop):
    break_image(workshop, "docs")
    plans = [workshop.plan(pipeline_tag=tag, deep=True) for tag in ("2", "3")]

    first, second = (workshop.build(plan, images=["docs"]) for plan in plans)

    assert (first.of(Built), second.of(Found)) == (("docs",), ("docs",))
    assert workshop.held("docs", "2") == workshop.held("docs", "3")


def test_26_a_run_that_meets_a_broken_image_builds_it_and_says_so(workshop):
    broken = break_image(workshop, "docs")
    plan = workshop.plan(pipeline_tag="2")
    warned: list[str] = []
    assert by_name(plan)["docs"].reason is Reason.HIT

    receipt = workshop.build(plan, options=BuildOptions(warn=warned.append))

    assert (receipt.of(Built), set(receipt.of(Found))) == (("docs",), {"base", "web"})
    assert workshop.held("docs", "2") == workshop.held("docs", by_name(plan)["docs"].target.cache_tag)
    assert workshop.held("docs", "2") != broken
    (text,) = warned
    assert text.startswith(f"oci-layout:store:docs@{broken}: the image is broken: it names sha256:")
    assert text.endswith("; docs is built again")


def test_26_a_broken_image_that_was_repaired_since_the_plan_is_not_built(workshop):
    digest = workshop.held("docs", "1")
    repository = workshop.registry.repository.child("docs")
    config, _ = workshop.registry.manifest(repository.at(digest)).blobs()
    content = workshop.registry.blob(repository, config.digest)
    break_image(workshop, "docs")
    plan = workshop.plan(pipeline_tag="2", deep=True)
    workshop.registry.put_blob(repository, content)

    assert workshop.build(plan).of(Found) == ("base", "docs", "web")
    assert workshop.held("docs", "2") == digest


def test_26_an_image_in_place_of_the_broken_one_was_first():
    registry = MemoryRegistry("registry.example.com/group/project")
    web = target("web")
    broken = registry.add_image(str(web.cache_reference), layers=[b"broken"])
    theirs = registry.add_image(str(web.cache_reference), layers=[b"theirs"])
    ours = registry.add_image(str(web.pipeline_reference), layers=[b"ours"])

    assert (
        settle(Build(web, Reason.CACHE_IS_BROKEN, replaces=broken), ours, registry, lambda _: None) == theirs
    )
    assert held(registry, web.pipeline_reference) == theirs


# ── docker-registry ──────────────────────────────────────────────────────────────────────────────


class Shop:
    """A project whose image `docs` is on docker-registry, for two platforms; each look is a new client's."""

    def __init__(self, host: str, folder):
        self.repository = f"{host}/{folder.name}"
        overrides = {"repository": self.repository}
        self.project = hashtag.Project.open(three_images(folder), environ={}, overrides=overrides)
        with self.client() as registry:
            (build,) = self.project.plan(registry, images=["docs"]).builds
            self.cache = build.target.cache_reference
            self.images = [
                put_image(registry, self.cache.repository, name, name=name.decode()) for name in ARCHES
            ]
            registry.put_manifest(self.index(*self.images), self.cache)

    def client(self) -> Registry:
        return Registry.from_environment(self.repository, environ={})

    def index(self, *images: Manifest) -> Manifest:
        listed = [image.descriptor.to_json() for image in images]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
        return Manifest(OCI_INDEX, json.dumps(document).encode())

    def delete(self, kind: str) -> hashtag.Digest:
        """Let the server forget a child, or a layer of it; return its digest."""
        child = self.images[1]
        digest = child.digest if kind == "manifests" else child.blobs()[1].digest
        name = self.cache.repository
        url = f"http://{name.registry}/v2/{name.name}/{kind}/{digest}"
        assert urlopen(Request(url, method="DELETE")).status == 202
        return digest

    def plan(self, **more) -> hashtag.Plan:
        with self.client() as registry:
            return self.project.plan(registry, images=["docs"], pipeline_tag="7", **more)


ARCHES = (b"amd64", b"arm64")


@pytest.fixture
def shop(docker_registry, tmp_path):
    return Shop(docker_registry.host, tmp_path)


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_26_docker_registry_keeps_the_tag_of_a_broken_image_and_deep_finds_it(shop, kind):
    assert isinstance(by_name(shop.plan(deep=True))["docs"], Alias)
    lost = shop.delete(kind)

    assert isinstance(by_name(shop.plan())["docs"], Alias)
    plan = shop.plan(deep=True)

    assert by_name(plan)["docs"].reason is Reason.CACHE_IS_BROKEN
    assert str(lost) in plan.warnings[0]


@pytest.mark.integration
def test_26_docker_registry_gives_no_tag_to_a_broken_image(shop):
    plan = shop.plan()
    shop.delete("manifests")

    with shop.client() as registry, pytest.raises(StalePlan, match="the image is broken") as caught:
        apply_plan(plan, registry)
    with shop.client() as registry:
        assert registry.resolve(shop.cache.repository.tagged("7")) is None
    assert (caught.value.status, caught.value.hint) == (5, "build it again: hashtag run")


@pytest.mark.integration
def test_26_on_docker_registry_a_whole_image_takes_the_place_of_a_broken_one(shop):
    shop.delete("manifests")
    (build,) = shop.plan(deep=True).builds

    with shop.client() as registry:
        made = put_image(registry, shop.cache.repository, b"new", name="amd64")
        pushed = registry.put_manifest(shop.index(made), build.reference)
        assert settle(build, pushed, registry, lambda _: None) == pushed
        assert held(registry, shop.cache) == pushed
    assert isinstance(by_name(shop.plan(deep=True))["docs"], Alias)
