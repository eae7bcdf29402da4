"""In-memory stand-ins for what a run works with: the bucket, the local tree, the clocks, the thread pool.

`FakeBucket`, `FakeTree` and `VirtualClock` have the methods of `s3.bucket.Bucket`, `disk.tree.LocalTree` and
`clock.Clock`, so that the real `scan` and `Uploader` run on them unchanged, without waiting and without
threads. Both stores are plain dicts that a test may look into and change at any time, also in the middle
of a run: from a hook, or from an action that was scheduled on the clock.

True time is the server's time. This machine's clock is wrong by `VirtualClock.wall_error`.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
import math
import os
import posixpath
import tempfile
import threading
from concurrent.futures import Executor, Future
from typing import Any, BinaryIO, Callable, Iterable, Iterator, Mapping, NamedTuple, Sequence

from ifcbscan.clock import Clock, ServerClock
from ifcbscan.core.bins import (
    EXTENSIONS,
    MISSING,
    NEVER,
    Fileset,
    folder_end,
    looks_like_a_copy,
    looks_like_a_pid,
    pack_stamps,
    parse_pid,
    server_text,
)
from ifcbscan.core.remote_index import ListedObject
from ifcbscan.core.scan_report import Requests
from ifcbscan.demo.sample_bins import bin_contents
from ifcbscan.disk.tree import Inventory
from ifcbscan.errors import ConcurrentWrite, FileChanged, LocalFileProblem, UsageError
from ifcbscan.s3.conditions import Expected
from ifcbscan.s3.list_page import ListPage
from ifcbscan.s3.object_head import ObjectContent, ObjectHead
from ifcbscan.s3.one_put import Stored
from support.http_dates import http_date

START = 1700000000.0
"""When virtual time begins: 2023-11-14T22:13:20Z, in seconds since 1970."""


class Killed(BaseException):
    """Raised by a hook to end a run as SIGKILL does: nothing of the code under test catches it."""


class VirtualClock(Clock):
    """Time that passes only where somebody sleeps or a test calls `advance`. Seconds.

    `now` is true time (and the server's); `wall()` is wrong by `wall_error`, which may be set at any moment.
    """

    def __init__(self, start: float = START, wall_error: float = 0.0) -> None:
        self.wall_error = wall_error
        self._start = start
        self._passed = 0.0
        self._order = itertools.count()
        self._scheduled: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def now(self) -> float:
        """True time: seconds since 1970, UTC."""
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed

    def wall(self) -> float:
        return self.now + self.wall_error

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self._pass(seconds, unless)

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that is scheduled meanwhile."""
        self._pass(seconds, threading.Event())

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` once when `seconds` have passed from now."""
        heapq.heappush(self._scheduled, (self._passed + seconds, next(self._order), action))

    def _pass(self, seconds: float, unless: threading.Event) -> None:
        end = self._passed + max(seconds, 0.0)
        while not unless.is_set() and self._scheduled and self._scheduled[0][0] <= end:
            moment, _, action = heapq.heappop(self._scheduled)
            self._passed = max(self._passed, moment)
            action()
        if not unless.is_set():
            self._passed = max(self._passed, end)


class StoredObject(NamedTuple):
    """An object of a FakeBucket: its bytes, and when they were put (by the server's clock, seconds since 1970)."""

    body: bytes
    put: float


class Call(NamedTuple):
    """One request: `kind` is list, head, put or get; `key` for a listing the prefix; `size` in bytes for a put."""

    kind: str
    key: str
    size: int = 0


#: How servers take a condition of a put: as S3 (412), as S3 answers where there is nothing to replace (404), as Ceph's
#: (an ETag in quotes fits nothing), as one that fits no ETag to any, and as rclone's (stores what comes last).
CONDITIONS = ("kept", "kept, 404", "unquoted only", "neither spelling", "ignored")

BucketHook = Callable[[str, Call], None]
"""Called as hook("before", call) and hook("after", call) around what a request does to the bucket.

What it raises reaches the caller: before, as if the request had had no effect; after, as if it had taken
effect and the answer had been lost. It may also change the stores, set clocks, or run a second scan.
"""


class FakeBucket:
    """A bucket in memory, with the methods of `bucket.Bucket`. Nothing is retried.

    `objects` is the bucket's content, key -> StoredObject. `calls` are the requests so far that the server
    saw (those whose hook raised "before" are not among them). As in S3, times are listed to the second,
    and every answer carries a date, to the second, from which the real `ServerClock` learns.
    `etags_are_md5`: False for a server whose ETags only look like MD5s. `stands_still_at`: where the server's
    clock stands still (seconds since 1970), with the dates of its answers and of what is stored from then on.
    """

    def __init__(self, clock: VirtualClock, page_size: int = 1000) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.calls: list[Call] = []
        self.hook: BucketHook | None = None
        self.etags_are_md5 = True
        self.stands_still_at: float | None = None
        self.server_clock = ServerClock(clock)
        self._page_size = page_size
        #: How the server takes the conditions of puts: one of CONDITIONS.
        self.conditions = "kept"
        #: The server's own clock (seconds since 1970), which a test may replace by one that stands still.
        self.server_now: Callable[[], float] = lambda: clock.now

    @property
    def requests(self) -> Requests:
        """How many requests were answered so far; a listing counts its pages."""
        kinds = [call.kind for call in self.calls]
        return Requests(**{kind: kinds.count(kind) for kind in ("list", "head", "put", "get")})

    @property
    def puts(self) -> list[str]:
        """The keys of all puts so far, in their order."""
        return [call.key for call in self.calls if call.kind == "put"]

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """Key -> bytes, of the keys that begin with `prefix`."""
        return {key: len(item.body) for key, item in self.objects.items() if key.startswith(prefix)}

    def list(self, prefix: str, start_after: str = "", up_to: str = "") -> Iterator[ListedObject]:
        """Page after page; what changes meanwhile shows in the pages that have not been read yet."""
        last = start_after
        while True:
            page, more = self.page(prefix, last)
            for item in page:
                if up_to and item.key > up_to:
                    return
                yield item
            if not more or (up_to and page[-1].key >= up_to):
                return
            last = page[-1].key

    def is_empty(self, prefix: str) -> bool:
        call = Call("list", prefix)
        self._before(call)
        nothing = not any(key.startswith(prefix) for key in self.objects)
        self._after(call)
        return nothing

    def first_page(self, prefix: str, start_after: str = "") -> ListPage:
        objects, more = self.page(prefix, start_after)
        return ListPage(objects, (), more, None)

    def folders(self, prefix: str) -> Sequence[str]:
        call = Call("list", prefix)
        self._before(call)
        below = {key[len(prefix) :] for key in self.objects if key.startswith(prefix)}
        self._after(call)
        return sorted({rest.split("/")[0] for rest in below if "/" in rest})

    def head(self, key: str) -> ObjectHead | None:
        call = Call("head", key)
        self._before(call)
        stored = self.objects.get(key)
        self._after(call)
        if stored is None:
            return None
        etag = self.etag(stored)
        return ObjectHead(len(stored.body), _listed_time(stored), etag, etag if self.etags_are_md5 else None)

    @property
    def etags_tell_content(self) -> bool:
        return self.etags_are_md5 and any(call.kind == "put" for call in self.calls)

    def heads(self, first: str, last: str) -> Mapping[str, ObjectHead]:
        shared = os.path.commonprefix([first, last])
        return {
            item.key: ObjectHead(
                item.size, item.modified, item.etag, item.etag if self.etags_are_md5 else None
            )
            for item in self.list(shared, up_to=last)
            if item.key >= first
        }

    def content(self, key: str) -> ObjectContent | None:
        head = self.head(key)
        return None if head is None else ObjectContent(head.size, head.etag, self.etags_are_md5)

    def content_md5(self, key: str) -> str | None:
        call = Call("get", key)
        self._before(call)
        stored = self.objects.get(key)
        self._after(call)
        return None if stored is None else hashlib.md5(stored.body).hexdigest()

    def put(
        self,
        key: str,
        file: BinaryIO,
        size: int,
        expected: Expected | None = None,
        before_try: Callable[[], None] | None = None,
    ) -> Stored:
        # As the real one: what is to be replaced is looked at first, and by its content it must still be that.
        of_something = expected is not None and expected.size is not None
        replaced = self.objects.get(key) if of_something else None
        gone = False
        if expected is not None and expected.size is not None:
            gone = replaced is None or len(replaced.body) != expected.size
            if replaced is not None and expected.etag:
                gone = gone or self.etag(replaced) != expected.etag

        def is_expected(stored: StoredObject | None) -> bool:
            if self.conditions == "ignored" or (
                self.conditions == "neither spelling" and replaced is not None
            ):
                return True
            if replaced is None or stored is None:
                return expected is None or stored is replaced
            return stored.body == replaced.body

        by_another = False

        try:
            if gone:
                raise ConcurrentWrite()
            if before_try is not None:
                before_try()
            self.put_if(key, file, size, is_expected)
        except ConcurrentWrite:
            file.seek(0)
            if key not in self.objects or self.objects[key].body != file.read(size):
                raise
            by_another = True
        return Stored(server_text(self.server_clock.now()), by_another)

    def put_if(
        self, key: str, file: BinaryIO, size: int, expected: Callable[[StoredObject | None], bool]
    ) -> str:
        """One request; its answer is the ETag. Raises ConcurrentWrite if what is there when it takes effect is not as expected.

        As in S3, the object's date is the time at which the request began, by the server's clock.
        """
        call = Call("put", key, size)
        self._before(call)
        began = self._time()
        file.seek(0)
        body = file.read(size)
        if len(body) < size:
            raise FileChanged("it became shorter while it was read")
        self.while_under_way(call)
        before = self.objects.get(key)
        if not expected(before):
            raise ConcurrentWrite()
        stored = StoredObject(body, began)
        self.objects[key] = stored
        self.has_stored(call, before)
        self._after(call)
        return self.etag(stored)

    def while_under_way(self, call: Call) -> None:
        """For tests: the body of a put has been read and has not taken effect yet."""

    def has_stored(self, call: Call, before: StoredObject | None) -> None:
        """For tests: a put has just taken effect in place of `before`."""

    def etag(self, stored: StoredObject) -> str:
        """Its ETag: the MD5 of its content, or something that only looks like one."""
        salt = b"" if self.etags_are_md5 else b"salt"
        return hashlib.md5(salt + stored.body).hexdigest()

    def page(self, prefix: str, last: str, at_most: int | None = None) -> tuple[Sequence[ListedObject], bool]:
        """The objects behind the key `last`, `at_most` so many; and whether more follow."""
        call = Call("list", prefix)
        self._before(call)
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > last)
        size = min(self._page_size, at_most or self._page_size)
        page = []
        for key in keys[:size]:
            stored = self.objects[key]
            page.append(ListedObject(key, len(stored.body), _listed_time(stored), self.etag(stored)))
        self._after(call)
        return page, len(keys) > size

    def _before(self, call: Call) -> None:
        if self.hook is not None:
            self.hook("before", call)
        self.calls.append(call)

    def _after(self, call: Call) -> None:
        if self.hook is not None:
            self.hook("after", call)
        self.server_clock.learn(http_date(self._time()))

    def _time(self) -> float:
        """What the server believes to be the time."""
        return self.server_now() if self.stands_still_at is None else self.stands_still_at


def _listed_time(stored: StoredObject) -> str:
    return server_text(int(stored.put))


class LocalFile(NamedTuple):
    """A file of a FakeTree: its bytes, its modification time (seconds since 1970, whoever's clock), its stamp.

    The stamp stands for what a system keeps beside the modification time and nobody can set (ctime, inode): no
    two writes have the same, so that one in place at equal size that keeps the time can be seen.
    """

    body: bytes
    changed: float
    stamp: int = 0


TreeHook = Callable[[str, str], None]
"""Called as hook(operation, path) before `walk` (with the root), `refresh` (the folder), `open` (the file)."""


class FakeTree:
    """A tree of files in memory, with the methods of `disk.tree.LocalTree`.

    `files` is the disk, path -> LocalFile, with `/` in paths; only lower-case extensions are members of a
    bin. Folders in `unreadable` cannot be listed, and files in it cannot be opened.
    """

    def __init__(
        self, root: str = "/data", exclude: Iterable[str] = (), not_before: float | None = None
    ) -> None:
        self.root = root
        self.files: dict[str, LocalFile] = {}
        self.unreadable: set[str] = set()
        self.free: int | None = 10**12  # bytes on its disk
        self.hook: TreeHook | None = None
        self._stamps = itertools.count(1)
        self._exclude = frozenset(name.lower() for name in exclude)
        self._not_before = not_before

    def write(self, path: str, body: bytes, changed: float) -> None:
        """Write a file, `path` below the root."""
        self.files[posixpath.join(self.root, path)] = LocalFile(body, changed, next(self._stamps))

    def write_bin(
        self, pid: str, changed: float, folder: str = "", images: int = 3, roi_bytes: int = 300
    ) -> None:
        """Write the three files of a bin that is whole, all with one modification time."""
        contents = bin_contents(pid, images, roi_bytes=roi_bytes)
        for extension in EXTENSIONS:
            self.write(posixpath.join(folder, f"{pid}.{extension}"), getattr(contents, extension), changed)

    def look_back_to(self, not_before: float) -> None:
        self._not_before = not_before

    def walk(self) -> Inventory:
        self._call_hook("walk", self.root)
        if self.root in self.unreadable:
            raise UsageError(f"The data folder {self.root} cannot be read. Nothing was sent.")
        inventory = Inventory()
        shut: set[str] = set()
        excluded: set[str] = set()
        stems: dict[tuple[tuple[str, ...], str], dict[str, LocalFile]] = {}
        for path, file in self.files.items():
            folder, name = posixpath.split(posixpath.relpath(path, self.root))
            folders = tuple(folder.split("/")) if folder else ()
            closed = self._closed(folders)
            if (
                self._not_before is not None
                and min(map(folder_end, folders), default=math.inf) <= self._not_before
            ):
                inventory.passed_over = True
                continue
            if closed:
                shut.add(closed)
                continue
            stem, dot, extension = name.rpartition(".")
            pid = parse_pid(stem)
            if pid is None or extension not in EXTENSIONS:
                inventory.foreign += 1
                left_out = any(part.lower() in self._exclude for part in folders)
                is_misnamed = looks_like_a_pid(stem) if extension in EXTENSIONS else looks_like_a_copy(name)
                inventory.misnamed += is_misnamed and not left_out
            elif self._not_before is None or pid.sample_time >= self._not_before:
                stems.setdefault((folders, stem), {})[extension] = file
            else:
                inventory.passed_over = True
        for (folders, stem), members in sorted(stems.items()):
            if any(name.lower() in self._exclude for name in folders):
                excluded.add(stem)
            else:
                inventory.add(_fileset(stem, posixpath.join(self.root, *folders), members))
        inventory.excluded = sum(stem not in inventory.filesets for stem in excluded)
        inventory.excluded_copies = len(excluded) - inventory.excluded
        inventory.unreadable = len(shut)
        inventory.warnings.extend(f"the folder {path} cannot be read" for path in sorted(shut))
        return inventory

    def free_space(self) -> int | None:
        return self.free

    def refresh(self, fileset: Fileset) -> Fileset:
        self._call_hook("refresh", fileset.folder)
        members = {}
        for extension in EXTENSIONS:
            path = posixpath.join(fileset.folder, fileset.name(extension))
            if path in self.files:
                members[extension] = self.files[path]
        return _fileset(fileset.pid, fileset.folder, members)

    def open(self, fileset: Fileset, extension: str) -> BinaryIO:
        """The bytes of this moment; what is written to the file afterwards is not seen."""
        path = posixpath.join(fileset.folder, fileset.name(extension))
        self._call_hook("open", path)
        if path in self.unreadable or path not in self.files:
            raise LocalFileProblem(f".{extension} in {fileset.folder} cannot be read: gone or no permission")
        # A real file, because the uploader asks the system for its size.
        file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115
        file.write(self.files[path].body)
        file.seek(0)
        return file

    def _closed(self, folders: tuple[str, ...]) -> str:
        """The uppermost unreadable folder on the way to `folders`, or nothing."""
        for depth in range(1, len(folders) + 1):
            path = posixpath.join(self.root, *folders[:depth])
            if path in self.unreadable:
                return path
        return ""

    def _call_hook(self, operation: str, path: str) -> None:
        if self.hook is not None:
            self.hook(operation, path)


def _fileset(stem: str, folder: str, members: dict[str, LocalFile]) -> Fileset:
    pid = parse_pid(stem)
    assert pid is not None
    hdr, adc, roi = (len(members[ext].body) if ext in members else MISSING for ext in EXTENSIONS)
    times = [members[ext].changed if ext in members else NEVER for ext in EXTENSIONS]
    marks = [members[ext].stamp if ext in members else 0 for ext in EXTENSIONS]
    return Fileset(pid, folder, (".hdr", ".adc", ".roi"), hdr, adc, roi, pack_stamps(times, marks))


class SerialExecutor(Executor):
    """Runs everything at once, in the calling thread.

    An `Exception` ends up in the future, as in a pool; a `Killed` goes straight through to the caller.
    A run's requests come in the same order every time.
    """

    def submit(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Future[Any]:  # type: ignore[override]
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future
