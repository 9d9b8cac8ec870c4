"""Dates in a question: "on May 7, 2023", "last summer", "two weeks ago" become spans of time. By rule, no model.

A question is read from left to right as *lead + part + period (+ connector + period)*: "since early May 2023",
"between 3 and 5 May". ``_PERIODS`` says what a period looks like and how it is read. Words that mean something else
as well ("may", "fall", a bare 2022) count only with a lead such as "in".
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from memory_core.recall import time_words as words
from memory_core.recall.time_words import Period

_FADE_DAYS = 14.0  # people tell of things after they happened; this and the next two fitted once on LoCoMo
_BEFORE_SCORE = 0.5
_BEFORE = timedelta(days=3)
_DAY_SECONDS = 86_400.0
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A span of time named in a question.

    Attributes:
        start: First instant, aware, UTC; ``datetime.min`` if the span is open ("before 2021").
        end: First instant after it, aware, UTC, later than ``start``; ``datetime.max`` if open ("since May 2023").
        text: The words that were read, blanks collapsed.
        yearly: True for a month, day or season without a year: ``start`` lies in the leap year 2000, and the span
            is meant in every year.
    """

    start: datetime
    end: datetime
    text: str
    yearly: bool = False


def find_time_spans(query: str, now: datetime) -> tuple[list[TimeSpan], str]:
    """Find the expressions of time in a question.

    Understood are days, months, seasons, quarters, years, weekdays and some feasts, absolute or relative to ``now``
    ("yesterday", "last May", "3 weeks ago"), parts ("early", "the weekend of"), ranges and open spans ("since",
    "before"); in English, with month names also in German, Spanish and French, and dates in Chinese and Japanese. An
    expression with two readings (5/7/2023, "winter 2023") gives both spans.

    Args:
        query: Any text.
        now: When the question is asked. Days are those of its time zone; UTC if it has none.

    Returns:
        The spans in order of appearance, and the question without the words read, blanks collapsed.
    """
    text = " ".join(query.split())
    zone = now.tzinfo or UTC
    spans: list[TimeSpan] = []
    kept, done, at = [], 0, 0
    while match := _EXPRESSION.search(text, at):
        at = match.start() + 1
        try:
            found = _read(match, text, now.date(), zone)
        except (LookupError, ValueError, OverflowError):  # 31 June, or beyond the calendar: not a time
            continue
        if found:
            spans += found
            kept.append(text[done : match.start()])
            at = done = match.end()
    kept.append(text[done:])
    return spans, " ".join(" ".join(kept).split())


def time_score(moment: datetime, spans: Sequence[TimeSpan]) -> float:
    """Nearness of a moment to the nearest of the spans.

    Args:
        moment: Aware.
        spans: As from :func:`find_time_spans`.

    Returns:
        1 inside a span, e^(-days/14) after its end, 0.5 up to three days before its start, else 0; 0 without spans.
    """
    best = 0.0
    for span in spans:
        if span.yearly:
            for year in range(moment.year - 1, moment.year + 2):
                if 1 < year < datetime.max.year - 1:
                    best = max(best, _nearness(moment, *_in_year(span, year)))
        else:
            best = max(best, _nearness(moment, span.start, span.end))
        if best == 1.0:
            break
    return best


def _nearness(moment: datetime, start: datetime, end: datetime) -> float:
    if moment >= end:
        return math.exp((end - moment).total_seconds() / _DAY_SECONDS / _FADE_DAYS)
    if moment >= start:
        return 1.0
    return _BEFORE_SCORE if start - moment <= _BEFORE else 0.0


def _in_year(span: TimeSpan, year: int) -> tuple[datetime, datetime]:
    """The span's start and end, moved from the year 2000. Where there is no 29 February, the 28th takes its place."""
    shift = year - words.YEARLY
    try:
        return span.start.replace(year=span.start.year + shift), span.end.replace(year=span.end.year + shift)
    except ValueError:
        leap = (span.start.month, span.start.day) == (2, 29)
        start = (span.start - timedelta(days=1) if leap else span.start).replace(year=span.start.year + shift)
        leap = (span.end.month, span.end.day) == (2, 29)
        return start, (span.end + timedelta(days=1) if leap else span.end).replace(year=span.end.year + shift)


Groups = Mapping[str, str | None]
Reader = Callable[[Groups, date], list[Period]]

_MONTH = rf"(?P<month>{words.MONTH_NAMES})\.?"
_SEASON = rf"(?P<season>{words.SEASON_NAMES})"
_DAY = r"(?P<d>0?[1-9]|[12]\d|3[01])"
_ORDINAL = rf"{_DAY}(?:st|nd|rd|th|er|\.)?"
_YEAR = r"(?P<y>(?:19|20)\d\d)"
_OF_YEAR = rf"(?:,? (?:of |de |del )?{_YEAR}|,{_YEAR})"
_COUNT = rf"(?P<n>\d{{1,5}}|{words.NUMBER_NAMES})"
_UNITS = r"(?P<unit>hour|day|week|weekend|month|year|decade)s?"
_WHICH = "(?P<which>last|past|previous|this|next)"
_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?"
_DATE = (
    rf"(?:{_YEAR}-(?P<m>\d\d)-(?P<md>\d\d)|{_MONTH} {_ORDINAL}{_OF_YEAR}?|{_ORDINAL} (?:of |de )?{_MONTH}{_OF_YEAR}?)"
)

# The first that fits is taken, so the longer stand first. Marked: what counts only with a lead.
_PERIODS: tuple[tuple[str, Reader], ...] = (
    (rf"{_YEAR}([-/.])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}}){_CLOCK}", words.day),
    (rf"(?P<m>\d{{1,2}})([/.])(?P<d>\d{{1,2}})\2{_YEAR}", words.either_day),
    (r"(?P<y>\d{4})年(?:(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})[日号])?)?", words.day),
    (r"(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]", words.day),
)
