"""The flow, spelled once: read, resolve and pin, select, hash, look up, decide."""

from hashtag.project.project import Project
from hashtag.project.single import fingerprint

__all__ = ["Project", "fingerprint"]
