"""How long it will still take: many small bins, few large ones, both, and links that change."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.estimate import Estimator

MB = 1_000_000


def play(sizes: list[int], per_byte: float, per_bin: float, until: float) -> tuple[float | None, float]:
    """The estimate when the share `until` of the time is over, and the truth; bins of `sizes`, one after another."""
    costs = [size * per_byte + per_bin for size in sizes]
    total, now = sum(costs), 0.0
    estimator = Estimator(len(sizes), sum(sizes), now)
    for size, cost in zip(sizes, costs):
        if now + cost > until * total:
            break
        estimator.moved(size)
        now += cost
        estimator.bin_done(now)
    return estimator.seconds_left(now), total - now


def mixed(count: int, seed: int) -> list[int]:
    """Sizes of bins as an instrument makes them in a year: most small, some blooms of a hundred MB."""
    rng = random.Random(seed)
    return [int(10 ** rng.uniform(4, 8)) for _ in range(count)]


@pytest.mark.parametrize(
    ("sizes", "per_byte", "per_bin"),
    [
        ([20_000] * 5000, 1e-7, 0.4),  # a first upload of many small bins over a fast line
        ([20_000_000] * 300, 1e-6, 0.4),
        (mixed(2000, 1), 1e-7, 0.4),
        (mixed(2000, 2), 1e-6, 2.0),
        (mixed(2000, 3), 0.0, 1.5),
        (mixed(2000, 4), 1e-6, 0.0),
        # the newest are sent first, and the deployment began with a test of a thousand small ones
        (mixed(500, 5) + [20_000] * 3000, 1e-6, 1.0),
    ],
)
@pytest.mark.parametrize("until", [0.1, 0.5, 0.9])
def test_bytes_and_bins_count_as_much_as_they_cost(
    sizes: list[int], per_byte: float, per_bin: float, until: float
) -> None:
    estimate, truth = play(sizes, per_byte, per_bin, until)
    assert estimate == pytest.approx(truth, rel=0.15)


def test_bytes_alone_would_be_wrong_by_far_where_small_bins_remain() -> None:
    sizes = mixed(500, 5) + [20_000] * 3000
    _, truth = play(sizes, 1e-6, 1.0, 0.8)
    by_bytes = sum(sizes[-2000:]) * 1e-6
    assert by_bytes < truth / 10


def test_where_bytes_and_bins_cannot_be_told_apart_the_estimate_lies_between() -> None:
    estimator = Estimator(100, 600 * MB, 0.0)
    for number in range(1, 11):
        estimator.moved(6 * MB)
        estimator.bin_done(6.0 * number)
    estimator.moved(3 * MB)  # half a bin more
    left = estimator.seconds_left(63.0)
    assert left is not None and 537.0 <= left <= 567.0


def test_nothing_is_said_before_there_is_something_to_go_by() -> None:
    estimator = Estimator(10, 10 * MB, 100.0)
    assert estimator.seconds_left(100.0) is None
    estimator.moved(MB)
    assert estimator.seconds_left(160.0) is None  # no bin has come through yet
    early = Estimator(10, 10 * MB, 100.0)
    early.bin_done(101.0)
    assert early.seconds_left(102.0) is None


def test_bins_without_a_byte_are_counted_and_nothing_is_left_at_the_end() -> None:
    estimator = Estimator(4, 0, 0.0)
    for number in range(1, 4):
        estimator.bin_done(10.0 * number)
    assert estimator.seconds_left(30.0) == pytest.approx(10.0)
    estimator.bin_done(40.0)
    assert estimator.seconds_left(40.0) == 0.0


def test_a_link_that_has_become_slow_is_believed_soon() -> None:
    estimator, now = Estimator(3000, 3000 * MB, 0.0), 0.0
    for number in range(2000):
        now += 1.0 if number < 1500 else 10.0
        estimator.moved(MB)
        estimator.bin_done(now)
    left = estimator.seconds_left(now)
    assert left is not None and 9000 < left < 11000


def test_a_standstill_makes_the_time_left_longer_and_not_shorter() -> None:
    estimator = Estimator(20, 20 * MB, 0.0)
    for number in range(1, 11):
        estimator.moved(MB)
        estimator.bin_done(2.0 * number)
    moments = [estimator.seconds_left(20.0 + passed) or 0.0 for passed in (0, 30, 60, 600)]
    assert moments == sorted(moments) and moments[-1] > 2 * moments[0]


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 3), st.floats(0, 1e4)), max_size=60),
    st.integers(0, 200),
    st.integers(0, 10**12),
)
def test_whatever_happens_the_estimate_is_no_nonsense(
    steps: list[tuple[int, int, float]], bins: int, size: int
) -> None:
    estimator, now = Estimator(bins, size, 0.0), 0.0
    for moved, done, passed in steps:
        estimator.moved(moved)
        now += passed
        for _ in range(done):
            estimator.bin_done(now)
        left = estimator.seconds_left(now)
        assert left is None or 0.0 <= left < float("inf")
