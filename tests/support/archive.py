"""A test double of the archive behind the bucket: its Lambda, and what its dashboard makes of it.

Source of the rules: ifcb-data-sharer, aws-ifcb-data-sharer/lambdas/validate-ifcb-files/app.py (the
Lambda) and ifcb-data-sharer.sh (what is copied, and for what sync_bin is called), and ifcbdb (sync_bin).
Two generations of them are public, and nobody here knows which one is deployed: `STRICT` and `LENIENT`.
It works on any S3 server through the S3 API and polls, since the servers of the tests send no events. It
must not know `ifcbscan`: it shares no code with what it judges.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from typing import Any, Callable, Iterator, NamedTuple

from botocore.exceptions import ClientError

MAX_BYTES = 250000000
EXTENSIONS = (".adc", ".hdr", ".roi")
_DATED = re.compile(r"D([0-9]{4})([0-9]{4})T")


class Rules(NamedTuple):
    """What one generation of the archive does; `max_bytes` is the largest size that is kept."""

    name: str
    judges_roi: bool  # deletes a new-style .roi that is empty, or that libmagic takes for something else
    deletes_beads: bool  # deletes everything whose key contains /beads/
    counts_files: bool  # sync_bin only for a bin of which exactly three files lie in the whole archive
    max_bytes: int = MAX_BYTES


#: The Lambda up to image 1.30; the dashboard's script at e1ed400 calls sync_bin for every downloaded file.
STRICT = Rules("strict", judges_roi=True, deletes_beads=False, counts_files=False)

#: The Lambda from image 1.31 on, the dashboard's script at cfad7b4.
LENIENT = Rules("lenient", judges_roi=False, deletes_beads=True, counts_files=True)

GENERATIONS = (STRICT, LENIENT)


@dataclass(frozen=True)
class Event:
    """Something that the archive saw or did.

    `kind` is put-seen, deleted, moved or kept; `key` is where the object was put, `size` is in
    bytes. `detail` says why it was deleted or kept, and for a move where to.
    """

    kind: str
    key: str
    size: int
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """A bin in the dashboard's database. It never changes again, whatever happens to the files.

    `broken`: `.roi` or `.hdr` was missing when the row was made. The sizes (bytes, None if missing)
    are those of that moment.
    """

    series: str
    pid: str
    broken: bool
    adc: int
    hdr: int | None
    roi: int | None


class _Version(NamedTuple):
    """One state of an object, as a listing tells it apart from another PUT to the same key."""

    modified: Any
    etag: str
    size: int


class Archive:
    """Does to every object what the Lambda does after a PUT.

    An object is dealt with once it has been seen for `lag` seconds of `clock`: with a lag of hours and a clock
    of the test the verdicts come late. `refuse(key, body)` stands for libmagic's opinion of a `.roi` that is not
    empty; only rules that judge it ask for it. `rules` can be changed: the archive is brought up to date.
    moto dates objects to the second: the same bytes put twice to one key within a second are one PUT here,
    unless the archive has removed the first.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        rules: Rules,
        lag: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        refuse: Callable[[str, bytes], bool] | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.rules = rules
        self._client = client
        self._bucket = bucket
        self._lag = lag
        self._clock = clock
        self._refuse = refuse
        self._waiting: dict[str, tuple[_Version, float]] = {}
        self._done: dict[str, _Version] = {}
        self._own_copies: dict[str, str] = {}  # key -> ETag; such a copy triggers no Lambda
        self._rows: dict[str, Row] = {}  # by pid, which is global: a second series gets no row of it
        self._copied: dict[str, int] = {}  # what the dashboard has on its disk: key -> size
        self._again: list[tuple[str, str]] = []  # series and pid of bins to be looked at in the next copy
        self._lock = threading.Lock()

    @property
    def registered(self) -> dict[str, Row]:
        """`<account>/<series>/<pid>` -> the dashboard's row, broken ones included."""
        with self._lock:
            return {f"{row.series}/{row.pid}": row for row in self._rows.values()}

    def step(self, copy: bool = True) -> None:
        """Look at the bucket, deal with every object that is due, let the dashboard copy it (if `copy`)."""
        with self._lock:
            self._notice(self._listing())
            now = self._clock()
            # A dict keeps the order in which the objects were seen.
            due = [key for key, (_, since) in self._waiting.items() if now - since >= self._lag]
            for key in due:
                version, _ = self._waiting.pop(key)
                self._validate(key, version)
            if copy:
                self._let_dashboard_copy(self._listing())

    @contextlib.contextmanager
    def running(self, every: float = 0.05) -> Iterator[Archive]:
        """Step every `every` seconds in a thread while inside the block.

        An error of that thread is raised at the end of the block.
        """
        stop = threading.Event()
        errors: list[BaseException] = []

        def work() -> None:
            try:
                while not stop.is_set():
                    self.step()
                    stop.wait(every)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=work, name="archive", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            stop.set()
            thread.join()
        if errors:
            raise errors[0]

    def _listing(self) -> dict[str, _Version]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        return {
            item["Key"]: _Version(item["LastModified"], item["ETag"].strip('"'), item["Size"])
            for page in pages
            for item in page.get("Contents", [])
        }

    def _notice(self, listing: dict[str, _Version]) -> None:
        for gone in set(self._done) - set(listing):
            del self._done[gone]
        for gone in set(self._waiting) - set(listing):
            del self._waiting[gone]
        now = self._clock()
        for key, version in sorted(listing.items(), key=lambda item: (item[1].modified, item[0])):
            if self._own_copies.pop(key, None) == version.etag:
                self._done[key] = version
                self._waiting.pop(key, None)
            waiting = self._waiting.get(key)
            if version in (self._done.get(key), waiting[0] if waiting else None):
                continue
            self._waiting.pop(key, None)  # a new PUT goes to the end of the queue
            self._waiting[key] = (version, now)
            self._note("put-seen", key, version)

    def _validate(self, key: str, version: _Version) -> None:
        """The Lambda's rules, in its order."""
        name = key.rsplit("/", 1)[-1]
        extension = "." + name.rsplit(".", 1)[-1]
        dated = _DATED.search(name)
        parts = key.split("/")
        self._done[key] = version
        if not found_by_lambda(key):
            self._note("kept", key, version, "key changes under URL encoding")
        elif extension not in EXTENSIONS:
            self._delete(key, version, "extension")
        elif self.rules.deletes_beads and "/beads/" in key:
            self._delete(key, version, "beads")
        elif version.size > self.rules.max_bytes:
            self._delete(key, version, "too large")
        elif dated is None or len(parts) < 3:
            self._note("kept", key, version, "no date in the name")
        elif extension == ".roi" and self._is_refused(key, version):
            self._delete(key, version, "empty" if version.size == 0 else "type")
        else:
            year, day = dated.groups()
            target = f"{parts[0]}/{parts[1]}/{year}/D{year}{day}/{name}"
            if target == key:
                self._note("kept", key, version, "in its place")
            else:
                self._move(key, target, version)

    def _is_refused(self, key: str, version: _Version) -> bool:
        if not self.rules.judges_roi:
            return False
        if version.size == 0 or self._refuse is None:
            return version.size == 0
        body = self._read(key)
        return body is not None and self._refuse(key, body)

    def _read(self, key: str) -> bytes | None:
        """The object's bytes, None if it has gone meanwhile."""
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise
        return body

    def _delete(self, key: str, version: _Version, reason: str) -> None:
        self._client.delete_object(Bucket=self._bucket, Key=key)
        del self._done[key]
        self._note("deleted", key, version, reason)

    def _move(self, key: str, target: str, version: _Version) -> None:
        # Not copy_object: rclone would give the copy the LastModified of the source; AWS does not.
        body = self._read(key)
        if body is None:
            return
        answer = self._client.put_object(Bucket=self._bucket, Key=target, Body=body)
        self._own_copies[target] = answer["ETag"].strip('"')
        self._client.delete_object(Bucket=self._bucket, Key=key)
        del self._done[key]
        self._note("moved", key, version, target)

    def _note(self, kind: str, key: str, version: _Version, detail: str = "") -> None:
        self.events.append(Event(kind, key, version.size, detail))

    def _let_dashboard_copy(self, listing: dict[str, _Version]) -> None:
        """What `aws s3 sync` and the calls of sync_bin make of the bucket if they run at this very moment."""
        # A changed file of the same size is not downloaded.
        downloaded = [key for key, version in listing.items() if self._copied.get(key) != version.size]
        self._copied = {key: version.size for key, version in listing.items()}
        again, self._again = self._again, []
        bins = dict.fromkeys(map(_series_and_stem, downloaded))
        if not self.rules.counts_files:
            for series, pid in bins:
                self._sync_bin(series, pid)
            return
        stems = Counter(_series_and_stem(key)[1] for key in self._copied)
        for series, pid in again:  # and whatever has not three files now is never looked at again by itself
            if stems[pid] == 3:
                self._sync_bin(series, pid)
        for series, pid in bins:
            if stems[pid] == 3:
                self._sync_bin(series, pid)
            else:
                self._again.append((series, pid))

    def _sync_bin(self, series: str, pid: str) -> None:
        """What ifcbdb does when it is told of a bin."""
        sizes = {key[-4:]: size for key, size in self._copied.items() if _visible_bin(key) == (series, pid)}
        adc, hdr, roi = (sizes.get(extension) for extension in EXTENSIONS)
        if pid in self._rows or adc is None:
            return
        broken = hdr is None or roi is None
        refused = adc == 0 or hdr == 0 or (roi is not None and roi < 2)
        if broken or not refused:
            self._rows[pid] = Row(series, pid, broken, adc, hdr, roi)


def found_by_lambda(key: str) -> bool:
    """False if the key that the event carries, URL-encoded, is not the key of the object."""
    return urllib.parse.quote_plus(key, safe="/") == key


def _series_and_stem(key: str) -> tuple[str, str]:
    """`<account>/<series>` of a key, and the name of its file up to the first point."""
    parts = key.split("/")
    return "/".join(parts[:2]), parts[-1].split(".")[0]


def _visible_bin(key: str) -> tuple[str, str] | None:
    """`<account>/<series>` and pid of a file that the dashboard finds, None if it does not.

    Its reader goes into a folder named `data` or by a part of the pid (pyifcb ifcb/data/files.py).
    """
    parts = key.split("/")
    pid = parts[-1][:-4]
    if len(parts) < 3 or parts[-1][-4:] not in EXTENSIONS or not found_by_lambda(key):
        return None
    if not all(folder == "data" or folder in pid for folder in parts[2:-1]):
        return None
    return "/".join(parts[:2]), pid
