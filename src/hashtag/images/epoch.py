"""SOURCE_DATE_EPOCH: the time that a build gives its folders and its history (dockerfile2llb epoch.go)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from hashtag.dockerfile.stage import Dockerfile
from hashtag.errors import UnsupportedConstruct
from hashtag.images.origins import BuildRequest, is_remote_context

_NAME: Final = "SOURCE_DATE_EPOCH"
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,40}")
_LARGEST: Final = 2**63 - 1


@frozen
class Epoch:
    """
    The time of a build, and the variables as they are once it is known.

    Attributes:
        seconds: Empty where there is none.
    """

    seconds: str
    arguments: Mapping[str, str]
    globals: Mapping[str, str]


def source_date_epoch(dockerfile: Dockerfile, request: BuildRequest, scope: Mapping[str, str]) -> Epoch:
    """
    Return the time that a build argument or the global scope asks for.

    A number replaces what was written, `007` by `7`. What says nothing, or names a local context,
    which has no time, is as if it was not there.

    Raises:
        UnsupportedConstruct: The time is to be fetched.
    """
    arguments, scope = dict(request.arguments), dict(scope)
    text = arguments.get(_NAME, scope.get(_NAME, ""))
    if not text and _NAME not in arguments:
        return Epoch("", arguments, scope)
    seconds = _seconds(text, dockerfile, request) if text else ""
    for variables in (arguments, scope):
        if _NAME in variables and seconds:
            variables[_NAME] = seconds
        else:
            variables.pop(_NAME, None)
    return Epoch(seconds, arguments, scope)


def _seconds(text: str, dockerfile: Dockerfile, request: BuildRequest) -> str:
    if _SECONDS.fullmatch(text) and -_LARGEST - 1 <= int(text) <= _LARGEST:
        return str(int(text))
    context = request.context(text, request.platform)
    is_local = context is not None and not is_remote_context(request.contexts[context])
    if text == "context" or is_local:
        return ""
    raise UnsupportedConstruct(
        f"{_NAME}={text} is not a number of seconds",
        where=dockerfile.path,
        hint=f"--build-arg {_NAME}=$(git log -1 --format=%ct)",
    )
