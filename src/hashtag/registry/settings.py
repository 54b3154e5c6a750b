"""Settings: which registry an environment names, and how to get in."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from hashtag.errors import ConfigError
from hashtag.oci.reference import Repository

if TYPE_CHECKING:
    from hashtag.registry.client import HttpRegistry
    from hashtag.registry.credentials import Credentials


@frozen(kw_only=True)
class RegistrySettings:
    """A repository, and what its registry is reached with."""

    repository: Repository
    creds: str | None = field(default=None, repr=False)
    ca: Path | str | None = field(default=None, repr=False)
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def gather(
        cls,
        repository: str | None,
        creds: str | None,
        ca: Path | str | None,
        environ: Mapping[str, str] | None,
    ) -> RegistrySettings:
        """Return what is given, else what the environment says; raise `ConfigError` without a repository."""
        environ = dict(os.environ if environ is None else environ)
        named = Repository.parse(repository or _named(environ))
        return cls(repository=named, creds=creds, ca=ca, environ=environ)

    def credentials(self) -> Credentials:
        """Return what is given to log in with, else what the environment says."""
        from hashtag.registry.credentials import Credentials

        return Credentials.from_environment(self.environ, creds=self.creds, registry=self.repository.registry)

    def connect(
        self, insecure: Collection[str], budget_seconds: float, warn: Callable[[str], None] | None = None
    ) -> HttpRegistry:
        """
        Return the client; nothing is connected before its first request.

        Args:
            insecure: Hosts that may be spoken to without TLS.
            budget_seconds: How long a failing registry is asked again.
            warn: Told what registries warn of, each once.
        """
        # A run whose images are all in a folder needs nothing of these.
        from hashtag.registry.client import HttpRegistry
        from hashtag.registry.gitlab import GitLab
        from hashtag.registry.handed_over import handed_over
        from hashtag.registry.notices import Notices
        from hashtag.registry.retry import Retries
        from hashtag.registry.transport import Transport

        handed = handed_over(self.environ)
        ca = self.ca or (handed.ca if handed else None)
        transport = Transport(ca=ca, insecure=insecure, environ=self.environ, timeout_seconds=budget_seconds)
        retries = Retries(budget_seconds=budget_seconds)
        gitlab = GitLab.from_environment(self.environ, transport, retries)
        return HttpRegistry(transport, self.credentials(), retries, Notices(warn), gitlab)


def _named(environ: Mapping[str, str]) -> str:
    for name in ("HASHTAG_REPOSITORY", "CI_REGISTRY_IMAGE"):
        if value := environ.get(name):
            return value
    raise ConfigError(
        "no repository is named",
        hint="give it as --repository registry.example.com/group/project, or set HASHTAG_REPOSITORY",
    )
