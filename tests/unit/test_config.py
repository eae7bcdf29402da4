"""The `.env` file: read as people write it, checked, and never shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.places import REPOSITORY

from ifcbscan.config import (
    DEFAULT_BUCKET,
    DEFAULT_DASHBOARD,
    Config,
    load,
    only_in_environment,
)
from ifcbscan.core.timetable import parse_timetable
from ifcbscan.errors import ConfigError, ExitCode

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FQoGZXIvYXdzEJr//////////example=="
MINIMUM = f"AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\nUSER_ACCOUNT=hablab\n"

pytestmark = pytest.mark.windows_core


def _load(path: Path, text: str | bytes, environ: dict[str, str] | None = None) -> Config:
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return load(str(path), environ or {})


def _refusal(path: Path, text: str | bytes, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(path, text, environ)
    message = str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
    assert "\n" not in message
    assert SECRET not in message and KEY_ID not in message and TOKEN not in message
    return message


def test_three_values_are_enough_and_the_rest_has_defaults(env_path: Path) -> None:
    config = _load(env_path, MINIMUM)
    assert (config.access_key_id, config.secret_access_key, config.session_token) == (KEY_ID, SECRET, None)
    assert (config.account, config.bucket, config.region) == ("hablab", DEFAULT_BUCKET, "us-east-1")
    assert (config.endpoint_url, config.dashboard_url) == (None, DEFAULT_DASHBOARD)
    assert (config.data_dir, config.time_series, config.max_bandwidth) == (None, None, None)
    assert (config.settle, config.confirm, config.deletable_after) == (60.0, 30.0, 86400.0)
    assert config.exclude_dirs == ("skip", "beads", "bad") and config.expect_every is None
    assert (config.env_file, config.warnings) == (str(env_path), ())


def test_every_optional_value_is_read(env_path: Path) -> None:
    config = _load(
        env_path,
        MINIMUM
        + f"AWS_SESSION_TOKEN={TOKEN}\nIFCB_DATA_DIR=/home/ifcb/ifcbdata\nTIME_SERIES=nauset\n"
        + "BUCKET_NAME=other\nAWS_REGION=eu-north-1\nS3_ENDPOINT_URL=https://s3.example.org\n"
        + "DASHBOARD_URL=https://dashboard.example.org/\nSETTLE_SECONDS=2m\nCONFIRM_SECONDS=0\n"
        + "DELETABLE_AFTER=3d\nEXPECT_EVERY=2h\n"
        + "MAX_BANDWIDTH=500K\nMAX_DAILY=1G\nEXCLUDE_DIRS= skip , my beads,,\nPING_URL=https://ping.example.org/1\n"
        + "METRICS_DIR=/srv/metrics\n",
    )
    assert (config.session_token, config.data_dir, config.time_series) == (
        TOKEN,
        "/home/ifcb/ifcbdata",
        "nauset",
    )
    assert (config.bucket, config.region, config.endpoint_url) == (
        "other",
        "eu-north-1",
        "https://s3.example.org",
    )
    assert config.dashboard_url == "https://dashboard.example.org"
    assert config.max_daily == 1e9
    assert (config.settle, config.confirm, config.max_bandwidth) == (120.0, 0.0, parse_timetable("500K", ""))
    assert (config.deletable_after, config.expect_every) == (3 * 86400.0, 7200.0)
    assert config.exclude_dirs == ("skip", "my beads")
    assert config.ping_url == "https://ping.example.org/1"
    assert config.metrics_dir == "/srv/metrics"


@pytest.mark.parametrize(
    "text, names",
    [
        ("beads/,bad", ("beads", "bad")),
        ("Bob's tests, bad (old)", ("Bob's tests", "bad (old)")),
        ("", ()),
    ],
)
def test_names_of_folders_to_leave_out(env_path: Path, text: str, names: tuple[str, ...]) -> None:
    assert _load(env_path, MINIMUM + f"EXCLUDE_DIRS={text}\n").exclude_dirs == names


@pytest.mark.parametrize(
    "text", ["2013/bad", "beads;bad", "['beads','bad']", "'beads'", "/data/beads", "./bad", "bad*", "a\\\\b"]
)
def test_what_is_no_name_of_a_folder_would_leave_out_none_and_is_refused(env_path: Path, text: str) -> None:
    message = _refusal(env_path, MINIMUM + f'EXCLUDE_DIRS="{text}"\n')
    assert (
        "EXCLUDE_DIRS: " in message and "is no name of a folder" in message and "Nothing was sent." in message
    )


@pytest.mark.parametrize(
    "text",
    [
        MINIMUM.encode("utf-8-sig"),
        MINIMUM.replace("\n", "\r\n").encode("utf-8"),
        MINIMUM.replace("\n", "\r\n").encode("utf-8-sig"),
        MINIMUM.encode("utf-16"),
        b"\xfe\xff" + MINIMUM.encode("utf-16-be"),
        MINIMUM.replace("\n", "\r\n").encode("utf-16"),
        MINIMUM.rstrip("\n").encode(),
        ("# Schlüssel für das Archiv: été\n\n" + MINIMUM).encode(),
        MINIMUM.replace("=", " = ", 3).replace("\n", "  \n").encode(),
        MINIMUM.replace("AWS", "export AWS").encode(),
        MINIMUM.replace(SECRET, f'"{SECRET}"').replace(KEY_ID, f"'{KEY_ID}'").encode(),
    ],
    ids=[
        "byte-order mark",
        "CRLF",
        "byte-order mark and CRLF",
        "UTF-16 with a mark",
        "UTF-16 big endian",
        "UTF-16 and CRLF",
        "no final newline",
        "comment and empty line",
        "spaces",
        "export",
        "quotes",
    ],
)
def test_a_file_is_read_as_every_editor_writes_it(env_path: Path, text: bytes) -> None:
    config = _load(env_path, text)
    assert (config.access_key_id, config.secret_access_key, config.account) == (KEY_ID, SECRET, "hablab")


def test_the_folder_of_the_metrics_is_a_whole_path_because_scheduled_scans_run_elsewhere(
    env_path: Path,
) -> None:
    assert "METRICS_DIR names metrics, which is no whole path" in _refusal(
        env_path, (MINIMUM + "METRICS_DIR=metrics\n").encode()
    )
    assert _load(env_path, MINIMUM + "METRICS_DIR=' '\n").metrics_dir is None
    home = _load(env_path, MINIMUM + "METRICS_DIR=~/metrics\n").metrics_dir
    assert home == os.path.expanduser("~/metrics")


@pytest.mark.parametrize("secret", ["pa$HOME/x", "a${AWS_ACCESS_KEY_ID}b", "a+b/c=d==", "$$", "a#b", "%41%"])
def test_a_secret_is_taken_as_it_stands(env_path: Path, secret: str) -> None:
    assert _load(env_path, MINIMUM.replace(SECRET, secret), {"HOME": "/root"}).secret_access_key == secret


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b"AWS_ACCESS_KEY_ID=\xe9\xe8\n", b"\x89PNG\r\n\x1a\n\xff"])
def test_a_file_that_is_no_text_is_refused_with_its_name(env_path: Path, text: bytes) -> None:
    message = _refusal(env_path, text)
    assert str(env_path) in message and "save it as UTF-8" in message


def test_a_value_of_the_file_beats_the_same_name_in_the_environment(env_path: Path) -> None:
    config = _load(
        env_path,
        MINIMUM + "AWS_REGION=us-east-1\n",
        {"USER_ACCOUNT": "somebody", "AWS_REGION": "ap-south-1", "BUCKET_NAME": "fromenvironment"},
    )
    assert (config.account, config.region, config.bucket) == ("hablab", "us-east-1", "fromenvironment")


def test_a_session_token_of_somebody_elses_is_not_mixed_with_the_files_keys(env_path: Path) -> None:
    config = _load(env_path, MINIMUM, {"AWS_SESSION_TOKEN": TOKEN})
    assert config.session_token is None


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_half_of_the_credentials_is_not_completed_from_the_environment(env_path: Path, missing: str) -> None:
    lines = [line for line in MINIMUM.splitlines(keepends=True) if not line.startswith(missing)]
    message = _refusal(env_path, "".join(lines), {missing: "AKIAOTHER"})
    assert f"does not set {missing}." in message


def test_credentials_may_come_whole_from_the_environment(env_path: Path) -> None:
    environ = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
    }
    config = _load(env_path, "USER_ACCOUNT=hablab\n", environ)
    assert (config.access_key_id, config.secret_access_key, config.session_token) == (KEY_ID, SECRET, TOKEN)


def test_blanks_around_a_value_of_the_environment_do_not_count() -> None:
    environ = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": f" {SECRET} ", "USER_ACCOUNT": "hablab"}
    config = load(None, {**environ, "AWS_REGION": "us-east-1 "})
    assert (config.region, config.secret_access_key) == ("us-east-1", SECRET)


def test_no_file_is_needed_where_the_environment_says_it_all() -> None:
    environ = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "USER_ACCOUNT": "hablab"}
    assert load(None, environ).env_file is None


def test_without_a_file_the_message_says_where_one_is_looked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {})
    message = str(caught.value)
    assert "No .env file found" in message and "ifcbscan setup" in message
    assert DEFAULT_DASHBOARD in message


@pytest.mark.parametrize("value", ["", "   ", "''"])
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT"])
def test_an_empty_value_is_a_missing_one(env_path: Path, name: str, value: str) -> None:
    message = _refusal(env_path, MINIMUM + f"{name}={value}\n")
    assert f"does not set {name}." in message


def test_all_missing_values_are_named_at_once(env_path: Path) -> None:
    message = _refusal(env_path, "# nothing yet\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT"):
        assert name in message
    assert "Nothing was sent." in message


@pytest.mark.parametrize(
    "placeholder",
    [
        "your_access_key",
        "your-secret-key",
        "YOUR ACCOUNT",
        "<secret>",
        "xxxxxxxx",
        "...",
        "changeme",
        "change-me",
    ],
)
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "USER_ACCOUNT"])
def test_a_placeholder_is_refused_with_a_line_that_says_where_to_get_real_values(
    env_path: Path, name: str, placeholder: str
) -> None:
    message = _refusal(env_path, MINIMUM + f'{name}="{placeholder}"\n')
    assert "placeholder" in message and name in message and DEFAULT_DASHBOARD in message


def test_a_file_far_larger_than_settings_are_is_refused_and_not_read_into_memory(env_path: Path) -> None:
    """A sparse file of 20 GB ended in a MemoryError."""
    with env_path.open("wb") as file:
        file.truncate(20 << 30)
    with pytest.raises(ConfigError) as raised:
        load(str(env_path), {})
    assert str(raised.value) == (
        f"{env_path} cannot be read: it is too large for what it should be. Nothing was sent."
    )


def test_the_example_file_as_it_comes_is_refused(env_path: Path) -> None:
    example = REPOSITORY / ".env.example"
    message = _refusal(env_path, example.read_bytes())
    assert "placeholder" in message or "does not set" in message


@pytest.mark.parametrize(
    "account", ["../other", "a/b", "hab lab", "..", ".", "a\\b", "häb", "a" * 65, "hablab/"]
)
def test_an_account_that_could_leave_its_prefix_is_refused(env_path: Path, account: str) -> None:
    message = _refusal(env_path, MINIMUM + f"USER_ACCOUNT='{account}'\n")
    assert message == (
        f"{env_path}: USER_ACCOUNT cannot be an account name (letters, digits, '.', '_' and '-'). The value is not shown, because "
        "it may hold a secret. Nothing was sent."
    )


@pytest.mark.parametrize(
    "first", ["USER_ACCOUNT=hablab", "IFCB_DATA_DIR=/data", "METRICS_DIR=data", "AWS_CA_BUNDLE='/x"]
)
def test_two_settings_on_one_line_are_refused_and_neither_is_shown(env_path: Path, first: str) -> None:
    name, _, value = first.partition("=")
    message = _refusal(
        env_path, MINIMUM + f"{first} AWS_SECRET_ACCESS_KEY={SECRET}{chr(39) if chr(39) in value else ''}\n"
    )
    assert message == (
        f"{env_path}: AWS_SECRET_ACCESS_KEY is on the line of {name}. Write each setting on a line of its own. Nothing was sent."
    )


def test_a_word_that_is_no_other_setting_may_stand_behind_a_sign(env_path: Path) -> None:
    config = _load(env_path, MINIMUM + "PING_URL=https://h/?TIME_SERIES=x\nIFCB_DATA_DIR='/data a=b'\n")
    assert (config.ping_url, config.data_dir) == ("https://h/?TIME_SERIES=x", "/data a=b")


@pytest.mark.parametrize("name", ["METRICS_DIR", "AWS_CA_BUNDLE"])
def test_the_password_of_an_address_in_the_place_of_a_path_is_not_shown(env_path: Path, name: str) -> None:
    message = _refusal(env_path, MINIMUM + f"{name}=https://me:{SECRET}@host\n")
    assert f"{name} names https://host" in message


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("SETTLE_SECONDS=soon", "SETTLE_SECONDS"),
        ("SETTLE_SECONDS=nan", "SETTLE_SECONDS"),
        ("CONFIRM_SECONDS=-5", "CONFIRM_SECONDS"),
        ("DELETABLE_AFTER=tomorrow", "DELETABLE_AFTER"),
        ("DELETABLE_AFTER=24", "DELETABLE_AFTER"),
        ("EXPECT_EVERY=2", "EXPECT_EVERY"),
        ("EXPECT_EVERY=0", "EXPECT_EVERY"),
        ("EXPECT_EVERY=often", "EXPECT_EVERY"),
        ("CONFIRM_SECONDS=inf", "CONFIRM_SECONDS"),
        ("CONFIRM_SECONDS=30 seconds", "CONFIRM_SECONDS"),
        ("MAX_BANDWIDTH=fast", "MAX_BANDWIDTH"),
        ("MAX_BANDWIDTH=0", "MAX_BANDWIDTH"),
        ("MAX_BANDWIDTH=nan", "MAX_BANDWIDTH"),
        ("MAX_DAILY=much", "MAX_DAILY"),
        ("MAX_BANDWIDTH=08:00,200K 25:00,2M", "MAX_BANDWIDTH"),
        ("S3_ENDPOINT_URL=s3.example.org", "S3_ENDPOINT_URL"),
        ("S3_ENDPOINT_URL=ftp://s3.example.org", "S3_ENDPOINT_URL"),
        ("S3_ENDPOINT_URL=https://", "S3_ENDPOINT_URL"),
        ("DASHBOARD_URL=habon-ifcb.whoi.edu", "DASHBOARD_URL"),
    ],
)
def test_an_optional_value_that_makes_no_sense_is_refused_by_name_and_file(
    env_path: Path, line: str, name: str
) -> None:
    message = _refusal(env_path, MINIMUM + line + "\n")
    assert message.startswith(f"{env_path}: {name}") and message.endswith(". Nothing was sent.")


@pytest.mark.parametrize("name", ["S3_ENDPOINT_URL", "DASHBOARD_URL"])
@pytest.mark.parametrize(
    "address",
    [
        "https://captain:hunter2hunter2@s3.example.org",
        "https://hunter2hunter2@s3.example.org",
        "https://captain:hunter2/hunter2@s3.example.org",
        "https://captain:hunter2@hunter2@s3.example.org",
        "https://captain:hunter2%40@s3.example.org/",
        "http://captain:hunter2#hunter2@127.0.0.1:9000",
        "https://s3.example.org/?token=hunter2hunter2",
        "https://s3.example.org#hunter2hunter2",
        "captain:hunter2hunter2@s3.example.org",
    ],
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(env_path: Path, name: str, address: str) -> None:
    message = _refusal(env_path, MINIMUM + f"{name}='{address}'\n")
    assert message.startswith(f"{env_path}: {name} must ") and message.endswith(". Nothing was sent.")
    assert "hunter2" not in message and "captain" not in message


@pytest.mark.parametrize(
    "environ",
    [
        {"SETTLE_SECONDS": "soon"},
        {"MAX_BANDWIDTH": "fast"},
        {"S3_ENDPOINT_URL": "s3.example.org"},
        {"DASHBOARD_URL": "habon"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_a_value_of_the_environment_that_makes_no_sense_is_not_blamed_on_the_file(
    env_path: Path, environ: dict[str, str]
) -> None:
    (name,) = environ
    message = _refusal(env_path, MINIMUM, environ)
    assert message.startswith(f"The environment: {name}") and message.endswith(". Nothing was sent.")
    assert str(env_path) not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SETTLE_SECONDS='60\n" + MINIMUM, 1),
        (MINIMUM + 'TIME_SERIES="nauset\n', 4),
        (MINIMUM + "\n  \n\nTIME_SERIES='nauset\n", 7),
        (MINIMUM.replace("\n", "\r\n") + "\r\nTIME_SERIES='nauset\r\n", 5),
        (MINIMUM + "TIME_SERIES nauset\n", 4),
        (MINIMUM + "TIME_SERIES='nauset' harbour\n", 4),
        (MINIMUM + f"=\nAWS_SESSION_TOKEN='{TOKEN}\n", 4),
        (MINIMUM.replace(f"KEY={SECRET}", f"KEY='{SECRET}"), 2),
    ],
)
def test_a_line_that_cannot_be_understood_is_refused_by_its_number_and_not_shown(
    env_path: Path,
    text: str,
    line: int,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = _refusal(env_path, text)
    assert message.startswith(f"{env_path}, line {line}, cannot be understood")
    assert message.endswith(" Nothing was sent.") and "nauset" not in message
    assert capfd.readouterr() == ("", "") and not caplog.records


@pytest.mark.parametrize(
    "value",
    [r"D:\new\zzz", r"D:\bins\zzz", r"\nzzz", r"zzz\n", r"zzz\r1", "two\nzzz", "zzz\t1", "\x9b2Jzzz"],
)
@pytest.mark.parametrize("name", ["IFCB_DATA_DIR", "AWS_SECRET_ACCESS_KEY", "PING_URL"])
def test_a_control_character_in_a_value_is_refused_with_what_to_write_instead(
    env_path: Path, name: str, value: str
) -> None:
    message = _refusal(env_path, MINIMUM + f'{name}="{value}"\n')
    assert message.startswith(f"{env_path}: {name} ") and message.endswith(" Nothing was sent.")
    assert "without quotes, or in single ones" in message
    assert "zzz" not in message


@pytest.mark.parametrize("line", [r"IFCB_DATA_DIR=D:\new\bins", r"IFCB_DATA_DIR='D:\new\bins'"])
def test_the_remedies_for_a_backslash_work(env_path: Path, line: str) -> None:
    assert _load(env_path, MINIMUM + line + "\n").data_dir == r"D:\new\bins"


def test_a_control_character_is_refused_in_our_settings_only(env_path: Path) -> None:
    assert _load(env_path, MINIMUM + 'OTHER="a\\nb"\n', {"PS1": "\x1b[1m$ "}).account == "hablab"
    message = _refusal(env_path, MINIMUM, {"TIME_SERIES": "nauset\n"})
    assert message == "The environment: TIME_SERIES has a control character in it. Nothing was sent."


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BUKET_NAME", "BUCKET_NAME"),
        ("bucket_name", "BUCKET_NAME"),
        ("BUCKET-NAME", "BUCKET_NAME"),
        ("TIMESERIES", "TIME_SERIES"),
        ("SETTLE_SECOND", "SETTLE_SECONDS"),
        ("EXCLUDE_DIR", "EXCLUDE_DIRS"),
        ("AWS_SESION_TOKEN", "AWS_SESSION_TOKEN"),
    ],
)
def test_a_misspelt_setting_is_a_warning_that_names_the_right_one(
    env_path: Path, name: str, meant: str
) -> None:
    (warning,) = _load(env_path, MINIMUM + f"{name}={SECRET}\n").warnings
    assert warning == f"{env_path}: {name} is no setting of ifcbscan; did you mean {meant}?"


@pytest.mark.parametrize(
    "name",
    ["AWS_DEFAULT_REGION", "SYNC_FILE_EXTENSIONS", "AWS_PROFILE", "AWS_CONFIG_FILE", "DATA_DIR", "PATH", "X"],
)
def test_a_name_of_other_programs_is_no_concern_of_ours(env_path: Path, name: str) -> None:
    assert _load(env_path, MINIMUM + f"{name}=1\n", {"BUKET_NAME": "other"}).warnings == ()


def test_a_setting_that_is_there_is_not_proposed_for_another_name(env_path: Path) -> None:
    text = MINIMUM + "S3_ENDPOINT_URL=https://s3.example.org\nAWS_ENDPOINT_URL_S3=https://s3.example.org\n"
    assert _load(env_path, text).warnings == ()


def test_nothing_is_imported_for_misspelt_names_where_all_are_known(env_path: Path) -> None:
    env_path.write_text(MINIMUM)
    program = (
        "import sys; from ifcbscan.config import load; load(sys.argv[1], {}); print('difflib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(env_path)], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"False"


@pytest.mark.parametrize(
    ("endpoint", "warned"),
    [
        ("http://localhost:9000", False),
        ("http://LOCALHOST:9000", False),
        ("http://127.0.0.1:9000", False),
        ("http://127.8.8.8", False),
        ("http://[::1]:9000", False),
        ("http://localhost.example.org:9000", True),
        ("http://127.0.0.1.example.org", True),
        ("http://10.0.0.1:9000", True),
        ("http://0.0.0.0:9000", True),
        ("http://[fe80::1]:9000", True),
        ("https://minio.example.org", False),
    ],
)
def test_a_bucket_without_encryption_is_warned_of_unless_it_is_on_this_computer(
    env_path: Path, endpoint: str, warned: bool
) -> None:
    config = _load(env_path, MINIMUM + f"S3_ENDPOINT_URL={endpoint}\n")
    assert any("not encrypted" in warning for warning in config.warnings) == warned


def test_another_bucket_or_endpoint_has_no_dashboard_unless_one_is_named(env_path: Path) -> None:
    assert _load(env_path, MINIMUM + "BUCKET_NAME=other\n").dashboard_url is None
    assert _load(env_path, MINIMUM + "S3_ENDPOINT_URL=http://127.0.0.1:9000\n").dashboard_url is None
    assert _load(env_path, MINIMUM + f"BUCKET_NAME={DEFAULT_BUCKET}\n").dashboard_url == DEFAULT_DASHBOARD
    named = MINIMUM + "BUCKET_NAME=other\nDASHBOARD_URL=http://dashboard.example.org\n"
    assert _load(env_path, named).dashboard_url == "http://dashboard.example.org"


OLDER_CLIENTS = (
    MINIMUM
    + """\
API_URL=https://habon-ifcb.whoi.edu/api/list_datasets/
BUCKET_NAME=ifcb-data-sharer.files
SYNC_FILE_EXTENSIONS=.adc,.hdr,.roi
"""
)


def test_the_file_of_the_older_client_works_unchanged_and_without_a_warning(env_path: Path) -> None:
    config = _load(env_path, OLDER_CLIENTS)
    assert config.warnings == ()
    assert (config.dashboard_url, config.bucket) == (DEFAULT_DASHBOARD, DEFAULT_BUCKET)


@pytest.mark.parametrize(
    ("api_url", "dashboard"),
    [
        ("https://ifcb.example.org/api/list_datasets/", "https://ifcb.example.org"),
        ("https://ifcb.example.org/api/list_datasets", "https://ifcb.example.org"),
        ("https://ifcb.example.org:8000/ifcb/api/list_datasets/", "https://ifcb.example.org:8000/ifcb"),
        ("https://ifcb.example.org/api/", "https://ifcb.example.org"),
        ("https://ifcb.example.org/", "https://ifcb.example.org"),
        ("http://api/api/list_datasets/", "http://api"),
        ("https://api.example.org", "https://api.example.org"),
    ],
)
def test_the_dashboard_of_the_older_client_is_the_one_that_is_asked_also_with_another_bucket(
    env_path: Path, api_url: str, dashboard: str
) -> None:
    for bucket in ("", "BUCKET_NAME=other\n"):
        assert _load(env_path, MINIMUM + bucket + f"API_URL={api_url}\n").dashboard_url == dashboard


def test_the_dashboards_own_setting_beats_the_one_of_the_older_client_whatever_that_says(
    env_path: Path,
) -> None:
    named = MINIMUM + "DASHBOARD_URL=https://ifcb.example.org\nAPI_URL=nonsense\n"
    assert _load(env_path, named).dashboard_url == "https://ifcb.example.org"
    both = MINIMUM + "API_URL=https://old.example.org/api/list_datasets/\n"
    environ = {"DASHBOARD_URL": "https://ifcb.example.org"}
    assert _load(env_path, both, environ).dashboard_url == "https://ifcb.example.org"


def test_an_api_url_of_somebody_elses_in_the_environment_is_none_of_ours(env_path: Path) -> None:
    environ = {"API_URL": "https://elsewhere.example.org/api", "SYNC_FILE_EXTENSIONS": "x"}
    config = _load(env_path, MINIMUM, environ)
    assert config.dashboard_url == DEFAULT_DASHBOARD and config.warnings == ()
    assert _load(env_path, MINIMUM + "API_URL=\n", environ).dashboard_url == DEFAULT_DASHBOARD


@pytest.mark.parametrize(
    "value", ["habon-ifcb.whoi.edu", "'https://a\x01b/api/'", "https://me:hunter2@a.example.org/api/"]
)
def test_an_api_url_that_is_no_address_is_refused_where_it_is_needed(env_path: Path, value: str) -> None:
    message = _refusal(env_path, MINIMUM + f"API_URL={value}\n")
    assert message.startswith(f"{env_path}: API_URL must be ") and message.endswith(". Nothing was sent.")
    assert "hunter2" not in message and "\x01" not in message


@pytest.mark.skipif(os.name != "posix", reason="file modes say nothing on Windows")
@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o644, True), (0o660, True)])
def test_a_file_that_others_can_read_gets_a_warning_with_the_remedy(
    env_path: Path, mode: int, warns: bool
) -> None:
    env_path.write_text(MINIMUM)
    env_path.chmod(mode)
    warnings = load(str(env_path), {}).warnings
    assert len(warnings) == warns
    for warning in warnings:
        assert f"chmod 600 '{env_path}'" in warning
        assert SECRET not in warning


def test_no_secret_is_in_the_text_of_a_configuration(env_path: Path) -> None:
    config = _load(env_path, MINIMUM + f"AWS_SESSION_TOKEN={TOKEN}\n")
    for text in (repr(config), str(config), f"{config}"):
        assert SECRET not in text and KEY_ID not in text and TOKEN not in text
        assert "hablab" in text


def test_the_certificates_to_trust_are_a_setting_of_the_file_and_of_the_environment(
    env_path: Path, tmp_path: Path
) -> None:
    one, other = tmp_path / "one.pem", tmp_path / "other.pem"
    one.touch()
    other.touch()
    assert _load(env_path, MINIMUM).ca_bundle is None
    assert _load(env_path, MINIMUM, {"AWS_CA_BUNDLE": f" {one} "}).ca_bundle == str(one)
    both = _load(env_path, MINIMUM + f"AWS_CA_BUNDLE={other}\n", {"AWS_CA_BUNDLE": str(one)})
    assert both.ca_bundle == str(other)


@pytest.mark.parametrize("blank", ["", "  "])
def test_certificates_without_a_name_are_those_of_the_system(env_path: Path, blank: str) -> None:
    assert _load(env_path, MINIMUM, {"AWS_CA_BUNDLE": blank}).ca_bundle is None
    assert _load(env_path, MINIMUM + f"AWS_CA_BUNDLE={blank}\n").ca_bundle is None


def test_certificates_that_cannot_be_read_are_told_with_the_place_that_names_them(
    env_path: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone.pem"
    said = _refusal(env_path, MINIMUM + f"AWS_CA_BUNDLE={gone}\n")
    assert said == (
        f"{env_path}: AWS_CA_BUNDLE names {gone} as the certificates to trust, which does not exist. Write the whole path of "
        "the file, or take the line out. Nothing was sent."
    )
    said = _refusal(env_path, MINIMUM, {"AWS_CA_BUNDLE": str(tmp_path)})
    assert (
        said.startswith(f"The environment: AWS_CA_BUNDLE names {tmp_path} ") and "is no file that can" in said
    )


def test_what_counts_in_a_terminal_and_not_in_a_schedule_is_named(env_path: Path) -> None:
    env_path.write_text(MINIMUM + "MAX_DAILY=1G\n", encoding="utf-8")
    for environ, names in (
        ({}, []),
        ({"BUCKET_NAME": "other.bucket"}, ["BUCKET_NAME"]),
        ({"BUCKET_NAME": DEFAULT_BUCKET}, []),  # as without it
        ({"MAX_DAILY": "2G", "EXCLUDE_DIRS": "raw", "SETTLE_SECONDS": ""}, ["EXCLUDE_DIRS"]),
        ({"AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other"}, []),  # never a half of each
        ({"AWS_REGION": "eu-west-1", "TIME_SERIES": "nauset"}, []),
    ):
        assert only_in_environment(str(env_path), environ) == names
    env_path.write_text("USER_ACCOUNT=hablab\n", encoding="utf-8")
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    assert only_in_environment(str(env_path), keys) == list(keys)


def test_the_certificates_to_trust_are_named_by_a_whole_path(
    env_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(env_path.parent)
    Path("ca.pem").write_text("x", encoding="utf-8")
    said = _refusal(env_path, MINIMUM + "AWS_CA_BUNDLE=ca.pem\n")
    assert "AWS_CA_BUNDLE names ca.pem, which is no whole path" in said
