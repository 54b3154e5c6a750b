"""Two pipelines that build one content at once: both end well, and with one image."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from hashtag.project.settling import held
from hashtag.registry import Registry
from project.racing import run_pipeline
from project.stored import image

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
