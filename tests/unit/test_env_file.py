"""Which `.env` file is meant, one value of it where the rest may be wrong, and other values in the place of some."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ifcbscan.env_file import find_env_file, template, value_of, values_of, with_values
from ifcbscan.errors import ConfigError

pytestmark = pytest.mark.windows_core


def test_the_file_that_is_named_is_used_and_a_missing_one_is_not_replaced_by_another(
    tmp_path: Path, env_path: Path
) -> None:
    named = tmp_path / "ship.env"
    named.touch()
    assert find_env_file(str(named), str(tmp_path)) == str(named)
    with pytest.raises(ConfigError, match="--env-file: there is no file"):
        find_env_file(str(tmp_path / "gone.env"), str(tmp_path))
    with pytest.raises(ConfigError, match="--env-file: there is no file"):
        find_env_file(str(tmp_path), str(tmp_path))


def test_the_file_of_the_current_folder_comes_before_the_users_own(
    tmp_path: Path, env_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs

    home = tmp_path / "config"
    (home / "ifcbscan").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("LOCALAPPDATA", str(home))
    own = os.path.join(platformdirs.user_config_dir("ifcbscan", appauthor=False), ".env")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_env_file(None, str(tmp_path)) == str(env_path)
    if own.startswith(str(tmp_path)):  # where the variables count
        assert find_env_file(None, str(elsewhere)) is None
        Path(own).touch()
        assert find_env_file(None, str(elsewhere)) == own


@pytest.mark.parametrize(
    "text, url",
    [
        ("PING_URL=https://ping.example.org/1\n", "https://ping.example.org/1"),
        (
            "what is this\n'\nPING_URL='https://ping.example.org/1'\nAWS_REGION=\"\n",
            "https://ping.example.org/1",
        ),
        ("AWS_REGION=us-east-1\n", None),
        ("PING_URL=\n", None),
    ],
)
def test_the_monitor_is_known_from_settings_of_which_the_rest_is_wrong(
    tmp_path: Path, text: str, url: str | None
) -> None:
    path = tmp_path / ".env"
    path.write_text(text, encoding="utf-8")
    assert value_of("PING_URL", {}, str(path), None) == url
    assert value_of("PING_URL", {}, str(tmp_path / "none"), None) is None
    elsewhere = {"PING_URL": "https://ping.example.org/2"}
    assert value_of("PING_URL", elsewhere, str(path), None) == (
        elsewhere["PING_URL"] if "PING_URL" not in text else url
    )


REPOSITORY = Path(__file__).resolve().parent.parent.parent


def test_the_template_in_the_package_is_the_example_of_the_repository() -> None:
    example = REPOSITORY / ".env.example"
    if not example.is_file():
        pytest.skip("this is no copy of the repository")
    assert template() == example.read_text("utf-8")


@pytest.mark.parametrize(
    "text, changed",
    [
        ("", "USER_ACCOUNT=hablab\nIFCB_DATA_DIR='/data of ours'\n"),
        (
            "# mine\n\nUSER_ACCOUNT=x\nIFCB_DATA_DIR=/y",
            "# mine\n\nUSER_ACCOUNT=hablab\nIFCB_DATA_DIR='/data of ours'\n",
        ),
        ("A=1\n# b\n", "A=1\n# b\nUSER_ACCOUNT=hablab\nIFCB_DATA_DIR='/data of ours'\n"),
        ("A=1", "A=1\nUSER_ACCOUNT=hablab\nIFCB_DATA_DIR='/data of ours'\n"),
        (
            "\n#IFCB_DATA_DIR=/data/ifcb\nUSER_ACCOUNT=x # ours\nB=2\n",
            "\nIFCB_DATA_DIR='/data of ours'\nUSER_ACCOUNT=hablab # ours\nB=2\n",
        ),
        (
            "export USER_ACCOUNT='x # y'\r\nIFCB_DATA_DIR=\r\n",
            "export USER_ACCOUNT=hablab\r\nIFCB_DATA_DIR='/data of ours'\r\n",
        ),
        (
            "USER_ACCOUNT=x\n#IFCB_DATA_DIR=/a\nIFCB_DATA_DIR=/b\nUSER_ACCOUNT=z\n",
            "USER_ACCOUNT=hablab\n#IFCB_DATA_DIR=/a\nIFCB_DATA_DIR='/data of ours'\nUSER_ACCOUNT=hablab\n",
        ),
    ],
)
def test_values_are_changed_in_their_place_and_nothing_else_is(text: str, changed: str) -> None:
    assert with_values(text, {"USER_ACCOUNT": "hablab", "IFCB_DATA_DIR": "/data of ours"}) == changed


def test_in_the_template_each_value_takes_the_place_of_its_example() -> None:
    before = template().splitlines()
    after = with_values(template(), {"USER_ACCOUNT": "hablab", "TIME_SERIES": "nauset"}).splitlines()
    assert len(after) == len(before)
    assert [line for line in after if line not in before] == ["USER_ACCOUNT=hablab", "TIME_SERIES=nauset"]


@pytest.mark.parametrize(
    "value, line",
    [
        (
            "D:\\",
            "X=D:\\",
        ),  # between quotation marks some readers take the backslash for a part of the second one
        ("C:\\new # bins", "X='C:\\\\new # bins'"),
        ("it's", "X=it's"),
        ("/data of ours", "X='/data of ours'"),
    ],
)
def test_a_value_is_written_so_that_every_reader_takes_it_for_the_same(value: str, line: str) -> None:
    assert with_values("", {"X": value}) == line + "\n"


def test_no_remark_stays_behind_an_empty_value_because_some_readers_take_it_for_the_value() -> None:
    assert with_values("X=a # of the key\n", {"X": ""}) == "X=\n"


_names = st.sampled_from(["USER_ACCOUNT", "TIME_SERIES", "X", "AWS_SECRET_ACCESS_KEY"])
_values = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20).map(str.strip)
_lines = st.one_of(
    st.builds("{}={}".format, _names, st.sampled_from(["1", "'a # b'", '"c\\n"', "d # e", ""])),
    st.builds("#{}={}".format, _names, _values),
    st.sampled_from(["", "# a remark", "export X=1", "X", "   "]),
)


@given(st.lists(_lines, max_size=8), st.sampled_from(["\n", "\r\n"]), st.dictionaries(_names, _values))
@example(["X=1"], "\n", {"X": "it's C:\\\\server\\new # 'folder'"})
def test_what_was_changed_is_read_back_and_the_rest_is_as_it_was(
    lines: list[str], line_end: str, values: dict[str, str]
) -> None:
    text = line_end.join(lines)
    changed = with_values(text, values)
    assert values_of("f", changed) == {**values_of("f", text), **values}
    assert with_values(changed, values) == changed
