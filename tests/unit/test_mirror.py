"""The tests against the package: who looks for the test of a module finds it at the module's own path.

`ifcbscan/disk/tree.py` has `tests/unit/disk/test_tree.py`, or, where it needs something real, `tests/integration/disk/test_tree.py`;
a command has `tests/cli/test_<command>.py`. What is tested elsewhere is listed here, with the place.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.places import REPOSITORY

import ifcbscan

PACKAGE = Path(ifcbscan.__file__).resolve().parent
TESTS = REPOSITORY / "tests"

#: Module -> the test files (below tests/) that would fail if it did something else.
#: Nobody may add a module here because its test is still to be written.
ELSEWHERE = {
    # the program and its commands, which are what a user sees: as a subprocess
    "__main__.py": ["cli/test_early_interrupt.py"],
    "cli/before_scan.py": ["cli/test_before_scan.py"],
    "cli/limits_check.py": ["cli/test_list_check.py"],
    "cli/known_jobs.py": ["cli/test_status.py"],
    "cli/ask_dashboard.py": ["cli/test_dashboard_daily.py"],
    "cli/bins_check.py": ["cli/test_list_check.py"],
    "cli/checked.py": ["cli/test_list_check.py"],
    "cli/schedule_view.py": ["cli/test_which_bins.py"],
    "cli/start_plan.py": ["cli/test_start_stop.py"],
    "cli/which_bins.py": ["cli/test_which_bins.py"],
    "state/dashboard_notes.py": ["cli/test_dashboard_daily.py"],
    "cli/after_run.py": ["cli/test_scan.py", "cli/test_status.py"],
    "cli/commands/check.py": ["cli/test_list_check.py"],
    "cli/commands/list.py": ["cli/test_list_check.py"],
    "cli/commands/once.py": ["cli/test_scan.py", "cli/test_by_hand.py"],
    "cli/commands/start.py": ["cli/test_start_stop.py"],
    "cli/commands/stop.py": ["cli/test_start_stop.py"],
    "cli/first_settings.py": ["cli/test_setup.py"],
    "cli/questions.py": ["cli/test_setup.py"],
    "cli/job.py": ["cli/test_endings.py", "cli/test_scan.py"],
    "cli/main.py": ["cli/test_endings.py", "cli/test_early_interrupt.py"],
    "cli/program.py": ["cli/test_start_stop.py", "packaging/test_pyz.py"],
    "cli/report_all.py": ["cli/test_report.py"],
    "cli/report_job.py": ["cli/test_report.py"],
    "cli/scanning.py": ["cli/test_scan.py"],
    "cli/signals.py": ["cli/test_early_interrupt.py", "integration/runs/test_kill.py"],
    "cli/verify_printer.py": ["cli/test_verify.py"],
    # the demo is a story that is read from its first line to its last
    "demo/show.py": ["cli/test_demo.py"],
    # one surface with a module that has a test: these are its insides
    "cli/more_options.py": ["unit/cli/test_options.py"],
    "cli/completion.py": ["cli/test_completion.py"],
    "cli/parser.py": ["unit/cli/test_options.py", "packaging/test_manpage.py"],
    "dashboard/fetch.py": ["integration/dashboard/test_calls.py"],
    "disk/walk.py": ["unit/disk/test_tree.py"],
    "runs/bin_job.py": ["unit/runs/test_one_bin.py"],
    "runs/bin_look.py": ["unit/runs/test_one_bin.py"],
    "runs/verify_bin.py": ["integration/runs/test_verify.py"],
    "state/files.py": ["unit/state/test_run_locks.py", "unit/state/test_last_runs.py"],
    "state/locks.py": ["unit/state/test_run_locks.py", "integration/state/test_windows.py"],
    # nothing but types: interfaces, records, exceptions
    "errors.py": ["unit/cli/test_endings.py"],
    "runs/backends.py": ["model/test_model.py"],
    "runs/listener.py": ["model/test_model.py"],
    "runs/scan_options.py": ["unit/runs/test_scan.py"],
    "s3/transport.py": ["unit/s3/test_refusals.py"],
    "schedule/base.py": ["unit/schedule/test_choose.py"],
}

#: Unit tests that are of no one module of the package -> what they are of.
OF_NO_MODULE = {
    "core/test_decision_of_other_content.py": "one question to core/decision.py, apart because test_decision.py is a table",
    "runs/test_scan_late_verdict.py": "what a scan, a survey and a dry run must all say of a bin refused after its .adc went",
    "support/test_fakes.py": "tests/support/fakes.py, which other tests believe",
    "test_docs.py": "the documentation",
    "test_mirror.py": "the tests",
}

MODULES = sorted(
    path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"
)


def own_tests(module: str) -> list[str]:
    """Where a module's own test may lie, below tests/."""
    folder, name = Path(module).parent, f"test_{Path(module).name}"
    places = [Path("unit", folder, name), Path("integration", folder, name)]
    if folder == Path("cli", "commands"):
        places.append(Path("cli", name))
    return [place.as_posix() for place in places]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_test_of_its_own_or_is_listed_with_its_tests(module: str) -> None:
    own = [place for place in own_tests(module) if (TESTS / place).is_file()]
    if module in ELSEWHERE:
        assert not own, f"{module} has {own}: take it out of ELSEWHERE"
        assert [place for place in ELSEWHERE[module] if not (TESTS / place).is_file()] == []
    else:
        assert own, f"{module} has none of {own_tests(module)}"


def test_what_is_listed_as_tested_elsewhere_is_there() -> None:
    assert set(ELSEWHERE) <= set(MODULES)


def test_a_unit_test_is_of_a_module_that_is_there() -> None:
    unit = TESTS / "unit"
    found = {path.relative_to(unit).as_posix() for path in unit.rglob("test_*.py")}
    of_modules = {Path(module).with_name(f"test_{Path(module).name}").as_posix() for module in MODULES}
    assert found - of_modules == set(OF_NO_MODULE)
