"""
Random contexts and ignore files: what a Docker engine receives is what the listing says.

Debian's engine is of 2020. FIFOs are left out here, as its COPY does; exceptions have no wildcards before
their end, and contexts in which a skipped `!` would count are passed over: there the rules have changed
since, and the vectors beside this file hold the newer answers.
"""

from __future__ import annotations

import stat
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hashtag.context.ignore import IgnoreRules
from hashtag.context.listing import Kind
from hashtag.worktree.files import list_context, read_ignore_rules, read_listing
from servers.docker_engine import Engine

_NAMES = st.sampled_from(["a", "b", "c.log", "d.txt", "é", "[z]", "a b", ".git", "a-b"])
_FILES = st.tuples(
    st.just("file"), st.sampled_from([0o644, 0o600, 0o755, 0o4755]), st.text("xyz", max_size=4)
)
_LINKS = st.tuples(
    st.just("link"), st.just(0o777), st.sampled_from(["a", "../b", "/etc/passwd", "nowhere", "."])
)
_FOLDERS = st.tuples(st.just("folder"), st.sampled_from([0o755, 0o700, 0o1777]))
_TREES = st.recursive(
    st.dictionaries(_NAMES, _FILES | _LINKS, max_size=3),
    lambda trees: st.dictionaries(_NAMES, _FILES | _LINKS | st.tuples(_FOLDERS, trees), max_size=4),
    max_leaves=8,
)
_WILD = st.sampled_from(["*", "**", "?", "*.log", "[a-b]", "a*", "[^a]", "\\[z\\]", "*b"])
_PATHS = st.lists(_NAMES.filter(lambda name: "[" not in name), min_size=1, max_size=3).map("/".join)
_PATTERNS = st.lists(_NAMES.filter(lambda name: "[" not in name) | _WILD, min_size=1, max_size=3).map(
    "/".join
)
_EXCEPTIONS = st.builds("!{}{}".format, _PATHS, st.sampled_from(["", "", "/*", "/**", "/"]))
_LINES = st.lists(
    _PATTERNS | _EXCEPTIONS | st.sampled_from(["# a", "", "  b  ", "/a", "./b", "a/../b"]), max_size=5
)


@pytest.mark.integration
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)
@given(tree=_TREES, lines=_LINES, name=st.sampled_from([".dockerignore", "Dockerfile.dockerignore"]))
def test_the_engine_receives_what_the_listing_says(engine: Engine, tree, lines, name) -> None:
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder, "context")
        context.mkdir()
        _plant(context, tree)
        (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (context / name).write_text("\n".join(lines))
        assume(_old_and_new_engines_agree(context))

        received = _build(engine, context, Path(folder, "received.tar"))

        assert _listed(context) == received
        assert sorted(list_context(context)) == sorted(received)


def _plant(folder: Path, tree: Mapping) -> None:
    for name, ((kind, mode, *rest), *below) in (
        (n, e if isinstance(e[0], tuple) else (e,)) for n, e in tree.items()
    ):
        path = folder / name
        match kind:
            case "file":
                path.write_text(rest[0])
            case "link":
                path.symlink_to(rest[0])
                continue
            case "folder":
                path.mkdir()
                _plant(path, below[0])
        path.chmod(mode)


def _old_and_new_engines_agree(context: Path) -> bool:
    """Return whether asking all patterns for a path and all its parents gives the walk's verdicts."""
    rules = read_ignore_rules(context) or IgnoreRules()
    return all(rules.excludes(path) == _last_match(rules, path) for path in read_listing(context))


def _last_match(rules: IgnoreRules, path: str) -> bool:
    names = path.split("/")
    paths = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
    matching = [rule for rule in rules.patterns if any(rule.matches(each) for each in paths)]
    return bool(matching) and not matching[-1].is_exception


def _listed(context: Path) -> dict[str, tuple[str, int, str]]:
    listing = read_listing(context, read_ignore_rules(context))
    return {
        path: (entry.kind.value, 0o777 if entry.kind is Kind.SYMLINK else entry.mode, entry.target)
        for path, entry in listing.items()
    }


def _build(engine: Engine, context: Path, archive: Path) -> dict[str, tuple[str, int, str]]:
    answer = engine.docker("build", "--quiet", "--output", f"type=tar,dest={archive}", context)
    assert answer.returncode == 0, answer.stderr
    with tarfile.open(archive) as tar:
        return {member.name.rstrip("/"): _received(member) for member in tar}


def _received(member: tarfile.TarInfo) -> tuple[str, int, str]:
    kind = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "symlink"}.get(member.type, "file")
    return kind, 0o777 if kind == "symlink" else stat.S_IMODE(member.mode), member.linkname
