"""The clocks: what the bucket's answers say of the time, whatever this machine believes."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import START, VirtualClock

from ifcbscan.clocks import Clock, ServerClock

DATE = "Sun, 22 Nov 2026 13:26:36 GMT"
SECONDS = 1795353996.0


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


def test_the_last_date_counts() -> None:
    clock = VirtualClock()
    server = ServerClock(clock)
    server.learn(DATE)
    clock.advance(10)
    server.learn("Sun, 22 Nov 2026 13:27:36 GMT")
    assert server.now() == SECONDS + 60


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
