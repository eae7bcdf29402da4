"""An instrument, an archive and one or two scanning machines, in virtual time, with faults on demand.

The scan under test is the real `ifcbscan.runs.scan.scan`. What breaks is said by lists of `Fault`s, so that
Hypothesis (tests/model) and a seeded random generator (tests/soak.py) drive the same world. Whatever
breaks an invariant is put into `World.violations`:

- I1 `check_arrived`: once faults stop, repeated scans bring every whole, acceptable bin of the first
  machine into the bucket, with the bytes of the local files. Where a file was written again in place, at equal
  size, that holds if it was before the last look (see I2) of the run that put the `.adc`; later changes show in
  no size. It does not hold for a bin that lies in several places with different bytes of equal size.
- I2 at the moment in which a put of an `.adc` takes effect, the bucket holds a `.roi` and an `.hdr` which,
  together with this `.adc`, have the bytes that the three local files had together at some moment since
  the run last looked at them; a walk and a `refresh` are looks, to open a file is none. (If another run put
  `.roi` or `.hdr` since this one looked at them in the bucket, it has more of the bin: then they may be larger.)
  The `.roi` was put at least CONFIRM seconds earlier, less the seconds that S3's dates are vague by.
- I3 no put is needless. A put is needless if, when it takes effect, its key already holds these very
  bytes; that is: if nothing had changed. Not counted as needless is the `.hdr` that follows a `.roi` (its
  date is the date of the attempt). That an answer was lost excuses nothing: whether the bytes arrived
  can be seen. A bin that the archive refuses is tried once a day: between the `.hdr` that ends one attempt
  and the `.roi` that begins the next lie 24 h. An attempt that was cut before its `.hdr` leaves no trace
  in the bucket once the archive has deleted its `.roi`, so it does not count, and neither does one that
  another scanner had completed since this scan listed the bucket.
- I4 no put makes an object smaller, none touches a key that is no member's, and the bucket is asked for
  nothing but list, head and put. (Nothing local changes: tests/integration; the tree in memory cannot be
  written to through its interface.)
- I5 every run ends, with a report, or an IfcbscanError or Interrupted of the table of exit codes; it takes no more
  requests and virtual time than its bins, retries and time-outs allow; in its report every fileset is in
  exactly one count.
- I6 no run tells a bin's state better than it is, as far as the world can see. A bin told `synced` or
  `uploaded` had in the bucket, each at some moment of the run, its three files with the sizes that the walk
  saw; if the run itself put the `.roi`, it saw it again at least CONFIRM seconds after that (less the vague
  seconds). So a bin whose `.roi` the archive has taken away, however late, is told as neither; nor is one that
  the run's listing showed with its `.adc` and `.hdr` but without its `.roi`, even if the run has put that right, because
  the dashboard may keep a broken row of it. Where a bin is left to another run on the same computer that has done
  nothing for over LONG_SILENCE seconds, the report warns, and after TOO_LONG_SILENCE the run does not end with 0.
- I7 what something on the way refuses for ever (`World.filters`) keeps no other bin from arriving: I1 holds for
  all others, within the six runs of `check_arrived`.

On a server that puts nothing on a condition, or does not know what is to be replaced by its ETag (`World.conditions`), a
run can overwrite what another one has put since it
looked (listed it, or asked for it by HEAD), and I3 and I4 excuse that; for an `.adc` they excuse it only if this
run had looked at that `.adc` (by HEAD, or by a listing of its day while bins were under way).

The archive is of one of two generations (`World.generation`, as in support/archive.py): a *strict* one deletes the
`.roi` of the bins in `World.refused`, a *lenient* one keeps whatever is in a `.roi`, so there every bin must arrive.

Classes of what may happen, besides the `Fault`s of a run: times of files of any sign; files written again in place and
copies that begin as zeros; foreign objects and files; an archive that judges hours later; objects that a filter
refuses; claims that cannot be had; a server's clock that stands still. A process that stops (`stopped`) holds its
claims while other runs of its machine come and go.

`Interleaver` lets two scans take turns at their requests, as they would on two machines.
"""

from __future__ import annotations

import bisect
import collections
import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, NamedTuple, Sequence

from ifcbscan.cli.signals import Interruption
from ifcbscan.clock import Clock
from ifcbscan.core.bins import EXTENSIONS, MISSING, Fileset, parse_pid
from ifcbscan.core.decision import Policy
from ifcbscan.core.scan_report import ScanReport
from ifcbscan.core.states import BinState
from ifcbscan.disk.tree import Inventory
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ExitCode,
    IfcbscanError,
    Interrupted,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.runs.backends import Backends, StopRequest
from ifcbscan.runs.bin_job import BinJob
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan
from support import fakes
from support.bin_locks import ClaimTable
from support.disks import QUARTERS, Disk, Triple
from support.fakes import Call, FakeBucket, FakeTree, Killed, SerialExecutor, StoredObject
from support.fakes import VirtualClock as _VirtualClock
from support.wire import HalfSent, WireBucket

PREFIX = "hablab/nauset/"
PIDS = (
    "D20231113T101500_IFCB013",
    "D20231113T104000_IFCB013",
    "D20231114T220000_IFCB013",
    "IFCB5_2023_318_081515",
)
CONFIRM = 30.0
SETTLE = 60.0
DAY = 86400.0
LONG_SILENCE = 30 * 60.0
TOO_LONG_SILENCE = 65 * 60.0
"""Seconds without a request, after which a run that holds bins must be warned of, and must keep others from ending with 0."""

#: Modification times of files: seconds from now (by the machine's clock), or since 1970 where `True`.
TIMES = {
    "now": (0.0, False),
    "last week": (-7 * DAY, False),
    "next year": (365 * DAY, False),
    "1970": (0.0, True),
    "a second before 1970": (-1.0, True),
    "1601": (-11644473600.0, True),  # a Windows time of 0
    "2106": (4294967296.0, True),
}

#: What something between the run and the bucket does to one object: requests of which kinds, and what happens.
FILTERS = {
    "no put": (("put",), "403 without a code"),
    "no look": (("head",), "403 without a code"),
    "neither": (("put", "head"), "403 without a code"),
    "puts are cut": (("put",), "reset"),
}

#: How servers take a condition of a put: as a FakeBucket may, or with an error 501.
CONDITIONS = (*fakes.CONDITIONS, "not implemented")

#: On these servers a put replaces nothing but what its run has seen.
_ATOMIC = ("kept", "kept, 404", "unquoted only")

#: Whether the archive judges the content of a `.roi`, and deletes it for that.
GENERATIONS = ("strict", "lenient")

#: Names of things that lie beside a bin's files, locally and in the bucket; some sort between its members.
FOREIGN = (
    ".adc.mod",
    ".json",
    ".hdr.bak",
    ".ROI",
    "_blobs_v4.zip",
    "_features_v4.csv",
    ".a",
    ".txt",
    ".roi~",
)

_SUFFIXES = tuple("." + extension for extension in EXTENSIONS)

#: A run of so many requests goes round in circles.
MOST_REQUESTS = 2000

#: Seconds that a run may take when nothing makes it slow: one wait to settle and some to confirm, and retries.
LONGEST_RUN = 600.0

#: Faults of requests. What is done `after` has taken effect.
REQUEST_FAULTS = (
    "answer lost",  # after
    "no way there",
    "refused by the bucket",  # 403
    "this object refused",  # a put only: 400 EntityTooLarge
    "killed",
    "killed after",
    "told to end",
    "slow",
    "clock jumps",
    "files change",
    "it grows",  # the very file that is being put
    "rewritten",  # in place, at equal size
    "stopped",  # by SIGSTOP, before the request; goes on later
    "stopped after",
    "stopped and killed",
)
#: These are only there where the real Bucket makes the requests.
WIRE_FAULTS = (
    "reset",
    "half sent",
    "500",
    "500 after",  # taken effect all the same
    "503 SlowDown",
)
#: Faults of the local tree's calls.
TREE_FAULTS = (
    "killed in the tree",
    "unreadable",
    "files change in the tree",
    "rewritten in the tree",
    "stopped in the tree",
    "gone",
)
FAULTS = REQUEST_FAULTS + WIRE_FAULTS + TREE_FAULTS

# Seconds after which the archive looks at a new object, by what is the matter with it.
LAGS = {"prompt": 2.0, "slow": 20.0, "late": 45.0, "throttled": 5 * 3600.0, "days late": 30 * 3600.0}
LONGEST_LAG = max(LAGS.values())

# How long a process is stopped, in seconds between the other runs of its machine; the run's number chooses.
_STOPS: Sequence[Sequence[float]] = ((130.0,), (400.0, 1500.0), (1000.0, 3700.0), (3000.0, 90000.0))


class Fault(NamedTuple):
    """At the `at`th request of a run (or call of the tree), and the `times` - 1 ones that follow."""

    at: int
    kind: str
    times: int = 1


class Effect(NamedTuple):
    """A change of the bucket. `scan` is the number of the run that made it, 0 for the archive."""

    kind: str  # put or delete
    key: str
    scan: int
    time: float


@dataclass(eq=False)
class Machine:
    """A computer with a disk and a clock, which is wrong by `wall_error` seconds, and claims of its runs."""

    disk: Disk
    wall_error: float = 0.0
    claims: ClaimTable = field(default_factory=ClaimTable)


class _RunClock(Clock):
    """A machine's clocks, as one run on it sees them."""

    def __init__(self, machine: Machine, true: _VirtualClock, before_sleep: Callable[[], None]) -> None:
        self._machine = machine
        self._true = true
        self._before_sleep = before_sleep

    def monotonic(self) -> float:
        return self._true.monotonic()

    def wall(self) -> float:
        return self._true.now + self._machine.wall_error

    def sleep(self, seconds: float, unless: threading.Event) -> None:
        self._before_sleep()
        self._true.sleep(seconds, unless)


@dataclass
class Run:
    """One scan and what it is allowed to be known for."""

    number: int
    machine: Machine
    options: ScanOptions
    faults: Sequence[Fault]
    began_at: int = 0  # how many effects there were when it began
    listed_at: int = -1  # and when the first page was listed
    listing: float = 0.0  # when a page was last listed, seconds since 1970
    began: float = 0.0  # true time, less the seconds that faults had taken by then
    requests: int = 0
    tree_calls: int = 0
    expected: int = -1  # filesets that the walk saw
    found: dict[str, Fileset] = field(default_factory=dict)  # and those whose state the report tells
    stopped: bool = False
    conditions_refused: bool = False
    # What the local files have held together since the run last looked at them, by pid.
    seen: dict[str, set[Triple]] = field(default_factory=lambda: collections.defaultdict(set))
    puts: dict[str, float] = field(default_factory=dict)  # key -> when the last put took effect
    looked: dict[str, int] = field(default_factory=dict)  # key -> number of effects at the last look
    looks: dict[str, float] = field(default_factory=dict)  # key -> when that was
    listed_alone: set[str] | None = None  # bins with .adc and .hdr, but no .roi, on each page that it listed
    interruption: Interruption = field(default_factory=Interruption)
    states: dict[str, str] = field(default_factory=dict)
    left_alone: dict[str, str] = field(default_factory=dict)
    report: ScanReport | None = None
    ended: str = ""


def _is_of_one_day(prefix: str) -> bool:
    """Whether a listing is a look at bins of one day that are under way, and not the listing of a run."""
    return any(key_of(pid, "roi").rpartition("/")[0] + "/" in prefix for pid in PIDS)


class Interleaver:
    """Lets two threads take turns at the places where they call `turn`, by a schedule fixed beforehand.

    Only the one whose turn it is runs, so the order of everything is the same every time.
    """

    def __init__(self, schedule: Iterable[int]) -> None:
        self._schedule = collections.deque(schedule)
        self._condition = threading.Condition()
        self._alive: set[int] = set()
        self._current = 0

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        """Run all to their ends. An exception of one of them is raised here."""
        errors: list[BaseException] = []
        self._alive = set(range(len(works)))

        def body(number: int) -> None:
            try:
                self._wait(number)
                works[number]()
            except BaseException as error:
                errors.append(error)
            finally:
                with self._condition:
                    self._alive.discard(number)
                    if self._alive:
                        self._current = min(self._alive)
                    self._condition.notify_all()

        threads = [threading.Thread(target=body, args=(number,), daemon=True) for number in range(len(works))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def turn(self, number: int) -> None:
        """Go on at once, or when the others have come to their turns."""
        with self._condition:
            if self._schedule:
                wanted = self._schedule.popleft()
                if wanted in self._alive:
                    self._current = wanted
                    self._condition.notify_all()
            elif len(self._alive) > 1:
                self._current = next(other for other in self._alive if other != number)
                self._condition.notify_all()
        self._wait(number)

    def _wait(self, number: int) -> None:
        with self._condition:
            assert self._condition.wait_for(lambda: self._current == number, timeout=60)


class _Store(FakeBucket):
    """A run's way to the bucket, on which a put can be overtaken while it is under way."""

    stored: Callable[[Call, StoredObject | None], None]

    def while_under_way(self, call: Call) -> None:
        assert self.hook is not None
        self.hook("under way", call)

    def has_stored(self, call: Call, before: StoredObject | None) -> None:
        self.stored(call, before)


class _Tree(FakeTree):
    """Tells the run what its walk saw."""

    run: Run
    looked: Callable[[str | None], None]

    def walk(self) -> Inventory:
        inventory = super().walk()
        members: dict[str, dict[str, set[str]]] = {}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            pid = name[:-4]
            found = parse_pid(pid)
            if name[-4:] not in _SUFFIXES or found is None:
                continue
            if self._not_before is None or found.sample_time >= self._not_before:
                members.setdefault(pid, {}).setdefault(folder, set()).add(name[-3:])
        self.run.expected = sum(
            # every fileset counts, but of those that are complete only one
            len(folders) - max(0, sum(len(found) == 3 for found in folders.values()) - 1)
            for folders in members.values()
        )
        self.run.found = {str(pid): fileset for pid, fileset in inventory.filesets.items()}
        self.looked(None)
        return inventory

    def refresh(self, fileset: Fileset) -> Fileset:
        fresh = super().refresh(fileset)
        self.looked(fileset.pid)
        return fresh


class _Notes(Listener):
    def __init__(self, run: Run) -> None:
        self._run = run

    def left_alone(self, local: Fileset, state: BinState, reason: str) -> None:
        self._run.left_alone[local.pid] = state.value

    def bin_done(self, job: BinJob, state: BinState, reason: str) -> None:
        self._run.states[job.local.pid] = state.value


class World:
    """The world; see the module's docstring for what must hold in it."""

    def __init__(self, wire: bool = True) -> None:
        """`wire`: the runs use the real Bucket (over `WireBucket`), else the FakeBucket's interface."""
        self.wire = wire
        self.generation = "strict"
        self.true = _VirtualClock()
        self.objects: dict[str, StoredObject] = {}
        self.effects: list[Effect] = []
        self.violations: list[str] = []
        self.machines = [Machine(Disk(self._disk_changed))]
        self.archive = "prompt"
        self.conditions = "kept"
        self.refused: set[str] = set()  # bins whose .roi a strict archive does not like
        self.filters: dict[str, str] = {}  # key -> one of FILTERS
        self.foreign: set[str] = set()  # keys
        self.statistics: collections.Counter[str] = collections.Counter()
        self.runs = 0
        self.stops = _STOPS
        self.beside: list[Run] = []  # the runs that came while another one was stopped
        self._stands_at: float | None = None  # what the server's clock shows while it stands still
        self._under_way: list[Run] = []
        self._taken_by_archive: set[str] = set()
        self._last_hdr: dict[str, int] = {}  # pid -> index of the effect that ended an attempt
        self._sizes: dict[str, list[tuple[int, int]]] = collections.defaultdict(
            list
        )  # key -> (effects, size)
        self._loose: set[str] = set()  # bins whose bytes no size shows: changed since their .adc's last look
        self._mixed: set[str] = set()  # bins that differed from place to place at equal size
        self._next_change = 0
        self._stopping = False
        self._slow_seconds = 0.0  # that passed because a fault made a request slow

    # --- the instrument and whoever copies files

    def add_second_machine(self, shares_disk: bool) -> None:
        """Another computer that scans: over the same disk, or over one of its own."""
        self.machines.append(Machine(self.machines[0].disk if shares_disk else Disk(self._disk_changed)))

    def grow(
        self, pid: str, extension: str, quarters: int, dated: str, machine: int = 0, folder: str = "new"
    ) -> None:
        """A file is written as far as `quarters`, or has been further already. `dated`: one of TIMES."""
        self.machines[machine].disk.grow(folder, pid, extension, quarters, self._time(dated, machine))

    def write_so_far(
        self, pid: str, quarters: Sequence[int], dated: str, machine: int = 0, folder: str = "new"
    ) -> None:
        """All three files are there, but perhaps not whole: a fileset that only looks complete."""
        for extension, how_far in zip(EXTENSIONS, quarters):
            self.grow(pid, extension, how_far, dated, machine, folder)

    def finish(self, pid: str, dated: str, machine: int = 0, folder: str = "new") -> None:
        """The three files are written to their ends."""
        self.write_so_far(pid, [QUARTERS] * 3, dated, machine, folder)

    def preallocate(
        self, pid: str, blank: Iterable[str], dated: str, machine: int = 0, folder: str = "new"
    ) -> None:
        """A copy is under way that makes files as large as they will be: those in `blank` are zeros so far."""
        for extension in EXTENSIONS:
            if extension in blank:
                time = self._time(dated, machine)
                self.machines[machine].disk.preallocate(folder, pid, extension, time)
            else:
                self.grow(pid, extension, QUARTERS, dated, machine, folder)

    def rewrite(
        self,
        pid: str,
        extensions: Iterable[str] = EXTENSIONS,
        dated: str | None = "now",
        machine: int = 0,
        folder: str = "new",
    ) -> None:
        """Files that are there get other content of equal size. `dated` None: their times stay (`rsync -t`)."""
        time = None if dated is None else self._time(dated, machine)
        self.machines[machine].disk.rewrite(folder, pid, extensions, time)

    def remove(self, pid: str, machine: int = 0, folder: str = "new") -> None:
        """An operator deletes a bin from a disk."""
        self.machines[machine].disk.remove(folder, pid)

    def change_something(self) -> None:
        """Some file grows, each time another one; one that nobody has begun is begun."""
        pid = PIDS[self._next_change % len(PIDS)]
        extension = EXTENSIONS[self._next_change // len(PIDS) % 3]
        quarters = min(QUARTERS, self.machines[0].disk.quarters("new", pid, extension) + 2)
        self._next_change += 1
        self.grow(pid, extension, quarters, "now")

    def rewrite_something(self, pid: str = "", machine: int = 0) -> None:
        """A bin is written again in place: the whole, or one file; every other time its modification time stays."""
        number = self._next_change
        self._next_change += 1
        extensions = (EXTENSIONS, ("roi",), EXTENSIONS, ("adc",), ("hdr",))[number % 5]
        self.rewrite(pid or PIDS[number % len(PIDS)], extensions, ("now", None)[number % 2], machine)

    def _time(self, dated: str, machine: int) -> float:
        seconds, absolute = TIMES[dated]
        return seconds if absolute else self.true.now + self.machines[machine].wall_error + seconds

    def _disk_changed(self, disk: Disk, folder: str, pid: str) -> None:
        triple = disk.triple(folder, pid)
        if triple is not None:
            for run in self._under_way:
                if run.machine.disk is disk:
                    run.seen[pid].add(triple)
            if key_of(pid, "adc") in self.objects and self._differs_unseen(pid, triple):
                self._loose.add(pid)
        for extension in EXTENSIONS:
            if len(set().union(*(one.disk.versions(pid, extension) for one in self.machines))) > 1:
                self._mixed.add(pid)

    def _differs_unseen(self, pid: str, triple: Triple) -> bool:
        """Whether the bucket holds other bytes of the same size for any of these files."""
        there = [self.objects.get(key_of(pid, extension)) for extension in EXTENSIONS]
        return any(
            stored is not None and stored.body != body and len(stored.body) == len(body)
            for stored, body in zip(there, triple)
        )

    # --- what others do to the archive, and what lies between

    def add_foreign_object(self, key: str) -> None:
        """Somebody puts an object that is no member of a bin at its place."""
        self.foreign.add(key)
        self.objects[key] = StoredObject(b"no member", self.server_now())

    def add_foreign_file(self, name: str, machine: int = 0) -> None:
        """Somebody puts a file that is no part of a bin into the data folder; `name` is a path below it."""
        self.machines[machine].disk.write_foreign(name, self._time("now", machine))

    def refuse(self, pid: str, extension: str, way: str) -> None:
        """Something on the way refuses an object from now on, in one of the ways of FILTERS."""
        self.filters[key_of(pid, extension)] = way

    def server_now(self) -> float:
        """What the server's clock shows, in seconds since 1970."""
        return self.true.now if self._stands_at is None else self._stands_at

    def stop_server_clock(self, stands: bool) -> None:
        """The server's clock stands still from now on, or is right again."""
        self._stands_at = (self._stands_at or self.true.now) if stands else None

    # --- scanning

    def scan(
        self,
        machine: int = 0,
        faults: Sequence[Fault] = (),
        max_age: float | None = None,
        jobs: int = 1,
        dry_run: bool = False,
        time_limit: float | None = None,
    ) -> Run:
        """One run on one machine, alone."""
        run = self._new_run(machine, faults, max_age, jobs, dry_run, time_limit)
        self._carry_out(run, lambda: None)
        return run

    def scan_both(
        self,
        schedule: Sequence[int],
        faults: Sequence[Sequence[Fault]] = ((), ()),
        jobs: int = 1,
        max_ages: tuple[float | None, float | None] = (None, None),
    ) -> list[Run]:
        """The first and the last machine scan at once and take turns by `schedule`."""
        last = len(self.machines) - 1
        runs = [
            self._new_run(machine, faults[number], max_ages[number], jobs, False, None)
            for number, machine in enumerate((0, last))
        ]
        interleaver = Interleaver(schedule)

        def work(number: int) -> Callable[[], None]:
            return lambda: self._carry_out(runs[number], lambda: interleaver.turn(number))

        interleaver.run([work(0), work(1)])
        return runs

    def _new_run(
        self,
        machine: int,
        faults: Sequence[Fault],
        max_age: float | None,
        jobs: int,
        dry_run: bool,
        time_limit: float | None,
    ) -> Run:
        self.runs += 1
        policy = Policy(settle=SETTLE, confirm=CONFIRM)
        options = ScanOptions("hablab", "nauset", policy, dry_run, max_age, time_limit, jobs)
        return Run(self.runs, self.machines[machine], options, faults)

    def _carry_out(self, run: Run, turn: Callable[[], None]) -> None:
        clock = _RunClock(run.machine, self.true, turn)
        max_age = run.options.max_age
        tree = _Tree(not_before=None if max_age is None else clock.wall() - max_age)
        tree.files = run.machine.disk.files
        tree.run = run
        tree.looked = lambda pid: self._has_looked(run, pid)
        tree.hook = lambda operation, path: self._in_tree(run, operation, path)
        store = _Store(self.true, page_size=5)
        store.objects = self.objects
        store.conditions = "ignored" if self.conditions == "not implemented" else self.conditions
        store.server_now = self.server_now
        bucket: Any = store
        if self.wire:
            bucket = WireBucket(store, clock, self.server_now, run.interruption.requested)
        store.hook = lambda moment, call: self._at_request(run, bucket, turn, moment, call)
        store.stored = lambda call, before: self._stored(run, call, before)
        stop = StopRequest(run.interruption.requested, run.interruption.deferred)
        claims = run.machine.claims.begin(run.number, lambda: self.true.now)
        run.began_at = len(self.effects)
        run.began = self.true.now - self._slow_seconds
        self._under_way.append(run)
        try:
            report = scan(
                run.options,
                Backends(tree, bucket, clock, SerialExecutor(), stop, claims),  # type: ignore[arg-type]
                _Notes(run),
                lambda line: None,
            )
            report = run.report = claims.tell(report)
            run.ended = f"exit {report.exit_code}"
            self._check_report(run, report)
            self._check_told(run, report)
            self._check_silence_told(report, claims.silence())
        except Killed:
            run.ended = "killed"
        except (IfcbscanError, Interrupted) as error:
            run.ended = f"exit {error.exit_code}"
            if error.exit_code not in (ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.INTERRUPTED):
                self._violated("I5", f"{error!r} is no way for a run to end")
        except Exception as error:
            run.ended = "broken"
            self._violated("I5", f"{type(error).__name__}: {error}")
        finally:
            run.machine.claims.end(run.number)
            self._under_way.remove(run)
        took = self._time_taken(run)
        if took > LONGEST_RUN:
            self._violated("I5", f"run {run.number} took {took:.0f} s")
        self.statistics["scans"] += 1
        self.statistics["run: " + run.ended] += 1

    def _time_taken(self, run: Run) -> float:
        return self.true.now - self._slow_seconds - run.began

    def _has_looked(self, run: Run, pid: str | None) -> None:
        """The run has looked at one bin, or at all: what it saw earlier does not count any more."""
        disk = run.machine.disk
        for one in PIDS if pid is None else (pid,):
            triples = (disk.triple(folder, one) for folder in disk.folders(one))
            run.seen[one] = {triple for triple in triples if triple is not None}

    # --- what breaks

    def _faults(self, run: Run, at: int, kinds: Sequence[str]) -> list[str]:
        found = [f.kind for f in run.faults if f.at <= at < f.at + f.times and f.kind in kinds]
        return found

    def _in_tree(self, run: Run, operation: str, path: str) -> None:
        at = run.tree_calls
        run.tree_calls += 1
        for kind in self._faults(run, at, TREE_FAULTS):
            if kind == "unreadable" and operation != "open":
                continue
            self.statistics["fault: " + kind] += 1
            if kind == "killed in the tree":
                raise Killed()
            if kind == "unreadable":
                raise LocalFileProblem("cannot be read: told to")
            if kind == "stopped in the tree":
                self._stop(run)
            elif kind == "rewritten in the tree":
                self.rewrite_something(_pid_in(path), self.machines.index(run.machine))
            elif kind == "files change in the tree":
                self.change_something()
            elif kind == "gone" and operation != "walk":
                self.remove(PIDS[at % len(PIDS)])

    def _at_request(self, run: Run, bucket: Any, turn: Callable[[], None], moment: str, call: Call) -> None:
        if moment == "before":
            turn()
            if run.listed_at < 0:
                run.listed_at = len(self.effects)
            run.requests += 1
            run.machine.claims.signs[run.number] = self.true.now
            if run.requests > MOST_REQUESTS or self._time_taken(run) > 2 * LONGEST_RUN:
                self._violated("I5", f"run {run.number} goes round in circles")
                raise Killed()
            if run.options.dry_run and call.kind == "put":
                self._violated("I3", "a dry run put something")
            if call.kind == "head":
                self._note_look(run, call.key)
            elif call.kind == "list" and _is_of_one_day(call.key):
                for key in (key_of(pid, extension) for pid in PIDS for extension in EXTENSIONS):
                    if key.startswith(call.key):
                        self._note_look(run, key)
            elif call.kind == "list":
                if (
                    not run.looked and not run.puts
                ):  # one during the sending is of bins that are not begun yet
                    run.listing = self.true.now
            elif self.wire and self.conditions == "not implemented" and not run.conditions_refused:
                run.conditions_refused = True
                raise bucket.refusal("put_object", "NotImplemented", 501)
            self._filter(bucket, call)
        elif moment == "under way" or call.kind == "list":
            if call.kind == "list" and not run.looked and not run.puts:
                self._has_listed(run)
            turn()  # what a listing shows may be old when it arrives
        at = run.requests - 1
        for kind in self._faults(run, at, REQUEST_FAULTS + (WIRE_FAULTS if self.wire else ())):
            self._request_fault(run, bucket, kind, moment, call)
        if moment == "under way":
            turn()

    def _note_look(self, run: Run, key: str) -> None:
        run.looked[key] = len(self.effects)
        run.looks[key] = self.true.now

    def _has_listed(self, run: Run) -> None:
        """The run has got a page of its listing; the members of a bin may lie on two pages."""
        there = {pid: {ext for ext in EXTENSIONS if key_of(pid, ext) in self.objects} for pid in PIDS}
        alone = {pid for pid in PIDS if there[pid] == {"hdr", "adc"}}
        run.listed_alone = alone if run.listed_alone is None else run.listed_alone & alone

    def _filter(self, bucket: Any, call: Call) -> None:
        """What lies between refuses this object, in every run."""
        kinds, way = FILTERS[self.filters[call.key]] if call.key in self.filters else ((), "")
        if call.kind not in kinds:
            return
        self.statistics["filtered: " + self.filters[call.key]] += 1
        if way == "reset":
            raise _no_answer("reset") if self.wire else BucketUnreachable("told to")
        if not self.wire:
            raise PutRefused("told to")
        # What botocore makes of a 403 with a web page, or without a body: the status stands for a code.
        raise bucket.refusal({"head": "head_object", "put": "put_object"}[call.kind], "403", 403)

    def _stop(self, run: Run) -> None:
        """The process stands still; the other runs of its machine, which come by the clock, go on."""
        if run.stopped or self._stopping or self.violations:
            return
        run.stopped = self._stopping = True
        before, slow = self.true.now, self._slow_seconds
        beside = None if run.options.max_age is not None else 3 * DAY
        for pause in self.stops[run.number % len(self.stops)]:
            self.true.advance(pause)
            if run.number % 3 == 0:
                self.change_something()
            self.beside.append(self.scan(self.machines.index(run.machine), max_age=beside))
        self._slow_seconds = slow + self.true.now - before
        self._stopping = False

    def _request_fault(self, run: Run, bucket: Any, kind: str, moment: str, call: Call) -> None:
        wanted = (
            "after" if kind in ("answer lost", "killed after", "500 after", "stopped after") else "before"
        )
        if kind in ("slow", "clock jumps", "files change", "it grows", "rewritten") and call.kind == "put":
            wanted = "under way"
        if moment != wanted or (
            kind in ("this object refused", "half sent", "it grows") and call.kind != "put"
        ):
            return
        self.statistics["fault: " + kind] += 1
        operation = {"list": "list_objects_v2", "head": "head_object", "put": "put_object"}[call.kind]
        if kind.startswith("stopped"):
            self._stop(run)
        if kind in ("killed", "killed after", "stopped and killed"):
            raise Killed()
        if kind == "told to end":
            run.interruption.requested.set()
        elif kind == "slow":
            before = self.true.now
            self.true.advance(5 + 977 * run.requests % 1800)
            self._slow_seconds += self.true.now - before
        elif kind == "clock jumps":
            run.machine.wall_error += (1 if run.requests % 2 else -1) * 2.5 * DAY
        elif kind == "files change":
            self.change_something()
        elif kind == "rewritten":
            self.rewrite_something(_pid_in(call.key), self.machines.index(run.machine))
        elif kind == "it grows":
            pid = _pid_in(call.key)
            disk = run.machine.disk
            further = [min(QUARTERS, 1 + disk.quarters("new", pid, ext)) for ext in EXTENSIONS]
            self.write_so_far(pid, further, "now", self.machines.index(run.machine))
        elif kind.startswith("stopped"):
            pass  # it has gone on
        elif not self.wire:
            raise _AT_THE_INTERFACE[kind]("told to")
        elif kind == "half sent":
            raise HalfSent()
        elif kind in ("500", "500 after"):
            raise bucket.refusal(operation, "InternalError", 500)
        elif kind == "503 SlowDown":
            raise bucket.refusal(operation, "SlowDown", 503)
        elif kind == "refused by the bucket":
            raise bucket.refusal(operation, "AccessDenied", 403)
        elif kind == "this object refused":
            raise bucket.refusal(operation, "EntityTooLarge", 400)
        else:
            raise _no_answer(kind)

    # --- the archive

    def _validate(self, key: str, stored: StoredObject) -> None:
        if self.objects.get(key) is stored and key.endswith(".roi") and _pid_in(key) in self._deleted_pids:
            del self.objects[key]
            self._taken_by_archive.add(key)
            self._note(Effect("delete", key, 0, self.true.now), MISSING)
            self.statistics["deleted by the archive"] += 1
            if key_of(_pid_in(key), "adc") in self.objects:
                self.statistics["deleted by the archive after the .adc"] += 1

    @property
    def _deleted_pids(self) -> set[str]:
        """The bins whose `.roi` the archive deletes."""
        return self.refused if self.generation == "strict" else set()

    def _note(self, effect: Effect, size: int) -> None:
        self.effects.append(effect)
        self._sizes[effect.key].append((len(self.effects), size))

    # --- what must hold

    def _violated(self, invariant: str, text: str) -> None:
        self.violations.append(f"{invariant}: {text} (at {self.true.monotonic():.0f} s)")

    def _stored(self, run: Run, call: Call, before: StoredObject | None) -> None:
        """A put has taken effect."""
        key = call.key
        stored = self.objects[key]
        self._note(Effect("put", key, run.number, self.true.now), len(stored.body))
        taken = key in self._taken_by_archive
        self._taken_by_archive.discard(key)
        self.statistics["puts"] += 1
        self.true.after(LAGS[self.archive], lambda: self._validate(key, stored))
        pid, extension = _pid_in(key), key[-3:]
        if pid not in PIDS or key != key_of(pid, extension):
            self._violated("I4", f"put at no member's place: {key}")
            return
        unseen = self.conditions not in _ATOMIC and self._changed_unseen(run, key, extension)
        if before is not None and len(before.body) > len(stored.body) and not unseen:
            self._violated("I4", f"{key} became smaller: {len(before.body)} -> {len(stored.body)}")
        if before is not None and before.body == stored.body and not unseen:
            self._check_needed(run, key, extension)
        if taken:
            self._check_attempt(run, key, pid)
        if extension == "hdr":
            self._last_hdr[pid] = len(self.effects) - 1
        if extension == "adc":
            self._check_adc(run, key, pid, stored.body)
        run.puts[key] = self.true.now

    def _changed_unseen(self, run: Run, key: str, extension: str) -> bool:
        """Whether another run has put this object since the run looked at it, which no condition prevents."""
        looked = run.looked.get(key)
        if looked is None and extension != "adc":
            looked = run.listed_at
        return looked is not None and self._others_put(run, key, looked)

    def _others_put(self, run: Run, key: str, since: int) -> bool:
        """Whether another run has put this object after so many effects."""
        return any(
            effect.key == key and effect.kind == "put" and effect.scan != run.number
            for effect in self.effects[since:]
        )

    def _check_needed(self, run: Run, key: str, extension: str) -> None:
        roi = key[:-3] + "roi"
        after_roi = extension == "hdr" and (roi in run.puts or self._others_put(run, roi, run.listed_at))
        if not after_roi:
            self._violated("I3", f"{key} was put again though nothing had changed")

    def _check_attempt(self, run: Run, key: str, pid: str) -> None:
        """A `.roi` that the archive had deleted was put again."""
        hdr = key[:-3] + "hdr"
        ended = self._last_hdr.get(pid, -1)
        earlier = (
            at for at, effect in enumerate(self.effects[:-1]) if (effect.kind, effect.key) == ("put", key)
        )
        if (
            ended < max(earlier)
            or self._others_put(run, key, run.listed_at)
            or self._others_put(run, hdr, run.listed_at)
        ):
            return
        hours = (self.true.now - self.objects[hdr].put) / 3600
        if hours < 24 - 2 / 3600:
            self._violated("I3", f"{pid} was tried again after {hours:.1f} h")

    def _check_adc(self, run: Run, key: str, pid: str, adc: bytes) -> None:
        roi_key, hdr_key = key_of(pid, "roi"), key_of(pid, "hdr")
        looked = run.looked.get(roi_key, len(self.effects))
        roi, hdr = self.objects.get(roi_key), self.objects.get(hdr_key)
        if roi is None or hdr is None:
            # Between the look and the put the archive may still delete.
            since = self.effects[looked:]
            if hdr is None or not any(e.kind == "delete" and e.key == roi_key for e in since):
                self._violated("I2", f"{key} was put without its .roi and .hdr")
            return
        there = (hdr.body, adc, roi.body)
        overtaken = self._others_put(run, roi_key, looked) or self._others_put(run, hdr_key, looked)
        if there not in run.seen[pid] and not (overtaken and self._may_stand_beside(run, pid, there)):
            sizes = tuple(map(len, there))
            same = any(sizes == tuple(map(len, seen)) for seen in run.seen[pid])
            what = "content" if same else "sizes"
            self._violated("I2", f"{key} was put beside files of other {what}: {sizes}")
        began = run.puts.get(roi_key, roi.put)
        if self.true.now - began < CONFIRM - 2 and not overtaken:
            self._violated("I2", f"{key} was put {self.true.now - began:.0f} s after its .roi")
        disk = run.machine.disk
        if overtaken or all(disk.triple(folder, pid) != there for folder in disk.folders(pid)):
            self._loose.add(pid)
        else:
            self._loose.discard(pid)

    def _may_stand_beside(self, run: Run, pid: str, there: Triple) -> bool:
        """Whether `.roi` and `.hdr`, which another run has put meanwhile, may be those beside this run's `.adc`."""
        hdr, adc, roi = map(len, there)
        return self.conditions not in _ATOMIC or any(
            len(seen[0]) <= hdr and seen[1] == there[1] and len(seen[2]) <= roi for seen in run.seen[pid]
        )

    def _check_report(self, run: Run, report: ScanReport) -> None:
        counted = sum(report.bins.values()) - report.bins[BinState.EXCLUDED]
        if counted != run.expected:
            self._violated("I5", f"{run.expected} bins, but {counted} in the counts {report.bins}")
        if report.exit_code not in (ExitCode.DONE, ExitCode.USAGE, ExitCode.PARTLY_FAILED):
            self._violated("I5", f"exit code {report.exit_code}")

    def _check_told(self, run: Run, report: ScanReport) -> None:
        """I6: what is told `synced` or `uploaded` is."""
        if run.options.dry_run:
            return
        if run.listed_alone:
            self.statistics["listed with its .adc and without its .roi"] += len(run.listed_alone)
        told = {pid: run.states.get(pid) or run.left_alone.get(pid) or "synced" for pid in run.found}
        for state in ("synced", "uploaded"):
            if report.bins[BinState(state)] != list(told.values()).count(state):
                self._violated("I5", f"{report.bins[BinState(state)]} {state}, but {told}")
        for pid, state in told.items():
            if state not in ("synced", "uploaded"):
                continue
            for extension in EXTENSIONS:
                size = run.found[pid].size(extension)
                if size not in self._sizes_during(run, key_of(pid, extension)):
                    self._violated("I6", f"{pid} is told {state}, but the archive had no such .{extension}")
            roi = key_of(pid, "roi")
            if pid in (run.listed_alone or ()):
                self._violated(
                    "I6", f"{pid} is told {state}, but its .adc was in the archive without its .roi"
                )
            seen = max(run.looks.get(roi, 0.0), run.listing)
            if roi in run.puts and seen - run.puts[roi] < CONFIRM - 2:
                self._violated("I6", f"{pid} is told {state} before the archive has judged its .roi")

    def _sizes_during(self, run: Run, key: str) -> set[int]:
        """The sizes that an object had since the run began; MISSING if it was not there."""
        history = self._sizes[key]
        first = bisect.bisect_right(history, (run.began_at, 1 << 60))
        return {size for _, size in history[max(first - 1, 0) :]} | ({MISSING} if first == 0 else set())

    def _check_silence_told(self, report: ScanReport, silence: float) -> None:
        """I6: that a run which does nothing any more holds bins is told."""
        if silence > LONG_SILENCE and not report.warnings:
            self._violated(
                "I6", f"a run has held a bin in silence for {silence:.0f} s, and no warning says so"
            )
        if silence > TOO_LONG_SILENCE and report.exit_code == ExitCode.DONE:
            self._violated(
                "I6", f"a run has held a bin in silence for {silence:.0f} s, and this one ends with 0"
            )

    def check_arrived(self) -> None:
        """I1 and I7: faults have stopped; scan until nothing more can happen, then look."""
        self.archive = "prompt"
        self.stop_server_clock(False)
        self.true.advance(LONGEST_LAG + 3600)
        for pause in (120.0, 25 * 3600.0, 120.0, 25 * 3600.0, 120.0):
            self.scan()
            self.true.advance(pause)
        filtered = {_pid_in(key) for key in self.filters}
        # Of a bin that both the archive and something on the way refuse, no attempt leaves a trace.
        if any(_pid_in(key) not in self._deleted_pids & filtered for key in self.scan().puts):
            self._violated("I3", "scans of a world at rest do not come to rest")
        for pid in PIDS:
            if pid not in self._deleted_pids | filtered:
                self._check_bin_arrived(pid)

    def _check_bin_arrived(self, pid: str) -> None:
        disk = self.machines[0].disk
        complete = [folder for folder in disk.folders(pid) if disk.triple(folder, pid) is not None]
        if not complete or not all(disk.is_whole(folder, pid) for folder in complete):
            return
        here = disk.triple(complete[0], pid)
        assert here is not None
        strict = pid not in self._loose | self._mixed
        for extension, body in zip(EXTENSIONS, here):
            there = self.objects.get(key_of(pid, extension))
            if there is None or len(there.body) != len(body) or (strict and there.body != body):
                invariant = "I7" if self.filters else "I1"
                self._violated(invariant, f"{pid}.{extension} is whole on the disk but not in the archive")


_AT_THE_INTERFACE: dict[str, Callable[[str], Exception]] = {
    "answer lost": BucketUnreachable,
    "no way there": BucketUnreachable,
    "refused by the bucket": BucketRefused,
    "this object refused": PutRefused,
}


def foreign_keys() -> list[str]:
    """Keys at which others may put what is no member of a bin at its place."""
    beside = [_STEMS[pid][:-1] + ending for pid in PIDS for ending in FOREIGN]
    elsewhere = [PREFIX + pid + ".roi" for pid in PIDS] + [
        _STEMS[PIDS[0]].rsplit("/", 1)[0] + "/",
        key_of(PIDS[0], "roi").replace("nauset", "nauset2"),
    ]
    return beside + elsewhere


def key_of(pid: str, extension: str) -> str:
    """The key of a member of one of the world's bins."""
    return _STEMS[pid] + extension


def _pid_in(path: str) -> str:
    """The pid of a member's path or key; nothing if it names none of the world's bins."""
    stem = path.rsplit("/", 1)[-1][:-4]
    return stem if stem in _STEMS else ""


def _stem(pid: str) -> str:
    found = parse_pid(pid)
    assert found is not None
    return found.key(PREFIX, "")


_STEMS = {pid: _stem(pid) for pid in PIDS}


def _no_answer(kind: str) -> Exception:
    from ifcbscan.s3.transport import PassingError

    return PassingError(kind, unsure=kind != "no way there")


def digest(world: World) -> str:
    """A sum over all that happened: the same seed must give the same."""
    lines = [f"{effect.kind} {effect.key} {effect.scan} {effect.time:.3f}" for effect in world.effects]
    return hashlib.md5("\n".join(lines).encode()).hexdigest()
