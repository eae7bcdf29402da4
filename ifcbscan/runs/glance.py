"""One look at many bins: what the archive holds of all those whose `.adc` is due, by one listing for each of their days.

A look at a bin by itself is three requests, one after the other. A listing shows the same of all of them at once: sizes,
times, and the ETags that are MD5s. It is believed for a few seconds, and only where it shows what is wanted; whoever is in
doubt about a bin looks at that bin by itself.
"""

from __future__ import annotations

import threading
from typing import Iterable, Mapping, Sequence

from ifcbscan.clock import Clock
from ifcbscan.core.bins import EXTENSIONS, Pid
from ifcbscan.s3.bucket import Bucket
from ifcbscan.s3.object_head import ObjectHead

#: So long a listing, or any other look, counts. Seconds; a request for the `.adc` of a bin begins at most so long after its
#: files were seen.
LOOK_HOLDS = 5.0


class Glance:
    """A look at the bins of one day, at the moment when the first of them is asked for. From any thread."""

    def __init__(self, bucket: Bucket, clock: Clock, prefix: str, pids: Sequence[Pid]) -> None:
        """`prefix` is `<account>/<time series>/`. Sends nothing yet."""
        self._bucket = bucket
        self._clock = clock
        self._prefix = prefix
        self._pids = pids
        self._lock = threading.Lock()
        self._seen: Mapping[str, ObjectHead] | None = None
        self.at = 0.0  # when it was asked for, by the monotonic clock
        self._is_doubtful = False

    def distrust(self) -> None:
        """Another computer is at work on these bins: from now on each of them is looked at by itself."""
        self._is_doubtful = True

    def heads(self, pid: Pid) -> Mapping[str, ObjectHead] | None:
        """The objects of a bin, by extension; None if this look does not tell, or is too old.

        Raises BucketRefused, BucketUnreachable, Interrupted.
        """
        with self._lock:
            if self._seen is None:
                self.at = self._clock.monotonic()
                self._seen = self._listed()
            if self._is_doubtful or self._clock.monotonic() - self.at > LOOK_HOLDS:
                return None
        found = {}
        for extension in EXTENSIONS:
            head = self._seen.get(pid.key(self._prefix, extension))
            if head is not None:
                found[extension] = head
        return found if all(head.md5 is not None for head in found.values()) else None

    def _listed(self) -> Mapping[str, ObjectHead]:
        keys = sorted(pid.key(self._prefix, extension) for pid in self._pids for extension in EXTENSIONS)
        return self._bucket.heads(keys[0], keys[-1])


def glances(bucket: Bucket, clock: Clock, prefix: str, pids: Iterable[Pid]) -> Mapping[Pid, Glance]:
    """One look for the bins of each day. Nothing for bins of a server whose ETags do not tell the content."""
    if not bucket.etags_tell_content:
        return {}
    of_day: dict[str, list[Pid]] = {}
    for pid in pids:
        of_day.setdefault(pid.day_folder, []).append(pid)
    found: dict[Pid, Glance] = {}
    for members in of_day.values():
        found.update(dict.fromkeys(members, Glance(bucket, clock, prefix, members)))
    return found
