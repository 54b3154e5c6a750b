"""
The known bugs of other tools that hash the inputs of images, each by its reference: here they do not occur.

Rows are builds and edits in the words of the vectors (README.md), hashed as users do: with git's modes.
What has no row, and why, stands in docs/fidelity.md.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

import hashtag
from fidelity.buildkit_cases import Build, edited, write
from hashtag.errors import AccessDenied, DockerfileError, RegistryUnreachable, UnreadableFile
from hashtag.planning.change import Change
from hashtag.testing import MemoryRegistry
from project.projects import BASE, REPOSITORY, fill, open_project, registry_with_base, three_images
from project.projects import write as write_files

OLD, NEW = "registry.test/base@sha256:" + "1" * 64, "registry.test/base@sha256:" + "2" * 64


def tag(document: Mapping[str, Any], folder: Path) -> str:
    """Return the cache tag of a build."""
    build = Build(document)
    bases = {name: hashtag.BaseImage(**base) for name, base in build.bases.items()}
    return hashtag.fingerprint(**write(build, folder), bases=bases).tag


def plan_tags(folder: Path, registry: MemoryRegistry | None = None, **arguments: object) -> dict[str, str]:
    """Return the cache tag of each image of a project, by its name."""
    plan = open_project(folder).plan(registry or registry_with_base(), **arguments)
    return {action.name: action.target.cache_tag for action in plan}


def row(name: str, build: dict[str, Any], edit: dict[str, Any]) -> Any:
    return pytest.param({"files": {}, **build}, edit, id=name)


def peer(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a test the reference of the bug that it is about."""
    return pytest.mark.parametrize("peer", [name], ids=[name])


_COPY = {"dockerfile": "FROM scratch\nCOPY . /\n", "dockerfile_outside": True}
_USES_A = {"dockerfile": "FROM scratch\nCOPY a /\n", "files": {"a": "1"}}

# ── false hits: the content changed, and others kept the tag ─────────────────────────────────────


@pytest.mark.parametrize(
    ("build", "edit"),
    [
        row(
            "skaffold#2922: build args",
            {"dockerfile": "FROM scratch\nARG V\nRUN make $V\n", "args": {"V": "1"}},
            {"args": {"V": "2"}},
        ),
        row(
            "skaffold#8226: the Dockerfile is outside of the context",
            {"dockerfile": "FROM scratch\nCOPY a /\n", "files": {"a": "1"}, "dockerfile_outside": True},
            {"dockerfile_append": "ENV A=1\n"},
        ),
        row(
            "skaffold#8226: build args of a FROM",
            {
                "dockerfile": "ARG V\nFROM node:$V\n",
                "args": {"V": "1"},
                "bases": {"node:1": OLD, "node:2": NEW},
            },
            {"args": {"V": "2"}},
        ),
        row(
            "skaffold#5063: the base moved",
            {"dockerfile": "FROM base:1\n", "bases": {"base:1": OLD}},
            {"bases": {"base:1": NEW}},
        ),
        row(
            "skaffold hash.go: only the last part of a path counted",
            {**_COPY, "files": {"a/x": "1", "b/y": "1"}},
            {"files": {"a/x": None, "b/y": None, "b/x": "1", "a/y": "1"}},
        ),
        row(
            "skaffold hash.go: the target of a link was not read",
            {
                "dockerfile": "FROM scratch\nCOPY link /\n",
                "files": {"link": {"symlink": "a"}, "a": "1"},
            },
            {"files": {"a": "2"}},
        ),
        row(
            "skaffold hash.go: the text of a link was not read",
            {**_COPY, "files": {"link": {"symlink": "a"}, "a": "1", "b": "1"}},
            {"files": {"link": {"symlink": "b"}}},
        ),
        row("werf PR#7465: the mode of a file", _USES_A, {"files": {"a": {"content": "1", "mode": "0755"}}}),
        row("werf PR#7644: the platform", _USES_A, {"platform": "linux/arm64"}),
        row(
            "werf PR#6194: the base stage",
            {"dockerfile": "FROM scratch AS one\nCOPY a /\nFROM one\nENV A=1\n", "files": {"a": "1"}},
            {"files": {"a": "2"}},
        ),
        row(
            "pulumi-docker#594: what an exception takes back in",
            {
                "dockerfile": "FROM scratch\nCOPY . /\n",
                "dockerignore": "*\n!keep\n",
                "files": {"keep/a": "1"},
            },
            {"files": {"keep/a": "2"}},
        ),
        row(
            "pulumi-docker-build PR#980, METR/hawk#1240: a named context under the other one's ignore file",
            {
                "dockerfile": "FROM scratch\nCOPY --from=lib . /\n",
                "dockerignore": "*\n",
                "contexts": {"lib": {"f": "1"}},
            },
            {"contexts": {"lib": {"f": "2"}}},
        ),
        row(
            "rcds#118: a Dockerfile that is itself ignored",
            {**_USES_A, "dockerignore": "Dockerfile\n.dockerignore\n"},
            {"dockerfile_append": "ENV A=1\n"},
        ),
        row(
            "flyte-sdk PR#799: the content of .dockerignore",
            {
                "dockerfile": "FROM scratch\nCOPY d /\n",
                "files": {"d/a": "1", "d/b": "1"},
                "dockerignore": "x\n",
            },
            {"dockerignore": "d/b\n"},
        ),
        row(
            "MaterializeInc/pulumi-docker-buildkit PR#7: the Dockerfile",
            _USES_A,
            {"dockerfile_append": "USER 1\n"},
        ),
        row(
            "rust-lang/rust PR#58549: files of another image's folder",
            {
                "dockerfile": "FROM scratch\nCOPY images/other/setup.sh /\n",
                "dockerfile_name": "images/one/Dockerfile",
                "files": {"images/other/setup.sh": "1"},
            },
            {"files": {"images/other/setup.sh": "2"}},
        ),
        row(
            "pytorch#142218: scripts that several folders share",
            {
                "dockerfile": "FROM scratch\nCOPY common/*.sh /\n",
                "dockerfile_name": "ubuntu/Dockerfile",
                "files": {"common/install.sh": "1"},
            },
            {"files": {"common/install.sh": "2"}},
        ),
        row("anza-xyz/agave PR#5229: only the Dockerfile", _USES_A, {"dockerfile_sub": [["/\n", "/b\n"]]}),
        row(
            "dash PR#7541: a mode",
            {**_COPY, "files": {"bin/run": "1"}},
            {"files": {"bin/run": {"content": "1", "mode": "0755"}}},
        ),
        row("dash PR#7541: a link", {**_COPY, "files": {"a": "1"}}, {"files": {"b": {"symlink": "a"}}}),
        row(
            "scriptworker PR#1515: a path that no list names",
            {
                "dockerfile": "FROM scratch\nRUN --mount=source=deep/down/pin,target=/pin make\n",
                "files": {"deep/down/pin": "1"},
            },
            {"files": {"deep/down/pin": "2"}},
        ),
        row(
            "scrutineer#480, lerd#1172: the base as a text that never changes",
            {"dockerfile": "FROM base\n", "bases": {"base": OLD}},
            {"bases": {"base": NEW}},
        ),
        row("dib: chmod", {**_COPY, "files": {"a": "1"}}, {"files": {"a": {"content": "1", "mode": "0755"}}}),
        row(
            "stackrox PR#20326: a part of the inputs, an argument",
            {"dockerfile": "FROM scratch\nARG V=1\nRUN make\n"},
            {"args": {"V": "2"}},
        ),
        row("stackrox PR#20326: a part of the inputs, a label", _USES_A, {"labels": {"a": "1"}}),
        row(
            "stackrox PR#20326: a part of the inputs, the stage",
            {"dockerfile": "FROM scratch AS one\nENV A=1\nFROM one\nENV A=2\n"},
            {"target": "one"},
        ),
        row(
            "stackrox PR#20326: a part of the inputs, a Dockerfile's own ignore file",
            {"dockerfile": "FROM scratch\nCOPY d /\n", "files": {"d/a": "1", "d/b": "1"}},
            {"dockerfile_ignore": "d/b\n"},
        ),
    ],
)
def test_what_others_served_stale_has_another_fingerprint(
    tmp_path: Path, build: dict[str, Any], edit: dict[str, Any]
) -> None:
    assert tag(edited(build, edit), tmp_path / "after") != tag(build, tmp_path / "before")


@peer("werf PR#7827: the version of the cache is not in the tag")
def test_the_version_of_the_recipe_and_a_salt_are_in_the_fingerprint(tmp_path: Path, peer: str) -> None:
    folder = three_images(tmp_path)
    (one, *_) = open_project(folder).plan(registry_with_base()).builds

    assert one.target.cache_tag.startswith("h1-")
    assert all(record["recipe"] == "h1" for record in one.target.records.values())
    assert plan_tags(folder, salts={"docs": "2"})["docs"] != plan_tags(folder)["docs"]


@pytest.mark.parametrize("kind", ["a folder", "a link to nowhere", "nothing"])
@peer("pulumi-docker-build PR#979: a Dockerfile that cannot be read counts as empty")
def test_a_dockerfile_that_cannot_be_read_is_an_error(tmp_path: Path, peer: str, kind: str) -> None:
    dockerfile = tmp_path / "Dockerfile"
    if kind == "a folder":
        dockerfile.mkdir()
    elif kind == "a link to nowhere":
        dockerfile.symlink_to("gone")

    with pytest.raises((UnreadableFile, DockerfileError)):
        hashtag.fingerprint(tmp_path, dockerfile=dockerfile)


@peer("linuxkit PR#4176: the hash of a dependent stands still")
def test_a_change_of_an_image_changes_its_dependents(tmp_path: Path, peer: str) -> None:
    before = plan_tags(three_images(tmp_path))
    (tmp_path / "base/etc/motd").write_text("changed\n")

    after = plan_tags(tmp_path)

    assert {name for name in before if before[name] != after[name]} == {"base", "web"}


@peer("linuxkit#3817, linuxkit#1812: what is not committed is taken for the commit")
def test_what_is_not_committed_counts(tmp_path: Path, peer: str) -> None:
    folder = three_images(tmp_path)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    clean = plan_tags(folder)

    seen = []
    for number in range(2):
        (folder / "docs/index.html").write_text(f"dirty {number}\n")
        seen.append(plan_tags(folder)["docs"])

    assert len({clean["docs"], *seen}) == 3


@peer("chartpress#12, chartpress PR#13: arguments of the configuration")
def test_arguments_of_the_configuration_count(tmp_path: Path, peer: str) -> None:
    write_files(tmp_path, {"Dockerfile": "FROM scratch\nARG V\nRUN make $V\n"})
    tags = []
    for value in "12":
        text = f'[[image]]\nname = "web"\ndockerfile = "Dockerfile"\nargs = {{ V = "{value}" }}\n'
        (tmp_path / "hashtag.toml").write_text(text)
        tags.append(plan_tags(tmp_path)["web"])

    assert tags[0] != tags[1]


@peer("chartpress PR#108: the tag of the first image is every image's")
def test_each_image_has_a_tag_of_its_own(tmp_path: Path, peer: str) -> None:
    tags = plan_tags(three_images(tmp_path))

    assert len(set(tags.values())) == len(tags) == 3


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param("docs/Dockerfile", "FROM scratch\nCOPY index.html .\nUSER 1\n", id="of a Dockerfile"),
        pytest.param("docs/index.html", "<p>HELLO\n", id="of a file, to the same size"),
    ],
)
@peer("tilt#5586: an image is reused though its Dockerfile changed meanwhile")
def test_an_edit_counts_however_quick_it_is(tmp_path: Path, peer: str, path: str, text: str) -> None:
    folder, registry = three_images(tmp_path), registry_with_base()
    project, file = open_project(folder), folder / path
    os.utime(file, ns=(10**18, 10**18))
    fill(registry, project.plan(registry))
    file.write_text(text)
    os.utime(file, ns=(10**18, 10**18))

    assert [build.name for build in project.plan(registry).builds] == ["docs"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"FROM --platform=linux/amd64 {REPOSITORY}/base\n", id="FROM --platform"),
        pytest.param(f"ARG PARENT={REPOSITORY}/base\nFROM $PARENT\n", id="an ARG"),
        pytest.param(f"FROM scratch\nCOPY --from={REPOSITORY}/base / /\n", id="COPY --from"),
        pytest.param(f"FROM {REPOSITORY}/base:1742 AS one\nFROM one\n", id="an earlier stage"),
    ],
)
@peer("dib: parents in FROM --platform and in ARG are not seen")
def test_a_parent_is_found_however_it_is_written(tmp_path: Path, peer: str, text: str) -> None:
    folder = write_files(three_images(tmp_path), {"web/Dockerfile": text})
    before = plan_tags(folder)
    (folder / "base/etc/motd").write_text("changed\n")

    assert plan_tags(folder)["web"] != before["web"]


@peer("dib: tags of 32 bits")
def test_a_tag_has_all_256_bits(tmp_path: Path, peer: str) -> None:
    (digits,) = {len(tag.removeprefix("h1-")) for tag in plan_tags(three_images(tmp_path)).values()}

    assert digits * 4 == 256


# ── false misses: nothing changed, and others built again ────────────────────────────────────────


@pytest.mark.parametrize(
    ("build", "edit"),
    [
        row(
            "pulumi-docker-build#979: bits of the umask",
            {**_COPY, "files": {"d": {"dir": True, "mode": "0755"}, "d/a": {"content": "1", "mode": "0644"}}},
            {"files": {"d": {"dir": True, "mode": "0775"}, "d/a": {"content": "1", "mode": "0664"}}},
        ),
        row(
            "moby#32816: owner and umask of the checkout",
            {**_COPY, "files": {"a": "1"}},
            {"files": {"a": {"content": "1", "mode": "0600", "uid": 1234, "gid": 1234}}},
        ),
        row(
            "mzbuild#2720, mzbuild#2809: bits that git does not keep",
            {**_COPY, "files": {"a": {"content": "1", "mode": "0755"}}},
            {"files": {"a": {"content": "1", "mode": "0710"}}},
        ),
        row(
            "taskgraph: bits of the umask",
            {**_COPY, "files": {"a": {"content": "1", "mode": "0644"}}},
            {"files": {"a": {"content": "1", "mode": "0666"}}},
        ),
        row(
            "taskgraph: an ignored file",
            {"dockerfile": "FROM scratch\nCOPY . /\n", "dockerignore": "*.log\n", "files": {"a.log": "1"}},
            {"files": {"a.log": "2", "b.log": "new"}},
        ),
        row(
            "rcds#117: the text of .dockerignore",
            {
                "dockerfile": "FROM scratch\nCOPY d /\n",
                "dockerignore": "d/b\n",
                "files": {"d/a": "1", "d/b": "1"},
            },
            {"dockerignore": "# more\n./d/b/\nelsewhere\n"},
        ),
        row("pytorch#182950: a README in the folder", _USES_A, {"files": {"README.md": "read me"}}),
        row(
            "tilt#4473, tilt#3447: an ignored file is touched",
            {
                "dockerfile": "FROM scratch\nCOPY . /\n",
                "dockerignore": "build\n",
                "files": {"a": "1", "build/o": {"content": "1", "mtime": 1}},
            },
            {"files": {"build/o": {"content": "1", "mtime": 2}}},
        ),
    ],
)
def test_what_others_built_for_nothing_keeps_its_fingerprint(
    tmp_path: Path, build: dict[str, Any], edit: dict[str, Any]
) -> None:
    assert tag(edited(build, edit), tmp_path / "after") == tag(build, tmp_path / "before")


@peer("pulumi-docker-build#222, pulumi-docker-build#358: always out of date on runners")
def test_a_second_runner_sees_what_the_first_one_did(tmp_path: Path, peer: str) -> None:
    """Another place, another time, another process: everything aliases."""
    registry = registry_with_base()
    fill(registry, open_project(three_images(tmp_path / "runner 1")).plan(registry))

    plan = open_project(three_images(tmp_path / "runner-2" / "builds")).plan(registry)

    assert plan.builds == ()


@peer("MaterializeInc/pulumi-docker-buildkit PR#7: the order of files")
def test_the_order_in_which_files_are_listed_does_not_count(tmp_path: Path, peer: str) -> None:
    names = ["b", "a", "c/z", "c/y", "a-b", "a.b"]

    tags = {
        tag({**_COPY, "files": dict.fromkeys(order, "1")}, tmp_path / str(number))
        for number, order in enumerate((names, names[::-1], sorted(names)))
    }

    assert len(tags) == 1


@peer("pants#22575: the parent's tag of this pipeline is in the child's hash")
def test_a_parents_tag_does_not_count(tmp_path: Path, peer: str) -> None:
    folder = three_images(tmp_path)
    tags = set()
    for number in ("1742", "1743"):
        text = f"ARG TAG={number}\nFROM {REPOSITORY}/base:$TAG\nCOPY run.sh /\n"
        write_files(folder, {"web/Dockerfile": text})
        tags.add(plan_tags(folder, pipeline_tag=number)["web"])

    assert len(tags) == 1


@peer("werf#7876: identifiers of the built parent are in the child's tag")
def test_a_parent_that_was_built_again_does_not_count(tmp_path: Path, peer: str) -> None:
    folder, registry = three_images(tmp_path), registry_with_base()
    plan = open_project(folder).plan(registry)
    before = plan_tags(folder, registry)
    for bits in (b"the first time", b"the second time"):
        for build in plan.builds:
            registry.add_image(str(build.target.cache_reference), layers=[bits])

    assert plan_tags(folder, registry) == before


@peer("werf#2904: stages that are lost are built again")
def test_a_parent_that_is_gone_does_not_count(tmp_path: Path, peer: str) -> None:
    registry, project = registry_with_base(), open_project(three_images(tmp_path))
    (web,) = (build for build in project.plan(registry).builds if build.name == "web")
    registry.add_image(str(web.target.cache_reference))

    assert [alias.name for alias in project.plan(registry).aliases] == ["web"]


@peer("airflow PR#14998: two files of one name take each other's place")
def test_files_of_one_name_count_each(tmp_path: Path, peer: str) -> None:
    def files(www: str, ui: str) -> dict[str, Any]:
        return {**_COPY, "files": {"www/package.json": www, "ui/package.json": ui}}

    same = [tag(files("1", "2"), tmp_path / name) for name in ("a", "b")]
    other = [tag(files(*each), tmp_path / "".join(each)) for each in (("2", "2"), ("1", "1"), ("2", "1"))]

    assert len(set(same)) == 1
    assert len({*same, *other}) == 4


@peer("frankenphp PR#2545: all variants are built when the base of one moves")
def test_only_the_variant_whose_base_moved_is_built(tmp_path: Path, peer: str) -> None:
    registry = MemoryRegistry(REPOSITORY)
    variants = [f"php-{number}" for number in range(4)]
    for name in variants:
        registry.add_image(f"registry.example/{name}:1", config={"Env": [f"A={name}"]})
        write_files(tmp_path, {f"{name}/Dockerfile": f"FROM registry.example/{name}:1\n"})
    project = open_project(tmp_path)
    fill(registry, project.plan(registry))
    registry.add_image("registry.example/php-2:1", config={"Env": ["A=moved"]})

    assert [build.name for build in project.plan(registry).builds] == ["php-2"]


# ── not the hash, the same effect ────────────────────────────────────────────────────────────────


@peer("tigerblue77/Dell_iDRAC#310, PR#313, coreos pipeline PR#1138: the base moves after it was hashed")
def test_the_build_names_the_digest_that_was_hashed(tmp_path: Path, peer: str) -> None:
    registry = registry_with_base()
    plan = open_project(three_images(tmp_path)).plan(registry, pipeline_tag="1")
    (build,) = (build for build in plan.builds if build.name == "base")
    (base,) = build.target.bases
    moved = registry.add_image(BASE, config={"Env": ["MOVED=1"]})

    command = " ".join(build.command("buildx"))

    assert f"=docker-image://{BASE}@{base.digest}" in command
    assert str(moved) not in command


@pytest.mark.parametrize(
    "error",
    [RegistryUnreachable("503", where="registry.example"), AccessDenied("401", where="registry.example")],
    ids=["unreachable", "denied"],
)
@pytest.mark.parametrize("of", ["a cache tag", "a base"])
@peer("Vexa#1659, kueue#14834: an error of the registry is read as missing, or as there")
def test_an_error_is_neither_missing_nor_there(
    tmp_path: Path, peer: str, of: str, error: hashtag.HashtagError
) -> None:
    registry, project = registry_with_base(), open_project(three_images(tmp_path))
    (docs,) = (build for build in project.plan(registry).builds if build.name == "docs")
    asked = str(docs.target.cache_reference) if of == "a cache tag" else BASE
    registry.fail("resolve", error, reference=asked, times=9)
    registry.fail("manifest", error, reference=asked, times=9)

    with pytest.raises(type(error)):
        project.plan(registry)


@peer("distribution#1566: deleting a tag deletes a manifest that others share")
def test_no_change_deletes_a_manifest(peer: str) -> None:
    """A tag may be taken away; nothing that hashtag does to a registry names a manifest to delete."""
    assert {change.__name__ for change in get_args(Change)} <= {
        "AddTag",
        "CopyImage",
        "PutArtifact",
        "RemoveTag",
    }
