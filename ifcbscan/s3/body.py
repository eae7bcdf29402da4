"""A file on its way into the bucket: read within its bounds, at its pace. Knows nothing of requests."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from typing import BinaryIO, Callable

from ifcbscan.errors import FileChanged, Interrupted, LocalFileProblem

#: Bytes that are read at a time where nobody says how many.
BLOCK = 1024 * 1024

#: Files up to this size are held in memory while they are sent: all .hdr and .adc files, and the .roi of sparse bins. Bytes.
HELD_AT_MOST = 2 * 1024 * 1024


class Body:
    """The first `size` bytes of a file, exactly; `read` raises Interrupted soon after the run was told to end.

    An HTTP library may turn whatever `read` raises into an error of the network; `problem` keeps what it was.
    """

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        cancelled: threading.Event,
        pace: Callable[[int], int] | None = None,
    ) -> None:
        """`pace` is asked before each block how many of so many bytes may be sent now, at least one, and may wait."""
        self._file = file
        self._size = size
        self._cancelled = cancelled
        self._pace = pace
        self.problem: Exception | None = None
        self._file.seek(0)
        self._position = 0

    def __len__(self) -> int:
        return self._size

    def read(self, amount: int = -1) -> bytes:
        """The next bytes; all that are left for a negative `amount`. With a pace it may be fewer, but none only at the end.

        Raises FileChanged, LocalFileProblem, Interrupted.
        """
        try:
            return self._read(amount)
        except Exception as error:
            self.problem = error
            raise

    def _read(self, amount: int) -> bytes:
        if self._cancelled.is_set():
            raise Interrupted(130)
        left = self._size - self._position
        wanted = left if amount is None or amount < 0 else min(amount, left)
        if wanted and self._pace is not None:
            wanted = self._pace(wanted)
        try:
            block = self._file.read(wanted)
        except OSError as error:
            raise LocalFileProblem(f"{self._file.name} cannot be read: {error.strerror or error}") from None
        if wanted and not block:
            raise FileChanged("it became shorter while it was read")
        self._position += len(block)
        return block

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As of any file; HTTP libraries ask for it to learn the size and to send a body again."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = self._file.seek(base + offset)
        return self._position

    def tell(self) -> int:
        """As of any file."""
        return self._position


def held_in_memory(file: BinaryIO, size: int, cancelled: threading.Event) -> BinaryIO:
    """The first `size` bytes of a small file, read once to be summed and sent; a larger file as it is.

    Raises as `Body.read`.
    """
    if size > HELD_AT_MOST:
        return file
    content = Body(file, size, cancelled).read()
    if len(content) < size:  # a file system may give less than it was asked for
        return file
    return io.BytesIO(content)


def md5_of(file: BinaryIO, size: int, cancelled: threading.Event) -> bytes:
    """The MD5 of the first `size` bytes. Raises as `Body.read`."""
    body = Body(file, size, cancelled)
    digest = hashlib.md5()
    for block in iter(lambda: body.read(BLOCK), b""):
        digest.update(block)
    return digest.digest()
