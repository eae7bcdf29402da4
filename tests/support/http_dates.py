"""Times as HTTP writes them, of any year that its calendar knows (the standard library's formatdate knows fewer on Windows)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime


def http_date(seconds: float) -> str:
    """`Sun, 22 Nov 2026 13:26:36 GMT`, from seconds since 1970 (UTC)."""
    return format_datetime(
        datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=int(seconds)), usegmt=True
    )
