"""Two hundred look-ups through a proxy that delays: ours, one keep-alive connection, and skopeo.

Run it in the project's folder: `python benchmarks/lookups.py [--tags 200] [--round-trip 0.05]`. It starts
a docker-registry of its own, with TLS, and prints a table; a method that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from hashtag.oci.manifest import OCI_MANIFEST, Manifest
from hashtag.registry import Registry, find
from servers.docker_registry import start_registry
from servers.proxy import proxied

OURS, SKOPEO = "hashtag, 16 in flight", "skopeo inspect, one by one"
_REPETITIONS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tags", type=int, default=200)
    parser.add_argument("--round-trip", type=float, default=0.05, help="seconds")
    arguments = parser.parse_args()
    print(
        f"{arguments.tags} look-ups, {arguments.round_trip * 1000:.0f} ms round trip, best of {_REPETITIONS}"
    )
    for name, seconds in measured(arguments.tags, arguments.round_trip).items():
        print(f"{name:28} {seconds * 1000:8.0f} ms {seconds / arguments.round_trip:8.1f} round trips")


def measured(tags: int, round_trip: float) -> dict[str, float]:
    """Return the seconds that each method takes at best, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        running = start_registry(Path(folder) / "registry", tls=True)
        try:
            fill(running.host, tags, running.ca)
            with delayed(running.host, round_trip) as host:
                return {name: best(method, host, tags) for name, method in methods(running.ca).items()}
        finally:
            running.stop()


@contextmanager
def delayed(host: str, round_trip: float) -> Iterator[str]:
    """Yield where a host answers late; in a process of its own, as a network takes no time of ours."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_delay, args=(host, round_trip, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("done")
        process.join()


def _delay(host: str, round_trip: float, theirs: Connection) -> None:
    with proxied(host, round_trip_seconds=round_trip) as proxy:
        theirs.send(proxy.host)
        theirs.recv()


def fill(host: str, tags: int, ca: Path | None) -> None:
    with Registry.from_environment(f"{host}/bench", environ={}, ca=ca) as registry:
        digest = registry.put_blob(registry.repository, b"{}")
        config = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": str(digest),
            "size": 2,
        }
        document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
        manifest = Manifest(OCI_MANIFEST, json.dumps(document).encode())
        for number in range(tags):
            registry.put_manifest(manifest, registry.repository.tagged(f"t{number}"))


def methods(ca: Path | None) -> dict[str, Callable[[str, int], None]]:
    found: dict[str, Callable[[str, int], None]] = {
        OURS: lambda host, tags: look_up(host, tags, 16, ca),
        "hashtag, one connection": lambda host, tags: look_up(host, tags, 1, ca),
    }
    if shutil.which("skopeo"):
        found[SKOPEO] = skopeo
    return found


def best(method: Callable[[str, int], None], host: str, tags: int) -> float:
    # What takes long is measured once.
    times = [timed(method, host, tags)]
    times += [timed(method, host, tags) for _ in range(_REPETITIONS - 1) if times[0] < 5]
    return min(times)


def timed(method: Callable[[str, int], None], host: str, tags: int) -> float:
    start = time.perf_counter()
    method(host, tags)
    return time.perf_counter() - start


def look_up(host: str, tags: int, in_flight: int, ca: Path | None) -> None:
    with Registry.from_environment(f"{host}/bench", environ={}, ca=ca) as registry:
        wanted = [registry.repository.tagged(f"t{number}") for number in range(tags)]
        if len(find(registry, wanted, in_flight)) != tags:
            raise SystemExit("not all tags were found")


def skopeo(host: str, tags: int) -> None:
    for number in range(tags):
        command = ["skopeo", "inspect", "--tls-verify=false", "--raw", f"docker://{host}/bench:t{number}"]
        subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    main()
