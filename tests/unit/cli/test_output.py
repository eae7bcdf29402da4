"""Results on stdout: a line is one line, whatever is in it."""

from __future__ import annotations

import pytest

from ifcbscan.cli import output


def test_a_line_of_a_result_is_one_line_and_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    output.result("one\ntwo \x1b[31m", "three")
    output.result_json({"name": "\x1b\u202e\udce9ü\x7f\x9b"})
    output.result_checked(False, "folder\rok")
    printed = capsys.readouterr().out
    assert printed.startswith("one\\ntwo \\x1b[31m\nthree\n{")
    assert printed.endswith("\nNOT  folder\\rok\n")
    assert printed.isascii() if hasattr(printed, "isascii") else printed.encode("ascii")
