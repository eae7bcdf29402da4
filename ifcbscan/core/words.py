"""Words for people: sizes, durations, ages and counts in words. All messages take them from here. Pure."""

from __future__ import annotations

#: Seconds in a unit; the larger ones first.
_UNITS = ((86400, "days"), (3600, "h"), (60, "min"), (1, "s"))

_A_YEAR = 365.25 * 86400

#: What the settings, the disk and the bucket say of data, which is true, and beside the point where nothing could have been
#: sent; and what is said instead.
_NOTHING_SENT = (
    (" Nothing was sent.", ""),
    (" Nothing more was sent.", ""),
    (
        " What is missing in the archive stays on this disk and is sent by a later run; check the network if this lasts.",
        " Please check the network if this lasts.",
    ),
)

#: A clock may be wrong by so many seconds before a moment counts as one in the future.
_CLOCKS_DIFFER = 60


def human_bytes(size: float) -> str:
    """`98.5 kB`, `1.2 GB`: decimal, as disks and networks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.95:  # else it would read 1000.0
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def human_duration(seconds: float) -> str:
    """`40 s`, `12 min`, `24 h`, `3 days`, `2.4 years`, `56 years`: in the largest unit that fits in twice, rounded down.

    A negative duration is `0 s`.
    """
    if seconds >= 10 * _A_YEAR:
        return f"{seconds // _A_YEAR:.0f} years"
    if seconds >= 2 * _A_YEAR:
        return f"{seconds / _A_YEAR:.1f} years"
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0.0) // 1:.0f} s"


def human_age(seconds: float) -> str:
    """How old something is, as a duration; `in the future` if that is negative by more than a minute."""
    return "in the future" if seconds < -_CLOCKS_DIFFER else human_duration(seconds)


def human_ago(seconds: float) -> str:
    """When something was: `12 min ago`, or `in the future`."""
    age = human_age(seconds)
    return age if seconds < -_CLOCKS_DIFFER else f"{age} ago"


def clock_words(ahead: float) -> str:
    """How a clock that is `ahead` seconds ahead of another one compares with it: `3 days ahead of`, `56 years behind`."""
    return f"{human_duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """`1 bin`, `2 bins`, `1,234 bins`; `plural` where it is not the singular with an s."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def without_nothing_sent(message: str) -> str:
    """A message of an error as a command says it that sends nothing: without what it says of sending."""
    for sentence, instead in _NOTHING_SENT:
        message = message.replace(sentence, instead)
    return message
