"""The conformance suite: builds and edits of them, with what a real BuildKit did."""

from __future__ import annotations

import base64
import copy
import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import field, frozen

VECTORS = Path(__file__).parent / "vectors" / "buildkit.json"
_MERGED = ("files", "args", "labels", "secrets", "bases", "http", "opts")

Files = Mapping[str, Any]


@frozen
class Build:
    """One build: a context on disk and what it is asked for."""

    document: Mapping[str, Any] = field(repr=False)

    @property
    def bases(self) -> dict[str, Mapping[str, Any]]:
        """For each name in a FROM the digest and the config of what it resolves to."""
        configs = self.document.get("base_config") or {}
        return {
            name: {
                "digest": "sha256:" + reference.rpartition("sha256:")[2],
                "config": configs.get(reference, {}),
            }
            for name, reference in (self.document.get("bases") or {}).items()
        }


@frozen
class Edit:
    """A build, the same build edited, and the verdict."""

    case: str
    topic: str
    name: str
    before: Build
    after: Build
    expect: str

    @property
    def id(self) -> str:
        return f"{self.case}/{self.name}"


def edits(path: Path = VECTORS) -> Iterator[Edit]:
    """Yield every edit of every case, in the order of the file."""
    for case in json.loads(path.read_text()):
        for edit in case["edits"]:
            yield Edit(
                case=case["case"],
                topic=case["topic"],
                name=edit["name"],
                before=Build(case),
                after=Build(edited(case, edit)),
                expect=edit["verdict"]["expect"],
            )


def edited(case: Mapping[str, Any], edit: Mapping[str, Any]) -> dict[str, Any]:
    """Return a case with an edit carried out: README.md, «An edit»."""
    document = copy.deepcopy(dict(case))
    for key, value in edit.items():
        if key in ("name", "verdict"):
            continue
        if key == "dockerfile_sub":
            for old, new in value:
                document["dockerfile"] = document["dockerfile"].replace(old, new)
        elif key == "dockerfile_append":
            document["dockerfile"] += value
        elif key in _MERGED and value is not None:
            document[key] = _merged(document.get(key) or {}, value)
        elif key == "contexts" and value is not None:
            contexts = document.get(key) or {}
            document[key] = {
                name: _merged(contexts.get(name) or {}, value.get(name) or {})
                for name in {**contexts, **value}
                if value.get(name, {}) is not None
            }
        else:
            document[key] = value
    return document


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def write(build: Build, folder: Path, http: str = "") -> dict[str, Any]:
    """
    Lay a build out in a folder; return the arguments of `hashtag.fingerprint` for it.

    Args:
        http: The address that `@HTTP@` stands for.
    """
    document = build.document
    context = folder / "context"
    name = document.get("dockerfile_name") or "Dockerfile"
    outside = document.get("dockerfile_outside")
    dockerfile = (folder / "dockerfile" if outside else context) / name
    context.mkdir(parents=True)
    _write_files(context, document.get("files") or {})
    dockerfile.parent.mkdir(parents=True, exist_ok=True)
    _write_text(dockerfile, document["dockerfile"].replace("@HTTP@", http))
    if document.get("dockerignore") is not None:
        _write_text(context / ".dockerignore", document["dockerignore"])
    if document.get("dockerfile_ignore") is not None:
        _write_text(dockerfile.with_name(name + ".dockerignore"), document["dockerfile_ignore"])
    contexts = {}
    for context_name, files in (document.get("contexts") or {}).items():
        contexts[context_name] = folder / "contexts" / context_name
        contexts[context_name].mkdir(parents=True)
        _write_files(contexts[context_name], files)
    return {
        "context": context,
        "dockerfile": dockerfile,
        "target": document.get("target"),
        "build_args": document.get("args") or {},
        "labels": document.get("labels") or {},
        "platform": document.get("platform") or "linux/amd64",
        "build_contexts": contexts,
    }


def _write_text(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    path.chmod(0o644)


def _write_files(root: Path, files: Files) -> None:
    for path, value in files.items():
        entry = value if isinstance(value, dict) else {"content": value}
        target = root / path
        _make_folders(root, target.parent)
        if entry.get("dir"):
            target.mkdir(exist_ok=True)
            _set_metadata(target, entry, mode="0755")
    for path, value in files.items():
        entry = value if isinstance(value, dict) else {"content": value}
        if not entry.get("dir"):
            _write_entry(root, root / path, entry)


def _make_folders(root: Path, folder: Path) -> None:
    if folder != root and not folder.exists():
        _make_folders(root, folder.parent)
        folder.mkdir()
        folder.chmod(0o755)


def _write_entry(root: Path, target: Path, entry: Mapping[str, Any]) -> None:
    kinds: dict[str, Callable[[], object]] = {
        "symlink": lambda: target.symlink_to(entry["symlink"]),
        "hardlink": lambda: os.link(root / entry["hardlink"], target),
        "fifo": lambda: os.mkfifo(target),
        "tar": lambda: target.write_bytes(_tar(entry)),
        "content_b64": lambda: target.write_bytes(base64.b64decode(entry["content_b64"])),
        "content": lambda: target.write_bytes(entry["content"].encode()),
    }
    kind = next(kind for kind in kinds if entry.get(kind) is not None)
    kinds[kind]()
    if kind not in ("symlink", "hardlink"):
        _set_metadata(target, entry, mode="0644")


def _set_metadata(target: Path, entry: Mapping[str, Any], mode: str) -> None:
    """Owners need root, and some file systems have no extended attributes: no verdict depends on either."""
    if os.geteuid() == 0:
        os.chown(target, entry.get("uid", -1), entry.get("gid", -1))
    target.chmod(int(entry.get("mode", mode), 8))
    with suppress(OSError):
        for name, value in (entry.get("xattrs") or {}).items():
            os.setxattr(target, name, value.encode())
    if "mtime" in entry:
        os.utime(target, (entry["mtime"], entry["mtime"]))


def _tar(entry: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in entry["tar"].items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mtime = entry.get("tar_mtime", 0)
            archive.addfile(info, io.BytesIO(content.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0) if entry.get("gz") else buffer.getvalue()
