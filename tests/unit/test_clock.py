"""The clocks: what the bucket's answers say of the time, whatever this machine believes."""

from __future__ import annotations

import contextlib
import threading
import time
from email.utils import parsedate_to_datetime
from typing import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import START, Call, FakeBucket, FakeTree, Killed, SerialExecutor, VirtualClock
from support.http_dates import http_date

from ifcbscan.clock import Clock, ServerClock
from ifcbscan.core.decision import Policy
from ifcbscan.core.states import BinState
from ifcbscan.errors import ExitCode
from ifcbscan.runs.backends import Backends
from ifcbscan.runs.listener import Listener
from ifcbscan.runs.scan import ScanOptions, scan

DATE = "Sun, 22 Nov 2026 13:26:36 GMT"
SECONDS = 1795353996.0
PIDS = ("D20130526T095207_IFCB013", "D20130526T101500_IFCB013")


def _repeat(times: int, action: Callable[[], None]) -> None:
    for _ in range(times):
        action()


@contextlib.contextmanager
def _time_zone(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system cannot change its time zone for one process")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()


def test_before_any_answer_the_machines_own_time_has_to_do() -> None:
    clock = VirtualClock(wall_error=-3600)
    server = ServerClock(clock)
    assert not server.known
    assert server.now() == START - 3600


def test_a_date_is_learnt_and_carried_on_whatever_this_machine_believes() -> None:
    clock = VirtualClock(wall_error=1e6)
    server = ServerClock(clock)
    server.learn(DATE)
    assert server.known
    assert server.now() == SECONDS
    clock.advance(90)
    clock.wall_error = -1e9  # somebody sets the clock during the run
    assert server.now() == SECONDS + 90


def _date(seconds: float) -> str:
    return http_date(seconds)


def test_a_server_whose_clock_is_set_is_believed_once_two_answers_agree() -> None:
    for step in (-86400, -60, 60, 86400, 3e8):
        clock = VirtualClock()
        server = ServerClock(clock)
        server.learn(DATE)
        clock.advance(10)
        server.learn(_date(SECONDS + 10 + step))
        assert server.now() == SECONDS + 10, "one answer alone may have been delayed"
        clock.advance(4)
        server.learn(_date(SECONDS + 14 + step))
        assert server.now() == SECONDS + 14, "the two are too close to each other"
        clock.advance(2)
        server.learn(_date(SECONDS + 16 + step))
        clock.advance(100)
        assert server.now() == pytest.approx(SECONDS + 116 + step, abs=1)
        assert server.warnings == ()


def test_one_answer_that_was_long_on_its_way_changes_nothing() -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    server.learn(DATE)
    for _ in range(20):
        clock.advance(30)
        server.learn(_date(SECONDS + clock.monotonic() - 25))
        clock.advance(1)
        server.learn(_date(SECONDS + clock.monotonic()))
        assert server.now() == SECONDS + clock.monotonic()


def test_two_servers_behind_one_address_whose_clocks_differ_do_not_make_time_jump() -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    for turn in range(50):
        server.learn(_date(SECONDS + clock.monotonic() + 3600 * (turn % 2)))
        assert server.now() == SECONDS + clock.monotonic()
        clock.advance(7)


STANDING_STILL = {
    "1970": "Thu, 01 Jan 1970 00:00:00 GMT",
    "2038": "Tue, 19 Jan 2038 03:14:07 GMT",
    "9999": "Fri, 31 Dec 9999 23:59:59 GMT",
}


@pytest.mark.parametrize("date", list(STANDING_STILL.values()), ids=list(STANDING_STILL))
@pytest.mark.parametrize("every", [0.1, 1, 1.9, 2.1, 5, 6, 30, 600])
def test_a_clock_that_stands_still_is_carried_on_and_noticed(date: str, every: float) -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    server.learn(date)
    began = server.now()
    while clock.monotonic() < 1200:
        clock.advance(every)
        server.learn(date)
        assert server.now() == pytest.approx(began + clock.monotonic(), abs=0.01)
    assert server.warnings
    (warning,) = server.warnings
    assert "stands still at " + date in warning


@pytest.mark.parametrize("date", list(STANDING_STILL.values()), ids=list(STANDING_STILL))
@pytest.mark.parametrize("jobs", [1, 4])
def test_a_run_over_a_server_whose_clock_stands_still_ends_and_completes_its_bins(
    date: str, jobs: int
) -> None:
    clock = VirtualClock()
    tree = FakeTree()
    for pid in PIDS:
        tree.write_bin(pid, clock.now - 86400)
    bucket = FakeBucket(clock)
    bucket.stands_still_at = parsedate_to_datetime(date).timestamp()

    def not_for_ever(when: str, call: Call) -> None:
        if len(bucket.calls) > 200:
            raise Killed()

    bucket.hook = not_for_ever
    options = ScanOptions("hablab", "nauset", Policy(), jobs=jobs)
    began = clock.monotonic()
    report = scan(
        options,
        Backends(tree, bucket, clock, SerialExecutor()),  # type: ignore[arg-type]
        Listener(),
        lambda line: None,
    )
    assert report.bins[BinState.UPLOADED] == len(PIDS) and report.exit_code == ExitCode.DONE
    assert options.policy.confirm <= clock.monotonic() - began < 3 * options.policy.confirm
    assert [warning for warning in report.warnings if "stands still" in warning]


def test_a_clock_that_goes_again_stands_still_no_longer() -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    for _ in range(4):
        server.learn(DATE)
        clock.advance(30)
    assert server.warnings
    server.learn(_date(SECONDS + 120))
    assert server.warnings == ()
    assert server.now() == SECONDS + 120


@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 1.5)), max_size=60))
def test_a_clock_that_goes_right_is_never_said_to_stand_still_however_long_its_answers_take(
    answers: list[tuple[float, float]],
) -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    for pause, delay in answers:
        clock.advance(pause)
        server.learn(_date(clock.now - delay))
        assert server.warnings == ()
        assert abs(server.now() - clock.now) <= 2.6


def test_many_threads_may_learn_at_once() -> None:
    server = ServerClock(Clock())
    threads = [
        threading.Thread(target=_repeat, args=(200, lambda: server.learn(_date(time.time()))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert abs(server.now() - time.time()) < 5 and server.warnings == ()


@pytest.mark.parametrize(
    "date",
    [
        "Sun, 22 Nov 2026 13:26:36 GMT",
        "Sun, 22 Nov 2026 14:26:36 +0100",
        "22 Nov 2026 13:26:36 GMT",
        "Sunday, 22-Nov-26 13:26:36 GMT",
        "Sun Nov 22 13:26:36 2026",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "XYZ+5"])
def test_every_form_of_the_header_that_http_knows_is_utc(
    date: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7231 section 7.1.1.1, the two obsolete forms too; wherever this computer stands."""
    server = ServerClock(VirtualClock())
    with _time_zone(zone, monkeypatch):
        server.learn(date)
    assert server.now() == SECONDS


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "now",
        "Sun, 99 Nov 2026 13:26:36 GMT",
        "Sun, 22 Nov 2026",
        "0",
        "\x00",
        "Sun, 22 Nov 99999 1:1:1 GMT",
    ],
)
def test_a_date_that_is_absent_or_odd_changes_nothing(date: str | None) -> None:
    server = ServerClock(VirtualClock())
    server.learn(date)
    assert not server.known
    server.learn(DATE)
    server.learn(date)
    assert server.now() == SECONDS


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{1,9} .{0,6}"),
    )
)
def test_no_header_is_an_error(date: str) -> None:
    server = ServerClock(VirtualClock())
    server.learn(date)
    assert isinstance(server.now(), float)


def test_sleeping_ends_when_the_event_is_set() -> None:
    event = threading.Event()
    threading.Timer(0.05, event.set).start()
    began = time.monotonic()
    Clock().sleep(30, event)
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("seconds", [1e7, 1e12, 1e300])
def test_sleeping_longer_than_the_system_can_is_no_error(seconds: float) -> None:
    """`--confirm 60d` on Windows, where a wait is at most 49 days."""
    event = threading.Event()
    threading.Timer(0.05, event.set).start()
    Clock().sleep(seconds, event)
    assert event.is_set()


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_sleeping_no_time_returns_at_once(seconds: float) -> None:
    Clock().sleep(seconds, threading.Event())


def test_the_machines_clocks_are_those_of_the_machine() -> None:
    clock = Clock()
    assert abs(clock.wall() - time.time()) < 5
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_virtual_time_passes_only_where_somebody_sleeps_and_scheduled_things_happen_in_their_order() -> None:
    clock = VirtualClock()
    happened: list[tuple[str, float]] = []
    clock.after(20, lambda: happened.append(("second", clock.monotonic())))
    clock.after(10, lambda: happened.append(("first", clock.monotonic())))
    clock.after(50, lambda: happened.append(("never", clock.monotonic())))
    clock.sleep(30, threading.Event())
    assert happened == [("first", 10), ("second", 20)]
    assert (clock.monotonic(), clock.wall()) == (30, START + 30)


def test_virtual_sleeping_ends_at_the_moment_at_which_the_event_is_set() -> None:
    clock = VirtualClock()
    event = threading.Event()
    clock.after(10, event.set)
    clock.sleep(3600, event)
    assert clock.monotonic() == 10
    clock.sleep(3600, event)
    assert clock.monotonic() == 10
