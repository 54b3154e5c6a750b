"""Random small projects without RUN, and random edits of them, for a Docker engine of 2020."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen
from hypothesis import strategies as st

_PATHS = st.sampled_from(
    [
        "a",
        "b.txt",
        "c.txt",
        "d/a",
        "d/b.txt",
        "d/e/f",
        "d/e/g.txt",
        "g/a",
        "g/e/f",
        "[k]",
        "l",
        "d/l",
        "m",
        "g/m",
    ]
)
_FILES = st.tuples(st.just("file"), st.sampled_from([0o644, 0o755, 0o600, 0o4755]), st.sampled_from("xyz"))
_LINKS = st.tuples(
    st.just("link"),
    st.just(0o777),
    st.sampled_from(
        ["a", "d", "../a", "d/e", "/d", "/b.txt", "../../g", "e", "nowhere", "l", ".", "d/l", "g/../a"]
    ),
)
_FOLDERS = st.tuples(st.just("folder"), st.sampled_from([0o755, 0o700, 0o1777]), st.just(""))
_ENTRIES = st.one_of(_FILES, _FILES, _FILES, _LINKS, _FOLDERS)

_SOURCES = st.sampled_from(
    [
        *[
            ".",
            "./",
            "/",
            "a",
            "b.txt",
            "d",
            "d/",
            "d/.",
            "d/e",
            "g",
            "d/a",
            "*.txt",
            "d/*",
            "*/a",
            "d*",
            "?",
            "*",
            "l",
            "l/a",
            "l/e",
            "m",
            "g/m",
            "[[]k]",
            "[a-c]*",
            "[^a]*",
            "*/",
        ],
        *[
            "d/../a",
            "../a",
            "$V",
            "${V:-d}",
            "d/l",
            "*/e/*",
            "d/*.txt",
            "g/*/f",
            "missing*",
            "d?e",
            "d[^x]a",
            "**",
            "*l*",
        ],
        *["Dockerfile", ".dockerignore"],
    ]
)
_TARGETS = st.sampled_from(
    ["/", ".", "./", "/x", "/x/", "x", "x/", "/x/y", "$W", "/x/.", "y/../z/", "/x/a", "/d/e"]
)
_SOURCE_LISTS = st.lists(_SOURCES, min_size=1, max_size=2).map(" ".join)
_FLAGS = st.sampled_from(["", "", "", "--chown=1 ", "--chown=1:2 ", "--chown=$V ", "--chown=0:${W:+3} "])
_COPIES = st.builds(
    "{} {}{} {}".format, st.sampled_from(["COPY", "COPY", "ADD"]), _FLAGS, _SOURCE_LISTS, _TARGETS
)
_FROM_STAGE = st.builds(
    "COPY --from={} {} {}".format, st.sampled_from(["0", "first", "FIRST"]), _SOURCES, _TARGETS
)
_CONFIGS = st.sampled_from(
    [
        "WORKDIR /w", "WORKDIR w/", "WORKDIR w/..", "WORKDIR $V", "WORKDIR /w/", "WORKDIR .", "USER 1",
        "USER 1:2", "USER ${V:-3}", "ENV V=a", "ENV V=d W=$V", "ENV V x y", "ENV W=/q/", "ARG V", "ARG V=a",
        "ARG V=$W", "ARG W=/x", "ARG V=${V#a}", "LABEL a=1", 'LABEL a="$V" b=2', "EXPOSE 80 90/udp",
        "EXPOSE $V 7-9", "EXPOSE 80:81/TCP", "VOLUME /v", 'VOLUME ["/v", "/u"]', "VOLUME /$V", "CMD a b",
        'CMD ["a", "b"]', "CMD []", "ENTRYPOINT e $V", 'ENTRYPOINT ["e"]', "ENTRYPOINT []",
        'SHELL ["/s", "-c"]', "STOPSIGNAL 9", "STOPSIGNAL SIGTERM", "STOPSIGNAL $V", "HEALTHCHECK NONE",
        "HEALTHCHECK --interval=1m CMD a", "HEALTHCHECK --interval=60s CMD a",
        'HEALTHCHECK --retries=3 --timeout=1500ms CMD ["a"]', "ONBUILD COPY a /o", "ONBUILD ENV V=o",
        "MAINTAINER me", "# comment", "  env  V=b", "ENV V=a\\\n  W=b", "LABEL a=1 \\\n# comment\n b=2",
    ]
)  # fmt: skip
_INSTRUCTIONS = st.one_of(_COPIES, _COPIES, _COPIES, _CONFIGS, _CONFIGS, _FROM_STAGE)
_STARTS = st.sampled_from(["FROM scratch", "FROM first", "FROM scratch AS other", "FROM ${BASE:-scratch}"])
_GLOBALS = st.sampled_from([[], ["ARG V=g"], ["ARG BASE=first"], ["ARG BASE=scratch", "ARG W=${BASE}"]])
_IGNORED = st.sampled_from(
    [
        "",
        "# a",
        "a",
        "*.txt",
        "d",
        "d/*",
        "!d/e",
        "**/a",
        "!a",
        "Dockerfile",
        "l",
        "**",
        "!**/f",
        "g/",
        "/b.txt",
        "*/e",
        ".dockerignore",
        "d/**/f",
        "!d",
    ]
)
_ARGUMENTS = st.dictionaries(
    st.sampled_from("VWX"), st.sampled_from(["a", "d", "", "/y", "1", "80"]), max_size=1
)


@frozen
class Project:
    """A build context, a Dockerfile by lines, and build arguments."""

    files: Mapping[str, tuple[str, int, str]] = field(factory=dict)
    lines: tuple[str, ...] = ()
    ignored: tuple[str, ...] | None = None
    arguments: Mapping[str, str] = field(factory=dict)


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """Draw a project of two stages; most of what they copy is there."""
    files = {"a": ("file", 0o644, "x"), "d/a": ("file", 0o644, "y"), "b.txt": ("file", 0o600, "z")}
    files |= draw(st.dictionaries(_PATHS, _ENTRIES, max_size=5))
    first = draw(st.lists(_COPIES | _CONFIGS, min_size=1, max_size=3))
    last = draw(st.lists(_INSTRUCTIONS, min_size=1, max_size=5))
    lines = [*draw(_GLOBALS), "FROM scratch AS first", *first, draw(_STARTS), *last]
    ignored = draw(st.none() | st.lists(_IGNORED, max_size=3).map(tuple))
    return Project(files, tuple(lines), ignored, draw(_ARGUMENTS))


@st.composite
def edited(draw: st.DrawFn, project: Project) -> Project:
    """Draw the project with one thing changed."""
    match draw(
        st.sampled_from(["file", "file", "remove", "line", "line", "drop", "swap", "ignored", "arguments"])
    ):
        case "file":
            path = draw(st.sampled_from(sorted(project.files)) | _PATHS)
            return evolve(project, files={**project.files, path: draw(_ENTRIES)})
        case "remove":
            path = draw(st.sampled_from(sorted(project.files)))
            return evolve(project, files={p: e for p, e in project.files.items() if p != path})
        case "ignored":
            return evolve(project, ignored=(*(project.ignored or ()), draw(_IGNORED)))
        case "arguments":
            return evolve(project, arguments=draw(_ARGUMENTS))
        case kind:
            return evolve(project, lines=tuple(_edited_lines(draw, list(project.lines), kind)))


def _edited_lines(draw: st.DrawFn, lines: list[str], kind: str) -> list[str]:
    places = [index for index, line in enumerate(lines) if not line.startswith(("FROM", "ARG"))]
    index = draw(st.sampled_from(places))
    match kind:
        case "line":
            lines[index] = draw(_INSTRUCTIONS)
        case "drop":
            del lines[index]
        case "swap":
            other = draw(st.sampled_from(places))
            lines[index], lines[other] = lines[other], lines[index]
    return lines


def plant(context: Path, project: Project) -> None:
    """Lay a project out in a folder."""
    for path, (kind, mode, text) in project.files.items():
        target = context / path
        # What is in the way stays: a folder below a file cannot be.
        if any(parent.is_symlink() or parent.is_file() for parent in target.parents if parent != context):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.exists():
            continue
        match kind:
            case "file":
                target.write_text(text)
            case "link":
                target.symlink_to(text)
                continue
            case _:
                target.mkdir()
        target.chmod(mode)
    (context / "Dockerfile").write_text("\n".join(project.lines) + "\n")
    if project.ignored is not None:
        (context / ".dockerignore").write_text("\n".join(project.ignored))
