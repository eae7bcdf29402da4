"""What a bundle for the maintainers may not hold: however it is written, it is taken out, and what helps them stays."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.parse

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
from ifcbscan.cli.settings_text import template
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


HIDDEN = "set, not shown because it may hold a secret"


@pytest.mark.parametrize(
    "line",
    [
        "# old key: AWS_SECRET_ACCESS_KEY: hunter2222",
        "#hunter2222",
        "hunter2222  # the old one",
        "# AWS_SECRET_ACCESS_KEY hunter2222",
        "AWS_SECRET_ACCESS_KEY\thunter2222",
        "AWS_SECRET_ACCESS_KEY: hunter2222",
        "set AWS_SECRET_ACCESS_KEY=hunter2222",
        "$env:AWS_SECRET_ACCESS_KEY='hunter2222'",
        "export AWS_SECRET_ACCESS_KEY='hunter2222'; x",
        'AWS_SECRET_ACCESS_KEY="hunter2222"x',
        "AWS_SECRET_ACCESS_KEY=hunter2222#c",
        "AWS_SECRET_ACCESS_KEY=newer # before: hunter2222",
        "USER_ACCOUNT=hablab AWS_SECRET_ACCESS_KEY=hunter2222",
        "USER_ACCOUNT=hablab AWS_SECRET_ACCESS_KEY: hunter2222",
        "USER_ACCOUNT=hablab MINE=hunter2222",
        "PING_URL=https://h/ping/hunter2222/start",
        "PING_URL=h/ping/hunter2222/start",
        "HTTPS_PROXY=me:hunter2222@proxy:3128",
        "S3_ENDPOINT_URL=me:hunter2222@host:9000",
        "DASHBOARD_URL=https:/me:hunter2222@host",
        "S3_ENDPOINT_URL=https ://me:hunter2222@host",
        "S3_ENDPOINT_URL=https://host/?token=hunter2222",
    ],
)
def test_the_key_of_a_line_that_is_not_written_as_it_should_be_is_taken_out(line: str) -> None:
    mask = Mask(secrets_of_settings(f"{line}\n"))
    for told in ("hunter2222", "me:hunter2222@proxy", "a hunter2222, b"):
        assert "hunter2222" not in mask(told)


@pytest.mark.parametrize(
    "line",
    [
        "S3_ENDPOINT_URL=me:hunter2222@host:9000",
        "S3_ENDPOINT_URL=https:/me:hunter2222@host",
        "S3_ENDPOINT_URL=//me:hunter2222@host",
        "S3_ENDPOINT_URL=https ://me:hunter2222@host",
        "S3_ENDPOINT_URL=https\\://me:hunter2222@host",
        "S3_ENDPOINT_URL=host/?token=hunter2222",
        "S3_ENDPOINT_URL=https://me:hunter2222@host",
        "DASHBOARD_URL=https://host/#hunter2222",
        "DASHBOARD_URL=admin:hunter2222@habon",
        "AWS_CA_BUNDLE=x:hunter2222@h",
        "TIME_SERIES=# key hunter2222",
        "USER_ACCOUNT=hablab AWS_SECRET_ACCESS_KEY=hunter2222",
        "IFCB_DATA_DIR=/data AWS_SECRET_ACCESS_KEY=hunter2222",
        "EXCLUDE_DIRS=bad AWS_SECRET_ACCESS_KEY=hunter2222",
        "SETTLE_SECONDS=60 hunter2222",
        "MAX_BANDWIDTH=hunter2222",
        "MAX_DAILY=hunter2222",
        "AWS_REGION=us-east-1 hunter2222",
    ],
)
def test_a_setting_is_shown_only_if_it_is_what_it_should_be(line: str) -> None:
    name, _, value = line.partition("=")
    for lines in (settings_lines({name: value}, {}), settings_lines({}, {name: value})):
        assert f"{name}: {HIDDEN} (in the " in "\n".join(lines)


def test_what_else_of_the_environment_counts_is_told_without_its_secrets() -> None:
    environ = {
        "HTTPS_PROXY": "me:hunter2222@proxy.example.org:3128",
        "http_proxy": "http://me:hunter 2222",
        "no_proxy": "localhost,.example.org",
        "SSL_CERT_FILE": "/etc/ssl/ours.pem",
    }
    assert list(settings_lines({}, environ))[len(SETTINGS) :] == [
        "HTTPS_PROXY: proxy.example.org:3128 (in the environment)",
        f"http_proxy: {HIDDEN} (in the environment)",
        "no_proxy: localhost,.example.org (in the environment)",
        "SSL_CERT_FILE: /etc/ssl/ours.pem (in the environment)",
    ]
    mask = Mask(secrets_of_environment(environ))
    for line in ("proxy.example.org:3128", "localhost"):
        assert mask(line) == line


def test_a_secret_is_taken_out_however_a_program_has_written_it() -> None:
    secret = "pä55/w+rd x"
    mask = Mask([secret])
    for told in (
        urllib.parse.quote(secret).lower(),
        urllib.parse.quote(secret, safe="").lower(),
        urllib.parse.quote_plus(secret),
        base64.b64encode(secret.encode()).decode(),
        repr(secret.encode()),
    ):
        assert MASKED in mask(told) and len(mask(told)) < 14
    proxy = Mask(secrets_of_environment({"HTTPS_PROXY": "http://me:pw1@proxy:1"}))
    assert proxy("Basic " + base64.b64encode(b"me:pw1").decode()) == f"Basic {MASKED}"


def test_a_short_secret_is_taken_out_as_a_word_and_not_out_of_words() -> None:
    mask = Mask(secrets_of_settings("AWS_SECRET_ACCESS_KEY=part\nDEBUG=scan\n"))
    assert mask("part (part) parts apart scan") == f"{MASKED} ({MASKED}) parts apart scan"


def test_the_settings_file_as_it_comes_hides_nothing_but_its_placeholders() -> None:
    mask = Mask(secrets_of_settings(template()))
    told = template().replace("your-access-key-id", MASKED).replace("your-secret-access-key", MASKED)
    assert mask(told) == Mask(())(told)


def test_a_text_of_any_length_is_masked_at_once() -> None:
    # With time in the square of the length it would take hours.
    code = (
        "from ifcbscan.cli.masking import Mask, secrets_of_settings, without_secrets\n"
        "for piece in ('a', '/', '//a', 'a/', 'AKIA', '://a', 'aA1/'):\n"
        "    Mask(['secret'])(piece * 400000)\n"
        "for piece in ('a', ' ', 'key=', 'a b=c ', '@/', '://', '#'):\n"
        "    list(secrets_of_settings(piece * 50000)), without_secrets(piece * 50000)\n"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)


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
        ("secret=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", f"secret={MASKED}"),
        ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY.", f"{MASKED}."),
        ("a-wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY_", f"a-{MASKED}_"),
        ("//wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", f"//{MASKED}"),
        ("=/Jalr1UtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", f"={MASKED}"),
        ("x_AKIAIOSFODNN7EXAMPLE", f"x_{MASKED}"),
        (
            "our-f/ifcb12/2026/D20260601/D20260601T120031_IFCB199",
            "our-f/ifcb12/2026/D20260601/D20260601T120031_IFCB199",
        ),
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
    settings = (
        "USER_ACCOUNT=hablab\nIFCB_DATA_DIR=/data/ifcb\n#MAX_BANDWIDTH=08:00,200K\n\n# a note\nDEBUG=1\n"
    )
    text = "hablab: /data/ifcb, 08:00,200K, 1 a note"
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
    assert mask(f"through {address}") == "through http://proxy.example.org:3128/..."
    assert without_secrets(address) == "http://proxy.example.org:3128/..."


def test_one_secret_that_begins_like_another_leaves_no_rest() -> None:
    assert Mask(["abcdef", "abcdefghi"])("abcdefghi abcdef") == f"{MASKED} {MASKED}"


def test_each_setting_has_its_line_and_only_what_is_known_as_harmless_is_shown_by_value() -> None:
    right = {
        "USER_ACCOUNT": "hablab",
        "IFCB_DATA_DIR": "C:\\ifcb data",
        "EXCLUDE_DIRS": "skip, beads",
        "SETTLE_SECONDS": "60",
        "CONFIRM_SECONDS": "30s",
        "DELETABLE_AFTER": "24h",
        "EXPECT_EVERY": "2h",
        "MAX_BANDWIDTH": "08:00,200K 20:00,off",
        "MAX_DAILY": "1G",
        "METRICS_DIR": "/var/lib/metrics",
        "BUCKET_NAME": "ifcb-data-sharer.files",
        "AWS_REGION": "us-east-1",
        "S3_ENDPOINT_URL": "https://s3.example.org:9000",
        "AWS_CA_BUNDLE": "/etc/ours.pem",
        "DASHBOARD_URL": "http://[::1]:8000/",
    }
    in_file = {**dict.fromkeys(SETTINGS, "VALUE"), **right, "AWS_SECRET_KEY": "VALUE", "TIME_SERIES": ""}
    lines = list(settings_lines(in_file, {"TIME_SERIES": "nauset"}))
    assert right.keys() == set(SHOWN) - {"TIME_SERIES"} and "VALUE" not in "".join(lines)
    for name, value in right.items():
        assert f"{name}: {value.rstrip('/')} (in the file)" in lines
    line = "DASHBOARD_URL: https://d.example.org/... (in the file)"
    assert line in settings_lines({"DASHBOARD_URL": "https://d.example.org/x/y"}, {})
    assert "TIME_SERIES: not set" in lines and "PING_URL: set (in the file)" in lines
    assert lines[-1] == "other lines in the file: 1"
    assert "TIME_SERIES: nauset (in the environment)" in settings_lines({}, {"TIME_SERIES": "nauset"})


def test_no_name_of_a_secret_is_among_those_that_are_shown() -> None:
    secret = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PING_URL"}
    assert set(SETTINGS) - set(SHOWN) == secret


@pytest.mark.parametrize("name", ["IFCB_DATA_DIR", "USER_ACCOUNT", "TIME_SERIES", "METRICS_DIR"])
def test_a_key_under_the_name_of_something_else_is_taken_out_of_what_was_made_of_it(name: str) -> None:
    key = "wJalrXUtnFEMI7K7MDENGbPxRfiCYEXAMPLEKEY1"  # 40 characters
    mask = Mask(secrets_of_settings(f"{name}={key}\n"))
    for text in (
        f"{name}={key}",
        f"The data folder /cwd/{key} does not exist",
        f"what lies below {key}/ in it",
    ):
        assert key not in mask(text)
