"""Two pipelines that do the same at once, in two processes: both end well, and agree."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from hashtag.project.sets import SetStore
from hashtag.project.settling import held
from hashtag.registry import Registry
from project.racing import run_pipeline, run_promotion
from project.stored import image, pipeline

_REPEATS = 20


@pytest.mark.integration
def test_two_pipelines_of_one_content_agree_with_the_cache_tag(docker_registry):
    repository = f"{docker_registry.host}/race"
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        Registry.from_environment(repository, environ={}) as registry,
    ):
        for repeat in range(_REPEATS):
            numbers = (2 * repeat, 2 * repeat + 1)
            start = time.time() + (1.5 if repeat == 0 else 0.05)
            futures = [pool.submit(run_pipeline, repository, n, str(repeat), start) for n in numbers]
            digests = [future.result(timeout=60) for future in futures]

            targets = [image(registry, "web", str(repeat), number) for number in numbers]
            cached = held(registry, targets[0].cache_reference)
            tagged = [held(registry, target.pipeline_reference) for target in targets]
            assert tagged == [cached, cached]
            assert set(digests) == {str(cached)}
            manifest = registry.manifest(targets[0].repository.at(cached))
            assert registry.blob(targets[0].repository, manifest.config().digest)


@pytest.mark.integration
def test_of_two_pipelines_that_publish_at_once_the_newer_one_has_the_last_word(docker_registry):
    repository = f"{docker_registry.host}/publishing"
    with (
        ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool,
        Registry.from_environment(repository, environ={}) as registry,
    ):
        plans = registry.repository.child("plans")
        for repeat in range(_REPEATS):
            older, newer = 2 * repeat, 2 * repeat + 1
            for number in (older, newer):
                pipeline(registry, number, {"base": f"{number}", "web": f"{number}"})
            start = time.time() + (1.5 if repeat == 0 else 0.1)
            # Each is the first to be sent in half of the repeats.
            numbers = (older, newer) if repeat % 2 else (newer, older)
            futures = {number: pool.submit(run_promotion, repository, number, start) for number in numbers}
            outcomes = {number: future.result(timeout=60) for number, future in futures.items()}

            latest = [
                held(registry, registry.repository.child(name).tagged("latest")) for name in ("base", "web")
            ]
            wanted = [
                held(registry, registry.repository.child(name).tagged(f"{newer}")) for name in ("base", "web")
            ]
            assert latest == wanted
            assert SetStore(registry, plans).load("latest").current.order == newer
            assert outcomes[newer] == "published"
