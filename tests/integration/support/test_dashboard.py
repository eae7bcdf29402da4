"""The stand-in for the dashboard answers as ifcbdb does, in each of the ways that ifcbdb has."""

from __future__ import annotations

import csv
import datetime
import io
import json
import urllib.error
import urllib.request
from typing import Any, Iterator

import pytest
from support.dashboard import Columns, DashboardStandIn, ShownBin

PID, NEXT = "D20130526T095207_IFCB013", "D20130527T101010_IFCB013"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def server() -> Iterator[DashboardStandIn]:
    bins = {"nauset": [ShownBin(PID, comment='calm, "clear"\nsea'), ShownBin(NEXT, skip=True)], "dock": []}
    with DashboardStandIn({"hablab": ["nauset"], "other": ["dock"]}, bins) as stand_in:
        yield stand_in


def get(server: DashboardStandIn, path: str) -> Any:
    """The answer: of JSON the object, of CSV the rows, of an error the status."""
    try:
        with DIRECT.open(server.url + "/api/" + path, timeout=10) as response:
            text = response.read().decode("utf-8")
            if response.headers.get_content_type() == "text/csv":
                return list(csv.DictReader(io.StringIO(text)))
            return json.loads(text)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_an_account_lists_its_own_and_no_account_all(server: DashboardStandIn) -> None:
    assert get(server, "list_datasets/hablab") == {"datasets": ["nauset"]}
    assert get(server, "list_datasets") == {"datasets": ["dock", "nauset"]}
    assert get(server, "list_datasets/nobody") == 404


def test_with_teams_switched_off_no_account_is_known_and_all_are_listed(server: DashboardStandIn) -> None:
    server.teams_on = False
    assert get(server, "list_datasets/hablab") == 404
    assert get(server, "list_datasets") == {"datasets": ["dock", "nauset"]}


@pytest.mark.parametrize(("columns", "number"), [(Columns.SIXTEEN, 16), (Columns.RELEASE_5_2, 20)])
def test_an_export_has_the_columns_of_its_release(
    server: DashboardStandIn, columns: Columns, number: int
) -> None:
    server.columns = columns
    rows = get(server, "export_metadata/nauset")
    assert [(row["pid"], row["skip"], len(row)) for row in rows] == [(PID, "0", number), (NEXT, "1", number)]
    assert rows[0]["comment_summary"] == 'calm, "clear"\nsea'
    assert get(server, "export_metadata/dock") == 404  # it exists, and is empty


def test_a_sample_time_that_was_edited_moves_the_bin_to_the_list_of_another_year(
    server: DashboardStandIn,
) -> None:
    server.bins["nauset"][0].sample_time = datetime.datetime(2015, 1, 1)
    assert [row["pid"] for row in get(server, "export_metadata/nauset?start_date=2014-01-01")] == [PID]
    assert [row["pid"] for row in get(server, "export_metadata/nauset?end_date=2013-12-31")] == [NEXT]


def test_a_bin_that_was_moved_names_its_new_series(server: DashboardStandIn) -> None:
    server.move(PID, "dock")
    assert get(server, f"bin/{PID}?dataset=nauset")["datasets"] == ["dock"]
    assert [row["pid"] for row in get(server, "export_metadata/nauset")] == [NEXT]


def test_a_renamed_series_is_not_known_by_its_old_name(server: DashboardStandIn) -> None:
    server.rename("nauset", "nauset_2013")
    assert get(server, "list_datasets/hablab") == {"datasets": ["nauset_2013"]}
    assert get(server, "export_metadata/nauset") == 404
    assert get(server, f"bin/{PID}?dataset=nauset") == 404
    assert get(server, f"bin/{PID}?dataset=nauset_2013")["datasets"] == ["nauset_2013"]


def test_a_broken_row_is_there_without_a_series(server: DashboardStandIn) -> None:
    server.outside.append(ShownBin("D20130528T000000_IFCB013", skip=True, num_images=0))
    found = get(server, "bin/D20130528T000000_IFCB013?dataset=nauset")
    assert (found["datasets"], found["skip"]) == ([], True)


def test_the_most_recent_bin_is_no_bin_of_the_future_and_none_that_is_skipped(
    server: DashboardStandIn,
) -> None:
    server.now = datetime.datetime(2013, 6, 1)
    server.bins["nauset"].append(ShownBin("D20990101T000000_IFCB013"))
    assert get(server, "most_recent_bin?dataset=nauset")["pid"] == PID
    server.now = datetime.datetime(2013, 1, 1)
    assert get(server, "most_recent_bin?dataset=nauset") == 404
    assert get(server, "most_recent_bin?dataset=dock") == 404


def test_the_extent_of_an_unknown_series_is_nulls(server: DashboardStandIn) -> None:
    assert get(server, "timeline_info?dataset=nauset")["n_bins"] == 1
    unknown = get(server, "timeline_info?dataset=naust")
    assert unknown == {"n_bins": None, "total_data_volume": None, "n_images": None}
