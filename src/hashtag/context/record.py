"""The record: the inputs of one image on one platform, as canonical JSON (recipe `h1`)."""

from __future__ import annotations

from typing import Any

from hashtag.context.canonical import hidden, present
from hashtag.context.stage_records import Inputs, StageRecords, origin_document
from hashtag.context.uses import WholeUse
from hashtag.images.config import ImageConfig
from hashtag.images.lowered import Lowered

RECIPE = "h1"


def record(lowered: Lowered, inputs: Inputs) -> dict[str, Any]:
    """
    Return the record of a lowered build.

    Stages stand in it by the SHA-256 of their own canonical JSON, so that neither their names nor
    their order count; a stage that is FROM another holds the other's operations.

    Raises:
        UnknownBase: An external base has no digest.
    """
    stages = StageRecords(lowered, inputs)
    document: dict[str, Any] = {
        "recipe": RECIPE,
        "platform": str(lowered.platform),
        "stage": stages.key(lowered.target),
        "stages": stages.documents,
        "config": config_document(lowered.config),
    }
    if lowered.syntax:
        document["syntax"] = origin_document(lowered.syntax, stages, inputs)
    if inputs.salt:
        document["salt"] = hidden(inputs.salt)
    if inputs.refresh:
        document["refresh"] = list(inputs.refresh)
    if inputs.whole_contexts:
        document["contexts"] = {
            context: inputs.file_sets[WholeUse(context)].to_json() for context in inputs.whole_contexts
        }
    return document


def config_document(config: ImageConfig) -> dict[str, Any]:
    """Return what stands in a record for the final config."""
    return present(
        {
            "environment": [[name, hidden(value)] for name, value in config.environment],
            "folder": config.working_dir and hidden(config.working_dir),
            "user": config.user and hidden(config.user),
            "shell": list(config.shell),
            "onbuild": list(config.onbuild),
            "labels": {name: hidden(value) for name, value in config.labels.items()},
            "command": None if config.command is None else {"arguments": list(config.command)},
            "entrypoint": None if config.entrypoint is None else {"arguments": list(config.entrypoint)},
            "volumes": sorted(hidden(path) for path in config.volumes),
            "ports": sorted(hidden(port) for port in config.ports),
            "healthcheck": config.healthcheck,
            "stop-signal": config.stop_signal and hidden(config.stop_signal),
            "author": config.author,
        }
    )
