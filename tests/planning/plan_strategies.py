"""Generated plans, and small ones to write down in tests."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from hashtag.oci.digest import Digest
from hashtag.oci.manifest import OCI_MANIFEST, Descriptor
from hashtag.oci.platform import Platform
from hashtag.oci.reference import Reference, Repository
from hashtag.planning.decide import decide
from hashtag.planning.plan import BuildSpec, Failed, Plan, PlannedBase, Target

REPOSITORY = Repository.parse("registry.example.com/group/project")
AT = "2024-05-01T12:00:00Z"
AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


def digest_of(text: str) -> Digest:
    return Digest.of(text.encode("utf-8", "surrogatepass"))


def target(name: str, *, parents: tuple[str, ...] = (), tag: str | None = "1742", **more: Any) -> Target:
    """An image whose repository is fit for any name."""
    fingerprint = more.pop("fingerprint", digest_of(name).hex)
    safe = name if name.isalpha() and name.isascii() and name.islower() else f"i{digest_of(name).hex[:8]}"
    repository = more.pop("repository", REPOSITORY.child(safe))
    spec = more.pop("build", None) or BuildSpec(dockerfile=f"{safe}/Dockerfile", context=safe)
    return Target(
        name=name,
        fingerprint=fingerprint,
        fingerprints={"linux/amd64": fingerprint},
        cache_reference=repository.tagged(f"h1-{fingerprint}"),
        pipeline_reference=repository.tagged(tag) if tag else None,
        parents=parents,
        parent_references={f"qemu/{parent}": parent for parent in parents if parent.isalpha()},
        build=spec,
        **more,
    )


def with_spec(image: Target, **more: Any) -> Target:
    return evolve(image, build=evolve(image.build, **more))


def descriptor(text: str) -> Descriptor:
    return Descriptor(OCI_MANIFEST, digest_of(text), 1000)


def found(*targets: Target) -> dict[Reference, Descriptor]:
    """A registry that holds these images."""
    return {image.cache_reference: descriptor(image.fingerprint) for image in targets}


def plan_of(*actions: Any, **more: Any) -> Plan:
    return Plan(actions=actions, repository=REPOSITORY, pipeline_tag="1742", at=AT, **more)


def debian(reference: str = "docker.io/library/debian:12") -> PlannedBase:
    return PlannedBase(
        reference=reference,
        digest=digest_of(f"index of {reference}"),
        platforms={"linux/amd64": digest_of(f"manifest of {reference}")},
        configs={"linux/amd64": {"Env": ["PATH=/bin"], "OnBuild": None}},
    )


# ── generated ────────────────────────────────────────────────────────────────────────────────────

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
names = st.one_of(st.from_regex(r"[a-z]{1,8}", fullmatch=True), words)
mappings = st.dictionaries(words, words, max_size=3)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
records = st.dictionaries(
    st.sampled_from(["linux/amd64", "linux/arm64"]), st.dictionaries(words, json_values, max_size=3)
)
specs = st.builds(
    BuildSpec,
    dockerfile=words,
    context=words,
    target=st.none() | words,
    arguments=st.dictionaries(words, st.none(), max_size=3),
    labels=mappings,
    platforms=st.lists(st.sampled_from([AMD64, ARM64]), unique=True).map(tuple),
    contexts=mappings,
    secrets=st.lists(words, max_size=2).map(tuple),
    stages=st.none() | st.lists(words, max_size=2).map(tuple),
)
bases = st.lists(
    st.builds(
        PlannedBase,
        reference=st.sampled_from(["docker.io/library/debian:12", "quay.io/centos/centos:stream9"]),
        digest=words.map(digest_of),
        platforms=st.dictionaries(st.sampled_from(["linux/amd64", "linux/arm64"]), words.map(digest_of)),
        configs=records,
        is_written_by_digest=st.booleans(),
    ),
    max_size=2,
).map(tuple)


@st.composite
def target_lists(draw: st.DrawFn) -> list[Target]:
    """Images in topological order."""
    made: list[Target] = []
    for name in draw(st.lists(names, max_size=5, unique=True)):
        earlier = st.permutations([image.name for image in made]).map(lambda names: tuple(names[:2]))
        image = target(
            name,
            parents=draw(st.just(()) | earlier),
            tag=draw(st.sampled_from(["1742", None])),
            bases=draw(bases),
            build=draw(specs),
            salt=draw(st.just("") | words),
            records=draw(records),
        )
        made.append(image)
    return made


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans as `decide` makes them, with hostile texts everywhere a text is free."""
    targets = draw(target_lists())
    present = draw(st.lists(st.sampled_from(targets))) if targets else []
    broken = draw(st.lists(st.sampled_from(targets))) if targets else []
    taken = {image.name for image in targets}
    failed = draw(st.lists(names.filter(lambda name: name not in taken), max_size=2, unique=True))
    return Plan(
        actions=decide(
            targets,
            found(*present),
            broken={image.cache_reference: digest_of(image.name) for image in broken},
            failed=[Failed(name, draw(words), "HT021") for name in failed],
        ),
        repository=REPOSITORY,
        pipeline_tag=draw(st.sampled_from(["1742", None])),
        ref=draw(st.none() | words),
        commit=draw(st.none() | words),
        commit_time=draw(st.sampled_from([None, AT])),
        at=AT,
        warnings=tuple(draw(st.lists(words, max_size=2))),
        tool_version=draw(words),
    )
