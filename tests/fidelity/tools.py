"""Tools that hash builds: hashtag in this process, or any command."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import hashtag
from fidelity.buildkit_cases import Build, write
from fidelity.verdicts import Outcome, Printed, Refused
from fidelity.web import WebServer

# Both get paths alone from the caller: what is asked for stands in JSON values.
HashTool: TypeAlias = Callable[[Mapping[str, Any]], Outcome]
IgnoreTool: TypeAlias = Callable[[str, Sequence[str]], "list[str] | Refused"]
_TIMEOUT = 60  # seconds for one build


def ask(tool: HashTool, build: Build, folder: Path, web: WebServer) -> Outcome:
    """Lay a build out in a folder, and return what the tool says of it."""
    web.serve(build.document.get("http") or {})
    return tool(request(build, write(build, folder, http=web.address)))


def request(build: Build, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a tool is told of a build, all values of JSON: README.md, «The protocol»."""
    contexts = arguments["build_contexts"]
    return {
        "context": str(arguments["context"]),
        "dockerfile": str(arguments["dockerfile"]),
        "target": arguments["target"],
        "build_args": dict(arguments["build_args"]),
        "labels": dict(arguments["labels"]),
        "platform": arguments["platform"],
        "build_contexts": {name: str(path) for name, path in contexts.items()},
        "bases": build.bases,
        "secrets": dict(build.document.get("secrets") or {}),
        "options": dict(build.document.get("opts") or {}),
    }


def hashtag_in_process(asked: Mapping[str, Any]) -> Outcome:
    """Return hashtag's answer, with all mode bits, as BuildKit counts them."""
    try:
        found = hashtag.fingerprint(
            Path(asked["context"]),
            dockerfile=Path(asked["dockerfile"]),
            target=asked["target"],
            build_args=asked["build_args"],
            labels=asked["labels"],
            platform=asked["platform"],
            build_contexts={name: Path(path) for name, path in asked["build_contexts"].items()},
            bases={name: hashtag.BaseImage(**base) for name, base in asked["bases"].items()},
            modes="full",
        )
    except hashtag.HashtagError as error:
        return Refused(str(error))
    return Printed(found.tag)


def hash_command(words: Sequence[str]) -> HashTool:
    """Return a tool that is a command: a build as JSON on its input, a fingerprint on its output."""

    def tool(asked: Mapping[str, Any]) -> Outcome:
        answer = _run(words, asked)
        return answer if isinstance(answer, Refused) else Printed(answer)

    return tool


def hashtag_ignore(text: str, paths: Sequence[str]) -> list[str] | Refused:
    """Return which of the paths hashtag's rules exclude."""
    try:
        rules = hashtag.IgnoreRules.parse(text)
        return [path for path in paths if rules.excludes(path)]
    except hashtag.HashtagError as error:
        return Refused(str(error))


def ignore_command(words: Sequence[str]) -> IgnoreTool:
    """Return a tool that is a command: rules and paths as JSON, the excluded paths as JSON."""

    def tool(text: str, paths: Sequence[str]) -> list[str] | Refused:
        answer = _run(words, {"dockerignore": text, "paths": list(paths)})
        return answer if isinstance(answer, Refused) else list(json.loads(answer))

    return tool


def _run(words: Sequence[str], document: Mapping[str, Any]) -> str | Refused:
    try:
        answer = subprocess.run(
            list(words),
            input=json.dumps(document),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Refused(str(error))
    if answer.returncode != 0:
        return Refused(answer.stderr.strip() or f"status {answer.returncode}")
    return answer.stdout.strip() or Refused("nothing was printed")
