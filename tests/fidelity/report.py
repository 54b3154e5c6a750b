"""
The table of results: `python -m fidelity.report`, with `tests` on PYTHONPATH; `nox -s fidelity` runs it.

It prints Markdown, one row a topic. The status is 1 for any false hit, any error, any false miss that
is not named, and any path that an ignore file judges wrongly.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import field, frozen

from fidelity.buildkit_cases import VECTORS, Edit, edits
from fidelity.tools import (
    HashTool,
    IgnoreTool,
    ask,
    hash_command,
    hashtag_ignore,
    hashtag_in_process,
    ignore_command,
)
from fidelity.verdicts import FALSE_MISSES, Judgement, Outcome, Refused, judge
from fidelity.web import WebServer

_KINDS = {
    "must_change": "must change",
    "change_or_error": "must change",
    "must_not_change": "must not change",
    "either": "either",
}
_WRONG = {
    Judgement.FALSE_HIT: "false hits",
    Judgement.FALSE_MISS: "false misses",
    Judgement.ERROR: "errors",
}


@frozen
class Table:
    """
    Counts by topic, and what was wrong.

    Attributes:
        findings: A line for each answer that is not right, and not named.
        named: A line for each false miss that is.
    """

    first: str
    columns: tuple[str, ...]
    rows: Mapping[str, Counter[str]]
    findings: tuple[str, ...]
    named: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        total = sum(self.rows.values(), Counter())
        lines = [
            (topic, *[str(counts[column]) for column in self.columns])
            for topic, counts in [*sorted(self.rows.items()), ("all", total)]
        ]
        notes = [f"- {note}\n" for note in (*self.findings, *self.named)]
        return _markdown((self.first, *self.columns), lines) + ("\n" + "".join(notes) if notes else "")


def builds_table(
    tool: HashTool,
    vectors: Path = VECTORS,
    *,
    named: Mapping[str, str] | None = None,
    topics: Sequence[str] = (),
) -> Table:
    """Return what a tool makes of the edits, of all topics or of some."""
    columns = ("edits", "must change", "must not change", "either", *_WRONG.values())
    rows: dict[str, Counter[str]] = {}
    findings, excused = [], []
    for edit, judgement, outcome in _judged(tool, vectors, topics):
        counts = rows.setdefault(edit.topic, Counter())
        counts.update(["edits", _KINDS[edit.expect]])
        if judgement is Judgement.RIGHT:
            continue
        counts.update([_WRONG[judgement]])
        if judgement is Judgement.FALSE_MISS and edit.id in (named or {}):
            excused.append(f"false miss `{edit.id}`, named: {(named or {})[edit.id]}")
        else:
            why = f": {outcome.reason}" if isinstance(outcome, Refused) else ""
            findings.append(f"{judgement.value} `{edit.id}`{why}")
    return Table("topic", columns, rows, tuple(findings), tuple(excused))


def _judged(
    tool: HashTool, vectors: Path, topics: Sequence[str]
) -> Iterator[tuple[Edit, Judgement, Outcome]]:
    wanted = (edit for edit in edits(vectors) if not topics or edit.topic in topics)
    with WebServer() as web:
        for _, same in groupby(wanted, key=lambda edit: edit.case):
            of_case = list(same)
            before = _asked(tool, of_case[0].before, web)
            for edit in of_case:
                after = _asked(tool, edit.after, web)
                yield edit, judge(edit, before, after), before if isinstance(before, Refused) else after


def _asked(tool: HashTool, build: Any, web: WebServer) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return ask(tool, build, Path(folder), web)


def ignore_table(tool: IgnoreTool, vectors: Path, *, topics: Sequence[str] = ()) -> Table:
    """Return what a tool makes of the ignore files, of all topics or of some."""
    columns = ("files", "paths", "excluded", "seen", "refused", "wrong")
    rows: dict[str, Counter[str]] = {}
    findings = []
    every = json.loads(vectors.read_text(encoding="utf-8"))
    for (topic, text), found in groupby(every, key=lambda row: (row["topic"], row["dockerignore"])):
        if topics and topic not in topics:
            continue
        expected = {row["path"]: _expected(row) for row in found}
        counts = rows.setdefault(topic, Counter())
        counts.update({"files": 1, "paths": len(expected)})
        counts.update(expected.values())
        for path, answer in _answers(tool, text, list(expected)).items():
            if answer != expected[path]:
                counts.update(["wrong"])
                findings.append(f"{text!a}: {path!a} is {expected[path]}, not {answer}")
    return Table("topic", columns, rows, tuple(findings))


def _expected(row: Mapping[str, Any]) -> str:
    if "error" in row:
        return "refused"
    return "excluded" if row["excluded_walk"] else "seen"


def _answers(tool: IgnoreTool, text: str, paths: Sequence[str]) -> dict[str, str]:
    excluded = tool(text, paths)
    if isinstance(excluded, Refused):
        return dict.fromkeys(paths, "refused")
    return {path: "excluded" if path in excluded else "seen" for path in paths}


def _markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table whose source is one to the eye, too; all but the first column are numbers."""
    cells = [tuple(head), *map(tuple, lines)]
    first, *widths = [max(len(line[number]) for line in cells) for number in range(len(head))]
    rule = "|".join(["", "-" * (first + 2), *("-" * (width + 1) + ":" for width in widths), ""])
    rows = []
    for name, *numbers in cells:
        aligned = [number.rjust(width) for number, width in zip(numbers, widths, strict=True)]
        rows.append("| " + " | ".join([name.ljust(first), *aligned]) + " |")
    return "\n".join([rows[0], rule, *rows[1:]]) + "\n"


def tables(arguments: argparse.Namespace) -> Iterator[tuple[str, Table]]:
    """Yield the titles and the tables that are asked for."""
    topics = arguments.topic
    if arguments.tool or not arguments.ignore_tool:
        tool = hash_command(shlex.split(arguments.tool)) if arguments.tool else hashtag_in_process
        named = dict.fromkeys(arguments.named, "on the command line")
        if not arguments.tool:
            named = FALSE_MISSES | named
        yield (
            "Builds and their edits",
            builds_table(tool, arguments.vectors / "buildkit.json", named=named, topics=topics),
        )
    if arguments.ignore_tool or not arguments.tool:
        asked = arguments.ignore_tool
        ignore_tool = ignore_command(shlex.split(asked)) if asked else hashtag_ignore
        yield (
            "Ignore files",
            ignore_table(ignore_tool, arguments.vectors / "dockerignore.json", topics=topics),
        )


def main(words: Sequence[str] | None = None) -> int:
    """Print the tables; return 0 if all that is wrong is named."""
    parser = argparse.ArgumentParser(prog="python -m fidelity.report", description="What BuildKit would say.")
    parser.add_argument("--tool", metavar="CMD", help="reads a build as JSON, prints its fingerprint")
    parser.add_argument("--ignore-tool", metavar="CMD", help="reads rules and paths, prints what is excluded")
    parser.add_argument("--topic", metavar="TOPIC", action="append", default=[], help="only this one")
    parser.add_argument(
        "--named", metavar="CASE/EDIT", action="append", default=[], help="a known false miss"
    )
    parser.add_argument("--vectors", metavar="FOLDER", type=Path, default=VECTORS.parent)
    arguments = parser.parse_args(words)
    is_right = True
    for title, table in tables(arguments):
        print(f"### {title}\n\n{table}")
        is_right = is_right and not table.findings
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
