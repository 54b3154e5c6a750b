"""A proxy on loopback that counts bytes, and delays as a network with a round-trip time does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from attrs import define


@define
class Proxy:
    """
    What passed so far.

    Attributes:
        host: `127.0.0.1:PORT`.
        sent: Bytes from clients.
        received: Bytes to clients.
        connections: How many were made.
        cut_sent: Once more bytes than this were sent, that connection is cut, once; None for never.
        cut_received: The same of bytes to clients.
    """

    host: str = ""
    sent: int = 0
    received: int = 0
    connections: int = 0
    cut_sent: int | None = None
    cut_received: int | None = None

    def is_cut(self, count: str) -> bool:
        """Return whether a connection is to be cut now: it is, once."""
        limit = getattr(self, f"cut_{count}")
        if limit is None or getattr(self, count) <= limit:
            return False
        setattr(self, f"cut_{count}", None)
        return True


@contextmanager
def proxied(
    target: str, *, round_trip_seconds: float = 0.0, bytes_per_second: float = float("inf")
) -> Iterator[Proxy]:
    """Pass everything on to `host:port`: half a round trip each way, a whole one to connect."""
    seen = Proxy()
    name, _, port = target.rpartition(":")
    loop = asyncio.new_event_loop()
    tasks: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: str) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, piece = await queue.get()
                await asyncio.sleep(max(due - loop.time(), 0))
                if not piece:
                    writer.close()
                    return
                setattr(seen, count, getattr(seen, count) + len(piece))
                if seen.is_cut(count):
                    writer.transport.abort()
                    return
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(len(piece) / bytes_per_second)

        delivery = loop.create_task(deliver())
        with suppress(OSError):
            while piece := await reader.read(65536):
                queue.put_nowait((loop.time() + round_trip_seconds / 2, piece))
        queue.put_nowait((loop.time() + round_trip_seconds / 2, b""))
        with suppress(OSError):
            await delivery

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        writers.add(writer)
        await asyncio.sleep(round_trip_seconds)
        there, back = await asyncio.open_connection(name, int(port))
        writers.add(back)
        await asyncio.gather(pump(reader, back, "sent"), pump(there, writer, "received"))

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = loop.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", 0))
    seen.host = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        yield seen
    finally:
        asyncio.run_coroutine_threadsafe(_end(server, writers), loop).result(timeout=10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server, writers: set[asyncio.StreamWriter]) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for writer in writers:
        writer.transport.abort()
    await asyncio.sleep(0.02)  # transports close with the loop's next turns
