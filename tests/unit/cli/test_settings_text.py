"""Other values in a settings file, and all else in it as it was."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.places import REPOSITORY

from ifcbscan.cli.settings_text import template, with_values
from ifcbscan.env_file import values_of

pytestmark = pytest.mark.windows_core


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


@pytest.mark.parametrize(
    "line, changed",
    [
        ("X='#' # of the key", "X=new # of the key"),
        ("X='a # b' # of the key", "X=new # of the key"),
        ("X=a#b # of # the key", "X=new # of # the key"),
        ("X='a # b'", "X=new"),
        ("X='a # b\nc' # of the key", "X=new # of the key"),
        ("X='a\nb # c'", "X=new"),
    ],
)
def test_a_remark_behind_the_value_stays_also_where_the_value_has_a_number_sign(
    line: str, changed: str
) -> None:
    assert with_values(line + "\n", {"X": "new"}) == changed + "\n"


_names = st.sampled_from(["USER_ACCOUNT", "TIME_SERIES", "X", "AWS_SECRET_ACCESS_KEY"])
_values = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20).map(str.strip)
_lines = st.one_of(
    st.builds(
        "{}={}".format,
        _names,
        st.sampled_from(["1", "'a # b'", "'a # b' # c", '"c\\n"', "d # e", "d#e # it's", ""]),
    ),
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
