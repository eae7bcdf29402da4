"""The manual page: in every wheel, whole, and rendered without a complaint."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Iterator

import pytest

from ifcbscan.cli import parser as parser_module
from ifcbscan.cli.main import COMMANDS
from ifcbscan.cli.options import parse
from ifcbscan.cli.parser import build_parser
from ifcbscan.config import SETTINGS
from ifcbscan.errors import ExitCode

PAGE_IN_WHEEL = "/data/share/man/man1/ifcbscan.1"


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands that the help shows, without their aliases."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for listed in action._choices_actions:
                if listed.help != argparse.SUPPRESS:
                    found[listed.dest] = action.choices[listed.dest]
    return found


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if action.help != argparse.SUPPRESS and "--help" not in action.option_strings:
            yield from action.option_strings


@pytest.fixture(scope="module")
def page(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page out of the wheel, as a file."""
    with zipfile.ZipFile(str(wheel)) as archive:
        names = [name for name in archive.namelist() if name.endswith(PAGE_IN_WHEEL)]
        assert len(names) == 1, f"the wheel holds no manual page, or several: {names}"
        path = tmp_path_factory.mktemp("page") / "ifcbscan.1"
        path.write_bytes(archive.read(names[0]))
    return path


def _sections(text: str) -> dict[str, str]:
    """The page cut at its section headings; "ifcbscan sync" -> what stands under it."""
    sections = {"": ""}
    heading = ""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith((".SH", ".SS")):
            # a heading may also stand on the line after .SH
            heading = line[3:].strip() or next(lines)
            heading = heading.replace("\\fB", "").replace("\\fR", "").replace("\\-", "-")
            sections[heading] = ""
        else:
            sections[heading] += line.replace("\\-", "-") + "\n"
    return sections


@pytest.mark.slow
def test_the_page_has_a_section_for_every_subcommand_with_all_its_options(page: Path) -> None:
    parser = build_parser()
    commands = _commands(parser)
    assert commands, "build_parser() has no subcommand"
    sections = _sections(page.read_text(encoding="utf-8"))
    missing: list[tuple[str, str]] = []
    for name, command in commands.items():
        section = sections.get("ifcbscan " + name)
        if section is None:
            missing.append((name, "the whole section"))
            continue
        missing += [(name, o) for o in _options(command) if f"\\fB{o}\\fR" not in section]
    assert missing == []


@pytest.mark.slow
def test_the_page_has_the_sections_that_people_look_for_each_once_and_in_the_usual_order(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    # a heading may also stand on the line after .SH
    heads = [line[3:].strip() or lines[n + 1] for n, line in enumerate(lines) if line.startswith(".SH")]
    assert heads[:5] == ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS"]
    assert heads[5:10] == ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]
    assert "COMMENTS" not in heads and len(heads) == len(set(heads))


@pytest.mark.slow
def test_the_page_explains_every_exit_code_and_every_setting(page: Path) -> None:
    sections = _sections(page.read_text(encoding="utf-8"))
    codes = {int(number) for number in re.findall(r"\b\d+\b", sections["EXIT STATUS"])}
    # (Python 3.13 adds numbers of its own to a class, such as __firstlineno__.)
    assert {int(code) for name, code in vars(ExitCode).items() if name.isupper()} == codes
    assert set(SETTINGS) - set(re.findall(r"\w+", sections["ENVIRONMENT"])) == set()


@pytest.mark.slow
def test_the_examples_of_the_page_are_command_lines_of_the_program(page: Path) -> None:
    sections = _sections(page.read_text(encoding="utf-8"))
    lines = [line.strip() for line in sections["EXAMPLES"].splitlines() if line.startswith("    ifcbscan ")]
    assert len(lines) > 4
    for line in lines:
        words = parse(line.split()[1:])
        COMMANDS[words.command].arguments(words)


@pytest.mark.slow
def test_the_page_names_every_option_of_the_program_itself(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\-", "-")
    assert [o for o in _options(build_parser()) if f"\\fB{o}\\fR" not in text] == []


@pytest.mark.slow
def test_the_page_is_headed_by_the_program_and_not_by_a_file_of_it(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('.TH IFCBSCAN "1"')
    assert lines[2].startswith("ifcbscan \\- ")


@pytest.mark.slow
def test_no_line_of_the_page_is_lost_because_it_starts_like_a_request(page: Path) -> None:
    """A text line that begins with a dot (".roi ...") or a quote would vanish from the page."""
    known = {".TH", ".SH", ".SS", ".TP", ".B", ".RS", ".RE", ".nf", ".fi", ".UR", ".UE"}
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [x for x in lines if x.startswith((".", "'")) and x.split()[0] not in known] == []


@pytest.mark.slow
def test_the_page_renders_without_warnings(page: Path) -> None:
    env = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80")
    if shutil.which("groff"):
        command = ["groff", "-man", "-Tutf8", "-ww", str(page)]
    elif shutil.which("man") and b"man 2" in subprocess.check_output(["man", "--version"]):
        command = ["man", "--warnings=all", "-l", str(page)]
    else:
        pytest.skip("neither groff nor the man of man-db is installed")
    done = subprocess.run(command, env=env, capture_output=True, timeout=60)
    assert done.stderr.decode("utf-8", "replace") == ""
    assert done.returncode == 0
    assert b"IFCBSCAN(1)" in done.stdout


@pytest.mark.slow
def test_installing_puts_the_page_where_man_looks_for_it(installed: Path, page: Path) -> None:
    found = [path for path in installed.rglob("ifcbscan.1") if "share" in path.parts]
    assert len(found) == 1
    assert found[0].parts[-4:] == ("share", "man", "man1", "ifcbscan.1")
    assert found[0].read_bytes() == page.read_bytes()


@pytest.mark.windows_core
def test_the_parser_file_runs_alone_with_the_standard_library_only(tmp_path: Path) -> None:
    """As the build runs it: no package around it, no dependency installed."""
    script = (
        "import runpy, sys\n"
        "parser = runpy.run_path(sys.argv[1])['build_parser']()\n"
        "print(parser.prog)\n"
        "print(sorted(m for m in ('ifcbscan', 'boto3', 'dotenv') if m in sys.modules))\n"
    )
    done = subprocess.run(
        # -I -S: neither the current folder nor site-packages can be imported from
        [sys.executable, "-I", "-S", "-c", script, str(Path(parser_module.__file__).resolve())],
        cwd=str(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert done.stdout.decode().split() == ["ifcbscan", "[]"]


@pytest.mark.windows_core
def test_no_help_text_begins_like_a_request_of_the_manual_page() -> None:
    """argparse-manpage does not escape a leading dot or quote: such a line would not be shown."""
    parser = build_parser()
    bad: list[tuple[str, str]] = []
    for name, command in [("", parser), *_commands(parser).items()]:
        texts = [command.description, command.epilog]
        texts += [group.description for group in command._action_groups]
        for action in command._actions:
            texts.append(action.help)
            if isinstance(action, argparse._SubParsersAction):
                texts += [listed.help for listed in action._choices_actions]
        for text in texts:
            if text and text != argparse.SUPPRESS:
                lines = text.splitlines()
                bad += [(name, line) for line in lines if line.startswith((".", "'"))]
    assert bad == []
