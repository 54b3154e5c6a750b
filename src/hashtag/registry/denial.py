"""Denials: what is said where a registry refuses a login, or the rights that it carries."""

from __future__ import annotations

from hashtag.errors import AccessDenied
from hashtag.oci.reference import Repository
from hashtag.registry.login import Login

# Where a login stands that `docker login` does not replace.
_GIVEN = (
    *("creds", "HASHTAG_CREDS", "HASHTAG_REGISTRY", "DOCKER_AUTH_CONFIG"),
    *("CI_REGISTRY_USER", "CI_DEPENDENCY_PROXY_USER", "CI_JOB_TOKEN"),
)


def login_refused(repository: Repository, login: Login, what: str) -> AccessDenied:
    """Return the error for a wrong password: whose it is, for which host, and where it came from."""
    host = repository.registry
    cure = "correct it there" if login.origin in _GIVEN else f"log in again: docker login {host}"
    return AccessDenied(
        f"the login {login.name} for {host} was refused: {what}",
        where=str(repository),
        hint=f"it came from {login.origin}: {cure}",
    )


def denied(repository: Repository, actions: str, login: Login | None, what: str) -> AccessDenied:
    """
    Return the error that says whose rights do not suffice, or that no login was found.

    Args:
        actions: What was to be done: `pull`, or `pull,push`.
    """
    host = repository.registry
    if login is None:
        hint = f"no login was found for {host}: docker login {host}, or set DOCKER_AUTH_CONFIG"
    else:
        hint = f"the login {login.name} came from {login.origin}; it needs {actions} on this repository"
    return AccessDenied(f"missing or no permission: {what}", where=str(repository), hint=hint)
