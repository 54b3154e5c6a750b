"""BUILD: the only package that starts builders."""

from __future__ import annotations

from hashtag.builders.builder import Builder
from hashtag.builders.features import check_features, takes_checksums
from hashtag.builders.finding import find_builder
from hashtag.builders.logins import Login, builder_environment
from hashtag.builders.processes import Processes
from hashtag.builders.staged import StagedBuild

__all__ = [
    "Builder",
    "Login",
    "Processes",
    "StagedBuild",
    "builder_environment",
    "check_features",
    "find_builder",
    "takes_checksums",
]
