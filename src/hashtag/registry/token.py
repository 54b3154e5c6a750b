"""Tokens: how a token server is asked for one, and what it gives. Pure."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from hashtag.registry.challenge import Challenge
from hashtag.registry.login import Login
from hashtag.registry.messages import Answer, Request

_SHORTEST_LIFE = 60.0  # Docker's token specification: expires_in is optional and at least 60 s


def token_request(challenge: Challenge, scopes: tuple[str, ...], login: Login | None) -> Request:
    """Return the request for a token with these scopes; without a login it is one for strangers."""
    if login and login.identity_token:
        return _refresh_request(challenge, scopes, login)
    query = [("service", challenge.service)] if challenge.service else []
    query += [("scope", text) for text in scopes]
    mark = "&" if "?" in challenge.realm else "?"
    headers = {"Authorization": login.basic} if login else {}
    url = challenge.realm + mark + urlencode(query, quote_via=quote)
    secrets = login.secrets if login else ()
    return Request(method="GET", url=url, headers=headers, secrets=secrets, is_secret=True)


def token_of(answer: Answer) -> tuple[str, float] | None:
    """Return a token and its life in seconds; None where the answer holds none that can be sent."""
    document: Any = None
    try:
        document = json.loads(answer.content)
        text = document.get("token") or document.get("access_token")
        seconds = float(document.get("expires_in") or _SHORTEST_LIFE)
    except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
        return None
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
        return None
    return text, seconds


def _refresh_request(challenge: Challenge, scopes: tuple[str, ...], login: Login) -> Request:
    # Docker, «Registry authentication: OAuth2 token»: a refresh token is exchanged by POST.
    form = {
        "grant_type": "refresh_token",
        "service": challenge.service,
        "client_id": "hashtag",
        "scope": " ".join(scopes),
        "refresh_token": login.identity_token,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    content = urlencode(form).encode()
    return Request(
        method="POST",
        url=challenge.realm,
        headers=headers,
        content=content,
        secrets=login.secrets,
        is_secret=True,
    )
