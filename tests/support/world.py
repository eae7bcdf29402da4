"""An instrument, an archive and one or two scanning machines, in virtual time, with faults on demand.

The scan under test is the real `ifcbscan.scan.scan`. What breaks is said by lists of `Fault`s, so that
Hypothesis (tests/model) and a seeded random generator (tests/soak.py) drive the same world. Whatever
breaks an invariant is put into `World.violations`:

- I1 `check_arrived`: once faults stop, repeated scans bring every whole, acceptable bin of the first
  machine into the bucket, with the bytes of the local files.
- I2 at the moment in which a put of an `.adc` takes effect, the bucket holds a `.roi` and an `.hdr` of the
  sizes that the local fileset had together with this `.adc` at some time during this scan (or larger
  ones, if another scanner, which has more of the bin, put them since this scan looked), and the `.roi`
  was put at least CONFIRM seconds earlier, less the seconds that S3's dates are vague by. If the archive
  takes the `.roi` away later, the next full scan that is left in peace says `rejected` or sends it again.
- I3 no put is needless. A put is needless if, when it takes effect, its key already holds these very
  bytes; that is: if nothing had changed. Not counted as needless is the `.hdr` that follows a `.roi` (its
  date is the date of the attempt). That an answer was lost excuses nothing: whether the bytes arrived
  can be seen. A bin that the archive refuses is tried once a day: between the `.hdr` that ends one attempt
  and the `.roi` that begins the next lie 24 h. An attempt that was cut before its `.hdr` leaves no trace
  in the bucket once the archive has deleted its `.roi`, so it does not count, and neither does one that
  another scanner had completed since this scan listed the bucket.
- I4 no put makes an object smaller, and the bucket is asked for nothing but list, head and put. (Nothing
  local changes: tests/integration; the tree in memory cannot be written to through its interface.)
- I5 every run ends, with a report or an IfcbscanError of the table of exit codes; it takes no more
  requests and virtual time than its bins, retries and time-outs allow; in its report every fileset is in
  exactly one count.

`Interleaver` lets two scans take turns at their requests, as they would on two machines.
"""

from __future__ import annotations

import collections
import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, NamedTuple, Sequence

from ifcbscan.bins import EXTENSIONS, MISSING, Fileset, parse_pid
from ifcbscan.clocks import Clock
from ifcbscan.errors import (
    BucketRefused,
    BucketUnreachable,
    ExitCode,
    IfcbscanError,
    LocalFileProblem,
    PutRefused,
)
from ifcbscan.interruption import Interruption
from ifcbscan.localtree import Inventory
from ifcbscan.outcome import EXCLUDED, ScanReport
from ifcbscan.plan import Policy
from ifcbscan.samplebins import bin_contents
from ifcbscan.scan import ScanOptions, scan
from ifcbscan.uploader import BinJob, Listener
from support.fakes import Call, FakeBucket, FakeTree, Killed, LocalFile, SerialExecutor, StoredObject
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
QUARTERS = 4
"""Files grow in quarters of what they are in the end."""

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
TREE_FAULTS = ("killed in the tree", "unreadable", "files change in the tree", "gone")
FAULTS = REQUEST_FAULTS + WIRE_FAULTS + TREE_FAULTS

# Seconds after which the archive looks at a new object, by what is the matter with it.
LAGS = {"prompt": 2.0, "slow": 20.0, "late": 45.0, "throttled": 5 * 3600.0}


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
    """A computer with a disk and a clock, which is wrong by `wall_error` seconds."""

    files: dict[str, LocalFile]
    wall_error: float = 0.0


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
    started: float
    listed_at: int = -1  # how many effects there were when the first page was listed
    requests: int = 0
    tree_calls: int = 0
    disturbed: bool = False
    expected: int = -1  # filesets that the walk saw
    seen: dict[str, set[tuple[int, int, int]]] = field(default_factory=lambda: collections.defaultdict(set))
    puts: list[str] = field(default_factory=list)
    looked: dict[str, int] = field(default_factory=dict)  # key -> number of effects when it was looked at
    interruption: Interruption = field(default_factory=Interruption)
    states: dict[str, str] = field(default_factory=dict)
    report: ScanReport | None = None
    ended: str = ""


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
    glimpse: Callable[[], None]

    def walk(self) -> Inventory:
        inventory = super().walk()
        members: dict[str, dict[str, set[str]]] = {}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            pid = name[:-4]
            found = parse_pid(pid)
            if found is not None and (self._not_before is None or found.sample_time >= self._not_before):
                members.setdefault(pid, {}).setdefault(folder, set()).add(name[-3:])
        self.run.expected = sum(
            # every fileset counts, but of those that are complete only one
            len(folders) - max(0, sum(len(found) == 3 for found in folders.values()) - 1)
            for folders in members.values()
        )
        self.glimpse()
        return inventory

    def refresh(self, fileset: Fileset) -> Fileset:
        fresh = super().refresh(fileset)
        self.glimpse()
        return fresh


class _Notes(Listener):
    def __init__(self, run: Run) -> None:
        self._run = run

    def bin_done(self, job: BinJob, state: str, reason: str) -> None:
        self._run.states[job.local.pid] = state


class World:
    """The world; see the module's docstring for what must hold in it."""

    def __init__(self, wire: bool = True) -> None:
        """`wire`: the runs use the real Bucket (over `WireBucket`), else the FakeBucket's interface."""
        self.wire = wire
        self.true = _VirtualClock()
        self.objects: dict[str, StoredObject] = {}
        self.effects: list[Effect] = []
        self.violations: list[str] = []
        self.machines = [Machine({})]
        self.archive = "prompt"
        self.refused: set[str] = set()
        self.statistics: collections.Counter[str] = collections.Counter()
        self.runs = 0
        self._full = {pid: bin_contents(pid, 3, roi_bytes=300) for pid in PIDS}
        self._quarters: dict[tuple[int, str, str, str], int] = {}
        self._taken_by_archive: set[str] = set()
        self._last_hdr: dict[str, int] = {}  # pid -> index of the effect that ended an attempt
        self._next_change = 0
        self._slow_seconds = 0.0  # that passed because a fault made a request slow

    # --- the instrument and whoever copies files

    def add_second_machine(self, shares_disk: bool) -> None:
        """Another computer that scans: over the same disk, or over one of its own."""
        first = self.machines[0]
        files = first.files if shares_disk else {}
        self.machines.append(Machine(files))

    def grow(
        self, pid: str, extension: str, quarters: int, old: bool, machine: int = 0, folder: str = "new"
    ) -> None:
        """A file is written as far as `quarters`, or has been further already. `old`: with a time of last week."""
        place = (machine, folder, pid, extension)
        self._quarters[place] = max(self._quarters.get(place, 0), quarters)
        full: bytes = getattr(self._full[pid], extension)
        body = full[: len(full) * self._quarters[place] // QUARTERS]
        changed = self.true.now + self.machines[machine].wall_error - (7 * DAY if old else 0.0)
        self.machines[machine].files[f"/data/{folder}/{pid}.{extension}"] = LocalFile(body, changed)

    def write_so_far(
        self, pid: str, quarters: Sequence[int], old: bool, machine: int = 0, folder: str = "new"
    ) -> None:
        """All three files are there, but perhaps not whole: a fileset that only looks complete."""
        for extension, how_far in zip(EXTENSIONS, quarters):
            self.grow(pid, extension, how_far, old, machine, folder)

    def finish(self, pid: str, old: bool, machine: int = 0, folder: str = "new") -> None:
        """The three files are written to their ends."""
        for extension in EXTENSIONS:
            self.grow(pid, extension, QUARTERS, old, machine, folder)

    def remove(self, pid: str, machine: int = 0, folder: str = "new") -> None:
        """An operator deletes a bin from a disk."""
        for extension in EXTENSIONS:
            self._quarters.pop((machine, folder, pid, extension), None)
            self.machines[machine].files.pop(f"/data/{folder}/{pid}.{extension}", None)

    def change_something(self) -> None:
        """Some file grows, each time another one; one that nobody has begun is begun."""
        pid = PIDS[self._next_change % len(PIDS)]
        extension = EXTENSIONS[self._next_change // len(PIDS) % 3]
        quarters = min(QUARTERS, self._quarters.get((0, "new", pid, extension), 0) + 2)
        self._next_change += 1
        self.grow(pid, extension, quarters, old=False)

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
        for run in runs:
            run.disturbed = True
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
        return Run(self.runs, self.machines[machine], options, faults, self.true.now, disturbed=bool(faults))

    def _carry_out(self, run: Run, turn: Callable[[], None]) -> None:
        clock = _RunClock(run.machine, self.true, turn)
        max_age = run.options.max_age
        tree = _Tree(not_before=None if max_age is None else clock.wall() - max_age)
        tree.files = run.machine.files
        tree.run = run
        tree.glimpse = lambda: self._glimpse(run)
        tree.hook = lambda operation, path: self._in_tree(run, operation)
        store = _Store(self.true, page_size=5)
        store.objects = self.objects
        bucket: Any = store
        if self.wire:
            bucket = WireBucket(store, clock, lambda: self.true.now, run.interruption.requested)
        store.hook = lambda moment, call: self._at_request(run, bucket, turn, moment, call)
        store.stored = lambda call, before: self._stored(run, call, before)
        began = self.true.now - self._slow_seconds
        try:
            run.report = scan(
                run.options,
                tree,  # type: ignore[arg-type]
                bucket,
                clock,
                SerialExecutor(),
                run.interruption,
                _Notes(run),
                lambda line: None,
            )
            run.ended = f"exit {run.report.exit_code}"
            self._check_report(run, run.report)
        except Killed:
            run.ended = "killed"
        except IfcbscanError as error:
            run.ended = f"exit {error.exit_code}"
            if error.exit_code not in (ExitCode.USAGE, ExitCode.UNREACHABLE, ExitCode.INTERRUPTED):
                self._violated("I5", f"{error!r} is no way for a run to end")
        except Exception as error:
            run.ended = "broken"
            self._violated("I5", f"{type(error).__name__}: {error}")
        took = self.true.now - self._slow_seconds - began
        if took > LONGEST_RUN:
            self._violated("I5", f"run {run.number} took {took:.0f} s")
        self.statistics["scans"] += 1
        self.statistics["run: " + run.ended] += 1

    def _glimpse(self, run: Run) -> None:
        """Note down the sizes that the run may have read."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        for path, file in run.machine.files.items():
            folder, _, name = path.rpartition("/")
            found.setdefault((folder, name[:-4]), {})[name[-3:]] = len(file.body)
        for (_, pid), sizes in found.items():
            run.seen[pid].add(tuple(sizes.get(ext, MISSING) for ext in EXTENSIONS))  # type: ignore[arg-type]

    # --- what breaks

    def _faults(self, run: Run, at: int, kinds: Sequence[str]) -> list[str]:
        found = [f.kind for f in run.faults if f.at <= at < f.at + f.times and f.kind in kinds]
        return found

    def _in_tree(self, run: Run, operation: str) -> None:
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
            if kind == "files change in the tree":
                self.change_something()
            elif kind == "gone" and operation != "walk":
                self.remove(PIDS[at % len(PIDS)])

    def _at_request(self, run: Run, bucket: Any, turn: Callable[[], None], moment: str, call: Call) -> None:
        if moment == "before":
            turn()
            if run.listed_at < 0:
                run.listed_at = len(self.effects)
            run.requests += 1
            if run.requests > MOST_REQUESTS:
                self._violated("I5", f"run {run.number} goes round in circles")
                raise Killed()
            if run.options.dry_run and call.kind == "put":
                self._violated("I3", "a dry run put something")
            if call.kind == "head":
                run.looked[call.key] = len(self.effects)
        elif moment == "under way":
            turn()
        at = run.requests - 1
        for kind in self._faults(run, at, REQUEST_FAULTS + (WIRE_FAULTS if self.wire else ())):
            self._request_fault(run, bucket, kind, moment, call)
        if moment == "under way":
            turn()

    def _request_fault(self, run: Run, bucket: Any, kind: str, moment: str, call: Call) -> None:
        wanted = "after" if kind in ("answer lost", "killed after", "500 after") else "before"
        if kind in ("slow", "clock jumps", "files change", "it grows") and call.kind == "put":
            wanted = "under way"
        if moment != wanted or (
            kind in ("this object refused", "half sent", "it grows") and call.kind != "put"
        ):
            return
        self.statistics["fault: " + kind] += 1
        operation = {"list": "list_objects_v2", "head": "head_object", "put": "put_object"}[call.kind]
        if kind in ("killed", "killed after"):
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
        elif kind == "it grows":
            pid = call.key.rsplit("/", 1)[-1][:-4]
            number = self.machines.index(run.machine)
            self.write_so_far(
                pid,
                [min(4, 1 + self._quarters.get((number, "new", pid, ext), 0)) for ext in EXTENSIONS],
                False,
                number,
            )
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
        pid = key.rsplit("/", 1)[-1][:-4]
        if self.objects.get(key) is stored and key.endswith(".roi") and pid in self.refused:
            del self.objects[key]
            self._taken_by_archive.add(key)
            self.effects.append(Effect("delete", key, 0, self.true.now))
            self.statistics["deleted by the archive"] += 1

    # --- what must hold

    def _violated(self, invariant: str, text: str) -> None:
        self.violations.append(f"{invariant}: {text} (at {self.true.monotonic():.0f} s)")

    def _stored(self, run: Run, call: Call, before: StoredObject | None) -> None:
        """A put has taken effect."""
        key = call.key
        self.effects.append(Effect("put", key, run.number, self.true.now))
        taken = key in self._taken_by_archive
        self._taken_by_archive.discard(key)
        self.statistics["puts"] += 1
        stored = self.objects[key]
        self.true.after(LAGS[self.archive], lambda: self._validate(key, stored))
        if not key.startswith(PREFIX):
            self._violated("I4", f"put outside the time series: {key}")
        if before is not None and len(before.body) > len(stored.body):
            self._violated("I4", f"{key} became smaller: {len(before.body)} -> {len(stored.body)}")
        pid, extension = key.rsplit("/", 1)[-1][:-4], key[-3:]
        if before is not None and before.body == stored.body:
            self._check_needed(run, key, extension)
        if taken:
            self._check_attempt(run, key, pid)
        if extension == "hdr":
            self._last_hdr[pid] = len(self.effects) - 1
        if extension == "adc":
            self._check_adc(run, key, pid, len(stored.body))
        run.puts.append(key)

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

    def _check_adc(self, run: Run, key: str, pid: str, size: int) -> None:
        roi_key = key[:-3] + "roi"
        looked = run.looked.get(roi_key, len(self.effects))
        roi, hdr = self.objects.get(roi_key), self.objects.get(key[:-3] + "hdr")
        if roi is None or hdr is None:
            # Between the look and the put the archive may still delete.
            since = self.effects[looked:]
            if hdr is None or not any(e.kind == "delete" and e.key == roi_key for e in since):
                self._violated("I2", f"{key} was put without its .roi and .hdr")
            return
        sizes = (len(hdr.body), size, len(roi.body))
        overtaken = self._others_put(run, roi_key, looked) or self._others_put(run, key[:-3] + "hdr", looked)
        if sizes not in run.seen[pid] and not (
            overtaken and any(h <= sizes[0] and a == size and r <= sizes[2] for h, a, r in run.seen[pid])
        ):
            self._violated("I2", f"{key} was put beside files of other sizes: {sizes}")
        if self.true.now - roi.put < CONFIRM - 2 and not overtaken:
            self._violated("I2", f"{key} was put {self.true.now - roi.put:.0f} s after its .roi")

    def _check_report(self, run: Run, report: ScanReport) -> None:
        counted = sum(report.bins.values()) - report.bins[EXCLUDED]
        if counted != run.expected:
            self._violated("I5", f"{run.expected} bins, but {counted} in the counts {report.bins}")
        if report.exit_code not in (ExitCode.DONE, ExitCode.USAGE, ExitCode.PARTLY_FAILED):
            self._violated("I5", f"exit code {report.exit_code}")

    def check_arrived(self) -> None:
        """I1: faults have stopped; scan until nothing more can happen, then look."""
        self.archive = "prompt"
        self.true.advance(6 * 3600)
        for pause in (120.0, 25 * 3600.0, 120.0, 25 * 3600.0, 120.0):
            run = self.scan()
            self._check_told(run)
            self.true.advance(pause)
        before = self.statistics["puts"]
        self.scan()
        if self.statistics["puts"] != before:
            self._violated("I3", "scans of a world at rest do not come to rest")
        machine = self.machines[0]
        for pid in PIDS:
            folders = {path.rpartition("/")[0] for path in machine.files if f"/{pid}." in path}
            whole = [folder for folder in folders if self._is_whole(machine, folder, pid)]
            if pid in self.refused or not whole or len(whole) < len(self._complete(machine, folders, pid)):
                continue
            found = parse_pid(pid)
            assert found is not None
            for extension in EXTENSIONS:
                there = self.objects.get(found.key(PREFIX, extension))
                if there is None or there.body != getattr(self._full[pid], extension):
                    self._violated("I1", f"{pid}.{extension} is whole on the disk but not in the archive")

    def _check_told(self, run: Run) -> None:
        """I2, second half: of a bin whose .roi the archive has taken away the report does not say `synced`."""
        if run.report is None or run.report.bins["synced"] == 0:
            return
        told = {problem.pid for problem in run.report.problems} | set(run.states)
        for key in self._taken_by_archive:
            pid = key.rsplit("/", 1)[-1][:-4]
            whole = self._is_whole(run.machine, "/data/new", pid)
            if whole and key not in self.objects and pid not in told:
                self._violated("I2", f"the archive has taken the .roi of {pid}, and no report says so")

    def _complete(self, machine: Machine, folders: Iterable[str], pid: str) -> list[str]:
        return [
            folder
            for folder in folders
            if all(f"{folder}/{pid}.{extension}" in machine.files for extension in EXTENSIONS)
        ]

    def _is_whole(self, machine: Machine, folder: str, pid: str) -> bool:
        return all(
            f"{folder}/{pid}.{extension}" in machine.files
            and machine.files[f"{folder}/{pid}.{extension}"].body == getattr(self._full[pid], extension)
            for extension in EXTENSIONS
        )


_AT_THE_INTERFACE: dict[str, Callable[[str], Exception]] = {
    "answer lost": BucketUnreachable,
    "no way there": BucketUnreachable,
    "refused by the bucket": BucketRefused,
    "this object refused": PutRefused,
}


def _no_answer(kind: str) -> Exception:
    from ifcbscan.bucket import _Passing

    return _Passing(kind, unsure=kind != "no way there")


def digest(world: World) -> str:
    """A sum over all that happened: the same seed must give the same."""
    lines = [f"{effect.kind} {effect.key} {effect.scan} {effect.time:.3f}" for effect in world.effects]
    return hashlib.md5("\n".join(lines).encode()).hexdigest()
