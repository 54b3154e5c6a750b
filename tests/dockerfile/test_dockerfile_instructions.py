"""What each instruction says, and what is refused: BuildKit frontend/dockerfile/instructions."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hashtag.dockerfile.duration import nanoseconds
from hashtag.dockerfile.instruction import (
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Exec,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Mount,
    Onbuild,
    Run,
    Shell,
    ShellText,
    StopSignal,
    User,
    Volume,
    Workdir,
)
from hashtag.dockerfile.parser import parse, parse_trigger
from hashtag.errors import DockerfileError, Location

HERE = Location("Dockerfile", 2)


def only(text: str):
    (stage,) = parse("FROM scratch\n" + text, "Dockerfile").stages
    (instruction,) = stage.instructions
    return instruction


def from_line(text: str) -> From:
    return parse(text, "Dockerfile").stages[0].base


def refused(text: str) -> str:
    with pytest.raises(DockerfileError) as caught:
        parse("FROM scratch\n" + text, "Dockerfile")
    return caught.value.what


# ── FROM and stages ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "image", "platform", "name"),
    [
        pytest.param("FROM a", "a", None, None, id="image"),
        pytest.param("from  a:1@b\tas  C", "a:1@b", None, "c", id="name in lower case"),
        pytest.param("FROM a As b-1_.x", "a", None, "b-1_.x", id="all characters of a name"),
        pytest.param("FROM --platform=$P ${A:-x}", "${A:-x}", "$P", None, id="platform"),
        pytest.param("FROM --platform= a", "a", None, None, id="empty platform is none"),
        pytest.param("FROM -- a", "a", None, None, id="end of flags"),
        pytest.param("FROM a AS BU\u0130LD", "a", None, "build", id="lower case as Go makes it"),
    ],
)
def test_from(text: str, image: str, platform: str | None, name: str | None) -> None:
    assert from_line(text) == From(
        location=HERE, image=image, image_location=HERE, platform=platform, name=name
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("FROM", id="nothing"),
        pytest.param("FROM a b", id="two words"),
        pytest.param("FROM a AS", id="no name"),
        pytest.param("FROM a IS b", id="another word than AS"),
        pytest.param("FROM a AS b c", id="four words"),
        pytest.param("FROM a AS 1b", id="digit first"),
        pytest.param("FROM a AS -b", id="dash first"),
        pytest.param("FROM a AS b/c", id="slash"),
        pytest.param("FROM a AS é", id="beyond ASCII"),
        pytest.param("FROM a AS $b", id="variable"),
        pytest.param("FROM --os=x a", id="unknown flag"),
        pytest.param("FROM --platform a", id="flag without a value"),
    ],
)
def test_a_bad_from_is_refused(text: str) -> None:
    refused(text + "\n")


def test_instructions_belong_to_the_stage_before_them() -> None:
    dockerfile = parse("ARG A=1\nARG B\nFROM a\nARG C\nUSER u\nFROM b AS two\nUSER v\n", "Dockerfile")

    assert [argument.pairs for argument in dockerfile.arguments] == [(("A", "1"),), (("B", None),)]
    assert [(s.index, s.name, s.base.image, len(s.instructions)) for s in dockerfile.stages] == [
        (0, None, "a", 2),
        (1, "two", "b", 1),
    ]


# ── variables and config ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("a=1", (("a", "1"),), id="one"),
        pytest.param("a=1  b=2\tc=", (("a", "1"), ("b", "2"), ("c", "")), id="several"),
        pytest.param("a=\"x y\" b='p q'", (("a", '"x y"'), ("b", "'p q'")), id="quotes stay"),
        pytest.param('a=x\\ y b=\\"', (("a", "x\\ y"), ("b", '\\"')), id="escapes stay"),
        pytest.param("a='x\\' b=1", (("a", "'x\\'"), ("b", "1")), id="no escape in single quotes"),
        pytest.param('a="x\\" y"', (("a", '"x\\" y"'),), id="escaped quote in quotes"),
        pytest.param('a="x y', (("a", '"x y'),), id="open quote goes to the end"),
        pytest.param('a="x\\', (("a", '"x'),), id="escape at the end of an open quote"),
        pytest.param("a=b=c", (("a", "b=c"),), id="first equals sign"),
        pytest.param('"a b"=c', (('"a b"', "c"),), id="quoted name"),
        pytest.param("a  x  y ", (("a", "x  y"),), id="legacy form keeps inner spaces"),
        pytest.param("a x=y", (("a", "x=y"),), id="legacy form with an equals sign"),
        pytest.param("a = y", (("a", "= y"),), id="spaces around the equals sign are legacy"),
    ],
)
def test_env_and_label(text: str, pairs: tuple[tuple[str, str], ...]) -> None:
    assert only(f"ENV {text}\n") == Env(location=HERE, pairs=pairs)
    assert only(f"LABEL {text}\n") == Label(location=HERE, pairs=pairs)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a", id="name only"),
        pytest.param("a=1 b", id="later name only"),
        pytest.param("=1", id="blank name"),
        pytest.param("a=1 =2", id="later blank name"),
        pytest.param("--x a=1", id="flag"),
    ],
)
@pytest.mark.parametrize("name", ["ENV", "LABEL"])
def test_bad_pairs_are_refused(name: str, text: str) -> None:
    refused(f"{name} {text}\n")


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        pytest.param("a", (("a", None),), id="no default"),
        pytest.param("a=", (("a", ""),), id="empty default"),
        pytest.param("a=\"x y\" b c='d'", (("a", '"x y"'), ("b", None), ("c", "'d'")), id="several"),
        pytest.param("--x a", (("a", None),), id="flags are ignored"),
    ],
)
def test_arg(text: str, pairs: tuple[tuple[str, str | None], ...]) -> None:
    assert only(f"ARG {text}\n") == Arg(location=HERE, pairs=pairs)


@pytest.mark.parametrize("text", ["ARG", "ARG =x", "ARG a =x"])
def test_a_bad_arg_is_refused(text: str) -> None:
    refused(text + "\n")


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        pytest.param("WORKDIR /a  b/ ", Workdir(location=HERE, path="/a  b/"), id="workdir"),
        pytest.param("USER a:b", User(location=HERE, user="a:b"), id="user"),
        pytest.param("MAINTAINER A B", Maintainer(location=HERE, name="A B"), id="maintainer"),
        pytest.param("STOPSIGNAL SIGTERM", StopSignal(location=HERE, signal="SIGTERM"), id="stop signal"),
        pytest.param("STOPSIGNAL --x 9", StopSignal(location=HERE, signal="9"), id="stop signal with a flag"),
        pytest.param(
            "EXPOSE 80 $P  53/udp", Expose(location=HERE, ports=("80", "$P", "53/udp")), id="expose"
        ),
        pytest.param("VOLUME /a  /b", Volume(location=HERE, paths=("/a", "/b")), id="volume"),
        pytest.param(
            'VOLUME ["/a", " /b c "]', Volume(location=HERE, paths=("/a", "/b c")), id="volume, JSON"
        ),
        pytest.param("VOLUME ['/a']", Volume(location=HERE, paths=("['/a']",)), id="volume, no JSON"),
        pytest.param('SHELL ["a", "-c"]', Shell(location=HERE, arguments=("a", "-c")), id="shell"),
        pytest.param("CMD a  b", Cmd(location=HERE, command=ShellText("a  b")), id="command, shell form"),
        pytest.param('CMD ["a", "b"]', Cmd(location=HERE, command=Exec(("a", "b"))), id="command, exec form"),
        pytest.param("CMD []", Cmd(location=HERE, command=Exec(())), id="command, empty exec form"),
        pytest.param("CMD", Cmd(location=HERE, command=ShellText("")), id="no command"),
        pytest.param(
            "CMD a <<E", Cmd(location=HERE, command=ShellText("a <<E")), id="no here-document in a command"
        ),
        pytest.param('ENTRYPOINT ["a"]', Entrypoint(location=HERE, command=Exec(("a",))), id="entry point"),
        pytest.param(
            "ENTRYPOINT a", Entrypoint(location=HERE, command=ShellText("a")), id="entry point, shell"
        ),
    ],
)
def test_an_instruction_of_the_config(text: str, instruction: object) -> None:
    assert only(text + "\n") == instruction


@pytest.mark.parametrize(
    "text",
    [
        "WORKDIR",
        "USER",
        "MAINTAINER",
        "STOPSIGNAL",
        "EXPOSE",
        "VOLUME",
        "VOLUME []",
        'VOLUME [" "]',
        "SHELL",
        "SHELL []",
        "SHELL /bin/sh -c",
        "ONBUILD",
        "WORKDIR --x a",
        "USER --x a",
        "MAINTAINER --x a",
        "EXPOSE --x 80",
        "VOLUME --x a",
        'SHELL --x ["a"]',
        "CMD --x a",
        "ENTRYPOINT --x a",
        "ONBUILD --x USER a",
        "CMD [1]",
        'ENTRYPOINT ["a", null]',
        'SHELL ["a", ["b"]]',
        "VOLUME [{}]",
        "COPY [1, 2]",
        'RUN ["a", true]',
        'RUN [1, "<<E"]',
        "HEALTHCHECK CMD [1]",
    ],
)
def test_a_bad_instruction_of_the_config_is_refused(text: str) -> None:
    refused(text + "\n")


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "command"),
    [
        pytest.param('["a","b"]', Exec(("a", "b")), id="array"),
        pytest.param('  [ "a" ,\t"b" ]  ', Exec(("a", "b")), id="spaces"),
        pytest.param('["\\u00e9\\n\\"\\/"]', Exec(('é\n"/',)), id="escapes"),
        pytest.param('["\\ud83d\\ude00"]', Exec(("😀",)), id="surrogate pair"),
        pytest.param('["\\ud83d"]', Exec(("\ufffd",)), id="half a surrogate pair"),
        pytest.param("['a']", ShellText("['a']"), id="single quotes"),
        pytest.param('["a",]', ShellText('["a",]'), id="trailing comma"),
        pytest.param('["a"] b', ShellText('["a"] b'), id="something behind it"),
        pytest.param('["a"', ShellText('["a"'), id="open bracket"),
        pytest.param('["\\x"]', ShellText('["\\x"]'), id="escape that JSON has not"),
        pytest.param('["a\tb"]', ShellText('["a\tb"]'), id="raw control character"),
        pytest.param("[NaN]", ShellText("[NaN]"), id="no number of JSON"),
        pytest.param("[1e999]", ShellText("[1e999]"), id="number too large"),
        pytest.param('{"a": 1}', ShellText('{"a": 1}'), id="object"),
    ],
)
def test_what_is_no_json_array_is_shell_text(text: str, command: object) -> None:
    assert only(f"RUN {text}\n").command == command


def test_a_very_deep_array_is_refused() -> None:
    refused("RUN " + "[" * 30000 + "]" * 30000 + "\n")


# ── RUN ──────────────────────────────────────────────────────────────────────────────────────────


def test_run_without_flags() -> None:
    assert only("RUN a\n") == Run(location=HERE, command=ShellText("a"))


def test_the_flags_of_run() -> None:
    run = only(
        "RUN --network=none --mount=target=/a,RW --security=insecure --device=gpu \\\n"
        '  --mount=Type=cache,id=$x,dst=/c --mount="type=bind,src=a" --device=name=x,required make\n'
    )

    assert (run.network, run.security, run.devices) == ("none", "insecure", ("gpu", "name=x,required"))
    assert [mount.options for mount in run.mounts] == [
        (("target", "/a"), ("rw", None)),
        (("type", "cache"), ("id", "$x"), ("dst", "/c")),
        (("type", "bind"), ("src", "a")),
    ]
    assert run.command == ShellText("make")


def test_a_mount_knows_its_place() -> None:
    (mount,) = only("RUN \\\n  --mount=target=/a \\\n  x\n").mounts

    assert mount == Mount(location=HERE, options=(("target", "/a"),))
    assert (mount.location.line, mount.location.column) == (3, 3)


def test_the_options_of_a_mount_are_fields_of_csv() -> None:
    (mount,) = only('RUN --mount=\'type=bind,"source=a,""b""",target=\' x\n').mounts

    assert mount.options == (("type", "bind"), ("source", 'a,"b"'), ("target", ""))


@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("--mount=", id="mount of nothing"),
        pytest.param("--mount", id="mount without a value"),
        pytest.param("--mount=from=$X,target=/a", id="variable in from"),
        pytest.param("--mount=FROM=a${X}b", id="variable in from, any case"),
        pytest.param("--mount='a\"b\"'", id="quote within a field"),
        pytest.param("--mount='\"a'", id="open quote"),
        pytest.param("--mount='\"a\"b'", id="text behind a quoted field"),
        pytest.param("--network=bridge", id="network"),
        pytest.param("--network=", id="empty network"),
        pytest.param("--security=x", id="security"),
        pytest.param("--device=a,b", id="two device names"),
        pytest.param("--device=a,name=b", id="two device names, one with its key"),
        pytest.param("--device=a,required=x", id="required is a truth"),
        pytest.param("--device='\"a'", id="open quote in a device"),
        pytest.param("--network=none --network=none", id="twice"),
        pytest.param("--MOUNT=target=/a", id="upper case"),
        pytest.param("--link", id="flag of another instruction"),
    ],
)
def test_a_bad_flag_of_run_is_refused(flag: str) -> None:
    refused(f"RUN {flag} x\n")


@pytest.mark.parametrize(
    "flag",
    [
        pytest.param("--mount=from=x$,target=/a", id="dollar at the end of from"),
        pytest.param("--mount=unknown=1", id="unknown option, found when the stage is built"),
        pytest.param("--device=required", id="device without a name"),
        pytest.param("--device=required=true,vendor=x", id="device named by a pair"),
        pytest.param("--device=name=,name=a", id="empty device name, then one"),
    ],
)
def test_what_only_a_build_refuses_is_taken(flag: str) -> None:
    only(f"RUN {flag} x\n")


# ── flags in general ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "chown", "sources"),
    [
        pytest.param("--chown=a b c", "a", ("b",), id="plain"),
        pytest.param('--chown="a b" b c', "a b", ("b",), id="double quotes"),
        pytest.param("--chown='a b' b c", "a b", ("b",), id="single quotes"),
        pytest.param("--chown='a\"b' b c", 'a"b', ("b",), id="quote in quotes"),
        pytest.param("--chown=a\\ b b c", "a b", ("b",), id="escaped space"),
        pytest.param("--chown='a\\'b' b c", "a'b", ("b",), id="escape in single quotes"),
        pytest.param('"--chown=a" b c', None, ('"--chown=a"', "b"), id="quotes before the dashes"),
        pytest.param("--chown=a -- --x c", "a", ("--x",), id="end of flags"),
        pytest.param("b --chown=a c", None, ("b", "--chown=a"), id="behind a source"),
        pytest.param("- b c", None, ("-", "b"), id="one dash"),
        pytest.param("--chown= b c", None, ("b",), id="empty is none"),
        pytest.param("--chown=$U:${G:-1} b c", "$U:${G:-1}", ("b",), id="variables stay"),
        pytest.param("--chown=é b c", "Ã©", ("b",), id="bytes become characters"),
    ],
)
def test_flags_are_the_leading_words_with_dashes(
    text: str, chown: str | None, sources: tuple[str, ...]
) -> None:
    copy = only(f"COPY {text}\n")

    assert (copy.chown, copy.sources, copy.destination) == (chown, sources, "c")


def test_flags_are_unquoted_with_the_escape_character_of_the_directive() -> None:
    (stage,) = parse("# escape=`\nFROM a\nCOPY --chown=a\\b` c d e\n", "f").stages

    assert stage.instructions == (Copy(location=HERE, sources=("d",), destination="e", chown="a\\b c"),)


# ── COPY and ADD ─────────────────────────────────────────────────────────────────────────────────

COPY = Copy(location=HERE, sources=("a",), destination="b")


@pytest.mark.parametrize(
    ("text", "copy"),
    [
        pytest.param("COPY a b", COPY, id="plain"),
        pytest.param("COPY a  c\tb", evolve(COPY, sources=("a", "c")), id="several sources"),
        pytest.param('COPY ["a", "b"]', COPY, id="JSON"),
        pytest.param(
            'COPY ["a c", "b d"]', evolve(COPY, sources=("a c",), destination="b d"), id="JSON with spaces"
        ),
        pytest.param('COPY ["a", b', evolve(COPY, sources=('["a",',)), id="no JSON"),
        pytest.param('COPY "a" b', evolve(COPY, sources=('"a"',)), id="quotes stay"),
        pytest.param("COPY $A ${B:-x}", evolve(COPY, sources=("$A",), destination="${B:-x}"), id="variables"),
        pytest.param("COPY --from=0 a b", evolve(COPY, source="0"), id="from"),
        pytest.param("COPY --from= a b", COPY, id="empty from"),
        pytest.param("COPY --chmod=u+x a b", evolve(COPY, chmod="u+x"), id="mode"),
        pytest.param("COPY --link a b", evolve(COPY, link=True), id="link"),
        pytest.param("COPY --link=TRUE a b", evolve(COPY, link=True), id="link is true"),
        pytest.param("COPY --link=false a b", COPY, id="link is false"),
        pytest.param("COPY --parents a b", evolve(COPY, parents=True), id="parents"),
        pytest.param(
            "COPY --exclude=$x --exclude=*.o a b", evolve(COPY, exclude=("$x", "*.o")), id="exclude, twice"
        ),
        pytest.param("ADD a b", evolve(COPY, is_add=True), id="add"),
        pytest.param(
            "ADD --checksum=sha256:$x a b", evolve(COPY, is_add=True, checksum="sha256:$x"), id="checksum"
        ),
        pytest.param(
            "ADD --keep-git-dir a b", evolve(COPY, is_add=True, keep_git_dir=True), id="keep the git folder"
        ),
        pytest.param(
            "ADD --keep-git-dir=false --unpack=false a b",
            evolve(COPY, is_add=True, keep_git_dir=False, unpack=False),
            id="false is not the same as none",
        ),
        pytest.param(
            "ADD --exclude=a --chown=1 --chmod=2 --link a b",
            evolve(COPY, is_add=True, exclude=("a",), chown="1", chmod="2", link=True),
            id="flags of both",
        ),
    ],
)
def test_copy_and_add(text: str, copy: Copy) -> None:
    assert only(text + "\n") == copy


@pytest.mark.parametrize(
    "text",
    [
        "COPY",
        "COPY a",
        "ADD a",
        'COPY ["a"]',
        "COPY --from=a b",
        "COPY --from=$X a b",
        "COPY --from=${X a b",
        "COPY --from=a\\\\b a b",
        "COPY --link= a b",
        "COPY --link=1 a b",
        "COPY --link --link a b",
        "COPY --chown a b",
        "COPY --exclude a b",
        "COPY --checksum=x a b",
        "COPY --unpack a b",
        "ADD --from=x a b",
        "ADD --parents a b",
        "COPY --chmod=1 --chmod=1 a b",
        "COPY --=x a b",
    ],
)
def test_a_bad_copy_or_add_is_refused(text: str) -> None:
    refused(text + "\n")


# ── HEALTHCHECK ──────────────────────────────────────────────────────────────────────────────────

CHECK = Healthcheck(location=HERE, command=ShellText("a"))
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "check"),
    [
        pytest.param("NONE", evolve(CHECK, command=None), id="none"),
        pytest.param("--bogus none", evolve(CHECK, command=None), id="none, its flags ignored"),
        pytest.param("NONE []", evolve(CHECK, command=None), id="none and an empty array"),
        pytest.param("CMD a", CHECK, id="shell form"),
        pytest.param("cmd  a  b ", evolve(CHECK, command=ShellText("a  b")), id="inner spaces"),
        pytest.param('CMD ["a", "b"]', evolve(CHECK, command=Exec(("a", "b"))), id="exec form"),
        pytest.param(
            "--interval=1m30s --timeout=300ms --start-period=1.5s --start-interval=1h --retries=3 CMD a",
            evolve(
                CHECK,
                interval=90 * SECOND,
                timeout=300_000_000,
                start_period=1_500_000_000,
                start_interval=3600 * SECOND,
                retries=3,
            ),
            id="all flags",
        ),
        pytest.param("--interval=0s --retries=0 --timeout= CMD a", CHECK, id="zero is none given"),
        pytest.param(
            "--interval=1ms --retries=+2147483647 CMD a",
            evolve(CHECK, interval=10**6, retries=2**31 - 1),
            id="bounds",
        ),
        pytest.param("--interval=5000ms CMD a", evolve(CHECK, interval=5 * SECOND), id="5000ms is 5s"),
    ],
)
def test_healthcheck(text: str, check: Healthcheck) -> None:
    assert only(f"HEALTHCHECK {text}\n") == check


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CMD",
        "CMD []",
        "NONE x",
        'NONE ["x"]',
        "FOO a",
        "--interval=1 CMD a",
        "--interval=x CMD a",
        "--interval=999us CMD a",
        "--timeout=-1s CMD a",
        "--retries=-1 CMD a",
        "--retries=x CMD a",
        "--retries=2147483648 CMD a",
        "--retries=1_0 CMD a",
        "--retries=" + "9" * 5000 + " CMD a",
        "--bogus=1 CMD a",
        "--interval=5µs CMD a",
    ],
)
def test_a_bad_healthcheck_is_refused(text: str) -> None:
    refused(f"HEALTHCHECK {text}\n")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        pytest.param("0", 0, id="zero without a unit"),
        pytest.param("+0", 0, id="signed zero"),
        pytest.param("1h2m3s4ms5us6ns", 3723_004_005_006, id="all units"),
        pytest.param("1µs1μs", 2000, id="both letters mu"),
        pytest.param("1.5h", 5400 * SECOND, id="fraction"),
        pytest.param(".5s", SECOND // 2, id="no digit before the point"),
        pytest.param("1.s", SECOND, id="no digit behind the point"),
        pytest.param("-1.5s", -1_500_000_000, id="negative"),
        pytest.param("0.1ns", 0, id="less than a nanosecond"),
        pytest.param("0.33333333333333333333s", 333333333, id="more digits than count"),
        pytest.param("0." + "9" * 50 + "s", SECOND, id="many more, rounded as floating point is"),
        pytest.param("9223372036854775807ns", 2**63 - 1, id="largest"),
        pytest.param("-9223372036854775808ns", -(2**63), id="smallest"),
        pytest.param("9223372036854775808ns", None, id="one too large"),
        pytest.param("3000000h", None, id="too large in hours"),
        pytest.param("9223372036s9223372036s", None, id="too large in sum"),
        pytest.param("99999999999999999999s", None, id="twenty digits"),
        pytest.param("0" * 5000 + "1s", SECOND, id="zeros in front"),
        pytest.param("", None, id="empty"),
        pytest.param("-", None, id="sign alone"),
        pytest.param("3", None, id="no unit"),
        pytest.param("s", None, id="no number"),
        pytest.param(".s", None, id="point alone"),
        pytest.param("1S", None, id="unit in upper case"),
        pytest.param("1d", None, id="days"),
        pytest.param("1 s", None, id="space"),
        pytest.param("1s ", None, id="space behind"),
        pytest.param("1s2", None, id="second number without a unit"),
        pytest.param("1..5s", None, id="two points"),
    ],
)
def test_durations_are_gos(text: str, duration: int | None) -> None:
    assert nanoseconds(text) == duration


@given(st.integers(0, 2**63 - 1))
def test_a_number_of_nanoseconds_is_itself(count: int) -> None:
    assert nanoseconds(f"{count}ns") == count
    assert nanoseconds(f"{count // SECOND}s{count % SECOND}ns") == count


# ── ONBUILD ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        pytest.param("ONBUILD RUN a  b", "RUN a  b", id="plain"),
        pytest.param("onbuild  run a", "run a", id="case stays"),
        pytest.param("ONBUILD COPY --from=$X a", "COPY --from=$X a", id="bad flags are found in the child"),
        pytest.param("ONBUILD FOO a", "FOO a", id="so is an unknown instruction"),
        pytest.param("ONBUILD COPY a", "COPY a", id="so is a missing word"),
        pytest.param("ONBUILD RUN a \\\n  b", "RUN a   b", id="continued"),
        pytest.param("ONBUILD -- RUN a", "-- RUN a", id="end of flags stays"),
        pytest.param("ONBUILD RUN a  ", "RUN a  ", id="spaces at the end stay"),
        pytest.param("ONBUILD HEALTHCHECK NONE", "HEALTHCHECK NONE", id="health check"),
        pytest.param('ONBUILD CMD ["a"]', 'CMD ["a"]', id="exec form"),
        pytest.param("ONBUILD ENV a=b", "ENV a=b", id="pairs"),
        pytest.param("ONBUILD USER", "USER", id="no argument"),
    ],
)
def test_onbuild_keeps_the_text(text: str, trigger: str) -> None:
    assert only(text + "\n") == Onbuild(location=HERE, trigger=trigger)


@pytest.mark.parametrize(
    "text",
    [
        "ONBUILD ONBUILD RUN a",
        "ONBUILD onbuild run a",
        "ONBUILD FROM a",
        "ONBUILD maintainer a",
        "ONBUILD ENV a",
        "ONBUILD LABEL a=1 b",
        "ONBUILD RUN [1]",
        "ONBUILD COPY [1]",
        "ONBUILD HEALTHCHECK CMD [1]",
    ],
)
def test_a_bad_onbuild_is_refused(text: str) -> None:
    refused(text + "\n")


AT = Location("base/Dockerfile", 5, 1, "FROM base")


def test_a_trigger_is_an_instruction_at_the_place_given() -> None:
    trigger = parse_trigger("COPY --chown=1 \\\n a b", AT)

    assert trigger == evolve(COPY, chown="1")
    assert trigger.location == AT


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        pytest.param("", "not one instruction", id="nothing"),
        pytest.param("# c", "not one instruction", id="comment"),
        pytest.param("RUN a\nRUN b", "not one instruction", id="two"),
        pytest.param("FROM a", "FROM cannot be a trigger", id="stage"),
        pytest.param("FOO a", "unknown instruction", id="unknown"),
        pytest.param("COPY a", "needs at least one source", id="missing word"),
        pytest.param("COPY --from=$X a b", "cannot hold a variable", id="bad flag"),
        pytest.param("RUN <<E\nx", "has no end", id="open here-document"),
    ],
)
def test_a_bad_trigger_is_refused_at_the_place_given(trigger: str, message: str) -> None:
    with pytest.raises(DockerfileError, match=message) as caught:
        parse_trigger(trigger, AT)

    assert caught.value.location == AT


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("RUN a  b \\\n c\n", id="command"),
        pytest.param("COPY a b\n", id="copy"),
        pytest.param("RUN cat <<A <<-B\na\nA\n\tb\n\tB\n", id="command with here-documents"),
        pytest.param("RUN <<E\n\techo $a\nE\n", id="script"),
        pytest.param("COPY <<E <<'F' a /d/\n$a\r\nE\nf\nF\n", id="copied here-documents"),
        pytest.param("ENV a=b c='d e'\n", id="pairs"),
    ],
)
def test_what_onbuild_keeps_is_the_instruction_again(text: str) -> None:
    assert parse_trigger(only("ONBUILD " + text).trigger, AT) == only(text)
