"""The ways the sources write an instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from memory_core.importing.turns import EntryError

_EPOCH = re.compile(r"\d{9,}(\.\d+)?")
_LOCOMO = re.compile(r"(\d{1,2}):(\d{2}) (am|pm) on (\d{1,2}) ([a-z]+),? (\d{4})", re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

# Seconds reach this number in the year 5138; milliseconds reached it in 1973, microseconds its thousandfold.
_SECONDS_END = 1e11


def instant(value: Any) -> datetime | None:
    """Read ISO 8601 text or a Unix time in seconds, milliseconds or microseconds (told apart by size).

    A time without an offset is taken as UTC, and so is a date, as its midnight.

    Returns:
        The instant in UTC, or None if the value is None.

    Raises:
        EntryError: The value is neither.
    """
    if value is None:
        return None
    try:
        if isinstance(value, str) and not _EPOCH.fullmatch(value.strip()):
            read = datetime.fromisoformat(value.strip())
            return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError
        seconds = float(value)
        for _ in range(2):
            if abs(seconds) >= _SECONDS_END:
                seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise EntryError("the timestamp is neither ISO 8601 nor a Unix time") from None


def locomo_instant(value: Any) -> datetime | None:
    """Read a LoCoMo session time such as ``"1:56 pm on 8 May, 2023"``, taken as UTC; None if the value is None.

    Raises:
        EntryError: The value is not written that way.
    """
    if value is None:
        return None
    found = _LOCOMO.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        if found is None:
            raise ValueError
        hour, minute, half, day, month, year = found.groups()
        if not 1 <= int(hour) <= 12:
            raise ValueError
        hours = int(hour) % 12 + (12 if half.lower() == "pm" else 0)
        return datetime(int(year), _MONTHS.index(month.lower()[:3]) + 1, int(day), hours, int(minute), tzinfo=UTC)
    except ValueError:
        raise EntryError("the session's time is not like '1:56 pm on 8 May, 2023'") from None
