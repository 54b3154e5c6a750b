"""Pipelines, promotions, undos and cleanups in any order, failing and dying anywhere: nothing is lost.

A model registry stands for all: one that deletes tags, and one that deletes manifests alone. The
bounded run over a real docker-registry has the same rules and the same invariants.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count

import pytest
from attrs import evolve
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hashtag.apply import apply, apply_plan
from hashtag.errors import HashtagError, RegistryUnreachable
from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference
from hashtag.planning.change import AddTag
from hashtag.planning.plan import Alias, Build, Plan, Reason
from hashtag.project.members import choose
from hashtag.project.plans import PlanStore
from hashtag.project.promotable import rfc3339, set_of_plan
from hashtag.project.promoting import Promotion, Published
from hashtag.project.pruning import PruneOptions, prune
from hashtag.project.sets import SetStore
from hashtag.project.settling import held, move, settle
from hashtag.registry import Registry
from hashtag.testing import MemoryRegistry
from project.stored import NOW, image, survey

NAMES = ("base", "web")
_RUNS = count()
contents = st.fixed_dictionaries(dict.fromkeys(NAMES, st.sampled_from("abc")))


class Mortal:
    """A registry that a process speaks to until the process dies, or one request fails."""

    def __init__(self, registry) -> None:
        self.registry = registry
        self.repository = registry.repository
        self._requests_left: int | None = None
        self._is_death = False
        self._meanwhile: Callable[[], None] | None = None

    @contextmanager
    def ends(
        self, after: int | None, *, dies: bool, meanwhile: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Let request number `after` of a process fail, or all from it; or something happen before it."""
        self._requests_left, self._is_death, self._meanwhile = after, dies, meanwhile
        try:
            yield
        finally:
            self._requests_left = self._meanwhile = None

    def __getattr__(self, name: str):
        method = getattr(self.registry, name)
        if name not in (
            "resolve",
            "manifest",
            "blob",
            "put_manifest",
            "put_blob",
            "tags",
            "remove_tag",
            "remove_manifest",
        ):
            return method

        def ask(*arguments, **more):
            # Nothing can be asked between the last look at a set and the write of another one.
            is_closest = name == "put_manifest" and str(arguments[1].tag).startswith("h1-set-")
            if not (is_closest and self._meanwhile):
                self._count()
            return method(*arguments, **more)

        return ask

    def _count(self) -> None:
        if self._requests_left is None:
            return
        self._requests_left -= 1
        if self._requests_left > 0:
            return
        if meanwhile := self._meanwhile:
            self._requests_left = self._meanwhile = None
            meanwhile()
            return
        if not self._is_death:
            self._requests_left = None
        raise RegistryUnreachable("the process is dead", where="test")


class NothingIsLost(RuleBasedStateMachine):
    """Subclasses say which registry."""

    has_interleavings = True

    def registry_of(self):
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.bare = self.registry_of()
        self.registry = Mortal(self.bare)
        self.now = NOW
        self.numbers = count(1)
        self.plans: dict[int, Plan] = {}
        self.finished: dict[Reference, tuple[Digest, object]] = {}
        self.foreign: dict[Reference, Digest] = {}
        self.floor = -1
        self.is_settled = True

    @property
    def sets(self) -> SetStore:
        return SetStore(self.registry, self.registry.repository.child("plans"))

    # ── what pipelines do ────────────────────────────────────────────────────────────────────────

    def run_pipeline(self, number: int, content: dict[str, str], rebuilt: str = "") -> None:
        targets = [image(self.registry, name, content[name], number) for name in NAMES]
        found = {t.name: held(self.registry, t.cache_reference) for t in targets}
        actions = tuple(
            Alias(t, Reason.HIT, digest) if (digest := found[t.name]) else Build(t, Reason.NEVER_BUILT)
            for t in targets
        )
        plan = Plan(
            actions=actions,
            repository=self.registry.repository,
            pipeline_tag=str(number),
            ref="main",
            commit=f"commit of {number}",
            at=rfc3339(self.now),
        )
        self.plans[number] = plan
        plans = self.registry.repository.child("plans")
        PlanStore(self.registry, plans, clock=lambda: self.now).begin(plan)
        for action in plan:
            # As build_plan: what exists by now is tagged, what is gone is built.
            existing = held(self.registry, action.target.cache_reference)
            if existing and action.name != rebuilt:
                move(action.target, existing, self.registry)
                digest = existing
            else:
                pushed = self.build(action.target, number)
                reason = Reason.REBUILD_ASKED if action.name == rebuilt else Reason.NEVER_BUILT
                digest = settle(Build(action.target, reason), pushed, self.registry, lambda _: None)
            self.finished[action.target.pipeline_reference] = (digest, self.now)

    def apply_saved(self, number: int) -> None:
        """Carry out the plan as it was saved then; what exists gets the tags again."""
        plan = self.plans[number]
        plans = self.registry.repository.child("plans")
        PlanStore(self.registry, plans, clock=lambda: self.now).begin(plan)
        apply_plan(plan, self.registry)
        for alias in plan.aliases:
            self.finished[alias.target.pipeline_reference] = (alias.digest, self.now)

    def build(self, target, number: int) -> Digest:
        """Push an image for two platforms; no two builds have the same bytes, but they share one."""
        shared = self.put_image(target, "arm64", "shared")
        own = self.put_image(target, "amd64", f"built by {number}")
        children = [
            evolve(m.descriptor, platform=Platform("linux", arch)).to_json()
            for m, arch in ((own, "amd64"), (shared, "arm64"))
        ]
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children}
        index = Manifest(OCI_INDEX, json.dumps(document).encode())
        return self.registry.put_manifest(index, target.pipeline_reference)

    def put_image(self, target, architecture: str, text: str) -> Manifest:
        config = json.dumps(
            {"os": "linux", "architecture": architecture, "author": f"{target.fingerprint} {text}"}
        ).encode()
        digest = self.registry.put_blob(target.repository, config)
        descriptor = Descriptor("application/vnd.oci.image.config.v1+json", digest, len(config)).to_json()
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor, "layers": []}
        manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
        self.registry.put_manifest(manifest, target.repository.at(manifest.digest))
        return manifest

    def promote(self, number: int) -> bool:
        """Return whether the tags were moved, and not left to a newer set."""
        plan = self.plans[number]
        wanted = set_of_plan(plan, choose(plan, self.registry, {}), order=None, at=self.now)
        (outcome,) = self.promoter.publish(["latest"], wanted)
        return isinstance(outcome, Published)

    def undo_latest(self) -> bool:
        self.promoter.undo(["latest"])
        return True

    @property
    def promoter(self) -> Promotion:
        return Promotion(registry=self.registry, store=self.sets, sleep=lambda _: None)

    def prune(self, current: dict[str, str]) -> None:
        references = [image(self.registry, name, current[name], "x").cache_reference for name in NAMES]
        repositories = tuple(self.registry.repository.child(name) for name in NAMES)
        options = PruneOptions(
            now=self.now, current=frozenset(references), repositories=repositories, max_percent=100
        )
        report = prune(survey(self.registry), options, is_dry=False)
        deleted = {each.reference for each in report.retention.deleted}
        assert not deleted & set(self.foreign)
        if report.error:
            raise report.error

    # ── rules ────────────────────────────────────────────────────────────────────────────────────

    @rule(content=contents, rebuilt=st.sampled_from(["", "", *NAMES]))
    def pipeline(self, content, rebuilt):
        self.run_pipeline(next(self.numbers), content, rebuilt)

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), after=st.none() | st.integers(1, 30))
    def late_application(self, data, after):
        number = data.draw(st.sampled_from(sorted(self.plans)))
        with suppress(HashtagError), self.registry.ends(after, dies=True):  # stale by then
            self.apply_saved(number)

    @rule(content=contents, after=st.integers(1, 40), dies=st.booleans())
    def pipeline_that_ends_early(self, content, after, dies):
        with suppress(HashtagError), self.registry.ends(after, dies=dies):
            self.run_pipeline(next(self.numbers), content)

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def retry(self, data):
        number = data.draw(st.sampled_from(sorted(self.plans)))
        names = {"abc"[i] for i in range(3)}
        content = {
            a.name: next(
                c for c in sorted(names) if Digest.of(f"{a.name}: {c}".encode()).hex == a.target.fingerprint
            )
            for a in self.plans[number]
        }
        with suppress(HashtagError):  # its own tag may hold what it built before its plan was deleted
            self.run_pipeline(number, content)

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def promotion(self, data):
        number = data.draw(st.sampled_from(sorted(self.plans)))
        with suppress(HashtagError):  # not built, or gone since
            self.is_settled |= self.promote(number)

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), after=st.integers(1, 60), dies=st.booleans())
    def promotion_that_ends_early(self, data, after, dies):
        number = data.draw(st.sampled_from(sorted(self.plans)))
        self.is_settled = False
        with suppress(HashtagError), self.registry.ends(after, dies=dies):
            self.promote(number)

    @rule(after=st.none() | st.integers(1, 30))
    def undo(self, after):
        self.is_settled = False
        with suppress(HashtagError), self.registry.ends(after, dies=True):
            self.is_settled = self.undo_latest()
        self.floor = self.order()

    def order(self) -> int:
        current = self.sets.load("latest")
        return -1 if current is None else current.current.order

    @precondition(lambda self: len(self.plans) > 1)
    @rule(data=st.data(), after=st.integers(1, 30), second=st.sampled_from(["promote", "undo", "prune"]))
    def another_process_during_a_promotion(self, data, after, second):
        """Whole processes in between, before any request but the one that no order can guard."""
        numbers = st.sampled_from(sorted(self.plans))
        first, other, current = data.draw(numbers), data.draw(numbers), data.draw(contents)

        def meanwhile():
            match second:
                case "promote":
                    self.is_settled |= self.promote(other)
                case "undo":
                    self.is_settled |= self.undo_latest()
                case _ if self.has_interleavings:
                    self.prune(current)

        def safely():
            with suppress(HashtagError):
                meanwhile()

        with suppress(HashtagError), self.registry.ends(after, dies=False, meanwhile=safely):
            self.is_settled |= self.promote(first)
        self.floor = min(self.floor, self.order()) if second == "undo" else self.floor

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), after=st.integers(1, 30))
    def a_promotion_during_an_undo(self, data, after):
        number = data.draw(st.sampled_from(sorted(self.plans)))

        def meanwhile():
            with suppress(HashtagError):
                self.is_settled |= self.promote(number)

        with suppress(HashtagError), self.registry.ends(after, dies=False, meanwhile=meanwhile):
            self.is_settled |= self.undo_latest()
        self.floor = min(self.floor, self.order())

    @rule(current=contents)
    def cleanup(self, current):
        self.prune(current)

    @rule(current=contents, after=st.integers(1, 120), dies=st.booleans())
    def cleanup_that_ends_early(self, current, after, dies):
        with suppress(HashtagError), self.registry.ends(after, dies=dies):
            self.prune(current)

    @precondition(lambda self: self.has_interleavings)
    @rule(current=contents, content=contents, after=st.integers(1, 120))
    def pipeline_during_a_cleanup(self, current, content, after):
        number = next(self.numbers)
        with self.registry.ends(after, dies=False, meanwhile=lambda: self.run_pipeline(number, content)):
            self.prune(current)

    @rule(days=st.integers(1, 9))
    def time_passes(self, days):
        self.now += timedelta(days=days)

    @precondition(lambda self: self.finished)
    @rule(data=st.data(), child=st.booleans())
    def somebody_tags_an_image(self, data, child):
        reference = data.draw(st.sampled_from(sorted(self.finished)))
        digest = held(self.bare, reference)
        if digest is None:
            return
        if child:
            digest = self.bare.manifest(reference.repository.at(digest)).children()[0].digest
        mine = reference.repository.tagged(f"mine-{len(self.foreign)}")
        apply([AddTag(digest, mine)], self.bare)
        self.foreign[mine] = digest

    # ── what is always so ────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_whole_tree_of_every_tag_is_readable(self):
        for name in (*NAMES, "plans"):
            repository = self.bare.repository.child(name)
            for tag in list(self.bare.tags(repository)):
                if self.bare.resolve(repository.tagged(tag)) is None:
                    continue  # docker-registry lists tags whose manifest was deleted
                self.read(self.bare.manifest(repository.tagged(tag)), repository)

    def read(self, manifest: Manifest, repository) -> None:
        for child in manifest.children():
            assert self.bare.resolve(repository.at(child.digest))
            self.read(self.bare.manifest(repository.at(child.digest)), repository)
        if not manifest.is_index:
            assert self.bare.blob(repository, manifest.config().digest)

    @invariant()
    def nothing_of_others_is_deleted(self):
        for reference, digest in self.foreign.items():
            assert held(self.bare, reference) == digest

    @invariant()
    def the_tags_of_young_pipelines_stay(self):
        for reference, (digest, at) in self.finished.items():
            if self.now - at <= timedelta(days=7):
                assert held(self.bare, reference) == digest

    @invariant()
    def a_published_tag_never_goes_backwards(self):
        current = self.sets.load("latest")
        if current is None:
            # Never published; or only begun, and forgotten since.
            assert not any(held(self.bare, self.bare.repository.child(n).tagged("latest")) for n in NAMES)
            self.floor = -1
            return
        assert current.current.order >= self.floor
        self.floor = current.current.order
        for member in current.members:
            assert self.bare.resolve(member.reference), "an image that undo may go back to is gone"
        if self.is_settled:
            for change in current.changes:
                assert held(self.bare, change.target) == change.digest


class OnTags(NothingIsLost):
    def registry_of(self):
        return MemoryRegistry(deletes="tags")


class OnDigests(NothingIsLost):
    # Between the last look and the deletion of a manifest there is one moment that no order of
    # requests can close: a whole pipeline inside of it is not what the promise is about.
    has_interleavings = False

    def registry_of(self):
        return MemoryRegistry(deletes="digests")


_MODEL = settings(
    max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize(
    "machine", [OnTags, OnDigests], ids=["a registry that deletes tags", "by digest alone"]
)
def test_nothing_is_lost(machine):
    run_state_machine_as_test(machine, settings=_MODEL)


@pytest.mark.integration
def test_nothing_is_lost_on_docker_registry(docker_registry):
    class OnDockerRegistry(NothingIsLost):
        has_interleavings = False

        def registry_of(self):
            # A new client each: nothing that it remembers hides what is gone.
            return Registry.from_environment(f"{docker_registry.host}/lost-{next(_RUNS)}", environ={})

        def teardown(self):
            self.bare.close()

    run_state_machine_as_test(
        OnDockerRegistry,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
