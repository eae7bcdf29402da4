"""What the dashboard's list of time series says of one."""

from __future__ import annotations

import pytest

from ifcbscan.dashboard.calls import SeriesList
from ifcbscan.dashboard.series import OnDashboard, among

NAMES = ("nauset", "Nauset_12", "nauset_13", "dock")


@pytest.mark.parametrize(
    "name, meant",
    [
        ("DOCKS", " Did you mean 'dock'?"),
        ("nauset-13", " Did you mean 'nauset_13' or 'nauset' or 'Nauset_12'?"),
        ("my_cruise", ""),
    ],
)
def test_only_names_that_exist_are_proposed_and_the_nearest_first(name: str, meant: str) -> None:
    line = among(SeriesList(NAMES, of_account=True), "hablab", name).line
    assert line.endswith(f"It knows Nauset_12, dock, nauset, nauset_13.{meant}")


@pytest.mark.parametrize("of_account", [True, False])
def test_a_name_that_is_in_the_list_is_known_whether_it_is_the_accounts_or_that_of_all(
    of_account: bool,
) -> None:
    assert among(SeriesList(NAMES, of_account), "hablab", "nauset").on_dashboard is OnDashboard.YES
    assert among(SeriesList(NAMES, of_account), "hablab", "Nauset").on_dashboard is OnDashboard.NO


def test_of_a_list_of_all_no_names_are_told_but_those_that_may_be_meant() -> None:
    line = among(SeriesList(NAMES, of_account=False), "hablab", "dok").line
    assert "Did you mean 'dock'?" in line and "the 4 of all accounts" in line and "nauset" not in line
    assert "USER_ACCOUNT" in line and "teams are switched off" in line
