"""The walk over real folders: which filesets it finds, what it leaves alone, and what it says of the rest."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ifcbscan
from ifcbscan.core.bins import MISSING, Fileset, Pid, parse_pid
from ifcbscan.core.part import Part
from ifcbscan.core.window import Window
from ifcbscan.disk.tree import Inventory, LocalTree
from ifcbscan.errors import LocalFileProblem, UsageError

NEW = Pid("D20130526T095207_IFCB013")
NEXT = Pid("D20130526T101510_IFCB013")
OLD = Pid("IFCB5_2012_028_081515")

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs the file types and names of POSIX")


def _write(path: Path, size: int = 5, mtime: float = 1700000000.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(str(path), (mtime, mtime))
    return path


def _write_bin(folder: Path, pid: str, suffixes: str = ".hdr .adc .roi", size: int = 5) -> None:
    for suffix in suffixes.split():
        _write(folder / (pid + suffix), size)


def _walk(root: Path, *exclude: str, not_before: float | None = None) -> Inventory:
    return LocalTree(str(root), exclude, not_before).walk()


def _snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in root.rglob("*")
        if not path.is_dir()
    }


@pytest.fixture
def case_sensitive(tmp_path: Path) -> None:
    """Skips where `.roi` and `.ROI` are one file."""
    probe = tmp_path / "Probe"
    probe.touch()
    if (tmp_path / "probe").exists():
        pytest.skip("this file system does not tell upper from lower case")
    probe.unlink()


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "folder",
    ["", "2013", "2013/D20130526", "data/2013/D20130526", "my cruise/leg 100%/raw"],
)
def test_a_bin_is_found_in_every_layout(tmp_path: Path, folder: str) -> None:
    _write(tmp_path / folder / (NEW + ".hdr"), 1)
    _write(tmp_path / folder / (NEW + ".adc"), 2, 1700000100.0)
    _write(tmp_path / folder / (NEW + ".roi"), 3)
    inventory = _walk(tmp_path)
    fileset = inventory.filesets[NEW]
    assert list(inventory.filesets) == [NEW]
    assert (fileset.sizes, fileset.complete) == ((1, 2, 3), True)
    assert fileset.times == (1700000000.0, 1700000100.0, 1700000000.0)
    assert Path(fileset.folder) == tmp_path / folder
    assert (inventory.foreign, inventory.unreadable, inventory.warnings) == (0, 0, [])


@pytest.mark.windows_core
def test_a_walk_says_of_every_folder_and_bin_that_it_gets_on(tmp_path: Path) -> None:
    _write_bin(tmp_path / "a", NEW)
    _write_bin(tmp_path / "a", NEXT)
    times: list[None] = []
    LocalTree(str(tmp_path), getting_on=lambda: times.append(None)).walk()
    assert len(times) == 4  # the root, the folder, two bins


@pytest.mark.windows_core
def test_an_empty_tree_has_nothing_and_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "2013" / "D20130526").mkdir(parents=True)
    assert _walk(tmp_path) == Inventory()


@pytest.mark.windows_core
def test_a_missing_root_ends_the_run_with_a_line_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not exist\. Nothing was sent\."):
        _walk(tmp_path / "nowhere")


@pytest.mark.windows_core
def test_a_root_that_is_a_file_ends_the_run_with_a_line_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a file, not a folder"):
        _walk(_write(tmp_path / "file"))


@pytest.mark.windows_core
def test_a_member_that_is_missing_makes_the_bin_incomplete(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW, ".hdr .adc")
    fileset = _walk(tmp_path).filesets[NEW]
    assert fileset.missing == ("roi",)
    assert fileset.roi == MISSING


@pytest.mark.windows_core
def test_upper_case_extensions_are_a_bin_and_keep_their_spelling_on_the_disk(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW, ".HDR .Adc .ROI")
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    assert fileset.suffixes == (".HDR", ".Adc", ".ROI")
    assert fileset.complete
    assert tree.refresh(fileset) == fileset
    with tree.open(fileset, "roi") as file:
        assert file.read() == b"xxxxx"


@pytest.mark.usefixtures("case_sensitive")
def test_a_member_in_both_spellings_is_two_copies_the_lower_case_one_first(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW, ".hdr .adc")
    _write(tmp_path / (NEW + ".roi"), 7)
    _write(tmp_path / (NEW + ".ROI"), 9)
    inventory = _walk(tmp_path)
    assert inventory.filesets[NEW].roi == 7
    assert [copy.roi for copy in inventory.copies[NEW]] == [9]
    assert inventory.copies[NEW][0].name("roi") == NEW + ".ROI"


@pytest.mark.usefixtures("case_sensitive")
def test_a_member_in_both_spellings_of_an_incomplete_bin_stays_incomplete(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW, ".hdr .roi .ROI")
    inventory = _walk(tmp_path)
    assert not inventory.filesets[NEW].complete
    assert inventory.copies == {}


@pytest.mark.windows_core
def test_a_second_complete_copy_is_kept_and_the_choice_does_not_depend_on_the_file_system(
    tmp_path: Path,
) -> None:
    for folder in ("b", "a", "c/d", "c"):
        _write_bin(tmp_path / folder, NEW)
    inventory = _walk(tmp_path)
    assert Path(inventory.filesets[NEW].folder) == tmp_path / "a"
    assert [Path(copy.folder) for copy in inventory.copies[NEW]] == [
        tmp_path / "b",
        tmp_path / "c",
        tmp_path / "c" / "d",
    ]


@pytest.mark.windows_core
@pytest.mark.parametrize(("whole", "part"), [("a", "b"), ("b", "a")])
def test_the_complete_copy_is_used_wherever_it_lies(tmp_path: Path, whole: str, part: str) -> None:
    _write_bin(tmp_path / whole, NEW)
    _write_bin(tmp_path / part, NEW, ".hdr .adc")
    inventory = _walk(tmp_path)
    assert Path(inventory.filesets[NEW].folder) == tmp_path / whole
    assert [Path(fragment.folder) for fragment in inventory.fragments] == [tmp_path / part]
    assert inventory.copies == {}


@pytest.mark.windows_core
def test_members_in_different_folders_make_no_bin(tmp_path: Path) -> None:
    _write_bin(tmp_path / "a", NEW, ".hdr .adc")
    _write_bin(tmp_path / "b", NEW, ".roi")
    inventory = _walk(tmp_path)
    assert not inventory.filesets[NEW].complete
    assert [fragment.missing for fragment in inventory.fragments] == [("hdr", "adc")]


@pytest.mark.windows_core
@pytest.mark.parametrize("name", ["skip", "SKIP", "Skip"])
def test_bins_in_an_excluded_folder_are_counted_and_not_taken(tmp_path: Path, name: str) -> None:
    _write_bin(tmp_path / "2013", NEW)
    _write_bin(tmp_path / name / "deeper", NEXT)
    _write_bin(tmp_path / name, OLD, ".hdr")
    _write(tmp_path / name / "note.txt")
    inventory = _walk(tmp_path, "skip", "beads")
    assert list(inventory.filesets) == [NEW]
    assert (inventory.excluded, inventory.foreign) == (2, 1)


@pytest.mark.windows_core
def test_a_name_is_excluded_as_a_whole_and_the_root_never(tmp_path: Path) -> None:
    root = tmp_path / "beads"
    _write_bin(root / "beads2", NEW)
    _write_bin(root, NEXT)
    inventory = _walk(root, "beads")
    assert sorted(inventory.filesets) == [NEW, NEXT]
    assert inventory.excluded == 0


@pytest.mark.windows_core
def test_only_bins_that_are_not_too_old_are_taken(tmp_path: Path) -> None:
    for pid in (NEW, NEXT, OLD):
        _write_bin(tmp_path, pid)
    next_pid = parse_pid(NEXT)
    assert next_pid is not None
    assert list(_walk(tmp_path, not_before=next_pid.sample_time).filesets) == [NEXT]
    assert list(_walk(tmp_path, not_before=next_pid.sample_time + 1).filesets) == []


@pytest.mark.windows_core
def test_a_recent_walk_leaves_out_folders_that_are_named_after_an_older_time(tmp_path: Path) -> None:
    next_pid = parse_pid(NEXT)
    assert next_pid is not None
    for folder in ("2012", "D20130525", "IFCB5_2013_145"):
        _write_bin(tmp_path / folder, NEXT)  # a strange place; what is there is not even looked at
    for folder in ("2013/D20130526", "D20130526", "IFCB5_2013_146", "incoming", "D20131326"):
        _write_bin(tmp_path / folder, NEXT)
    inventory = _walk(tmp_path, not_before=next_pid.sample_time)
    assert len(inventory.copies[next_pid]) == 4
    assert len(_walk(tmp_path).copies[next_pid]) == 7


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "name",
    [
        "D20131326T095207_IFCB013",
        "D20130230T095207_IFCB013",
        "D20130526T095207_IFCB13",
        "d20130526t095207_ifcb013",
        "IFCB5_2013_366_081515",
        "IFCB12_2012_028_081515",
        NEW + " (1)",
        NEW + " ",
        "copy of " + NEW,
    ],
)
def test_files_whose_name_is_nearly_a_pid_are_not_taken_and_the_run_says_so(
    tmp_path: Path, name: str
) -> None:
    _write_bin(tmp_path, name)
    _write_bin(tmp_path, NEXT)
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEXT]
    assert (inventory.foreign, inventory.misnamed) == (3, 3)
    [warning] = inventory.warnings
    assert warning.startswith("3 files look like a bin's")
    assert name in warning


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "name",
    [
        "D２0130526T095207_IFCB013",  # noqa: RUF001
        "Ñandú_Wäder",
        "100% & more",
        "'quoted'",
        "roi",
        "",
    ],
)
def test_files_with_a_bins_extensions_but_another_name_are_foreign(tmp_path: Path, name: str) -> None:
    _write_bin(tmp_path, name)
    inventory = _walk(tmp_path)
    assert inventory.filesets == {}
    assert (inventory.foreign, inventory.warnings) == (3, [])


@posix_only
@pytest.mark.parametrize(
    "name", [NEW + "\n", '"' + NEW + '"', "a\nb\tc", NEW + "\\", "\x1b[31m" + NEW, NEW + "\x7f"]
)
def test_names_that_only_posix_allows_are_foreign(tmp_path: Path, name: str) -> None:
    _write_bin(tmp_path, name)
    inventory = _walk(tmp_path)
    assert (inventory.filesets, inventory.foreign) == ({}, 3)


@posix_only
def test_undecodable_names_of_files_and_folders_do_no_harm(tmp_path: Path) -> None:
    folder = os.fsencode(str(tmp_path)) + b"/caf\xe9"
    try:
        os.mkdir(folder)
    except OSError as error:
        pytest.skip(f"this file system takes UTF-8 names only: {error}")
    for name in (b"\xff\xfe.roi", b"\xe9", NEW.encode() + b"\xff.adc"):
        with open(folder + b"/" + name, "wb"):
            pass
    for suffix in (b".hdr", b".adc", b".roi"):
        with open(folder + b"/" + NEW.encode() + suffix, "wb") as file:
            file.write(b"abc")
    tree = LocalTree(str(tmp_path))
    inventory = tree.walk()
    fileset = inventory.filesets[NEW]
    assert fileset.complete
    assert inventory.foreign == 3
    with tree.open(fileset, "roi") as file:
        assert file.read() == b"abc"


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "name",
    [
        NEW + ".dig",
        NEW + ".roi.tmp",
        NEW + ".adc.mod",
        NEW + "_blobs_v4.zip",
        NEW + ".json",
        NEW + "roi",
        NEW,
        "Thumbs.db",
        ".DS_Store",
        "IFCB_data.log",
    ],
)
def test_what_lies_beside_bins_is_counted_as_foreign(tmp_path: Path, name: str) -> None:
    _write_bin(tmp_path, NEW)
    _write(tmp_path / name)
    inventory = _walk(tmp_path)
    assert inventory.filesets[NEW].complete
    assert (inventory.foreign, inventory.warnings) == (1, [])


@posix_only
def test_a_symlinked_folder_is_not_followed_and_a_symlinked_file_is(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    _write_bin(outside, NEW)
    _write_bin(root, NEXT, ".hdr .adc")
    (root / (NEXT + ".roi")).symlink_to(outside / (NEW + ".roi"))
    (root / "linked").symlink_to(outside, target_is_directory=True)
    inventory = _walk(root)
    assert list(inventory.filesets) == [NEXT]
    assert inventory.filesets[NEXT].roi == 5
    assert inventory.foreign == 1
    (warning,) = inventory.warnings
    assert (
        "1 symbolic link leads to a folder elsewhere, or to nothing," in warning
        and str(root / "linked") in warning
    )
    assert inventory.out_of_sight == 1


@posix_only
def test_a_link_to_a_folder_of_the_same_tree_hides_nothing(tmp_path: Path) -> None:
    _write_bin(tmp_path / "2013", NEW)
    (tmp_path / "latest").symlink_to(tmp_path / "2013", target_is_directory=True)
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEW] and inventory.copies == {}
    assert (inventory.out_of_sight, inventory.warnings) == (0, [])


@posix_only
def test_a_symlink_loop_ends(tmp_path: Path) -> None:
    _write_bin(tmp_path / "a" / "b", NEW)
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / (NEXT + ".roi")).symlink_to(tmp_path / (NEXT + ".roi"))
    inventory = _walk(tmp_path)
    assert NEW in inventory.filesets and NEXT not in inventory.filesets
    assert inventory.copies == {}
    assert any(NEXT in warning for warning in inventory.warnings)
    assert inventory.out_of_sight == 0


@posix_only
def test_a_dangling_symlink_counts_as_a_missing_member_and_as_unreadable(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW, ".hdr .adc")
    (tmp_path / (NEW + ".roi")).symlink_to(tmp_path / "gone")
    inventory = _walk(tmp_path)
    assert inventory.filesets[NEW].missing == ("roi",) and inventory.unreadable == 1
    (warning,) = inventory.warnings
    assert f"{NEW}.roi (a link that leads to nothing)" in warning


@posix_only
def test_a_link_to_nothing_outside_may_hide_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    root = tmp_path / "root"
    _write_bin(root, NEW)
    (root / "disk2").symlink_to(tmp_path / "gone")
    (root / "odd.roi").symlink_to(tmp_path / "gone")
    (root / "in the tree").symlink_to(root / "gone")
    (root / ".#notes.txt").symlink_to("captain@ship.1234:1700000000")  # how Emacs locks a file
    inventory = _walk(root)
    assert (inventory.out_of_sight, inventory.unreadable, inventory.foreign) == (2, 0, 4)
    (warning,) = inventory.warnings
    assert "2 symbolic links lead to folders elsewhere, or to nothing," in warning


@pytest.mark.windows_core
@pytest.mark.parametrize(
    "name",
    [
        "Kopie von {}.roi",
        "Copy of {}.roi",
        "{} (1).roi",
        "{} - Copy.roi",
        "{}(2).adc",
        "{}.roi (1)",
        "{}.adc copy",
        "{}.hdr.bak",
    ],
)
def test_a_renamed_copy_of_a_file_is_told_of_and_is_no_bin(tmp_path: Path, name: str) -> None:
    _write_bin(tmp_path, NEW)
    copy = tmp_path / name.format(NEW)
    copy.write_bytes(b"x")
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEW] and inventory.fragments == [] and not inventory.copies
    assert (inventory.foreign, inventory.misnamed) == (1, 1)
    assert inventory.warnings == [
        "1 file looks like a bin's but its name is no valid bin id, so the dashboard could not show it; it is left out "
        f"({copy})"
    ]


def test_a_renamed_copy_of_a_day_that_is_not_wanted_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / f"{NEW}.roi (1)").write_bytes(b"x")
    assert _walk(tmp_path, not_before=NEW.sample_time + 2 * 86400.0).warnings == []


def test_misnamed_files_in_an_excluded_folder_were_left_out_on_purpose(tmp_path: Path) -> None:
    _write_bin(tmp_path / "bad", NEW + "_old")
    assert (_walk(tmp_path, "bad").misnamed, _walk(tmp_path).misnamed) == (0, 3)


@pytest.mark.windows_core
def test_what_windows_has_renamed_in_its_trash_is_told(tmp_path: Path) -> None:
    for number in range(5):
        _write(tmp_path / "$RECYCLE.BIN" / f"S-{number}" / "$RA1B2C3.roi")
        _write(tmp_path / "$RECYCLE.BIN" / f"S-{number}" / "$RX1B2C3.adc")
    _write_bin(tmp_path / "$RECYCLE.BIN" / "folder.roi", NEW)
    inventory = _walk(tmp_path)
    assert inventory.out_of_sight == 6
    assert inventory.warnings[0].startswith("bins lie in ")


@posix_only
def test_the_root_itself_may_be_a_symlink(tmp_path: Path) -> None:
    _write_bin(tmp_path / "real", NEW)
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert list(_walk(tmp_path / "link").filesets) == [NEW]


@posix_only
def test_a_fifo_a_socket_and_a_folder_named_like_a_bin_are_no_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write_bin(tmp_path, NEW, ".hdr .adc")
    os.mkfifo(str(tmp_path / (NEW + ".roi")))
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as unix_socket:
        unix_socket.bind(NEXT + ".roi")
        (tmp_path / (OLD + ".roi")).mkdir()
        inventory = _walk(tmp_path)
    assert inventory.filesets[NEW].missing == ("roi",)
    assert list(inventory.filesets) == [NEW]
    assert inventory.foreign == 2


@pytest.mark.windows_core
def test_a_folder_that_is_called_like_a_bins_file_is_entered(tmp_path: Path) -> None:
    _write_bin(tmp_path / (OLD + ".roi"), NEW)
    inventory = _walk(tmp_path)
    assert inventory.filesets[NEW].complete and inventory.foreign == 0


@pytest.mark.windows_core
@pytest.mark.parametrize("name", ["lost+found", "System Volume Information", "$RECYCLE.BIN", ".Trash-1000"])
def test_what_a_system_puts_at_the_root_of_a_disk_is_left_out_without_a_word(
    tmp_path: Path, name: str
) -> None:
    _write(tmp_path / name / "files" / "S-1-5-18")
    _write_bin(tmp_path, NEXT)
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEXT]
    assert (inventory.foreign, inventory.excluded, inventory.warnings) == (0, 0, [])
    assert (inventory.out_of_sight, inventory.unreadable) == (0, 0)


@pytest.mark.windows_core
@pytest.mark.parametrize("name", ["lost+found", "System Volume Information", "$RECYCLE.BIN", ".Trash-1000"])
def test_bins_in_a_folder_of_the_system_are_not_taken_and_named_as_out_of_sight(
    tmp_path: Path, name: str
) -> None:
    _write_bin(tmp_path / name / "files", NEW)
    _write_bin(tmp_path, NEXT)
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEXT]
    (warning,) = inventory.warnings
    assert "left out" in warning and str(tmp_path / name / "files") in warning
    assert (inventory.out_of_sight, inventory.foreign, inventory.excluded) == (1, 0, 0)
    # The every-minute run spends no time on them.
    recent = _walk(tmp_path, not_before=0.0)
    assert (recent.out_of_sight, recent.warnings) == (0, [])


@posix_only
@pytest.mark.parametrize("seconds", [-1.5, -11644473600.0, -1e9, 0.0, 1e9 + 0.25, 2e9, 4e9])
def test_any_time_that_the_file_system_holds_is_a_time(tmp_path: Path, seconds: float) -> None:
    _write_bin(tmp_path, NEW)
    for path in tmp_path.iterdir():
        os.utime(str(path), (seconds, seconds))
    if (tmp_path / (NEW + ".roi")).stat().st_mtime != seconds:
        pytest.skip("this file system does not hold that time")
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    assert fileset.times == (seconds, seconds, seconds)
    assert tree.refresh(fileset) == fileset


@pytest.mark.windows_core
def test_an_older_member_that_is_written_again_is_seen_though_another_one_is_newer(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW)
    os.utime(str(tmp_path / (NEW + ".roi")), (1700000500.0, 1700000500.0))
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    _write(tmp_path / (NEW + ".adc"), mtime=1700000400.0)
    assert tree.refresh(fileset).differing(fileset) == ("adc",)


@posix_only
@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_of_the_same_size_and_time_is_known_as_another_one(tmp_path: Path, in_place: bool) -> None:
    """What `rsync -t` does, with and without --inplace."""
    _write_bin(tmp_path, NEW)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    if in_place:
        (tmp_path / (NEW + ".adc")).write_bytes(b"other")
        os.utime(str(tmp_path / (NEW + ".adc")), (1700000000.0, 1700000000.0))
    else:
        (tmp_path / "new").write_bytes(b"other")
        os.utime(str(tmp_path / "new"), (1700000000.0, 1700000000.0))
        os.replace(str(tmp_path / "new"), str(tmp_path / (NEW + ".adc")))
    assert tree.refresh(fileset).differing(fileset) == ("adc",)


@pytest.mark.windows_core
def test_a_bin_with_a_copy_in_an_excluded_folder_is_counted_once(tmp_path: Path) -> None:
    _write_bin(tmp_path / "2013", NEW)
    _write_bin(tmp_path / "bad", NEW)
    _write_bin(tmp_path / "bad", NEXT)
    _write_bin(tmp_path / "bad" / "again", NEXT)
    inventory = _walk(tmp_path, "bad")
    assert list(inventory.filesets) == [NEW]
    assert inventory.excluded == 1  # NEXT, which lies nowhere else
    assert inventory.excluded_copies == 1


def test_copies_in_other_spellings_have_their_own_times_and_all_are_seen(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW)
    for ending, size, changed in ((".roi", 5, 1000.0), (".Roi", 4, 2000.0), (".ROI", 5, 3000.0)):
        path = tmp_path / (NEW + ending)
        path.write_bytes(b"x" * size)
        os.utime(str(path), (changed, changed))
    if len(list(tmp_path.iterdir())) < 5:
        pytest.skip("this file system does not tell upper from lower case")
    for ending in (".hdr", ".adc"):
        os.utime(str(tmp_path / (NEW + ending)), (500.0, 500.0))
    tree = LocalTree(str(tmp_path))
    inventory = tree.walk()
    found = [inventory.filesets[NEW], *inventory.copies[NEW]]
    assert [(fileset.suffixes[2], fileset.roi, fileset.times[2]) for fileset in found] == [
        (".roi", 5, 1000.0),
        (".Roi", 4, 2000.0),
        (".ROI", 5, 3000.0),
    ]
    assert [tree.refresh(fileset) for fileset in found] == found


@pytest.mark.windows_core
def test_a_folder_whose_name_ends_like_a_bins_file_is_entered_if_its_name_is_no_pid(tmp_path: Path) -> None:
    _write_bin(tmp_path / "cruise.roi", NEW)
    assert list(_walk(tmp_path).filesets) == [NEW]


@posix_only
def test_a_fifo_that_takes_the_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    (tmp_path / (NEW + ".roi")).unlink()
    os.mkfifo(str(tmp_path / (NEW + ".roi")))
    with pytest.raises(LocalFileProblem, match="no regular file"):
        tree.open(fileset, "roi")


# Root may read everything, so the child gives up root before it looks; the parent sets the modes.
_AS_NOBODY = """
import os, sys
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
os.chdir("/")
sys.dont_write_bytecode = True
from ifcbscan.errors import LocalFileProblem, UsageError
from ifcbscan.disk.tree import LocalTree
root = sys.argv[1]
"""


def _as_nobody(script: str, root: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED_FIRST + _AS_NOBODY + textwrap.dedent(script), str(root)],
        cwd=str(Path(ifcbscan.__file__).parents[1]),
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8").strip()


# The repository may lie where only root can read it.
_IMPORTED_FIRST = "import ifcbscan.errors, ifcbscan.disk.tree\n"


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder that another user can reach; pytest's own are for their owner only."""
    folder = tmp_path
    while folder.stat().st_uid == os.getuid() and folder != folder.parent and not folder.stat().st_mode & 1:
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    return root


@posix_only
def test_an_unreadable_folder_is_a_warning_and_the_rest_is_found(open_folder: Path) -> None:
    _write_bin(open_folder / "shut", NEW)
    _write_bin(open_folder / "open", NEXT)
    (open_folder / "shut").chmod(0)
    try:
        said = _as_nobody(
            """
            inventory = LocalTree(root).walk()
            print(list(inventory.filesets), inventory.unreadable, *inventory.warnings, sep="|")
            """,
            open_folder,
        )
    finally:
        (open_folder / "shut").chmod(0o755)
    filesets, unreadable, warning = said.split("|")
    assert (filesets, unreadable) == (f"['{NEXT}']", "1")
    assert warning == (
        f"the folder {open_folder / 'shut'} cannot be read (Permission denied): bins in it are not seen"
    )


@posix_only
def test_of_many_unreadable_folders_the_first_few_are_named_and_the_rest_is_counted(
    open_folder: Path,
) -> None:
    for number in range(20):
        (open_folder / f"{number:02d}").mkdir(mode=0)
    said = _as_nobody(
        """
        inventory = LocalTree(root).walk()
        print(inventory.unreadable, *inventory.warnings, sep="|")
        """,
        open_folder,
    )
    unreadable, *warnings = said.split("|")
    assert unreadable == "20" and len(warnings) == 4
    assert warnings[-1] == "17 more folders cannot be read: bins in them are not seen"


@posix_only
def test_a_lost_and_found_that_only_root_may_read_is_told_apart_from_trouble(open_folder: Path) -> None:
    (open_folder / "lost+found").mkdir(mode=0)
    said = _as_nobody(
        """
        found = LocalTree(root).walk()
        print(found.unreadable, found.out_of_sight, found.warnings, sep="|")
        """,
        open_folder,
    )
    assert said == "0|0|[]"


@posix_only
def test_a_folder_that_shows_names_only_counts_its_files_as_unreadable(open_folder: Path) -> None:
    """Mode r--: the names can be listed, sizes and times cannot."""
    _write_bin(open_folder / "half", NEW)
    (open_folder / "half").chmod(0o444)
    try:
        said = _as_nobody(
            """
            inventory = LocalTree(root).walk()
            print(list(inventory.filesets), inventory.unreadable, *inventory.warnings, sep="|")
            """,
            open_folder,
        )
    finally:
        (open_folder / "half").chmod(0o755)
    filesets, unreadable, warning = said.split("|")
    assert (filesets, unreadable) == ("[]", "3")
    assert "cannot be examined" in warning and NEW in warning


@posix_only
def test_an_unreadable_root_ends_the_run_with_a_line(open_folder: Path) -> None:
    open_folder.chmod(0)
    try:
        said = _as_nobody(
            """
            try:
                LocalTree(root).walk()
            except UsageError as error:
                print(error)
            """,
            open_folder,
        )
    finally:
        open_folder.chmod(0o755)
    assert said == f"The data folder {open_folder} cannot be read: Permission denied. Nothing was sent."


@posix_only
def test_a_file_without_permission_is_a_problem_of_its_bin_only(open_folder: Path) -> None:
    _write_bin(open_folder, NEW)
    (open_folder / (NEW + ".roi")).chmod(0)
    said = _as_nobody(
        """
        tree = LocalTree(root)
        fileset, = tree.walk().filesets.values()
        print(fileset.complete)
        try:
            tree.open(fileset, "roi")
        except LocalFileProblem as error:
            print(error)
        """,
        open_folder,
    )
    assert said.splitlines() == ["True", f".roi in {open_folder} cannot be read: Permission denied"]


@pytest.mark.skipif(os.name == "nt", reason="takes minutes under wine")
def test_ten_thousand_foreign_files_are_counted_and_the_bin_among_them_is_found(tmp_path: Path) -> None:
    for number in range(10000):
        (tmp_path / f"image_{number:05d}.{('png', 'csv', 'roi')[number % 3]}").touch()
    _write_bin(tmp_path, NEW)
    inventory = _walk(tmp_path)
    assert list(inventory.filesets) == [NEW]
    assert (inventory.foreign, inventory.warnings) == (10000, [])


@posix_only
def test_folders_nested_beyond_the_recursion_limit_are_walked(tmp_path: Path) -> None:
    """As deep as a path may be long; the walk holds no stack of its own."""
    folder = str(tmp_path)
    while len(folder) < 3900:
        folder += "/d"
        os.mkdir(folder)
    _write_bin(Path(folder), NEW)
    try:
        assert list(_walk(tmp_path).filesets) == [NEW]
    finally:  # pytest could not: shutil.rmtree is recursive
        for suffix in (".hdr", ".adc", ".roi"):
            os.remove(os.path.join(folder, NEW + suffix))
        while folder != str(tmp_path):
            os.rmdir(folder)
            folder = os.path.dirname(folder)


@pytest.mark.windows_core
def test_refresh_sees_what_has_changed_since_the_walk(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    assert tree.refresh(fileset) == fileset
    _write(tmp_path / (NEW + ".adc"), 6)
    assert tree.refresh(fileset).sizes == (5, 6, 5)
    _write(tmp_path / (NEW + ".adc"), 5, 1700000001.0)
    assert max(tree.refresh(fileset).times) == 1700000001.0
    (tmp_path / (NEW + ".hdr")).unlink()
    assert tree.refresh(fileset).missing == ("hdr",)


@pytest.mark.windows_core
def test_refresh_of_a_folder_that_has_gone_finds_all_members_missing(tmp_path: Path) -> None:
    _write_bin(tmp_path / "a", NEW)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    (tmp_path / "a").rename(tmp_path / "b")
    assert tree.refresh(fileset).sizes == (MISSING, MISSING, MISSING)
    with pytest.raises(LocalFileProblem, match=r"\.roi in .* cannot be read: No such file"):
        tree.open(fileset, "roi")


@posix_only
def test_a_file_in_the_place_of_the_folder_is_a_problem_of_the_bin(tmp_path: Path) -> None:
    _write_bin(tmp_path / "a", NEW)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    (tmp_path / "a").rename(tmp_path / "b")
    _write(tmp_path / "a")
    with pytest.raises(LocalFileProblem, match="Not a directory"):
        tree.refresh(fileset)


@pytest.mark.windows_core
def test_walking_refreshing_and_opening_change_nothing(tmp_path: Path) -> None:
    _write_bin(tmp_path / "2013", NEW)
    _write(tmp_path / "notes.txt")
    before = _snapshot(tmp_path)
    tree = LocalTree(str(tmp_path))
    fileset = tree.walk().filesets[NEW]
    tree.refresh(fileset)
    for extension in ("hdr", "adc", "roi"):
        with tree.open(fileset, extension) as file:
            assert not file.writable()
    assert _snapshot(tmp_path) == before


# Any tree: every file is accounted for, each pid once.

pids = st.sampled_from([NEW, NEXT, OLD, "D20131326T095207_IFCB013", "notes"])
names = st.builds(lambda stem, suffix: stem + suffix, pids, st.sampled_from([".hdr", ".adc", ".roi", ".txt"]))
folders = st.lists(st.sampled_from(["a", "b", "skip", "2013"]), max_size=3).map("/".join)
trees = st.dictionaries(st.tuples(folders, names), st.integers(0, 9), max_size=25)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(trees)
def test_every_file_of_any_tree_is_a_member_excluded_or_foreign(files: dict[tuple[str, str], int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for (folder, file_name), size in files.items():
            _write(root / folder / file_name, size)
        inventory = _walk(root, "skip")
        found: list[Fileset] = list(inventory.filesets.values()) + inventory.fragments
        for copies in inventory.copies.values():
            found += copies
        taken = {
            (
                os.path.relpath(fileset.folder, name).replace(os.sep, "/"),
                fileset.name(extension),
            ): fileset.size(extension)
            for fileset in found
            for extension in ("hdr", "adc", "roi")
            if fileset.size(extension) != MISSING
        }
    expected = {
        (folder or ".", file_name): size
        for (folder, file_name), size in files.items()
        if parse_pid(file_name[:-4]) and file_name[-4:] != ".txt" and "skip" not in folder.split("/")
    }
    assert taken == expected
    excluded = {
        file_name[:-4]
        for folder, file_name in files
        if parse_pid(file_name[:-4]) and file_name[-4:] != ".txt" and "skip" in folder.split("/")
    }
    assert inventory.excluded == len(excluded - set(inventory.filesets))
    assert inventory.foreign == sum(1 for _, n in files if not parse_pid(n[:-4]) or n[-4:] == ".txt")
    for pid, copies in inventory.copies.items():
        assert inventory.filesets[pid].complete and all(copy.complete for copy in copies)
    for fragment in inventory.fragments:
        assert not fragment.complete


def test_bins_outside_the_window_are_counted_once_and_not_looked_at(tmp_path: Path) -> None:
    _write_bin(tmp_path, NEW)
    _write_bin(tmp_path, NEXT)
    _write_bin(tmp_path / "copy", NEXT)
    _write_bin(tmp_path, OLD, suffixes=".hdr")
    window = Window(until=NEXT.sample_time, instruments=frozenset([13]))
    inventory = LocalTree(str(tmp_path), window=window).walk()
    assert list(inventory.filesets) == [NEW]
    assert (inventory.outside, inventory.excluded, inventory.fragments) == (2, 0, [])


def test_a_bin_outside_the_window_of_an_excluded_folder_is_in_one_count(tmp_path: Path) -> None:
    _write_bin(tmp_path / "skip", NEW)
    _write_bin(tmp_path / "skip", NEXT)
    _write_bin(tmp_path, NEXT)
    inventory = LocalTree(str(tmp_path), ["skip"], window=Window(until=NEXT.sample_time)).walk()
    assert inventory.filesets == {}
    assert (inventory.excluded, inventory.outside, inventory.excluded_copies) == (1, 1, 0)


@posix_only
def test_a_file_outside_the_window_is_not_examined(tmp_path: Path) -> None:
    for suffix in (".hdr", ".adc", ".roi"):
        (tmp_path / (NEXT + suffix)).symlink_to(tmp_path / "nowhere")  # whoever looks behind it has to warn
    inventory = LocalTree(str(tmp_path), window=Window(until=NEXT.sample_time)).walk()
    assert (inventory.outside, inventory.warnings) == (1, [])
    assert LocalTree(str(tmp_path)).walk().warnings


def _part_of(pid: Pid) -> Part:
    return next(part for part in (Part(1, 2), Part(2, 2)) if part.holds(pid))


def test_a_part_has_all_copies_of_its_bins_and_the_others_are_counted_once_and_not_looked_at(
    tmp_path: Path,
) -> None:
    pids = [NEW, NEXT, OLD]
    for pid in pids:
        _write_bin(tmp_path, pid)
        _write_bin(tmp_path / "copy", pid)
        _write_bin(tmp_path / "half", pid, suffixes=".hdr")
    for part in (Part(1, 2), Part(2, 2)):
        inside = [pid for pid in pids if part.holds(pid)]
        inventory = LocalTree(str(tmp_path), part=part).walk()
        assert sorted(inventory.filesets) == sorted(inside)
        assert sorted(inventory.copies) == sorted(inside)
        assert sorted(fragment.pid for fragment in inventory.fragments) == sorted(inside)
        assert (inventory.other_parts, inventory.outside) == (3 - len(inside), 0)


def test_what_is_excluded_or_outside_the_window_is_of_no_part_and_counted_in_each(tmp_path: Path) -> None:
    for pid in (NEW, NEXT, OLD):
        _write_bin(tmp_path / "skip", pid)
    _write_bin(tmp_path, NEXT)
    _write_bin(tmp_path, NEW)
    window = Window(until=NEXT.sample_time)
    other = Part(3 - _part_of(NEW).number, 2)
    for part, found, others in ((_part_of(NEW), [NEW], 0), (other, [], 1)):
        inventory = LocalTree(str(tmp_path), ["skip"], window=window, part=part).walk()
        assert list(inventory.filesets) == found
        assert (inventory.excluded, inventory.outside, inventory.other_parts) == (1, 1, others)


@pytest.mark.parametrize(
    ("here", "there", "complete"),
    [
        (".hdr .adc .roi", "", True),
        (".HDR .adc .Roi", "", True),
        (".hdr .adc", ".hdr .adc .roi", True),
        (".hdr .adc .ADC", "", False),
        (".hdr .adc", ".roi", False),
    ],
)
def test_a_bin_of_another_part_is_complete_if_one_folder_has_its_three_names(
    tmp_path: Path, here: str, there: str, complete: bool
) -> None:
    _write_bin(tmp_path / "a", NEXT, here)
    _write_bin(tmp_path / "b", NEXT, there)
    _write_bin(tmp_path, NEW, ".hdr .adc .roi")  # in the part itself, or the same
    for number in (1, 2):
        part = Part(number, 2)
        inventory = LocalTree(str(tmp_path), part=part).walk()
        others = [pid for pid in (NEW, NEXT) if not part.holds(pid)]
        assert inventory.others_complete == (NEW in others or (NEXT in others and complete))


@posix_only
def test_a_file_of_another_part_is_not_examined(tmp_path: Path) -> None:
    for suffix in (".hdr", ".adc", ".roi"):
        (tmp_path / (NEXT + suffix)).symlink_to(tmp_path / "nowhere")  # whoever looks behind it has to warn
    inventory = LocalTree(str(tmp_path), part=Part(3 - _part_of(NEXT).number, 2)).walk()
    assert (inventory.other_parts, inventory.warnings) == (1, [])
    assert LocalTree(str(tmp_path), part=_part_of(NEXT)).walk().warnings


def test_a_recent_walk_counts_only_recent_bins_as_outside(tmp_path: Path) -> None:
    _write_bin(tmp_path / "2012", OLD)
    _write_bin(tmp_path, NEW)
    _write_bin(tmp_path, NEXT)
    window = Window(since=NEXT.sample_time)
    inventory = LocalTree(str(tmp_path), (), float(NEW.sample_time), window=window).walk()
    assert (list(inventory.filesets), inventory.outside) == ([NEXT], 1)


def test_the_room_on_the_disk_is_known_as_far_as_the_system_says_it(tmp_path: Path) -> None:
    free = LocalTree(str(tmp_path)).free_space()
    assert free is not None and free > 0
    assert LocalTree(str(tmp_path / "gone")).free_space() is None


@pytest.mark.skipif(not hasattr(os, "statvfs"), reason="this system does not say whether a disk takes files")
def test_a_disk_that_takes_no_files_has_no_room_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    class ReadOnly:
        f_flag = os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda path: ReadOnly)
    assert LocalTree(os.sep).free_space() is None
