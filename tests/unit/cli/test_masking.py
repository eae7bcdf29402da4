"""What a bundle for the maintainers may not hold: however it is written, it is taken out, and what helps them stays."""

from __future__ import annotations

import json

import pytest

from ifcbscan.cli.masking import (
    MASKED,
    SHOWN,
    Mask,
    secrets_of_environment,
    secrets_of_settings,
    settings_lines,
    without_secrets,
)
from ifcbscan.config import SETTINGS

pytestmark = pytest.mark.windows_core

SECRET = "wJalr'XUtn\"FEMI/K7 MDENG+b$x"


@pytest.mark.parametrize(
    "line",
    [
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"export AWS_SECRET_ACCESS_KEY = {SECRET}  # of the lab",
        f"#AWS_SECRET_ACCESS_KEY={SECRET}",
        f"  # AWS_SECRET_ACCESS_KEY={SECRET}",
        f"AWS_SECRET_KEY={SECRET}",
        "AWS_SECRET_ACCESS_KEY='" + SECRET.replace("'", "\\'") + "'",
        'AWS_SECRET_ACCESS_KEY="' + SECRET.replace('"', '\\"') + '"',
        f"AWS_SECRET_ACCESS_KEY='{SECRET}",  # a quote that does not end
        f"USER_ACCOUNT=hablab\r\n{SECRET}\r\n",
        f"PING_URL=https://me:{SECRET}@ping.example.org/",
        f"S3_ENDPOINT_URL=https://me:{SECRET}@s3.example.org",
    ],
)
@pytest.mark.parametrize("told", [SECRET, f"x{SECRET}y", json.dumps({"a": SECRET}), repr([SECRET])], ids=str)
def test_a_secret_is_taken_out_however_it_stands_in_the_settings_and_in_the_text(
    line: str, told: str
) -> None:
    masked = Mask(secrets_of_settings(line))(told)
    assert MASKED in masked and "FEMI" not in masked and "XUtn" not in masked


def test_a_secret_over_several_lines_is_taken_out() -> None:
    mask = Mask(secrets_of_settings('TOKEN="first-half\nsecond-half"\n'))
    assert mask("a first-half b second-half c") == f"a {MASKED} b {MASKED} c"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://ping.example.org/abc-def/start", "https://ping.example.org/..."),
        ("at http://me:pass/wo@rd@proxy.example.org:3128 it", "at http://proxy.example.org:3128 it"),
        ("https://[::1]:9000/a?b#c", "https://[::1]:9000/..."),
        ("http://me:pass word", "http://me/... word"),
        ("https://s3.example.org?token=x", "https://s3.example.org/..."),
        ("'https://s3.example.org/'", "'https://s3.example.org/..."),
        ("https://s3.example.org/ answers", "https://s3.example.org answers"),
        ("key AKIAIOSFODNN7EXAMPLE.", f"key {MASKED}."),
        ("account wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY (?)", f"account {MASKED} (?)"),
        (
            "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "commit da39a3ee5e6b4b0d3255bfef95601890afd80709",
        ),
        ("/data/ifcb/2026 and C:\\ifcb", "/data/ifcb/2026 and C:\\ifcb"),
    ],
)
def test_of_an_address_only_the_server_is_left_and_nothing_of_what_looks_like_a_key(
    text: str, masked: str
) -> None:
    assert Mask(())(text) == masked


def test_what_is_no_secret_stays_readable() -> None:
    settings = "USER_ACCOUNT=hablab\nIFCB_DATA_DIR=/data/ifcb\n#EXPECT_EVERY=2h2h2h\n\n# a note\nDEBUG=1\n"
    text = "hablab: /data/ifcb, 2h2h2h, 1 a note"
    assert Mask(secrets_of_settings(settings))(text) == text
    assert (
        Mask(secrets_of_environment({"HOME": "/home/ifcb", "PWD": "/home/ifcb"}))("/home/ifcb")
        == "/home/ifcb"
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AWS_SESSION_TOKEN", "FwoGZXIvYXdz", "FwoGZXIvYXdz"),
        ("MY_API_KEY", "abcdef", "abcdef"),
        ("https_proxy", "http://me:geheim%21@proxy.example.org:3128", "me:geheim!"),
        ("HTTP_PROXY", "me:geheim@proxy.example.org:3128", "me:geheim@proxy.example.org:3128"),
        ("PING_URL", "https://hc.example.org/ping/8b1f-c1e0-a2d4?rid=1", "check 8b1f-c1e0-a2d4 failed"),
        ("PING_URL", "https://hc.example.org/abcdef", "check abcdef failed"),
    ],
)
def test_secrets_of_the_environment_are_taken_out(name: str, value: str, told: str) -> None:
    assert MASKED in Mask(secrets_of_environment({name: value}))(told)


def test_a_short_password_with_a_space_is_taken_out_of_an_address() -> None:
    address = "http://u:p w@proxy.example.org:3128/x y"
    mask = Mask(secrets_of_environment({"HTTPS_PROXY": address}))
    assert mask(f"through {address}") == "through http://proxy.example.org:3128/... y"
    assert without_secrets(address) == "http://proxy.example.org:3128/..."
    line = "S3_ENDPOINT_URL: http://proxy.example.org:3128/... (in the file)"
    assert line in list(settings_lines({"S3_ENDPOINT_URL": address}, {}))


def test_one_secret_that_begins_like_another_leaves_no_rest() -> None:
    assert Mask(["abcdef", "abcdefghi"])("abcdefghi abcdef") == f"{MASKED} {MASKED}"


def test_each_setting_has_its_line_and_only_what_is_known_as_harmless_is_shown_by_value() -> None:
    in_file = {**dict.fromkeys(SETTINGS, "VALUE"), "AWS_SECRET_KEY": "VALUE", "TIME_SERIES": ""}
    lines = list(settings_lines(in_file, {"TIME_SERIES": "nauset"}))
    assert {line.partition(":")[0] for line in lines if "VALUE" in line} == set(SHOWN) - {"TIME_SERIES"}
    assert "TIME_SERIES: not set" in lines and "PING_URL: set (in the file)" in lines
    assert lines[-1] == "other lines in the file: 1"
    assert "TIME_SERIES: nauset (in the environment)" in settings_lines({}, {"TIME_SERIES": "nauset"})


def test_no_name_of_a_secret_is_among_those_that_are_shown() -> None:
    secret = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PING_URL"}
    assert set(SETTINGS) - set(SHOWN) == secret
