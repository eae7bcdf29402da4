"""A TCP proxy that holds every HTTP request back for some time, as a long way does. Run as a program.

The first bytes that a client sends after an answer (or after connecting) are a new request: they wait.
Whatever follows goes through at once, so that only requests are counted and not their length.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

_BLOCK = 262144


class _Connection:
    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._new_request = True

    async def to_server(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while True:
            block = await source.read(_BLOCK)
            if not block:
                break
            if self._new_request:
                self._new_request = False
                await asyncio.sleep(self._delay)
            target.write(block)
            await target.drain()

    async def to_client(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while True:
            block = await source.read(_BLOCK)
            if not block:
                break
            self._new_request = True
            target.write(block)
            await target.drain()


async def _serve(port: int, delay: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(delay)
        with contextlib.suppress(OSError):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port, limit=_BLOCK)
            ways = [
                asyncio.ensure_future(connection.to_server(reader, to_server)),
                asyncio.ensure_future(connection.to_client(from_server, writer)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            to_server.close()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_BLOCK)
    assert server.sockets
    print(server.sockets[0].getsockname()[1], flush=True)
    while True:
        await asyncio.sleep(3600)


def main() -> None:
    """`latency.py PORT SECONDS`: prints its own port, then hands on to 127.0.0.1:PORT until it is killed."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(_serve(int(sys.argv[1]), float(sys.argv[2])))


if __name__ == "__main__":
    main()
