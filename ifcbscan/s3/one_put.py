"""One file on its way to its key: what the looks at that key mean for it. bucket.py sends the requests.

The answer to a PUT is not the last word about it: an answer may have been lost, a condition called unmet that is met.
What lies there now decides.
"""

from __future__ import annotations

import base64
import threading
from typing import BinaryIO, Callable, NamedTuple

from ifcbscan.errors import ConcurrentWrite, FileChanged
from ifcbscan.s3.body import md5_of
from ifcbscan.s3.conditions import Expected, Spelling, condition, same_object
from ifcbscan.s3.object_head import ObjectHead

_UNEXPLAINED = (
    "the archive did not store a file of this bin, because something else lay in its place; a look shows nothing of that. "
    "A later run tries again"
)


class Stored(NamedTuple):
    """What came of a put: its bytes are there. `at`: the server's time (ISO 8601).

    `by_another`: this put was refused, because somebody else had stored these very bytes before.
    """

    at: str
    by_another: bool = False


class AlreadyDone(Exception):
    """A look has shown these very bytes. `by_another`: no try of this put can have stored them."""

    def __init__(self, by_another: bool) -> None:
        super().__init__()
        self.by_another = by_another


class Unmet(Exception):
    """The server says that the condition of a PUT is not met. `unsure`: an earlier try may have stored the bytes."""

    def __init__(self, unsure: bool = False) -> None:
        super().__init__()
        self.unsure = unsure


class OnePut:
    """The first `size` bytes of a file, summed; and what is to be replaced by them, looked at."""

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        expected: Expected | None,
        look: Callable[[], ObjectHead | None],
        cancelled: threading.Event,
        on_disk: BinaryIO | None = None,
    ) -> None:
        """Looks where something is to be replaced. Raises what `look` does, and ConcurrentWrite if something else is there.

        `expected`: None if whatever is there is to be replaced. `on_disk`: the file itself, where `file` is what was read of it.
        """
        self._on_disk = file if on_disk is None else on_disk
        self._size = size
        self._expected = expected
        self._look = look
        self._cancelled = cancelled
        self._md5 = md5_of(file, size, cancelled)
        self._unsure = False
        self._replaced: ObjectHead | None = None
        #: Somebody else has stored these very bytes since it was expected to find something else.
        self.needless = False
        if expected is not None and expected.size is not None:
            self._replaced = look()
            if not expected.is_met_by(self._replaced):
                self.needless = self._is_this(self._replaced)
                if not self.needless:
                    raise ConcurrentWrite()

    @property
    def md5(self) -> str:
        """Of the bytes, in hex."""
        return self._md5.hex()

    @property
    def names_an_etag(self) -> bool:
        """Whether it is put on the condition that an object with a certain ETag is there."""
        return self._replaced is not None and bool(self._replaced.etag)

    def headers(self, spelling: Spelling) -> dict[str, str]:
        """Of the request."""
        conditions = {} if self._expected is None else condition(self._replaced, spelling)
        return {
            "Content-Length": str(self._size),
            "Content-MD5": base64.b64encode(self._md5).decode("ascii"),
            **conditions,
        }

    def has_arrived(self) -> bool:
        """Before another try: whether the one before has stored the bytes, though no answer said so.

        Raises ConcurrentWrite if something else is there, FileChanged, and what a look raises.
        """
        found = self._look()
        if self._is_new(found):
            return True
        if self._expected is not None and (None if found is None else found.size) != self._expected.size:
            raise ConcurrentWrite()
        self._check_file()
        return False

    def look_again(self, unmet: Unmet) -> None:
        """After an unmet condition. Returns if what lies there is what has been expected, or still nothing.

        Raises AlreadyDone, ConcurrentWrite if something else is there, FileChanged, and what a look raises.
        """
        self._unsure = self._unsure or unmet.unsure
        found = self._look()
        if self._is_new(found):
            raise AlreadyDone(by_another=not self._unsure)
        if not same_object(found, self._replaced):
            raise ConcurrentWrite()
        self._check_file()

    def unexplained(self) -> ConcurrentWrite:
        """What to raise if the server goes on saying that the condition is not met, and a look says that it is."""
        return ConcurrentWrite(_UNEXPLAINED)

    def _is_this(self, found: ObjectHead | None) -> bool:
        return found is not None and (found.size, found.etag) == (self._size, self.md5)

    def _is_new(self, found: ObjectHead | None) -> bool:
        # Not where the same bytes were there before: an .hdr is sent again for its date.
        return self._is_this(found) and found != self._replaced

    def _check_file(self) -> None:
        if md5_of(self._on_disk, self._size, self._cancelled) != self._md5:
            raise FileChanged("its content changed while it was sent")
