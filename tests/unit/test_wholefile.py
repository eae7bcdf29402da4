"""Files that are replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifcbscan.wholefile import replace_file

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs links and devices")


def test_a_file_is_made_and_replaced_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        replace_file(str(tmp_path / "a"), content)
        assert (tmp_path / "a").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@posix_only
def test_a_link_stays_a_link_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    replace_file(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"


@posix_only
def test_what_is_no_plain_file_is_refused_and_stays(tmp_path: Path) -> None:
    os.mkfifo(str(tmp_path / "pipe"))
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(OSError, match="no plain file"):
            replace_file(str(tmp_path / name), b"x")
    assert (tmp_path / "pipe").is_fifo() and (tmp_path / "folder").is_dir()
