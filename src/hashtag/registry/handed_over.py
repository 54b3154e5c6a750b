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
        host = str(document["host"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CredentialsError(
            "not a registry in JSON",
            where="HASHTAG_REGISTRY",
            hint='write {"host": …, "port": …, "username": …, "password": …, "cert": …}',
        ) from None
    return HandedOver(
        host=_with_port(host, document), login=_login(document), ca=document.get("cert") or None
    )


def _with_port(host: str, document: dict[str, Any]) -> str:
    bracketed = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return f"{bracketed}:{document['port']}" if document.get("port") else bracketed


def _login(document: dict[str, Any]) -> Login | None:
    if not document.get("username"):
        return None
    password = str(document.get("password") or "")
    return Login(username=str(document["username"]), password=password, origin="HASHTAG_REGISTRY")
