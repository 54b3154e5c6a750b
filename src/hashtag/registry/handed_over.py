"""HASHTAG_REGISTRY: a registry that another job started and handed on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from hashtag.errors import CredentialsError
from hashtag.registry.login import Login


@frozen(kw_only=True)
class HandedOver:
    """A registry as Zuul's jobs hand it on: `{"host", "port", "username", "password", "cert"}`."""

    host: str
    login: Login | None = None
    ca: str | None = None


def handed_over(environ: Mapping[str, str]) -> HandedOver | None:
    """Return the registry of HASHTAG_REGISTRY; raise `CredentialsError`, which never shows it."""
    text = environ.get("HASHTAG_REGISTRY", "").strip()
    if not text:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not _is_registry(document):
        # No cause: the parser's error holds the text.
        raise CredentialsError(
            "not a registry in JSON",
            where="HASHTAG_REGISTRY",
            hint='write {"host": …, "port": …, "username": …, "password": …, "cert": …}',
        )
    return HandedOver(host=_with_port(document), login=_login(document), ca=document.get("cert") or None)


def _is_registry(document: Any) -> bool:
    if not isinstance(document, dict) or not document.get("host"):
        return False
    texts = (document.get(name) or "" for name in ("host", "username", "password", "cert"))
    return all(isinstance(text, str) for text in texts) and str(document.get("port") or 0).isdecimal()


def _with_port(document: Mapping[str, Any]) -> str:
    host, port = document["host"], document.get("port")
    bracketed = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return f"{bracketed}:{port}" if port else bracketed


def _login(document: Mapping[str, Any]) -> Login | None:
    if not document.get("username"):
        return None
    password = document.get("password") or ""
    return Login(username=document["username"], password=password, origin="HASHTAG_REGISTRY")
