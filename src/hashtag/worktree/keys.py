"""Every key of the configuration file, its kind, its default and what CI says instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hashtag.worktree.image_tables import SHARED_KEYS
from hashtag.worktree.values import Kind, Pairs, TagsByBranch, Text, Texts, Word


@frozen
class Key:
    """
    One key at the top of the file.

    Attributes:
        default: As the file would hold it.
        ci: The variable of GitLab's that says it where nothing else does.
        is_of_ci: Outside of CI it may name CI's variables and then counts as not given.
    """

    kind: Kind[Any]
    default: object = None
    ci: str = ""
    is_of_ci: bool = False


_SHARED_DEFAULTS: Mapping[str, object] = {
    "platforms": ["linux/amd64"],
    "args": {},
    "labels": {},
    "known-as": [],
    "salt": "",
    "modes": "git",
    "context-files": "used",
    "remote-add": "fetch",
    "missing-sources": "error",
}

PROJECT_KEYS: Mapping[str, Key] = {
    "repository": Key(Text(), ci="CI_REGISTRY_IMAGE", is_of_ci=True),
    "reference": Key(Text(), "{repository}/{name}"),
    "pipeline-tag": Key(Text(), ci="CI_PIPELINE_IID", is_of_ci=True),
    "plans": Key(Text(), "{repository}/plans"),
    "look-in": Key(Texts(), []),
    "on-upstream-hit": Key(Word(("copy", "use")), "copy"),
    "trust": Key(Word(("single", "protected")), "single"),
    "bases": Key(Word(("latest",), unready=("locked", "published")), "latest"),
    "external": Key(Texts(), []),
    "mirrors": Key(Pairs(r"[,\n]"), {}),
    "publish": Key(TagsByBranch(), {}, is_of_ci=True),
    "requires": Key(Text()),
    "import": Key(Texts(), []),
    "dockerfiles": Key(Texts(), []),
    **{name: Key(kind, _SHARED_DEFAULTS.get(name)) for name, kind in SHARED_KEYS.items()},
}


def variable(key: str) -> str:
    """Return the variable of a key: `HASHTAG_PIPELINE_TAG` of `pipeline-tag`."""
    return "HASHTAG_" + key.upper().replace("-", "_")


# Variables that other parts of hashtag read; they are no settings of the file.
FOREIGN_VARIABLES = (
    "HASHTAG_REGISTRY",
    "HASHTAG_CREDS",
    "HASHTAG_CA_CERT",
    "HASHTAG_TRUSTED",
    "HASHTAG_LATEST_BRANCH",
    "HASHTAG_GITLAB_TOKEN",
    "HASHTAG_BUILDER",
    "HASHTAG_BUILDER_ARGS",
    "HASHTAG_BUILD_ARGS",
)
