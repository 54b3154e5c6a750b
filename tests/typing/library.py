"""What type checkers must accept: the library as the documentation shows it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import assert_type

import hashtag


def plan_and_build() -> None:
    registry = hashtag.Registry.from_environment("registry.example.com/group/project")
    assert_type(registry, hashtag.Registry)
    plan = hashtag.Project.open(Path()).plan(registry, pipeline_tag="1742")
    assert_type(plan, hashtag.Plan)
    for build in plan.builds:
        assert_type(build, hashtag.Build)
        subprocess.run(build.command("buildx"), check=True)
    for alias in plan.aliases:
        assert_type(alias, hashtag.Alias)
    receipt = hashtag.apply(plan.changes, registry)
    assert_type(receipt, hashtag.Receipt)
    assert_type(hashtag.render(plan, "bake"), str)
    plan.save(Path("plan.json"))
    assert_type(hashtag.Plan.load(Path("plan.json")), hashtag.Plan)


def name_each_action(plan: hashtag.Plan) -> Iterable[str]:
    for action in plan:
        match action:
            case hashtag.Build(target, reason):
                yield f"{target.name}: {reason.value}"
            case hashtag.Alias(target, _, digest):
                yield f"{target.name}: {digest}"
            case hashtag.Failed(name):
                yield name


def one_image() -> str:
    fingerprint = hashtag.fingerprint(
        Path("docker"),
        dockerfile=Path("docker/web.Dockerfile"),
        target="runtime",
        build_args={"APP_ENV": "prod"},
        labels={"maintainer": "us"},
        platform="linux/arm64",
        build_contexts={"lib": Path("lib"), "tool": "docker-image://alpine:3"},
        bases={"debian:12": hashtag.BaseImage(digest="sha256:" + "0" * 64, config={"Env": ["A=1"]})},
        registry=None,
        modes="git",
        context_files="used",
        remote_add="url",
        workers=None,
    )
    assert_type(fingerprint, hashtag.Fingerprint)
    assert_type(fingerprint.tag, str)
    return fingerprint.tag


def what_is_seen() -> None:
    assert_type(hashtag.list_context(Path(), dockerfile=None), list[str])
    rules = hashtag.IgnoreRules.parse("*.log\n!keep.log\n")
    assert_type(rules.excludes("a.log"), bool)
    assert_type(rules.why("a.log"), tuple[int, str] | None)


def an_error() -> tuple[str, int, str]:
    try:
        hashtag.Project.open(Path())
    except hashtag.HashtagError as error:
        return error.code, error.status, error.hint
    return "", 0, ""
