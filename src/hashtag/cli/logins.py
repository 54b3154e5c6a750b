"""The logins of a plan's registries, for builders that would not find them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashtag.builders import Login
    from hashtag.planning.plan import Plan
    from hashtag.registry.login import Login as RegistryLogin

# Where logins come from that a builder does not look for itself.
_UNKNOWN_TO_BUILDERS = (
    "creds",
    "HASHTAG_CREDS",
    "HASHTAG_REGISTRY",
    "DOCKER_AUTH_CONFIG",
    "CI_REGISTRY_USER",
    "CI_JOB_TOKEN",
    "CI_DEPENDENCY_PROXY_USER",
)


def builder_logins(plan: Plan, creds: str | None, environ: Mapping[str, str]) -> dict[str, Login]:
    """
    Return the logins for all registries of a plan; nothing where the builder finds each by itself.

    Returns:
        By host; where a repository of a host has another login than the first one, by the repository, too.
    """
    from hashtag.builders import Login
    from hashtag.oci.reference import Reference
    from hashtag.planning.plan import Failed
    from hashtag.registry.credentials import Credentials

    own = plan.repository
    known = Credentials.from_environment(environ, creds=creds, registry=own.registry)
    targets = [action.target for action in plan if not isinstance(action, Failed)]
    repositories = [own, *(target.repository for target in targets)]
    repositories += [alias.reference.repository for alias in plan.aliases]
    repositories += [Reference.parse(base.reference).repository for each in targets for base in each.bases]
    found: dict[str, RegistryLogin] = {}
    for each in dict.fromkeys(repositories):
        login = known.login(each.registry, each.name)
        # Our own comes first. containers-auth.json(5): the longest key that fits is taken.
        if login and found.setdefault(each.registry, login) != login:
            found[str(each)] = login
    if not any(login.origin in _UNKNOWN_TO_BUILDERS for login in found.values()):
        return {}
    return {
        where: Login(username=login.username, password=login.password, identity_token=login.identity_token)
        for where, login in found.items()
    }
