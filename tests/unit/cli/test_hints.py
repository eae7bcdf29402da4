"""What is proposed to somebody who has mistyped a command or an option, and how the words reach the screen."""

from __future__ import annotations

import pytest

from ifcbscan import __version__
from ifcbscan.cli import hints
from ifcbscan.cli.options import parse

COMMANDS = ["once", "sync", "start", "stop", "status", "list", "check", "verify", "report", "demo"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("snyc", "Did you mean 'sync'?"),
        ("SYNC", "Did you mean 'sync'?"),
        ("stauts", "Did you mean 'status'?"),
        ("upload", "Did you mean 'sync'?"),
        ("uninstall", "Did you mean 'stop'?"),
        ("xyzzy", ""),
        ("/data/ifcb", "A command comes first, then the folder: 'ifcbscan sync DIR TIME_SERIES'."),
        ("D:\\ifcb", "A command comes first, then the folder: 'ifcbscan sync DIR TIME_SERIES'."),
    ],
)
def test_a_command_that_is_like_the_word_is_proposed(word: str, hint: str) -> None:
    assert hints.of_command(word, COMMANDS) == hint


def test_a_command_that_is_not_there_is_never_proposed() -> None:
    assert hints.of_command("upload", ["start"]) == ""


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--dryrun"], "Did you mean --dry-run?"),
        (["--bandwith=2M"], "Did you mean --bandwidth?"),
        (["--xyzzy"], ""),
        (["ifcb", "nauset"], 'Quote a name that has spaces, as in "/data/my ifcb".'),
    ],
)
def test_an_option_that_is_like_the_word_is_proposed(words: list[str], hint: str) -> None:
    assert hints.of_words(words, ["--dry-run", "--bandwidth", "--json"]) == hint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "snyc /data nauset",
            "ifcbscan: there is no command 'snyc'. Did you mean 'sync'? Nothing was done; 'ifcbscan --help' shows what can be said.",
        ),
        (
            "xyzzy",
            "ifcbscan: there is no command 'xyzzy'. Nothing was done; 'ifcbscan --help' shows what can be said.",
        ),
        (
            "--onec /data nauset",
            "ifcbscan: unrecognized arguments: --onec. Did you mean --once? Nothing was done; 'ifcbscan --help' shows what can be said.",
        ),
        (
            "sync /data nauset --dryrun",
            "ifcbscan sync: unrecognized arguments: --dryrun. Did you mean --dry-run? Nothing was done; "
            "'ifcbscan sync --help' shows what can be said.",
        ),
        (
            "sync /data/my ifcb nauset",
            'ifcbscan sync: unrecognized arguments: nauset. Quote a name that has spaces, as in "/data/my ifcb". Nothing was done; '
            "'ifcbscan sync --help' shows what can be said.",
        ),
        (
            "--once /data/my ifcb nauset",
            'ifcbscan once: unrecognized arguments: nauset. Quote a name that has spaces, as in "/data/my ifcb". Nothing was done; '
            "'ifcbscan once --help' shows what can be said.",
        ),
        (
            "stop my ifcb",
            'ifcbscan stop: unrecognized arguments: ifcb. Quote a name that has spaces, as in "/data/my ifcb". Nothing was done; '
            "'ifcbscan stop --help' shows what can be said.",
        ),
    ],
)
def test_the_whole_line_is_said_and_nothing_done(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 2
    assert capsys.readouterr() == ("", said + "\n")


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("help", "First steps: "),
        ("help sync", "usage: ifcbscan sync "),
        ("sync help", ""),
        ("version", "ifcbscan " + __version__ + "\n"),
    ],
)
def test_help_and_version_are_understood_as_commands(
    line: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not printed:
        assert parse(line.split()).directory == "help"  # a folder may be called so
        return
    with pytest.raises(SystemExit) as ended:
        parse(line.split())
    assert ended.value.code == 0
    assert printed in capsys.readouterr().out


def test_help_on_what_is_no_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["help", "snyc"])
    assert ended.value.code == 2 and "Did you mean 'sync'?" in capsys.readouterr().err
