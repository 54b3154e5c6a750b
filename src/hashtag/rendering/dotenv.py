"""A plan as variables: one `NAME=reference` line an image."""

from __future__ import annotations

import re

from hashtag.errors import ConfigError, UsageError
from hashtag.planning.plan import Alias, Build, Plan
from hashtag.rendering.escape import visible

_PLAIN = re.compile(r"[A-Za-z0-9._:/@\[\]+-]+")


def render(plan: Plan, *, variable_limit: int | None = None, byte_limit: int | None = None) -> str:
    """
    Return `HASHTAG_WEB_IMAGE=…` lines: an existing image by digest, another by the tag it is built to.

    Args:
        plan: Images that failed have no line.
        variable_limit: GitLab takes 20, 50, 100 or 150 variables of one dotenv report.
        byte_limit: GitLab takes 5120 bytes.

    Raises:
        ConfigError: Two images have one variable.
        UsageError: The lines are beyond a limit, or a value would need quoting.
    """
    lines = [f"{name}={value}\n" for name, value in variables(plan).items()]
    text = "".join(lines)
    if variable_limit is not None and len(lines) > variable_limit:
        raise UsageError(f"{len(lines)} variables are more than the {variable_limit} allowed", hint=_HINT)
    if byte_limit is not None and len(text.encode()) > byte_limit:
        raise UsageError(f"{len(text.encode())} bytes are more than the {byte_limit} allowed", hint=_HINT)
    return text


_HINT = "plan fewer images, or write $CI_REGISTRY_IMAGE/NAME:$CI_PIPELINE_IID where an image is used"


def variables(plan: Plan) -> dict[str, str]:
    """Return the reference of each image by its variable, parents first."""
    owners: dict[str, Build | Alias] = {}
    for action in plan:
        if isinstance(action, (Build, Alias)):
            name = variable(action.name)
            if name in owners:
                raise ConfigError(
                    f"images {owners[name].name!r} and {action.name!r} have one variable: {name}",
                    hint="rename one of them",
                )
            owners[name] = action
    return {name: _value(action) for name, action in owners.items()}


def variable(image: str) -> str:
    """Return the variable of an image: `HASHTAG_TOOLS_GCC_IMAGE` for `tools/gcc`."""
    word = re.sub(r"[^A-Z0-9]+", "_", image.upper()).strip("_")
    return f"HASHTAG_{word}_IMAGE" if word else "HASHTAG_IMAGE"


def _value(action: Build | Alias) -> str:
    value = str(action.reference)
    if not _PLAIN.fullmatch(value):
        raise UsageError(f"the reference of {action.name!r} needs quoting: {visible(value)}")
    return value
