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

import logging

from ifcbscan.core.adc import Finding
from ifcbscan.core.bins import MISSING
from ifcbscan.core.dashboard_rules import WILL_REFUSE
from ifcbscan.core.decision import Action, Decision, Now, Policy, decide
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
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.bin_look import BinLooks
from ifcbscan.runs.examination import examine
from ifcbscan.s3.bucket import Expected

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


class _NotToBePut(Exception):
    """A look just before a try has shown that the .adc must not follow."""


class BinSteps:
    """Takes bins from step to step; one object for a run, called from its workers' threads with one bin each."""

    def __init__(self, prefix: str, policy: Policy, backends: Backends) -> None:
        """`prefix` is `<account>/<time series>/`. Made when the bucket has just been listed."""
        self._prefix = prefix
        self._policy = policy
        self._tree = backends.tree
        self._bucket = backends.bucket
        self._clock = backends.clock
        self._looks = BinLooks(prefix, backends)
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
                self._looks.check_unchanged(fileset)
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
        self._looks.check_unchanged(job.local)
        if self._is_damaged(job):
            return
        if _is_commit(job.decision) and not self._still_to_commit(job):
            return
        extensions = job.decision.send
        if "adc" not in extensions:
            job.glance, job.taken_up = None, False  # what it showed is about to change
        for extension in extensions:
            try:
                self._put(job, extension)
            except _NotToBePut:
                return  # what is to be done instead is decided
            job.times_put[extension] = job.times_put.get(extension, 0) + 1
        self._looks.check_unchanged(job.local)
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
        job.sums = {}
        glance = job.glance
        seen = None if glance is None else glance.heads(job.local.pid)
        if glance is not None and seen is not None:
            self._looks.take_in(job, seen.get, glance.at)
            self._decide(job)
        if seen is None or not _is_commit(job.decision):
            self._look(job)
        if _is_commit(job.decision) and self._looks.is_late(job):
            # The files here took long to read. What was read counts, so that only requests lie between this look and the .adc.
            self._look(job)
        return _is_commit(job.decision)

    def _look(self, job: BinJob) -> None:
        """Look at a bin by itself, and decide by that."""
        self._looks.look(job)
        self._decide(job)

    def _before_try(self, job: BinJob, extension: str) -> None:
        """The bytes are known; they go only if they and the other files are still those of the walk, and an .adc only if
        the latest look at the others is no older than any may be."""
        self._looks.check_unchanged(job.local)
        if extension == "adc" and self._looks.is_late(
            job
        ):  # a try before this one, or its own reading, took long
            self._looks.read_again(job)
            self._look(job)
            if not _is_commit(job.decision):
                raise _NotToBePut

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
                before_try=lambda: self._before_try(job, extension),
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
        tree.open(job.local, "roi").close()  # which the examination does not need, and a run does
    except LocalFileProblem as error:
        return Result(BinState.FAILED, str(error))
    known = job.known._replace(finding=finding)
    result = result_of(decide(job.local, job.remote, now, policy, job.copies, known))
    if refusal and result.state is BinState.TO_UPLOAD:
        return Result(result.state, f"{result.reason}; {WILL_REFUSE}{refusal}")
    return result
