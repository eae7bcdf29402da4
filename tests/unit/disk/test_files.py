"""Folders that Windows opens only if it is told so. What a fileset holds is shown on a real disk (test_tree.py)."""

from __future__ import annotations

import pytest

from ifcbscan.disk.files import extended

LONG = "\\".join(["a long name of a folder"] * 10)


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "folder, opened",
    [
        ("D:\\data", "D:\\data"),
        ("\\\\server\\share\\data", "\\\\server\\share\\data"),
        ("D:\\" + LONG, "\\\\?\\D:\\" + LONG),
        ("D:/" + LONG.replace("\\", "/") + "/.", "\\\\?\\D:\\" + LONG),
        ("\\\\server\\share\\" + LONG, "\\\\?\\UNC\\server\\share\\" + LONG),
        ("\\\\?\\D:\\" + LONG, "\\\\?\\D:\\" + LONG),
        ("\\\\?\\UNC\\server\\share\\" + LONG, "\\\\?\\UNC\\server\\share\\" + LONG),
        (LONG, LONG),  # relative: it cannot be said in this way
    ],
)
def test_a_windows_folder_is_opened_however_long_its_path_is(folder: str, opened: str) -> None:
    assert extended(folder) == opened
