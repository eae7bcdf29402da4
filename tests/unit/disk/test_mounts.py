"""Which mount point a folder lies on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifcbscan.disk.mounts import mount_point_of, unmounted

pytestmark = pytest.mark.windows_core


def mounted(*places: Path) -> set[str]:
    return {os.path.realpath(str(place)) for place in places}


@pytest.mark.parametrize("below", ["", "data", "data/2026/D20260601"])
def test_it_is_the_nearest_folder_above_at_which_something_is_mounted(tmp_path: Path, below: str) -> None:
    folder = tmp_path / "disk" / below
    folder.mkdir(parents=True)
    places = mounted(tmp_path, tmp_path / "disk")
    found = mount_point_of(str(folder), places.__contains__)
    assert found == os.path.realpath(str(tmp_path / "disk"))


def test_the_root_of_the_file_system_needs_no_mark(tmp_path: Path) -> None:
    root = Path(tmp_path.anchor)
    assert mount_point_of(str(tmp_path), {str(root)}.__contains__) is None
    assert mount_point_of(str(root), lambda _place: True) is None


@pytest.mark.skipif(os.name == "nt", reason="Windows writes the target of a link in ways of its own")
def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk" / "data").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "data", target_is_directory=True)
    found = mount_point_of(str(link), mounted(tmp_path / "disk").__contains__)
    assert found == os.path.realpath(str(tmp_path / "disk"))


@pytest.mark.skipif(os.name == "nt" or not os.path.ismount("/proc"), reason="no /proc")
def test_the_system_is_asked() -> None:
    assert mount_point_of("/proc/self") == "/proc"


def test_a_folder_whose_disk_is_gone_is_told_and_one_of_which_nothing_is_known_is_not(tmp_path: Path) -> None:
    place = str(tmp_path / "disk")
    assert unmounted(place + "/data", place).startswith(
        f"{place} is no mount point any more, so {place}/data is "
    )
    assert unmounted(place, None) == unmounted(place, tmp_path.anchor) == ""
