"""The errors that end a run, each with its exit code (the table is in docs/exit-codes.md).

A message is written for an operator: what happened, what it means for the data, what to do.
It holds no secret. Whatever concerns one file only is no error of this kind: it becomes the
result of its bin, and the run goes on.
"""

from __future__ import annotations


class ExitCode:
    """What the process answers to its caller (a contract with schedulers and scripts)."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    PARTLY_FAILED = 3
    LOCKED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130
    TERMINATED = 143


class IfcbscanError(Exception):
    """Ends the run with one line; `exit_code` is that of the most fitting row."""

    exit_code = ExitCode.UNEXPECTED
    logged = False  # already in the log
    recorded = (
        False  # already told to whoever watches the job: the record of its last run, the monitor, the metrics
    )


class UsageError(IfcbscanError):
    """The command line cannot be carried out as it stands."""

    exit_code = ExitCode.USAGE


class ConfigError(IfcbscanError):
    """The configuration is missing, incomplete or not acceptable."""

    exit_code = ExitCode.USAGE


class BucketRefused(IfcbscanError):
    """The bucket answered, and the answer will not change by itself (AccessDenied, NoSuchBucket...)."""

    exit_code = ExitCode.USAGE


class BucketUnreachable(IfcbscanError):
    """No usable answer from the bucket, after all retries; a later run may succeed."""

    exit_code = ExitCode.UNREACHABLE


class OutputLost(IfcbscanError):
    """The result cannot be written to the standard output (a full disk); whatever led to it has been done."""


class AlreadyRunning(IfcbscanError):
    """Another process scans the same directory and time series in the same mode."""

    exit_code = ExitCode.LOCKED

    def __init__(self, message: str, stalled: bool = False) -> None:
        """`stalled`: that process has given no sign of life for an hour, so people must be told."""
        super().__init__(message)
        self.stalled = stalled


class Interrupted(Exception):
    """A signal asked the run to end; `exit_code` is 130 (SIGINT) or 143 (SIGTERM).

    No IfcbscanError: it comes up wherever the program happens to be, and who goes on after an error there must not go on
    after this.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__("interrupted")
        self.exit_code = exit_code


class PutRefused(Exception):
    """The bucket, or a filter on the way to it, refuses a request for this one object; the rest of the run is not
    concerned."""


class ConcurrentWrite(Exception):
    """Somebody else has changed an object since the run looked; its bin is looked at again by a later run.

    With a text where no change is to be seen: it says what is known.
    """


class LocalFileProblem(Exception):
    """A file of a bin cannot be read now (gone, no permission, disk error); its bin fails."""


class FileChanged(Exception):
    """A file changed between the walk and the end of its upload; its bin is looked at again by a later run."""
