"""JSON Schemas (draft 2020-12) of the documents that scripts may rely on. Pure."""

from __future__ import annotations

from typing import Any

from hashtag.errors import UsageError, did_you_mean
from hashtag.planning.plan import OnUpstreamHit, Reason

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_OPTIONAL_TEXT = {"type": ["string", "null"]}
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$"}
_HEX = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_TAG = {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"}
_TEXT_OF_EACH = {"type": "object", "additionalProperties": _TEXT}
_OBJECT_OF_EACH = {"type": "object", "additionalProperties": {"type": "object"}}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """Return the schema of an object; fields that are not named may stand in it too."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, **more}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


_BASE = _object(
    {
        "reference": _TEXT,
        "digest": _DIGEST,
        "platforms": {"type": "object", "additionalProperties": _DIGEST},
        "configs": _OBJECT_OF_EACH,
        "is_written_by_digest": {"type": "boolean"},
    },
    optional=("configs", "is_written_by_digest"),
)
_BUILD = _object(
    {
        "dockerfile": _TEXT,
        "context": _TEXT,
        "target": _OPTIONAL_TEXT,
        "arguments": {**_TEXTS, "description": "names; values never stand in a plan"},
        "labels": _TEXT_OF_EACH,
        "platforms": _TEXTS,
        "contexts": _TEXT_OF_EACH,
        "secrets": {**_TEXTS, "description": "ids"},
        "stages": _TEXTS,
    },
    optional=("stages",),
)


def _when(action: str, **properties: Any) -> dict[str, Any]:
    return {
        "if": {"properties": {"action": {"const": action}}},
        "then": {"properties": properties},
    }


_IMAGE = _object(
    {
        "name": _TEXT,
        "action": {"enum": ["build", "alias", "failed"]},
        "reason": {"enum": [reason.value for reason in Reason]},
        "fingerprint": _or_null(_HEX),
        "cache_tag": _or_null(_TAG),
        "cache_reference": _OPTIONAL_TEXT,
        "pipeline_reference": _OPTIONAL_TEXT,
        "digest": _or_null(_DIGEST),
        "parents": _TEXTS,
        "bases": {"type": "array", "items": _BASE},
        "build": _or_null(_BUILD),
        "fingerprints": {"type": "object", "additionalProperties": _HEX},
        "parent_references": _TEXT_OF_EACH,
        "salt": _TEXT,
        "replaces": _DIGEST,
        "spec": _BUILD,
        "records": _OBJECT_OF_EACH,
        "upstream": _TEXT,
        "on_upstream_hit": {"enum": [each.value for each in OnUpstreamHit]},
        "error": _TEXT,
        "code": {"type": "string", "pattern": r"^HT\d{3}$"},
    },
    optional=(
        *("fingerprints", "parent_references", "salt", "replaces", "spec", "records"),
        *("upstream", "on_upstream_hit", "error", "code"),
    ),
    allOf=[
        _when("build", fingerprint=_HEX, cache_tag=_TAG, cache_reference=_TEXT, build=_BUILD),
        _when("alias", fingerprint=_HEX, cache_tag=_TAG, cache_reference=_TEXT, digest=_DIGEST),
    ],
)

SCHEMAS: dict[str, dict[str, Any]] = {
    "plan": {
        "$schema": _DRAFT,
        "title": "A plan, as `hashtag plan -o json` prints and `--save` writes it",
        **_object(
            {
                "format_version": {"type": "string", "pattern": r"^1\.\d+$"},
                "repository": _TEXT,
                "pipeline_tag": _or_null(_TAG),
                "ref": _OPTIONAL_TEXT,
                "commit": _OPTIONAL_TEXT,
                "commit_time": _or_null(_TIME),
                "at": _TIME,
                "tool_version": _TEXT,
                "images": {"type": "array", "items": _IMAGE},
                "warnings": _TEXTS,
            }
        ),
    },
    "list": {
        "$schema": _DRAFT,
        "title": "The images of a project, parents before children, as `hashtag list -o json` prints them",
        "type": "array",
        "items": _object(
            {
                "name": _TEXT,
                "dockerfile": _TEXT,
                "context": _TEXT,
                "target": _OPTIONAL_TEXT,
                "parents": _TEXTS,
                "bases": _TEXTS,
            }
        ),
    },
    "hash": {
        "$schema": _DRAFT,
        "title": "The fingerprint of one image, as `hashtag hash -o json` prints it",
        **_object({"fingerprint": _HEX, "cache_tag": _TAG, "record": {"type": "object"}}),
    },
}


def schema(document: str) -> dict[str, Any]:
    """Return the JSON Schema of `plan`, `list` or `hash` output; raise `UsageError` for another name."""
    if document not in SCHEMAS:
        hint = did_you_mean(document, SCHEMAS) or f"one of {', '.join(SCHEMAS)}"
        raise UsageError(f"there is no schema {document!r}", hint=hint)
    return SCHEMAS[document]
