"""Where ifcbscan may write: by the name of the file, its place, and how it begins."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from ifcbscan.cli import targets
from ifcbscan.cli.targets import (
    BUNDLE_ABOUT,
    check_target,
    is_bundle,
    is_inside,
    is_log,
    is_metrics,
    is_page,
    is_path_list,
)
from ifcbscan.errors import UsageError
from ifcbscan.state import paths

posix = pytest.mark.skipif(os.name != "posix", reason="needs links")

LINE = b"2026-06-02T14:05:41Z INFO nauset: 1 uploaded\n"
BIN = b"/data/D1_IFCB199.hdr\n/data/D1_IFCB199.adc\n/data/D1_IFCB199.roi\n"


def zipped(name: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for each in dict.fromkeys([name, BUNDLE_ABOUT]):
            archive.writestr(zipfile.ZipInfo(each, (2026, 6, 2, 14, 5, 42)), "about")
    return made.getvalue()


@pytest.mark.parametrize(
    "judge, head, ours",
    [
        (is_log, LINE, True),
        (is_log, b"2026-06-" + LINE, True),  # the disk was full in the middle of a line
        (is_log, b"my notes\n" + LINE, False),
        (is_log, b"2026-06-02T14:05:41Z calibrated\n", False),
        (is_page, b'<!DOCTYPE html>\n<meta name="generator" content="ifcbscan 0.1.0">', True),
        (is_page, b"<!DOCTYPE html>\n<title>ifcbscan</title>", False),
        (is_metrics, b"# HELP ifcbscan_info The program\n", True),
        (is_metrics, b"# HELP node_load1 x\n# HELP ifcbscan_info x\n", False),
        (is_path_list, BIN, True),
        (is_path_list, BIN * 100 + b"/data/D2_IFC", True),  # only the beginning was read
        (is_path_list, BIN.replace(b"\n", b"\0"), True),
        (is_path_list, BIN.replace(b".roi", b".ROI"), True),
        (
            is_path_list,
            BIN + BIN.split(b"\n")[2][:-4] + b".ROI\n" + BIN,
            True,
        ),  # a copy that shares two files
        (is_path_list, b"/data/D1_IFCB199.roi\n" * 3, False),
        (is_path_list, BIN + b"/data/D1_IFCB199.hdr\n/data/a.txt\n/data/b.txt\n", False),
        (is_path_list, b"one note\n", False),
        (is_bundle, zipped(BUNDLE_ABOUT), True),
        (is_bundle, zipped("photo.jpg"), False),
        (is_bundle, zipped(BUNDLE_ABOUT + ".bak"), False),
        (is_bundle, BUNDLE_ABOUT.encode(), False),
    ],
)
def test_a_file_is_known_by_how_it_begins(judge: object, head: bytes, ours: bool) -> None:
    assert judge(head) is ours  # type: ignore[operator]


def allowed(path: Path, directory: Path | None) -> bool:
    try:
        check_target("--log-file", str(path), is_log, None if directory is None else str(directory))
    except UsageError as error:
        assert str(path) in str(error)
        return False
    return True


@pytest.mark.parametrize(
    "name", ["D1.roi", "D1.ROI", "a.adc", "a.b.hdr", ".roi", "a.roi ", "a.roi. .", "a.roi:stream"]
)
def test_a_name_like_that_of_a_bins_file_is_refused_everywhere(tmp_path: Path, name: str) -> None:
    assert not allowed(tmp_path / name, tmp_path / "data")


@pytest.mark.parametrize("time_series", ["a.json", "nauset.lock", "x.claims", "nauset.2026"])
def test_the_log_of_a_time_series_that_is_called_like_a_record_is_a_log_and_its_records_are_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, time_series: str
) -> None:
    monkeypatch.setattr(paths, "state_folder", lambda: str(tmp_path))
    assert allowed(Path(paths.job_file("/data", time_series, ".log")), None)
    for ending in ("-full.lock", "-full.lock.named", "-recent.last.json", "-recent.told.json"):
        assert not allowed(Path(paths.job_file("/data", time_series, ending)), None)
    assert not allowed(tmp_path / f"{time_series}.claims", None)


@pytest.mark.parametrize("name", ["a.roi.log", "roi", "a.hdr2", "roi.txt"])
def test_other_names_are_not(tmp_path: Path, name: str) -> None:
    assert allowed(tmp_path / name, tmp_path)


def test_a_file_in_the_data_folder_is_touched_only_if_it_is_ifcbscans_own_or_has_nothing_in_it(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for content, ours in (
        (b"", True),
        (LINE, True),
        (b"\0" * 99, True),
        (b"\0" * 99 + LINE, True),
        (b"x", False),
    ):
        (data / "a").write_bytes(content)
        (tmp_path / "a").write_bytes(content)
        assert allowed(data / "a", data) is ours
        assert allowed(tmp_path / "a", data)
        # where the data are is not known
        assert allowed(tmp_path / "a", None) is ours


@posix
def test_a_folder_is_inside_another_by_whatever_name_and_a_neighbour_is_not(tmp_path: Path) -> None:
    data, other = tmp_path / "data", tmp_path / "data2"
    (data / "sub").mkdir(parents=True)
    other.mkdir()
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "deep").symlink_to(data / "sub")
    (data / "out").symlink_to(other)
    for inside in (
        data / "a",
        data / "sub" / "a",
        tmp_path / "link" / "a",
        tmp_path / "deep" / "a",
        data / "out" / "a",
    ):
        assert is_inside(str(inside), str(data)) and is_inside(str(inside), str(tmp_path / "link"))
    for outside in (other / "a", tmp_path / "a", tmp_path / "data"):
        assert not is_inside(str(outside), str(data))
    assert is_inside("/a", "/")


@posix
def test_without_a_current_folder_whole_paths_are_paths_and_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", "/home/ifcb")
    assert targets.current_folder() == str(folder)
    folder.rmdir()
    assert targets.current_folder() is None
    assert targets.absolute("/data/../x") == "/x" and targets.absolute("~/x") == "/home/ifcb/x"
    with pytest.raises(UsageError, match="The current folder has been deleted"):
        targets.absolute("x")
