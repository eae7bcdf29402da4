"""The steps of one bin: from a decision to the next, until its result is known or it has to wait.

Acts, and decides nothing: after each step `decide` (core/decision.py) is asked again. Knows one bin at a time and one
thread; which bins, how many at once and in which order is for upload.py. The life of a bin, in the words of
`core/states.py`; whatever a step shows, the next decision is made of it:

    upload        lock the bin against other runs on this computer    taken: `to_upload`, left to them
      |           look, if another run may have sent it meanwhile     it has: go on from what is there
      |           examine the .adc and the .hdr, once                 damaged: `held`
      |           put .roi, put .hdr (each only if the files are      changed: `settling`
      |             still those of the walk)
      v
    unconfirmed   wait `Policy.confirm` seconds                       the run ends: `unconfirmed`
      |
      v
    commit        look at .roi, .hdr, .adc: size and content          the .roi is gone: `rejected`;
      |                                                               other content: `upload` (once, a .hdr twice: then `failed`)
      |           put .adc: the bin becomes visible
      v
    uploaded      (`synced`, if it was there already)

A bin of which the archive has the .adc and the .hdr without the .roi takes the same way, and is `rejected` at each
step and at the end: the dashboard may keep a broken row of it, so a person has to know.

Beside it: `settling` with WATCH (times in the future) waits `Policy.settle` seconds, checks that nothing has changed,
and goes on as above. A file that cannot be read, an object that the bucket refuses, or one that somebody else changes
at the same time ends its bin as `failed`, and no other.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass, field
from typing import Callable, Sequence

from ifcbscan.core.adc import Finding
from ifcbscan.core.bins import DATE_STEP, EXTENSIONS, MISSING, Fileset, RemoteFileset, server_seconds
from ifcbscan.core.dashboard_rules import WILL_REFUSE
from ifcbscan.core.decision import NOTHING_ELSE, Action, Decision, Known, Now, Policy, content_marks, decide
from ifcbscan.core.scan_report import Result
from ifcbscan.core.states import BinState, State
from ifcbscan.disk.tree import LocalTree
from ifcbscan.errors import (
    ConcurrentWrite,
    FileChanged,
    IfcbscanError,
    Interrupted,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.examination import examine
from ifcbscan.runs.glance import Glance
from ifcbscan.s3.bucket import Expected
from ifcbscan.s3.object_head import ObjectHead

log = logging.getLogger("ifcbscan")

_ELSEWHERE = "another scan on this computer is sending it"

_CHANGED_ELSEWHERE = "somebody else changed this bin in the archive meanwhile; a later run looks again"

#: Another run on this computer takes CONFIRM seconds for a bin (30, unless that is set), so it cannot have begun and
#: ended since a listing that is younger than this. Seconds.
_LISTING_IS_FRESH = 20.0

#: The every-minute runs send bins of three days, if they are not told otherwise; older ones only the hourly run sends. Seconds,
#: a day more. (Where they are told otherwise, another run may have sent the bin: then its files go once more, and the bucket
#: keeps one of each.)
_MAY_BE_SENT_ELSEWHERE = 4 * 86400.0

#: How often a run puts each file of a bin. A .hdr that is gone before the .adc goes is put once more; whatever else takes
#: it away again is somebody who writes the same bin, and would go on for ever.
_MOST_PUTS = {"roi": 1, "hdr": 2}

_BLOCK = 1024 * 1024


@dataclass
class BinJob:
    """One bin on its way through its decisions. Belongs to one thread at a time."""

    local: Fileset
    remote: RemoteFileset
    copies: Sequence[Fileset]
    decision: Decision
    known: Known = NOTHING_ELSE
    files_sent: int = 0
    bytes_sent: int = 0
    repairs: bool = False  # its .adc was in the archive before, beside something else than the local files
    etags: dict[str, str] = field(default_factory=dict)  # by extension, where a look has shown them
    refusal: str = ""  # why the dashboard will refuse it, where the examination has shown that it will
    times_put: dict[str, int] = field(default_factory=dict)  # by extension, in this run
    sent_adc: bool = False
    answered: bool = False  # whether the bucket has answered anything in the latest step
    locked: bool = False  # against other runs on this computer
    glance: Glance | None = None  # at this bin and others, for what is to be seen before its .adc is put
    taken_up: bool = False  # with those others
    due: float | None = None  # when to go on, by the monotonic clock
    result: Result | None = None  # once it is known


class BinSteps:
    """Takes bins from step to step; one object for a run, called from its workers' threads with one bin each."""

    def __init__(self, prefix: str, policy: Policy, backends: Backends) -> None:
        """`prefix` is `<account>/<time series>/`. Made when the bucket has just been listed."""
        self._prefix = prefix
        self._policy = policy
        self._tree = backends.tree
        self._bucket = backends.bucket
        self._clock = backends.clock
        self._cancelled = backends.stop.requested
        self._bin_locks = backends.bin_locks
        self._listed_at = self._clock.monotonic()
        self._had_company = False  # another run of the job was under way at some time since the listing
        #: How many puts, one after the other up to now, found that another had stored their very bytes. (An addition that
        #: is lost between threads does no harm.)
        self.in_vain = 0

    def look_for_company(self) -> None:
        """Note whether another run of the job is under way now, or was before; asked again before each bin."""
        self._had_company = self._had_company or self._bin_locks.in_company()

    def advance(self, job: BinJob) -> None:
        """Take a bin as far as it goes now: to its result, or to a moment (`due`) for which it has to wait.

        Raises what concerns the whole run: BucketRefused, BucketUnreachable, Interrupted.
        """
        job.answered = False
        try:
            while job.result is None:
                if job.decision.action is Action.PUT:
                    if _is_commit(job.decision) and not (job.known.looked_at or job.taken_up):
                        job.due = self._clock.monotonic()  # it is to be looked at, together with others
                        return
                    job.due = None
                    self._send(job)
                elif job.decision.action is Action.NONE:
                    self._end(job)
                elif self._must_wait(job):
                    return
        except FileChanged as error:
            job.result = Result(BinState.SETTLING, f"changed while it was handled ({error})")
        except ConcurrentWrite as error:
            job.answered = True
            job.result = Result(BinState.FAILED, str(error) or _CHANGED_ELSEWHERE)
        except PutRefused as error:
            job.answered = True
            job.result = Result(BinState.FAILED, str(error))
        except LocalFileProblem as error:
            job.result = Result(BinState.FAILED, str(error))
        except (IfcbscanError, Interrupted):
            raise
        except OSError as error:  # whatever call it was: a disk or a network drive went away
            job.result = Result(
                BinState.FAILED, f"a file in {job.local.folder} cannot be read: {error.strerror or error}"
            )
        except Exception as error:  # one odd answer or file must not keep the other bins from being sent
            job.result = Result(
                BinState.FAILED,
                f"unexpected error: {type(error).__name__}: {error}; please report this line",
            )

    def _end(self, job: BinJob) -> None:
        """No action is left: what the bin is now is its result."""
        if job.decision.state is State.SYNCED and (job.sent_adc or (job.files_sent and job.repairs)):
            job.result = Result(BinState.UPLOADED, WILL_REFUSE + job.refusal if job.refusal else "")
        else:
            job.result = result_of(job.decision)

    def _must_wait(self, job: BinJob) -> bool:
        """For CONFIRM and WATCH: True if it is too early; else decides anew."""
        now = self._clock.monotonic()
        if job.due is None:
            job.due = now + job.decision.wait
        if now < job.due:
            return True
        job.due = None
        if job.decision.action is Action.WATCH:
            for fileset in (job.local, *job.copies):
                self._check_unchanged(fileset)
            job.known = job.known._replace(watched=True)
        self._decide(job)
        return False

    def _send(self, job: BinJob) -> None:
        """Put the files that the decision names, in its order."""
        if job.decision.state is State.REJECTED:  # it is sent again, and stays one to be told of
            job.known = job.known._replace(adc_was_alone=True)
        if not job.locked and not self._lock(job):
            return
        if any(
            job.times_put.get(ext, 0) >= most for ext, most in _MOST_PUTS.items() if ext in job.decision.send
        ):
            job.result = Result(BinState.FAILED, _CHANGED_ELSEWHERE)
            return
        self._check_unchanged(job.local)
        if self._is_damaged(job):
            return
        if _is_commit(job.decision) and not self._still_to_commit(job):
            return
        extensions = job.decision.send
        if "adc" not in extensions:
            job.glance, job.taken_up = None, False  # what it showed is about to change
        for extension in extensions:
            self._put(job, extension)
            job.times_put[extension] = job.times_put.get(extension, 0) + 1
        self._check_unchanged(job.local)
        self._decide(job)

    def _lock(self, job: BinJob) -> bool:
        """Lock the bin against other runs on this computer; False if one has it, or a look had to come first."""
        if not self._bin_locks.take(job.local.pid):
            job.result = result_if_left(job, _ELSEWHERE)
            return False
        job.locked = True
        if not self._may_have_changed(job):
            return True
        self._look(job)
        self._decide(job)
        return False

    def _is_damaged(self, job: BinJob) -> bool:
        """Whether the files must not be sent as they are; then the decision says so."""
        # Once is enough for the same files, and a sixth of the CPU time of an upload.
        if "roi" in job.times_put:
            return False
        finding, job.refusal = examine(self._tree, job.local)
        if not self._policy.heeds(finding):
            return False
        self._decide(job, finding)
        return True

    def _still_to_commit(self, job: BinJob) -> bool:
        """Look before the .adc is put: whether it is still what is to be done.

        What is known may be minutes old, and a size is no content: the .adc must not appear beside other files than
        its own, nor be put where another run has put it meanwhile. A glance that shows what is wanted is enough; else the
        bin is looked at by itself.
        """
        seen = None if job.glance is None else job.glance.heads(job.local.pid)
        if seen is not None:
            self._take_in(job, seen.get)
            self._decide(job)
        if seen is None or not _is_commit(job.decision):
            self._look(job)
            self._decide(job)
        return _is_commit(job.decision)

    def _may_have_changed(self, job: BinJob) -> bool:
        """Whether another run on this computer may have sent the bin since this run has listed the bucket."""
        self.look_for_company()
        if self._had_company:
            return True
        age = self._bucket.server_clock.now() - job.local.pid.sample_time
        return age < _MAY_BE_SENT_ELSEWHERE and self._clock.monotonic() - self._listed_at > _LISTING_IS_FRESH

    def _put(self, job: BinJob, extension: str) -> None:
        size = job.local.size(extension)
        key = job.local.pid.key(self._prefix, extension)
        with self._tree.open(job.local, extension) as file:
            stored = self._bucket.put(
                key,
                file,
                size,
                Expected(_size_or_none(job.remote.size(extension)), job.etags.pop(extension, "")),
                # The bytes are known now; they go only if they and the other files are still those of the walk.
                before_sending=lambda: self._check_unchanged(job.local),
            )
        job.answered = True
        self.in_vain = self.in_vain + 1 if stored.by_another else 0
        if stored.by_another and job.glance is not None:
            job.glance.distrust()
        if not stored.by_another:
            job.files_sent += 1
            job.bytes_sent += size
            job.sent_adc = job.sent_adc or extension == "adc"
            log.debug("put %s (%d bytes)", key, size)
        job.remote = job.remote.after_put(extension, size, stored.at)
        job.known = job.known._replace(
            # The archive checks the .roi and the .hdr after they have come, and may delete them.
            looked_at=job.known.looked_at and extension == "adc",
            other_content=job.known.other_content - {extension},
        )

    def _look(self, job: BinJob) -> None:
        """Take in what is there of a bin now, by size and, where the bucket knows it, by content."""

        def look(extension: str) -> ObjectHead | None:
            head = self._bucket.head(job.local.pid.key(self._prefix, extension))
            job.answered = True
            return head

        self._take_in(job, look)

    def _take_in(self, job: BinJob, look: Callable[[str], ObjectHead | None]) -> None:
        other: list[str] = []
        for extension in ("roi", "hdr", "adc"):
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
        return head.md5 != self._md5(job.local, extension)

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

    def _check_unchanged(self, fileset: Fileset) -> None:
        differing = self._tree.refresh(fileset).differing(fileset)
        if differing:
            raise FileChanged("{} changed".format(", ".join("." + ext for ext in differing)))

    def _decide(self, job: BinJob, finding: Finding | None = None) -> None:
        now = Now(self._bucket.server_clock.now(), self._clock.wall())
        # What the archive refused before may be tried once more; what it refuses in this run is refused.
        retry = job.known.retry_rejected and not job.times_put
        known = job.known._replace(finding=finding, retry_rejected=retry)
        job.decision = decide(job.local, job.remote, now, self._policy, job.copies, known)


def result_if_left(job: BinJob, why: str = "left to a later run") -> Result:
    """What a bin is counted as that this run does not finish.

    `why` is said of a bin that has only to be sent; one with another state is told as that.
    """
    result = result_of(job.decision)
    return Result(result.state, why) if result.state is BinState.TO_UPLOAD else result


def _is_commit(decision: Decision) -> bool:
    return decision.send == ("adc",)


def _size_or_none(size: int) -> int | None:
    return None if size == MISSING else size


def result_of(decision: Decision) -> Result:
    """What a bin is counted as if nothing is done about it."""
    return Result(decision.state.counted, decision.reason)


def result_if_sent(job: BinJob, tree: LocalTree, now: Now, policy: Policy) -> Result:
    """What would be said of a bin by a run that is about to send it: only such a bin is examined. Sends nothing."""
    if job.decision.action is not Action.PUT:
        return result_of(job.decision)
    try:
        finding, refusal = examine(tree, job.local)
    except LocalFileProblem as error:
        return Result(BinState.FAILED, str(error))
    known = job.known._replace(finding=finding)
    result = result_of(decide(job.local, job.remote, now, policy, job.copies, known))
    if refusal and result.state is BinState.TO_UPLOAD:
        return Result(result.state, f"{result.reason}; {WILL_REFUSE}{refusal}")
    return result
