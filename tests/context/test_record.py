"""Records and fingerprints: what counts, what does not, and what can be stored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hashtag
from hashtag.context.canonical import canonical
from hashtag.context.fileset import Line
from hashtag.context.fingerprint import Fingerprint, cache_tag, joined, refresh_number
from hashtag.errors import UsageError
from hashtag.oci.platform import Platform

BASE = hashtag.BaseImage("sha256:" + "1" * 64, {"Env": ["PATH=/bin"]})
SECRET = "correct-horse-battery"


def fingerprint(folder: Path, dockerfile: str, **arguments: Any) -> Fingerprint:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    return hashtag.fingerprint(folder, bases={"x": BASE, "y": BASE}, **arguments)


@pytest.mark.parametrize(
    "text",
    [
        "ENV A=$S",
        "LABEL a=$S",
        "WORKDIR /$S",
        "USER $S",
        "STOPSIGNAL $S",
        "VOLUME /$S",
        "RUN true",
        "RUN --mount=type=bind,target=/$S true",
        "RUN --mount=type=secret,id=$S true",
        "COPY --chown=$S f /",
        "COPY f /$S",
        "COPY --from=y /$S /",
        "COPY <<E /f\n$S\nE",
        "ENTRYPOINT []\nENV B=${S%e}",
    ],
)
def test_no_value_of_an_argument_stands_in_a_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "f").write_text("")

    found = fingerprint(tmp_path, f"FROM x\nARG S\n{text}\n", build_args={"S": SECRET})

    assert SECRET[:-1] not in json.dumps(found.record)


def test_a_fingerprint_is_the_sha256_of_its_record(tmp_path: Path) -> None:
    found = fingerprint(tmp_path, "FROM x\nRUN true\n")

    assert Fingerprint.of(json.loads(canonical(found.record))).text == found.text == str(found)
    assert found.tag == cache_tag(found.text) == f"h1-{found.text}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("FROM x\nRUN a", "# comment\nfrom x\n\nrun a", id="comments, spacing, case"),
        pytest.param("FROM x\nRUN a", "FROM x AS n\r\nRUN a\r\n", id="line ends, a stage's name"),
        pytest.param(
            "FROM x\nRUN a\nRUN b", "FROM x AS p\nRUN a\nFROM p\nRUN b", id="a build cut in two stages"
        ),
        pytest.param("FROM x\nLABEL a=1 b=2", 'FROM x\nLABEL b=2\nLABEL a="1"', id="labels in another order"),
        pytest.param("FROM x\nEXPOSE 80 90", "FROM x\nEXPOSE 90/tcp\nEXPOSE 80", id="ports in another order"),
        pytest.param(
            "FROM y AS a\nRUN 1\nFROM y AS b\nRUN 2\nFROM x\nCOPY --from=a /a /\nCOPY --from=b /b /",
            "FROM y AS b\nRUN 2\nFROM y AS a\nRUN 1\nFROM x\nCOPY --from=a /a /\nCOPY --from=b /b /",
            id="stages in another order",
        ),
        pytest.param(
            "FROM x\nRUN a", "FROM y AS unused\nRUN z\nFROM x\nRUN a", id="a stage that is not needed"
        ),
        pytest.param("FROM x", "FROM y", id="another reference of the same digest"),
        pytest.param(
            "FROM x\nRUN --mount=type=cache,target=/a --mount=type=tmpfs,target=/b r",
            "FROM x\nRUN --mount=type=tmpfs,dst=/b --mount=target=/a,id=i,type=cache r",
            id="mounts in another order",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=secret,id=s r",
            "FROM x\nRUN --mount=type=secret,source=s,target=/run/secrets/s,required=false,uid=0,mode=400 r",
            id="a secret with its defaults written",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=ssh r",
            "FROM x\nRUN --mount=type=ssh,id=default,mode=0600,target=/run/buildkit/ssh_agent.0 r",
            id="an agent with its defaults written",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=tmpfs,target=/t,size=100m r",
            "FROM x\nRUN --mount=type=tmpfs,target=/t,size=104857600,from=scratch r",
            id="a size in another unit",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=cache,target=/t,mode=755 r",
            "FROM x\nRUN --mount=type=CACHE,target=/t,mode=0755,uid=0,from=scratch,sharing=shared,env=e r",
            id="a cache with its defaults written",
        ),
        pytest.param(
            "FROM x\nRUN --mount=source=f,target=/m r",
            "FROM x\nRUN --mount=type=bind,target=/m,rw=false,id=none,source=./f r",
            id="a bind mount with its defaults written",
        ),
        pytest.param("FROM x\nWORKDIR a", "FROM x\nWORKDIR a/", id="a slash behind a relative WORKDIR"),
        pytest.param(
            "FROM x\nCOPY --chmod=600 f /", "FROM x\nCOPY --link --chmod=600 f /", id="a link with a mode"
        ),
        pytest.param(
            "FROM x\nADD f /", "FROM x\nADD --unpack=true --keep-git-dir f /", id="an ADD of a file as usual"
        ),
        pytest.param(
            "FROM x\nADD --checksum=sha256:a https://h/f /",
            "FROM x\nADD --checksum=sha256:a --unpack=false --keep-git-dir https://h/f /",
            id="an ADD of a URL as usual",
        ),
        pytest.param(
            "FROM x\nARG SOURCE_DATE_EPOCH\nRUN r",
            "ARG SOURCE_DATE_EPOCH=context\nFROM x\nARG SOURCE_DATE_EPOCH\nRUN r",
            id="the time of a local context, which has none",
        ),
        pytest.param("FROM x\nEXPOSE 80", "FROM x\nEXPOSE 127.0.0.1:1:80/", id="a port with an address"),
    ],
)
def test_how_a_build_is_written_does_not_count(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "f").write_text("1")

    assert fingerprint(tmp_path, one) == fingerprint(tmp_path, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("FROM x\nRUN a\nRUN b", "FROM x\nRUN b\nRUN a", id="the order of operations"),
        pytest.param("FROM x\nENV A=1 B=2", "FROM x\nENV B=2 A=1", id="the order of the environment"),
        pytest.param("FROM x\nRUN a", "FROM x\nUSER u\nRUN a\nUSER root", id="the user of a RUN"),
        pytest.param("FROM x\nRUN a", "FROM x\nRUN --network=none a", id="the network of a RUN"),
        pytest.param("FROM x\nRUN a", "FROM x\nRUN --security=insecure a", id="the security of a RUN"),
        pytest.param("FROM x\nCMD []", "FROM x", id="an empty command is not none"),
        pytest.param("FROM x\nRUN --mount=type=cache,target=/a r", "FROM x\nRUN r", id="a mount"),
        pytest.param("FROM x\nCOPY f /a", "FROM x\nADD f /a", id="whether archives are extracted"),
        pytest.param("FROM x\nCOPY f /a", "FROM x\nCOPY f /a/", id="whether the destination is a folder"),
        pytest.param("FROM x\nCOPY f /", "FROM x\nCOPY d /", id="a file, or a folder that holds one"),
        pytest.param("FROM x\nCOPY --from=y a b /", "FROM x\nCOPY --from=y b a /", id="the order of sources"),
        pytest.param(
            "FROM x\nADD f https://h/f /", "FROM x\nADD https://h/f f /", id="the order of files and URLs"
        ),
        pytest.param("FROM x\nADD https://h/f /", "FROM x\nADD --unpack https://h/f /", id="a URL extracted"),
        pytest.param(
            "FROM x\nADD --checksum=aa https://h/r.git#m:d /",
            "FROM x\nADD --checksum=aa https://h/r.git#m:e /",
            id="the folder of a repository that is pinned",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=ssh,id=a --mount=type=ssh,id=b r",
            "FROM x\nRUN --mount=type=ssh,id=b --mount=type=ssh,id=a r",
            id="which agent is the first",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=cache,target=/c r",
            "FROM x\nRUN --mount=type=cache,target=/c,uid=1 r",
            id="whose a cache is",
        ),
        pytest.param(
            "FROM x\nRUN --mount=type=secret,id=a r",
            "FROM x\nRUN --mount=type=secret,id=a,env=A r",
            id="a secret as a variable",
        ),
        pytest.param(
            "ARG SOURCE_DATE_EPOCH=1\nARG SOURCE_DATE_EPOCH=2\nFROM x\nWORKDIR /a",
            "ARG SOURCE_DATE_EPOCH=1\nARG SOURCE_DATE_EPOCH=3\nFROM x\nWORKDIR /a",
            id="the last value of the time",
        ),
    ],
)
def test_what_a_build_does_counts(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_text("1")
    (tmp_path / "f").write_text("1")

    one_print = fingerprint(tmp_path, one, remote_add="url")
    assert one_print != fingerprint(tmp_path, other, remote_add="url")


@pytest.mark.parametrize(
    ("modes", "does_count"), [("git", False), ("full", True)], ids=["as git keeps them", "all of them"]
)
def test_the_bits_of_a_file_that_count_are_a_setting(tmp_path: Path, modes: str, does_count: bool) -> None:
    (tmp_path / "f").write_text("1")
    found = []
    for mode in (0o644, 0o660):
        (tmp_path / "f").chmod(mode)
        found.append(fingerprint(tmp_path, "FROM x\nCOPY f /", modes=modes))

    assert (found[0] != found[1]) is does_count


def test_names_that_are_no_text_are_hashed(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    Path(os.fsdecode(bytes(tmp_path) + b"/d/\xff\n")).write_text("1")
    before = fingerprint(tmp_path, "FROM x\nCOPY d /")
    Path(os.fsdecode(bytes(tmp_path) + b"/d/\xff\n")).rename(os.fsdecode(bytes(tmp_path) + b"/d/\xfe\n"))

    assert fingerprint(tmp_path, "FROM x\nCOPY d /") != before


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        ({"modes": "foo"}, "modes='foo' is none of 'git', 'full'", ""),
        ({"modes": "gti"}, "modes='gti' is none of 'git', 'full'", "did you mean 'git'?"),
        ({"context_files": "al"}, "context_files='al' is none of 'used', 'all'", "did you mean 'all'?"),
        ({"remote_add": None}, "remote_add=None is none of 'fetch', 'url', 'refuse'", ""),
        ({"build_args": {"N": 1}}, "build_args['N'] is an int, not a text", "'1'"),
        ({"labels": {"n": True}}, "labels['n'] is a bool, not a text", "'True'"),
        ({"build_args": ["N=1"]}, "build_args is a list, not a mapping", ""),
        (
            {"bases": {"debian:12": {"digest": "sha256:" + "0" * 64}}},
            "bases['debian:12'] is a dict, not a BaseImage",
            'hashtag.BaseImage("sha256:…", config={…})',
        ),
        ({"platform": 386}, "platform is an int, not a text", ""),
        ({"build_contexts": {"lib": 1}}, "build_contexts['lib'] is an int, neither a path nor a text", ""),
    ],
)
def test_an_argument_of_the_wrong_kind_is_an_error_that_says_what_to_give(
    tmp_path: Path, arguments: dict[str, Any], what: str, hint: str
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")

    with pytest.raises(UsageError) as caught:
        hashtag.fingerprint(tmp_path, **arguments)

    assert caught.value.what == what
    assert hint in caught.value.hint


def test_paths_may_be_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / "other.Dockerfile.dockerignore").write_text("x\n")
    (tmp_path / "x").touch()
    monkeypatch.chdir(tmp_path)

    path = tmp_path / "other.Dockerfile"
    assert hashtag.fingerprint(str(tmp_path), dockerfile=str(path)) == hashtag.fingerprint(
        tmp_path, dockerfile=path
    )
    assert hashtag.list_context(".", "other.Dockerfile") == hashtag.list_context(tmp_path, path)


def test_an_unknown_base_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\nFROM debian:12\n")

    with pytest.raises(hashtag.HashtagError) as caught:
        hashtag.fingerprint(tmp_path)

    assert caught.value.code == "HT021"
    assert caught.value.where.endswith("Dockerfile:2:6")
    assert caught.value.hint == "give it: --base debian:12=sha256:…"


@pytest.mark.parametrize(
    "written", ["debian:12", "docker.io/library/debian:12", "debian:12@sha256:" + "2" * 64]
)
def test_a_given_base_answers_for_its_reference_with_and_without_a_digest(
    tmp_path: Path, written: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {written}\n")

    assert hashtag.fingerprint(tmp_path, bases={"debian:12": BASE}).tag.startswith("h1-")


def test_the_fingerprint_over_several_platforms_does_not_depend_on_their_order() -> None:
    amd64, arm64 = Platform("linux", "amd64"), Platform("linux", "arm64")

    assert joined({amd64: "a", arm64: "b"}) == joined({arm64: "b", amd64: "a"})
    assert joined({amd64: "a", arm64: "b"}) != joined({amd64: "b", arm64: "a"})
    assert joined({amd64: "a"}) == "a"


@given(st.integers(1, 10**7), st.text(min_size=1, max_size=5), st.integers(0, 2 * 10**9))
def test_a_period_has_one_number(period: int, name: str, at: int) -> None:
    number = refresh_number(period, name, at)

    assert refresh_number(period, name, at + period) == number + 1
    assert 0 <= refresh_number(period, name, at + 1) - number <= 1


fields = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)


@given(st.lists(st.tuples(fields, fields), max_size=4), st.lists(st.tuples(fields, fields), max_size=4))
def test_two_file_sets_never_meet(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> None:
    def framed(pairs: list[tuple[str, str]]) -> bytes:
        return b"".join(Line(p, "file", "0644", c.encode().hex() or "-").framed() for p, c in pairs)

    assert (framed(one) == framed(other)) is (one == other)


def test_a_dockerfile_in_lower_case_is_found_and_keeps_the_default_ignore_file(tmp_path: Path) -> None:
    for name, content in {
        "dockerfile": "FROM x\nCOPY . /\n",
        "Dockerfile.dockerignore": "a\n",
        "a": "1",
    }.items():
        (tmp_path / name).write_text(content)
    before = hashtag.fingerprint(tmp_path, bases={"x": BASE})
    (tmp_path / "a").write_text("2")

    assert hashtag.fingerprint(tmp_path, bases={"x": BASE}) == before


@pytest.mark.parametrize(
    ("text", "contexts", "stands"),
    [
        pytest.param("# syntax=x\nFROM scratch", {}, '"syntax":{"image"', id="a frontend"),
        pytest.param("FROM lib", {"lib": "lib"}, '"base":{"files"', id="a stage from a folder"),
        pytest.param("FROM x\nCOPY --from=lib f /", {"lib": "lib"}, '"copy":[{"files"', id="a named context"),
        pytest.param("FROM x\nRUN --mount=from=y,target=/y r", {}, '"from":{"image"', id="a mounted image"),
        pytest.param("FROM x\nRUN --mount=target=/c r", {}, '"mounts":[{"files"', id="a mounted context"),
        pytest.param("FROM x\nCOPY --from=scratch a /", {}, '"from":{"scratch":true}', id="nothing at all"),
        pytest.param(
            "FROM --platform=linux/arm64 x", {}, '"platform":"linux/arm64"}', id="a stage's platform"
        ),
        pytest.param("FROM x\nCOPY <<E /\nE", {}, '"name":"E"', id="a here-document"),
    ],
)
def test_a_record_says_where_content_comes_from(
    tmp_path: Path, text: str, contexts: dict[str, str], stands: str
) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/f").write_text("1")
    named = {name: tmp_path / folder for name, folder in contexts.items()}

    found = fingerprint(tmp_path, text + "\n", build_contexts=named)

    assert stands in canonical(found.record).decode()


def test_the_whole_context_stands_in_a_record_where_all_of_it_counts(tmp_path: Path) -> None:
    found = fingerprint(tmp_path, "FROM x\n", context_files="all")

    assert found.record["contexts"][""]["count"] == 1


def test_the_mode_of_a_mounted_folder_counts_that_of_a_copied_one_does_not(tmp_path: Path) -> None:
    def both() -> tuple[Fingerprint, Fingerprint]:
        mounted = fingerprint(tmp_path, "FROM x\nRUN --mount=source=d,target=/d r", modes="full")
        return mounted, fingerprint(tmp_path, "FROM x\nCOPY d /d", modes="full")

    (tmp_path / "d").mkdir(mode=0o755)
    mounted, copied = both()
    (tmp_path / "d").chmod(0o700)

    assert both()[0] != mounted
    assert both()[1] == copied


def test_a_checksum_of_one_add_does_not_stand_for_another(tmp_path: Path) -> None:
    add = "ADD https://h/f /\n"

    found = fingerprint(tmp_path, f"FROM x\n{add}ADD --checksum=sha256:a https://h/f /", remote_add="url")

    first, second = next(iter(found.record["stages"].values()))["operations"]
    assert first["copy"] != second["copy"]


def test_the_record_of_a_chain_of_stages_grows_with_its_length_only(tmp_path: Path) -> None:
    chain = "FROM x AS s0\n" + "".join(f"FROM s{i} AS s{i + 1}\nRUN {i}\n" for i in range(1000))
    copies = "".join(f"COPY --from=s{i} a a\n" for i in range(1000))

    long = fingerprint(tmp_path, f"{chain}FROM x\n{copies}")
    other = fingerprint(tmp_path, f"{chain}FROM x\n{copies}".replace("RUN 7\n", "RUN seven\n"))

    assert len(canonical(long.record)) < 20_000_000
    assert long != other


def test_texts_that_are_no_unicode_are_hashed(tmp_path: Path) -> None:
    found = fingerprint(tmp_path, "FROM x\nARG A\nRUN r", build_args={"A": "\ud800"}, labels={"l": "\udfff"})

    assert found != fingerprint(tmp_path, "FROM x\nARG A\nRUN r", build_args={"A": "\ud801"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file capabilities")
@pytest.mark.parametrize(("modes", "does_count"), [("git", False), ("full", True)])
def test_capabilities_of_a_file_count_as_its_modes_do(tmp_path: Path, modes: str, does_count: bool) -> None:
    (tmp_path / "f").write_text("1")
    before = fingerprint(tmp_path, "FROM x\nCOPY f /f", modes=modes)
    # capabilities(7): version 2, CAP_NET_BIND_SERVICE permitted and effective.
    os.setxattr(tmp_path / "f", "security.capability", bytes.fromhex("0100000200040000" + "00" * 12))

    assert (fingerprint(tmp_path, "FROM x\nCOPY f /f", modes=modes) != before) == does_count


def test_other_attributes_of_a_file_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("1")
    before = fingerprint(tmp_path, "FROM x\nCOPY . /f", modes="full")
    os.setxattr(tmp_path / "f", "user.name", b"1")

    assert fingerprint(tmp_path, "FROM x\nCOPY . /f", modes="full") == before


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_read_nothing(tmp_path: Path, workers: int) -> None:
    with pytest.raises(hashtag.HashtagError, match="workers"):
        fingerprint(tmp_path, "FROM x\nCOPY . /\n", workers=workers)
