"""hashtag prune, as people and CI jobs call it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli.test_promote_command import fill, store_plan
from hashtag.apply import apply
from hashtag.errors import RegistryUnreachable
from hashtag.planning.change import PutArtifact
from hashtag.project import Project
from hashtag.project.cleaning import PRUNED_TYPE, clean_daily
from hashtag.project.plans import PLAN_TYPE
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from project.stored import NOW, pipeline
from servers.zuul_registry import PASSWORD, USER, start_zuul_registry

KNOWN = ("--base", "debian:12=sha256:" + "d" * 64)


@pytest.fixture
def registry(folder):
    with Registry.from_environment("oci-layout:store", environ={}, layout_root=folder) as opened:
        yield opened


def days_ago(days: float) -> float:
    """Return the age that `pipeline` needs for a plan that is so old now."""
    return days + (NOW - datetime.now(UTC)) / timedelta(days=1)


def test_without_yes_it_says_what_it_would_delete(hashtag, registry):
    pipeline(registry, 1, {"web": "a"}, days=days_ago(9))

    ran = hashtag("prune", *KNOWN)

    assert ran.status == 0
    assert "oci-layout:store:web:1  the plan of pipeline 1 (9 days old) was the last to list it\n" in ran.out
    assert "Dry run: 3 tags would be deleted, 0 stay. To delete them: --yes" in ran.err
    assert list(registry.tags(registry.repository.child("plans"))) == ["h1-plan-1"]


def test_with_yes_it_deletes_and_reports_as_json(hashtag, registry):
    pipeline(registry, 1, {"web": "a"}, days=days_ago(9))
    pipeline(registry, 2, {"web": "b"}, days=days_ago(1))

    ran = hashtag("prune", *KNOWN, "--yes", "-o", "json")

    report = ran.json()
    assert ran.status == 0
    assert report.keys() == {"deleted", "kept", "dry_run", "unsupported"}
    assert report["dry_run"] is False
    assert len(report["deleted"]) == 3
    assert {row["reference"] for row in report["kept"]} >= {"oci-layout:store:web:2"}
    assert set(registry.tags(registry.repository.child("plans"))) == {"h1-plan-2"}


def test_the_age_can_be_given(hashtag, registry):
    pipeline(registry, 1, {"web": "a"}, days=days_ago(2))

    assert "0 tags would be deleted" in hashtag("prune", *KNOWN).err
    assert "3 tags would be deleted" in hashtag("prune", *KNOWN, "--older-than", "36h").err


def test_the_content_of_the_checkout_stays(hashtag, registry, folder):
    planned = hashtag("plan", *KNOWN, "--pipeline-tag", "1", "-o", "json", "--at", "2020-01-01").json()
    hashtag("plan", *KNOWN, "--pipeline-tag", "1", "--at", "2020-01-01", "--save", "plan.json")
    fill(planned, "oci-layout:store", "1")
    store_plan(folder, "oci-layout:store")

    report = hashtag("prune", *KNOWN, "--yes", "-o", "json").json()

    assert {row["reference"] for row in report["deleted"]} == {
        "oci-layout:store:base:1",
        "oci-layout:store:web:1",
    }
    reasons = {row["reference"]: row["reason"] for row in report["kept"]}
    assert reasons[planned["images"][0]["cache_reference"]] == "it is the content of this checkout"


@pytest.mark.parametrize(
    "words",
    [
        ["--older-than", "7"],
        ["--older-than", "-1d"],
        ["--max-percent", "101"],
        ["--max-percent", "x"],
    ],
)
def test_what_cannot_be_meant_is_refused(hashtag, folder, words):
    assert hashtag("prune", *words).status == 2


def test_a_checkout_that_cannot_be_planned_stops_it(hashtag, registry, folder):
    pipeline(registry, 1, {"web": "a"}, days=days_ago(9))
    (folder / "web" / "Dockerfile").write_text("FROM base\nCOPY missing /\n")

    ran = hashtag("prune", *KNOWN, "--yes")

    assert ran.status == 1
    assert list(registry.tags(registry.repository.child("plans"))) == ["h1-plan-1"]


def test_there_has_to_be_a_repository(hashtag, folder):
    (folder / "hashtag.toml").write_text('[[image]]\nname = "web"\ndockerfile = "web/Dockerfile"\n')

    assert hashtag("prune").status == 2


def test_a_cleanup_that_stopped_says_what_went_and_why_it_stopped(hashtag, registry, folder, monkeypatch):
    for number in range(12):
        pipeline(registry, number, {"web": str(number)}, days=days_ago(9))

    ran = hashtag("prune", *KNOWN, "--yes")

    assert ran.status == 5
    assert "error[HT063]: 36 of 36 tags would go, 100 %" in ran.err


# ── where nothing is deleted ─────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def zuul(tmp_path_factory):
    running = start_zuul_registry(tmp_path_factory.mktemp("zuul"))
    yield running.host
    running.stop()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "young"),
    [
        pytest.param("alone", {"web": "b"}, id="images of their own"),
        pytest.param("shared", {"web": "a"}, id="an image that a young pipeline has too"),
    ],
)
def test_on_zuul_registry_it_says_that_deletion_is_unsupported(hashtag, folder, zuul, name, young):
    where, creds = f"{zuul}/{name}", f"{USER}:{PASSWORD}"
    with Registry.from_environment(where, environ={}, creds=creds) as registry:
        pipeline(registry, 1, {"web": "a"}, days=days_ago(9))
        pipeline(registry, 2, young, days=days_ago(1))
        before = {tag: registry.resolve(registry.repository.child("web").tagged(tag)) for tag in ("1", "2")}

        ran = hashtag("prune", *KNOWN, "--repository", where, "--creds", creds, "--yes", "-o", "json")

        after = {tag: registry.resolve(registry.repository.child("web").tagged(tag)) for tag in ("1", "2")}
    report = ran.json()
    assert ran.status == 0
    assert ran.err == "Deletion of these tags is unsupported by this registry: nothing was deleted.\n"
    assert (report["deleted"], report["unsupported"]) == ([], True)
    reasons = {row["reference"]: row["reason"] for row in report["kept"]}
    assert reasons[f"{where}/web:1"].startswith("unsupported: ")
    assert before == after


# ── once a day ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def project(tmp_path):
    return Project.open(tmp_path, environ={}, overrides={"repository": "registry.example/app"})


def test_it_is_done_once_a_day(project):
    registry = MemoryRegistry()
    pipeline(registry, 1, {"web": "a"}, days=9)

    first = clean_daily(project, registry, {}, NOW)
    pipeline(registry, 2, {"web": "b"}, days=9)
    registry.requests.clear()
    again = clean_daily(project, registry, {}, NOW + timedelta(hours=23))
    asked = [method for method, _ in registry.requests]
    tomorrow = clean_daily(project, registry, {}, NOW + timedelta(hours=25))

    assert len(first.retention.deleted) == 3
    assert again is None
    assert asked == ["GET", "GET"]
    assert len(tomorrow.retention.deleted) == 3


def test_the_record_of_a_clock_that_was_wrong_does_not_hold_for_ever(project):
    registry = MemoryRegistry()
    clean_daily(project, registry, {}, NOW + timedelta(days=400))
    pipeline(registry, 1, {"web": "a"}, days=9)

    assert len(clean_daily(project, registry, {}, NOW).retention.deleted) == 3
    assert clean_daily(project, registry, {}, NOW + timedelta(hours=1)) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"at": 1}', b'{"at": "2024-05-20"}'])
def test_a_record_that_cannot_be_read_is_none(project, content):
    registry = MemoryRegistry()
    plans = registry.repository.child("plans")
    apply([PutArtifact(plans.tagged("h1-pruned"), PRUNED_TYPE, content)], registry)

    assert clean_daily(project, registry, {}, NOW).retention.deleted == ()


def test_a_pipeline_does_not_fail_because_of_it(project):
    registry = MemoryRegistry()
    error = RegistryUnreachable("gone", where="r")
    registry.fail("resolve", error)

    assert clean_daily(project, registry, {}, NOW) is error


def test_run_cleans_up_when_asked(hashtag, registry, folder):
    pipeline(registry, 1, {"web": "a"}, days=days_ago(9))
    planned = hashtag("plan", *KNOWN, "--pipeline-tag", "2", "-o", "json").json()
    fill(
        {"images": [i | {"pipeline_reference": i["cache_reference"]} for i in planned["images"]]},
        "oci-layout:store",
        "2",
    )

    ran = hashtag("run", *KNOWN, "--pipeline-tag", "2", "--prune-daily")
    again = hashtag("run", *KNOWN, "--pipeline-tag", "2", "--prune-daily")

    assert ran.status == 0, ran.err
    assert "Tags: 3 deleted" in ran.err
    assert "deleted" not in again.err
    assert set(registry.tags(registry.repository.child("plans"))) == {"h1-plan-2", "h1-pruned"}


def test_run_says_that_it_could_not_clean_up_and_succeeds(hashtag, registry, folder):
    plans = registry.repository.child("plans")
    apply([PutArtifact(plans.tagged("h1-plan-1"), PLAN_TYPE, b"{}")], registry)
    planned = hashtag("plan", *KNOWN, "--pipeline-tag", "2", "-o", "json").json()
    fill(
        {"images": [i | {"pipeline_reference": i["cache_reference"]} for i in planned["images"]]},
        "oci-layout:store",
        "2",
    )

    ran = hashtag("run", *KNOWN, "--pipeline-tag", "2", "--prune-daily")

    assert ran.status == 0
    assert "warning: nothing was cleaned up: oci-layout:store:plans:h1-plan-1" in ran.err
