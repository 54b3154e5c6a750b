"""hashtag promote, as people and CI jobs call it."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from urllib.request import urlopen

import pytest

from hashtag.apply import apply
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.reference import Reference
from hashtag.planning.change import PutArtifact
from hashtag.planning.document import to_json
from hashtag.planning.plan import Plan
from hashtag.project.plans import PLAN_TYPE
from hashtag.registry import Registry
from servers.debian import require

KNOWN = ("--base", "debian:12=sha256:" + "d" * 64)


@pytest.fixture
def repository(request):
    """Where the project's images are: the layout folder of `folder`, or the name given on a real server."""
    name = getattr(request, "param", None)
    return f"{request.getfixturevalue('docker_registry').host}/{name}" if name else "oci-layout:store"


@pytest.fixture
def publish(hashtag, folder, monkeypatch, repository):
    """Plan pipeline N of a branch, put its images, store the plan, and promote; return what ran."""

    def run(number, *words, branch="main", change=None, plan=(), environ=()):
        monkeypatch.setenv("CI_COMMIT_BRANCH", branch)
        monkeypatch.setenv("CI_COMMIT_SHA", f"{number:040x}")
        monkeypatch.setenv("CI_COMMIT_TIMESTAMP", "2024-05-01T12:00:00Z")
        for name, value in dict(environ).items():
            monkeypatch.setenv(name, value)
        if change is not None:
            (folder / "base" / "tool").write_text(change)
        where = ("--repository", repository, "--pipeline-tag", str(number))
        planned = hashtag("plan", *KNOWN, *where, "-o", "json", *plan, "--save", "plan.json")
        assert planned.status == 0, planned.err
        fill(planned.json(), repository, str(number))
        return hashtag("promote", "--plan", "plan.json", *words)

    return run


def fill(plan, repository, number):
    with Registry.from_environment(repository, environ={}) as registry:
        for image in plan["images"]:
            for reference in (image["cache_reference"], image["pipeline_reference"]):
                put(registry, reference, image["fingerprint"])


def put(registry, text, content):
    reference = Reference.parse(text)
    config = json.dumps({"os": "linux", "architecture": "amd64", "author": content}).encode()
    digest = registry.put_blob(reference.repository, config)
    descriptor = Descriptor("application/vnd.oci.image.config.v1+json", digest, len(config)).to_json()
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": []}
    registry.put_manifest(Manifest(OCI_MANIFEST, json.dumps(document).encode()), reference)


def test_the_images_of_a_plan_are_published_and_listed_by_digest(publish):
    ran = publish(1, "latest")

    assert ran.status == 0
    lines = ran.out.splitlines()
    assert [line.partition("@")[0] for line in lines] == [
        "oci-layout:store:base:latest",
        "oci-layout:store:web:latest",
    ]
    assert "latest: stands for pipeline 1 of main, 2 of 2 tags moved." in ran.err


def test_64_an_older_pipeline_leaves_the_tag_with_status_0_and_says_so(publish):
    newer = publish(2, "latest", change="2")
    older = publish(1, "latest", "-o", "json", change="1")

    assert older.status == 0
    assert "latest: left as it is, pipeline 2 of main is newer than pipeline 1 of main." in older.err
    (tag,) = older.json()["tags"]
    assert tag["action"] == "left"
    assert [f"{i['reference']}@{i['digest']}" for i in tag["images"]] == newer.out.splitlines()


def test_another_branch_is_refused_with_status_5(publish):
    publish(1, "latest")
    ran = publish(2, "latest", branch="stable-6.0-staging")

    assert ran.status == 5
    assert "error[HT062]" in ran.err
    assert "--allow-backwards" in ran.err
    assert publish(2, "latest", "--allow-backwards", branch="stable-6.0-staging").status == 0


def test_undo_goes_back(publish, hashtag):
    before = publish(1, "latest", change="1").out
    publish(2, "latest", change="2")

    ran = hashtag("promote", "--undo", "latest")

    assert (ran.status, ran.out) == (0, before)
    assert hashtag("promote", "--undo", "latest").status == 5
    assert hashtag("promote", "--undo").status == 2


def test_in_ci_only_a_branch_that_may_publish_a_tag_takes_it_back(publish, hashtag, monkeypatch):
    ci = {"CI": "true", "HASHTAG_PUBLISH": "main=latest"}
    publish(1, environ=ci, change="1")
    after = publish(2, environ=ci, change="2").out
    monkeypatch.setenv("CI_COMMIT_BRANCH", "topic")

    ran = hashtag("promote", "--undo", "latest")

    assert (ran.status, ran.out) == (0, "")
    assert "branch topic publishes no latest" in ran.err
    assert publish(2, environ=ci, change="2").out == after


def test_an_image_that_the_set_before_does_not_name_is_left_and_that_is_said(publish, hashtag):
    publish(1, "latest", change="1", plan=("base",))
    publish(2, "latest", change="2")

    ran = hashtag("promote", "--undo", "latest")

    assert ran.status == 0
    left = "oci-layout:store:web:latest stays as it is: the set before does not name its image"
    assert f"warning: {left}\n" in ran.err


def test_a_dry_run_says_what_it_would_do_and_does_nothing(publish, hashtag):
    ran = publish(1, "latest", "--dry-run", "-o", "json")

    assert ran.json()["dry_run"] is True
    assert "would stand for pipeline 1" in ran.err
    assert "2 of 2 tags moved" in publish(1, "latest").err


def test_the_order_can_be_given(publish):
    publish(2, "latest", change="2")

    ran = publish(1, "latest", "--order", "3", change="1")

    assert "stands for pipeline 1" in ran.err
    assert publish(1, "latest", "--order", "x").status == 2


def test_in_ci_the_policy_says_which_branch_publishes(publish):
    ci = {"CI": "true", "HASHTAG_PUBLISH": "main=latest,stable-*={branch}"}

    assert "latest: stands for" in publish(1, environ=ci).err
    assert "stable-8.0: stands for" in publish(2, branch="stable-8.0", environ=ci).err
    other = publish(3, "latest", branch="topic", environ=ci)
    assert (other.status, other.out) == (0, "")
    assert "branch topic publishes no latest" in other.err


def test_the_branch_of_latest_can_come_from_a_variable_alone(publish):
    ci = {"CI": "true", "HASHTAG_LATEST_BRANCH": "main"}

    assert "latest: stands for" in publish(1, environ=ci).err
    assert publish(2, "latest", branch="topic", environ=ci).out == ""


def test_without_a_policy_ci_says_which_branch_is_the_default(publish):
    ci = {"CI": "true"}
    assert publish(1, "latest", environ=ci).status == 5

    ci["CI_DEFAULT_BRANCH"] = "main"
    assert publish(1, "latest", environ=ci).status == 0
    assert publish(2, "latest", branch="topic", environ=ci).out == ""


def test_a_branch_that_is_no_tag_is_an_error_with_a_suggestion(publish):
    ran = publish(1, branch="feature/x+y", environ={"HASHTAG_PUBLISH": "feature/*={branch}"})

    assert ran.status == 2
    assert "'feature/x+y' is not a tag: '/' cannot stand in one" in ran.err
    assert "{slug}" in ran.err


def test_one_image_by_digest(publish, hashtag):
    digest = publish(1, "latest").out.splitlines()[1].partition("@")[2]

    ran = hashtag("promote", f"web@{digest}", "tested", "--order", "1")

    assert ran.status == 0
    assert ran.out == f"oci-layout:store:web:tested@{digest}\n"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["web@sha256:" + "0" * 64], id="no tag"),
        pytest.param(["latest", "web@sha256:" + "0" * 64], id="the wrong way round"),
        pytest.param(["web@sha256:0", "latest"], id="no digest"),
        pytest.param(["wbe@sha256:" + "0" * 64, "latest"], id="no such image"),
        pytest.param(["a b@sha256:" + "0" * 64, "latest"], id="no name"),
    ],
)
def test_one_image_has_to_be_written_well(hashtag, folder, words):
    assert hashtag("promote", *words).status == 2


def test_an_image_that_is_not_there_is_not_published(hashtag, folder):
    ran = hashtag("promote", "web@sha256:" + "0" * 64, "latest")

    assert ran.status == 1
    assert "not whole" in ran.err


def test_a_receipt_names_the_digests(publish, hashtag, folder):
    publish(1, "latest")
    plan = json.loads((folder / "plan.json").read_text())
    images = [
        {"name": i["name"], "cache_reference": i["cache_reference"], "digest": i["digest"]}
        for i in plan["images"]
    ]
    digest = hashtag("promote", "--plan", "plan.json", "latest").out.splitlines()[0].partition("@")[2]
    for image in images:
        image["digest"] = digest
    receipt = folder / "receipt.json"
    receipt.write_text(json.dumps({"format_version": "1.0", "images": images}))

    ran = hashtag("promote", "--plan", "plan.json", "tested", "--receipt", "receipt.json", "-o", "json")

    assert {i["origin"] for i in ran.json()["tags"][0]["images"]} == {"build receipt"}
    images[0]["digest"] = None
    receipt.write_text(json.dumps({"format_version": "1.0", "images": images}))
    assert hashtag("promote", "--plan", "plan.json", "t", "--receipt", "receipt.json").status == 5


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format_version": "2.0"}',
        '{"format_version": "1.0", "images": [{}]}',
        '{"format_version": "1.0", "images": [{"name": "web", "cache_reference": "a:b", "digest": "x"}]}',
    ],
)
def test_what_is_no_receipt_is_refused(publish, hashtag, folder, content):
    publish(1, "latest")
    (folder / "receipt.json").write_text(content)

    ran = hashtag("promote", "--plan", "plan.json", "latest", "--receipt", "receipt.json")

    assert (ran.status, "error[HT042]" in ran.err) == (1, True)
    assert hashtag("promote", "--plan", "plan.json", "latest", "--receipt", "none").status == 1


def test_the_stored_plan_of_a_pipeline_is_published_from_an_empty_folder(
    publish, hashtag, folder, tmp_path_factory, monkeypatch
):
    publish(1, "other")
    store_plan(folder, "oci-layout:store")
    empty = tmp_path_factory.mktemp("empty")
    (empty / "store").symlink_to(folder / "store")
    monkeypatch.chdir(empty)
    monkeypatch.setenv("HASHTAG_REPOSITORY", "oci-layout:store")

    ran = hashtag("promote", "--plan", "pipeline:1", "latest")

    assert ran.status == 0, ran.err
    assert len(ran.out.splitlines()) == 2
    missing = hashtag("promote", "--plan", "pipeline:7", "latest")
    assert (missing.status, "no plan is stored" in missing.err) == (2, True)


def store_plan(folder, repository):
    with Registry.from_environment(repository, environ={}, layout_root=folder) as registry:
        plan = Plan.load(folder / "plan.json")
        target = plan.repository.child("plans").tagged(f"h1-plan-{plan.pipeline_tag}")
        apply([PutArtifact(target, PLAN_TYPE, to_json(plan, saved=True).encode())], registry)


def test_without_a_plan_the_images_of_the_checkout_are_published(publish, hashtag, folder):
    (folder / "hashtag.toml").write_text(
        (folder / "hashtag.toml").read_text().replace("debian:12", "scratch")
    )
    for name in ("base", "web"):
        path = folder / name / "Dockerfile"
        path.write_text(path.read_text().replace("debian:12", "scratch"))
    publish(1, "other")

    ran = hashtag("promote", "latest", "--pipeline-tag", "2")

    assert ran.status == 0, ran.err
    assert "the images of this checkout are published" in ran.err
    assert "no pipeline tag, the cache tag's image is taken" in ran.err


def test_there_has_to_be_a_repository(hashtag, folder, monkeypatch):
    (folder / "hashtag.toml").write_text('[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\n')

    assert hashtag("promote", "latest").status == 2


@pytest.mark.integration
@pytest.mark.parametrize("repository", ["promote-artifact"], indirect=True)
def test_on_a_real_registry_the_set_is_an_artifact_that_other_tools_read(publish, hashtag, repository):
    before = publish(1, "latest", change="1").out
    after = publish(2, "latest", change="2").out
    assert publish(1, "latest", change="1").status == 0
    plans = f"{repository}/plans"

    manifest = json.loads(skopeo("inspect", "--raw", f"{plans}:h1-set-latest"))
    (layer,) = manifest["layers"]
    stored = json.loads(urlopen(f"http://{plans.replace('/', '/v2/', 1)}/blobs/{layer['digest']}").read())

    assert manifest["artifactType"] == layer["mediaType"] == "application/vnd.hashtag.set.v1+json"
    assert {f"{repository}/{i['name']}:latest@{i['digest']}" for i in stored["set"]["images"]} == set(
        after.split()
    )
    assert stored["set"]["order"] == 2
    for line in after.split():
        tag, _, digest = line.partition("@")
        assert f"sha256:{sha256(skopeo('inspect', '--raw', tag)).hexdigest()}" == digest
    undone = hashtag("promote", "--undo", "latest", "--repository", repository)
    assert (undone.status, undone.out) == (0, before)


def skopeo(*arguments):
    *words, reference = arguments
    command = [require("skopeo", "skopeo"), *words, "--tls-verify=false", f"docker://{reference}"]
    return subprocess.run(command, check=True, capture_output=True).stdout
