"""How would a Rekor v1 server answer that is never busy? Batches of ten after a fixed delay, any number at once.

    python -m bench.elastic_v1 ENTRIES DELAY_MS

Prints its port. Bodies repeat after a thousand entries, so that making them costs nothing.
"""

import asyncio
import base64
import hashlib
import json
import sys

TREE = 0x1E6A5A5A00000001
DISTINCT = 1000


def body(number: int) -> bytes:
    """A leaf of about 2.3 kB, as a hashedrekord with a certificate has."""
    filler = base64.b64encode(hashlib.shake_256(b"%d" % number).digest(1650)).decode()
    return json.dumps({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": filler}).encode()


def _templates() -> list[tuple[bytes, bytes, bytes]]:
    """The JSON of each distinct entry, cut where its two indexes go."""
    proof = ",".join(f'"{hashlib.sha256(b"%d" % number).hexdigest()}"' for number in range(20))
    tail = f',"rootHash":"{"ab" * 32}","treeSize":999999}},"signedEntryTimestamp":"{"A" * 96}"}}}}}}'
    rows = []
    for number in range(DISTINCT):
        data = body(number)
        key = f"{TREE:016x}" + hashlib.sha256(b"\x00" + data).hexdigest()
        head = (
            f'{{"{key}":{{"body":"{base64.b64encode(data).decode()}","integratedTime":1700000000,"logID":"{"c0" * 32}"'
        )
        middle = f',"verification":{{"inclusionProof":{{"checkpoint":"","hashes":[{proof}],"logIndex":'
        rows.append((head.encode() + b',"logIndex":', middle.encode(), tail.encode()))
    return rows


class Elastic(asyncio.Protocol):
    """One connection: reads requests, answers each `delay` seconds later."""

    def __init__(self, entries: int, delay: float, rows: list[tuple[bytes, bytes, bytes]]) -> None:
        self._entries = entries
        self._delay = delay
        self._rows = rows
        self._buffer = b""
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._loop.call_later(self._delay, self._answer, rest[:length])

    def _answer(self, request: bytes) -> None:
        indexes = [index for index in json.loads(request)["logIndexes"] if index < self._entries]
        parts = [b"%d".join(self._rows[index % DISTINCT]) % (index, index) for index in indexes]
        data = b"[" + b",".join(parts) + b"]\n"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head + data)


async def _serve(entries: int, delay: float) -> None:
    rows = _templates()
    server = await asyncio.get_running_loop().create_server(lambda: Elastic(entries, delay, rows), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
