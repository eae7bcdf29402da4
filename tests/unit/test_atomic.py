"""Files that are replaced in one step."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ifcbscan.atomic import MOST_BYTES, open_plain, read_head, read_small, read_tail, replace_file

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs links and devices")


def test_a_file_is_made_and_replaced_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        replace_file(str(tmp_path / "a"), content)
        assert (tmp_path / "a").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_writer_of_the_same_file_left_is_removed_after_a_day_and_nothing_else(
    tmp_path: Path,
) -> None:
    kept = [
        "a.12.34.part",
        "b.12.34.part",
        "a.12.part",
        "a.x.34.part",
        "a.12.34.56.part",
        "a.part",
        "a.12.34.parts",
    ]
    for name in [*kept, "a.99.140234.part", "a.1.2.part"]:
        (tmp_path / name).write_bytes(b"half")
        if name != kept[0]:  # somebody may be at it now
            os.utime(str(tmp_path / name), (1400000000.0,) * 2)
    (tmp_path / "a.7.7.part").mkdir()
    os.utime(str(tmp_path / "a.7.7.part"), (1400000000.0,) * 2)
    replace_file(str(tmp_path / "a"), b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "a.7.7.part", *kept}


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


def test_a_small_file_is_read_whole_and_a_large_one_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for size in (0, 5, MOST_BYTES):
        path.write_bytes(b"x" * size)
        assert len(read_small(str(path))) == size
    with path.open("wb") as file:
        file.truncate(50 * MOST_BYTES)
    with pytest.raises(OSError, match="too large"):
        read_small(str(path))
    assert read_head(str(path), 10) == bytes(10)
    with pytest.raises(FileNotFoundError):
        read_small(str(tmp_path / "none"))


@posix_only
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_CREAT | os.O_APPEND])
def test_only_a_plain_file_is_opened_and_nothing_else_is_waited_for(tmp_path: Path, flags: int) -> None:
    os.mkfifo(str(tmp_path / "pipe"))
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path / "folder", Path("/dev/zero")):
        with pytest.raises(OSError, match="no plain file"):
            os.close(open_plain(str(path), flags))
    (tmp_path / "a").write_bytes(b"old")
    os.close(open_plain(str(tmp_path / "a"), flags))
    assert (tmp_path / "a").read_bytes() == b"old"


@posix_only
def test_what_it_makes_only_its_owner_can_read(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        os.close(open_plain(str(tmp_path / "a"), os.O_WRONLY | os.O_CREAT))
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


def test_the_end_of_a_file_is_read_without_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"0123456789")
    assert [read_tail(str(path), most) for most in (3, 10, 99)] == [b"789", b"0123456789", b"0123456789"]
    with pytest.raises(OSError):
        read_tail(str(tmp_path), 3)


@posix_only
def test_a_file_can_be_for_its_owner_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(str(path), b"new", private=True)
    assert path.stat().st_mode & 0o777 == 0o600


@posix_only
@pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can write in the place of others"
)
def test_a_private_file_that_root_replaces_stays_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    os.chown(str(path), 4321, 4321)
    replace_file(str(path), b"new", private=True)
    status = path.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (4321, 4321, 0o600)
