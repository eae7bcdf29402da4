"""Rates by the time of the week: what is understood, and which one holds when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifcbscan.core.timetable import parse_timetable
from ifcbscan.errors import ConfigError

pytestmark = pytest.mark.any_python

MONDAY = datetime(2026, 6, 1)


def rate_at(text: str, day: int, time: str) -> float | None:
    """`day`: 0 is Monday."""
    hour, minute = map(int, time.split(":"))
    return parse_timetable(text, "MAX_BANDWIDTH").rate_at(MONDAY + timedelta(day, hours=hour, minutes=minute))


@pytest.mark.parametrize("text, rate", [("500K", 500e3), (" 1.5 MB/s ", 1.5e6), ("off", None), ("OFF", None)])
def test_a_rate_alone_holds_always(text: str, rate: float | None) -> None:
    assert {rate_at(text, day, time) for day in range(7) for time in ("00:00", "12:30", "23:59")} == {rate}


DAILY = "08:00,200K 20:00,2M"
WEEKLY = "Mon-08:00,512K Fri-18:00,off sunday-23:00,1M"


@pytest.mark.parametrize(
    "text, day, time, rate",
    [
        (DAILY, 0, "08:00", 200e3),
        (DAILY, 3, "19:59", 200e3),
        (DAILY, 3, "20:00", 2e6),
        (DAILY, 0, "07:59", 2e6),  # Monday morning: still that of Sunday evening
        (DAILY, 4, "00:00", 2e6),  # before the first one of the day: the last one of the day before
        ("20:00,2M 08:00,200K", 2, "12:00", 200e3),  # in any order
        ("\t08:00,200K\n 20:00,2M ", 2, "12:00", 200e3),
        ("12:00,1M", 6, "00:00", 1e6),
        (WEEKLY, 0, "08:00", 512e3),
        (WEEKLY, 4, "17:59", 512e3),
        (WEEKLY, 4, "18:00", None),
        (WEEKLY, 6, "22:59", None),
        (WEEKLY, 6, "23:00", 1e6),
        (WEEKLY, 0, "07:59", 1e6),  # before the first one of the week: the last one of the week before
        ("12:00,1M Sun-20:00,off", 5, "13:00", 1e6),  # one without a day is of every day
        ("12:00,1M Sun-20:00,off", 6, "21:00", None),
        ("12:00,1M Sun-20:00,off", 0, "11:59", None),
        ("12:00,1M SAT-12:00,2M", 5, "12:00", 2e6),  # of two of the same time the later one in the text holds
        ("Sat-12:00,2M 12:00,1M", 5, "12:00", 1e6),
        ("Tue-00:00,80000", 1, "00:00", 80e3),
    ],
)
def test_the_last_entry_that_has_begun_holds(text: str, day: int, time: str, rate: float | None) -> None:
    assert rate_at(text, day, time) == rate


@pytest.mark.parametrize(
    "text, named",
    [
        ("fast", "'fast'"),
        ("", "''"),
        ("0", "'0'"),
        ("08:00,200K 20:00", "'20:00'"),
        ("08:00,200K 20:00,fast", "'fast'"),
        ("08:00,200K 20:00,0", "'0'"),  # off is no limit, and 0 could be taken for a pause
        ("24:00,2M", "'24:00,2M'"),
        ("8:00,2M", "'8:00,2M'"),
        ("08:60,2M", "'08:60,2M'"),
        ("08:00, 2M", "'08:00,'"),
        ("Day-08:00,2M", "'Day-08:00,2M'"),
        ("-08:00,2M", "'-08:00,2M'"),
        ("Mon-Tue-08:00,2M", "'Mon-Tue-08:00,2M'"),
        ("08:00,2M:1M", "'2M:1M'"),
        ("500K 2M", "'500K 2M'"),
        ("०८:00,2M", "'०८:00,2M'"),
    ],
)
def test_what_is_malformed_is_refused_with_the_name_of_the_setting_the_entry_and_the_form(
    text: str, named: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_timetable(text, "MAX_BANDWIDTH")
    assert str(refusal.value) == (
        f"MAX_BANDWIDTH: {named} is no rate, and no entry of a timetable. Write bytes a second as 500K or 2M, or from when "
        "on which rate holds, in local time: 08:00,200K 20:00,2M, for a day of the week Mon-08:00,512K; off is no limit."
    )


@given(st.text("0189:,- MonKMof", max_size=20))
def test_no_text_is_anything_but_a_rate_at_each_moment_or_a_refusal(text: str) -> None:
    try:
        timetable = parse_timetable(text, "--bandwidth")
    except ConfigError as error:
        assert "--bandwidth" in str(error)
    else:
        rate = timetable.rate_at(MONDAY)
        assert rate is None or rate > 0
