"""The logins that builders are handed: of every registry a plan names, each for where it is meant."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from hashtag.cli.logins import builder_logins
from hashtag.oci.digest import Digest
from hashtag.oci.reference import Repository
from hashtag.planning.plan import Alias, Build, OnUpstreamHit, Plan, Reason, Upstream
from planning.plan_strategies import debian, plan_of, target

OWN = "registry.example.com"


def auths(**users: str) -> dict[str, str]:
    """Return the variable with a user for each registry or repository; `__` stands for `/`, `_` for `.`."""
    keys = {key.replace("__", "/").replace("_", "."): user for key, user in users.items()}
    document = {key: {"username": user, "password": f"of {user}"} for key, user in keys.items()}
    return {"DOCKER_AUTH_CONFIG": json.dumps({"auths": document})}


def plan(upstream: str, on_hit: OnUpstreamHit = OnUpstreamHit.USE) -> Plan:
    """Return a plan that builds `web` from `base`, which another repository holds."""
    base = target("base")
    elsewhere = Upstream(Repository.parse(upstream), on_hit)
    web = target("web", parents=("base",), bases=(debian(),))
    alias = Alias(base, Reason.HIT_UPSTREAM, Digest.of(b"base"), elsewhere)
    return plan_of(alias, Build(web, Reason.NEVER_BUILT))


def users(made: Plan, environ: Mapping[str, str], creds: str | None = None) -> dict[str, str]:
    return {where: login.username for where, login in builder_logins(made, creds, environ).items()}


def test_a_registry_whose_image_is_used_has_its_login():
    environ = auths(registry_example_com="ci", upstream_example="reader", docker_io="hub", other_example="x")

    found = users(plan("upstream.example/app"), environ)

    assert found == {OWN: "ci", "upstream.example": "reader", "docker.io": "hub"}


def test_a_registry_whose_image_is_copied_has_none_for_the_builder():
    environ = auths(registry_example_com="ci", upstream_example="reader")

    assert users(plan("upstream.example/app", OnUpstreamHit.COPY), environ) == {OWN: "ci"}


def test_two_repositories_of_one_host_have_each_its_own_and_ours_is_the_hosts():
    environ = auths(registry_example_com="ci", registry_example_com__upstream="reader")

    assert users(plan(f"{OWN}/upstream/base"), environ) == {OWN: "ci", f"{OWN}/upstream/base": "reader"}


@pytest.mark.parametrize(
    ("environ", "user"),
    [
        pytest.param({"HASHTAG_CREDS": "ci:x"}, "ci", id="HASHTAG_CREDS"),
        pytest.param({"CI_REGISTRY": OWN, "CI_JOB_TOKEN": "t"}, "gitlab-ci-token", id="CI_JOB_TOKEN"),
        pytest.param(
            {"CI_REGISTRY": OWN, "CI_REGISTRY_USER": "u", "CI_REGISTRY_PASSWORD": "p"},
            "u",
            id="GitLab's user",
        ),
    ],
)
def test_what_no_builder_looks_for_is_handed_on(environ, user):
    assert users(plan("upstream.example/app"), environ) == {OWN: user}


def test_creds_are_for_our_own_registry_alone():
    assert users(plan("upstream.example/app"), {}, "ci:secret") == {OWN: "ci"}


def test_a_builder_finds_what_stands_in_its_files_by_itself(tmp_path):
    (tmp_path / "config.json").write_text(auths(registry_example_com="ci")["DOCKER_AUTH_CONFIG"])

    assert users(plan("upstream.example/app"), {"DOCKER_CONFIG": str(tmp_path)}) == {}
