"""The list of deletable files is there whole or not at all, and what was there before stays until then."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ifcbscan.core.bins import Fileset, parse_pid
from ifcbscan.errors import UsageError
from ifcbscan.runs.path_list import PathList

PID = "D20231114T200000_IFCB013"


def fileset(folder: str, suffixes: tuple[str, str, str] = (".hdr", ".adc", ".roi")) -> Fileset:
    pid = parse_pid(PID)
    assert pid is not None
    return Fileset(pid, folder, suffixes, 1, 1, 1, b"")


class FullDisk:
    """A file on a disk that is full; `at` is the call that shows it."""

    def __init__(self, file: Any, at: str) -> None:
        self._file = file
        self._at = at

    def __getattr__(self, name: str) -> Any:
        if name == self._at:

            def fail(*_arguments: Any) -> None:
                if name == "close":
                    self._file.close()
                raise OSError(28, "No space left on device")

            return fail
        return getattr(self._file, name)


def test_the_list_comes_into_its_place_when_it_is_finished(tmp_path: Path) -> None:
    place = tmp_path / "list"
    place.write_bytes(b"older")
    with PathList(str(place), False) as paths:
        assert paths.add([fileset("/data"), fileset("/copy")]) == 6
        assert place.read_bytes() == b"older"
        assert paths.finish() == 6
    expected = [
        os.path.join(folder, f"{PID}.{ext}") for folder in ("/data", "/copy") for ext in ("hdr", "adc", "roi")
    ]
    assert place.read_text("utf-8").splitlines() == expected
    assert os.listdir(str(tmp_path)) == ["list"] and paths.warnings == []


def test_each_path_comes_once_also_where_copies_share_a_file(tmp_path: Path) -> None:
    with PathList(str(tmp_path / "list"), True) as paths:
        assert paths.add([fileset("/data"), fileset("/data", (".HDR", ".adc", ".ROI"))]) == 5
        assert paths.finish() == 5
    assert (tmp_path / "list").read_bytes().count(b"\0") == 5


def test_an_unfinished_list_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "list"
    place.write_bytes(b"older")
    with pytest.raises(KeyboardInterrupt), PathList(str(place), False) as paths:
        paths.add([fileset("/data")])
        raise KeyboardInterrupt
    assert place.read_bytes() == b"older" and os.listdir(str(tmp_path)) == ["list"]


@pytest.mark.parametrize("null_separated, odd", [(False, "/da\nta"), (True, "/da\0ta")])
def test_of_a_bin_with_a_path_that_cannot_be_listed_no_path_is_listed(
    tmp_path: Path, null_separated: bool, odd: str
) -> None:
    with PathList(str(tmp_path / "list"), null_separated) as paths:
        assert paths.add([fileset("/data"), fileset(odd)]) == 0
        assert paths.add([fileset("/data")]) == 3
        assert paths.finish() == 3


@pytest.mark.parametrize("at", ["write", "flush", "close"])
def test_a_full_disk_means_no_list_a_warning_and_what_was_there_stays(tmp_path: Path, at: str) -> None:
    place = tmp_path / "list"
    place.write_bytes(b"older")
    with PathList(str(place), False) as paths:
        paths._file = FullDisk(paths._file, at)  # type: ignore[assignment]
        listed = paths.add([fileset("/data")])
        assert listed == (0 if at == "write" else 3)
        assert paths.finish() is None
    assert place.read_bytes() == b"older" and os.listdir(str(tmp_path)) == ["list"]
    (warning,) = paths.warnings
    assert "No space left" in warning and "unchanged" in warning


def test_without_a_path_nothing_is_written() -> None:
    with PathList(None, False) as paths:
        assert paths.add([fileset("/data")]) == 0
        assert paths.finish() is None
    assert paths.warnings == []


def test_where_no_list_can_be_is_known_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is no plain file"):
        PathList(str(tmp_path), False)
    with pytest.raises(UsageError, match="Nothing was compared"):
        PathList(str(tmp_path / "no" / "folder"), False)


@pytest.mark.skipif(os.name != "posix", reason="links of Windows need a privilege")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"older")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with PathList(str(tmp_path / "link"), False) as paths:
        paths.add([fileset("/data")])
        assert paths.finish() == 3
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes().count(b"\n") == 3
