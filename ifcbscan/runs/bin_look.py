"""A look at one bin: what the archive has of it, beside what lies here, by size and, where the bucket knows it, by content."""

from __future__ import annotations

import hashlib
from typing import Callable

from ifcbscan.core.bins import DATE_STEP, EXTENSIONS, MISSING, Fileset, server_seconds
from ifcbscan.core.decision import content_marks
from ifcbscan.errors import FileChanged, Interrupted
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.glance import LOOK_HOLDS
from ifcbscan.s3.object_head import ObjectHead

_BLOCK = 1024 * 1024

#: The files of a bin are looked at in the order in which they are put.
_IN_ORDER = ("roi", "hdr", "adc")


class BinLooks:
    """Looks at bins; one object for a run, called from its workers' threads with one bin each."""

    def __init__(self, prefix: str, backends: Backends) -> None:
        """`prefix` is `<account>/<time series>/`."""
        self._prefix = prefix
        self._tree = backends.tree
        self._bucket = backends.bucket
        self._clock = backends.clock
        self._cancelled = backends.stop.requested

    def look(self, job: BinJob) -> None:
        """Take in what is there of a bin now. Raises BucketRefused, BucketUnreachable, and what `take_in` does."""
        began = self._clock.monotonic()
        heads = {}
        for extension in _IN_ORDER:
            heads[extension] = self._bucket.head(job.local.pid.key(self._prefix, extension))
            job.answered = True
        self.take_in(job, heads.get, began)

    def read_again(self, job: BinJob) -> None:
        """What the next look compares is read now. Raises FileChanged, LocalFileProblem, Interrupted."""
        job.sums = {extension: self._md5(job.local, extension) for extension in job.sums}

    def is_late(self, job: BinJob) -> bool:
        """Whether the latest look is too old for an .adc to go by it."""
        return self._clock.monotonic() - job.looked_at > LOOK_HOLDS

    def take_in(self, job: BinJob, look: Callable[[str], ObjectHead | None], looked_at: float) -> None:
        """The same of what `look` says of each extension. Raises FileChanged, LocalFileProblem, Interrupted."""
        job.looked_at = looked_at
        other: list[str] = []
        for extension in _IN_ORDER:
            head = look(extension)
            size, put = (head.size, head.modified) if head else (MISSING, "")
            job.remote = job.remote.after_look(extension, size, put)
            job.etags[extension] = head.etag if head else ""
            if head is not None and self._has_other_content(job, extension, head):
                other.append(extension)
        job.known = job.known._replace(looked_at=True, other_content=content_marks(job.remote, other))

    def _has_other_content(self, job: BinJob, extension: str, head: ObjectHead) -> bool:
        """Whether an object of the right size is another file than the local one."""
        if head.size != job.local.size(extension):
            return False
        if head.md5 is None:  # a look cannot tell: what was known before stands
            return extension in job.known.other_content or self._was_written_since(
                job, extension, head.modified
            )
        # Read now, though it may be known what was put: some file systems (FAT, those of Windows) show nothing of a
        # file that was written again with the same size at the same time.
        if extension not in job.sums:
            job.sums[extension] = self._md5(job.local, extension)
        return head.md5 != job.sums[extension]

    def _was_written_since(self, job: BinJob, extension: str, put: str) -> bool:
        """Whether a file is younger than its object, which this run has not put; by the server's clock.

        Else a run that was killed, or that has seen the file change, would be followed by one that puts the .adc beside it.
        """
        ahead = self._clock.wall() - self._bucket.server_clock.now()
        written = job.local.times[EXTENSIONS.index(extension)] - ahead
        return extension not in job.times_put and written > server_seconds(put) + DATE_STEP

    def _md5(self, local: Fileset, extension: str) -> str:
        """MD5 (hex) of a file as it is now. Raises FileChanged, LocalFileProblem, Interrupted."""
        digest = hashlib.md5()
        size = 0
        with self._tree.open(local, extension) as file:
            for block in iter(lambda: file.read(_BLOCK), b""):
                if self._cancelled.is_set():
                    raise Interrupted(130)
                digest.update(block)
                size += len(block)
        if size != local.size(extension):
            raise FileChanged(f".{extension} has another size now")
        return digest.hexdigest()

    def check_unchanged(self, fileset: Fileset) -> None:
        """Raises FileChanged if a file is not what it was at the walk any more, LocalFileProblem."""
        differing = self._tree.refresh(fileset).differing(fileset)
        if differing:
            raise FileChanged("{} changed".format(", ".join("." + ext for ext in differing)))
