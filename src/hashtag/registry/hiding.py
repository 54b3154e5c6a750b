"""Hiding: what no message may show, in all forms in which a server may send it back."""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from urllib.parse import quote, quote_plus

from hashtag.errors import HashtagError
from hashtag.registry.retry import Temporary


@lru_cache(maxsize=64)
def forms_of(*texts: str) -> tuple[str, ...]:
    """Return secrets as they are, in base64, with percent signs, and as JSON writes them; of no text none."""
    return tuple(dict.fromkeys(form for text in texts if text for form in _forms(text)))


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with stars in place of secrets, however large their letters: hosts come in small ones."""
    # The longest first, as one may be part of another.
    known = sorted(secrets, key=len, reverse=True)
    return (
        re.sub("|".join(map(re.escape, known)), "***", text, flags=re.IGNORECASE) if known and text else text
    )


@contextmanager
def hiding(secrets: Iterable[str]) -> Iterator[None]:
    """Let errors that quote a secret be raised without it, and without what caused them."""
    try:
        yield
    except (HashtagError, Temporary) as error:
        clean = _without(error, tuple(secrets))
        if str(clean) == str(error):
            raise
        raise clean from None


def _forms(text: str) -> Iterator[str]:
    content = text.encode(errors="surrogateescape")
    yield text
    for encoded in (b64encode(content).decode(), urlsafe_b64encode(content).decode()):
        yield from (encoded, encoded.rstrip("="))
    yield from (quote(content, safe=""), quote(content), quote_plus(content))
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1])


def _without(error: HashtagError | Temporary, secrets: tuple[str, ...]) -> HashtagError | Temporary:
    if isinstance(error, Temporary):
        return Temporary(scrubbed(error.cause, secrets), error.retry_after)
    where = error.location or scrubbed(error.where, secrets)
    return type(error)(scrubbed(error.what, secrets), where=where, hint=error.hint)
