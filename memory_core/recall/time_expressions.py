"""Dates in a question: "on May 7, 2023", "last summer", "two weeks ago" become spans of time. By rule, no model.

A question is read from left to right as *lead, part, period, connector, period*: "since early May 2023", "between 3
and 5 May". What a period is stands in ``time_periods``. Words that mean something else as well ("may", "fall", a bare
2022) count only after a lead such as "in".
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache

from memory_core.recall.time_periods import ANY_YEAR, EASTERN, PERIOD, Needs, Period, read_period

# Fitted once, on the development half of LoCoMo: people tell of things after they happened, seldom before.
_FADE_DAYS = 14.0
_SOON = timedelta(days=3)
_SOON_SCORE = 0.5

_DAY_SECONDS = 86_400.0
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

_READ_CHARACTERS = 4_000
"""What goes on longer is a pasted document, not a question."""

_SINCE = ("since", "seit", "desde", "depuis")
_BEFORE = ("before", "vor", "avant", "antes de")
_AFTER = ("after", "nach", "après", "después de")
_LEADS_OF_TIME = (
    *_SINCE, *_BEFORE, *_AFTER, "in", "in the", "during", "during the", "over the", "throughout", "until", "till", "by",
    "between", "im", "en", "au",
)  # fmt: skip
_LEADS = (
    *_LEADS_OF_TIME,
    "on",
    "at",
    "of",
    "from",
    "for",
    "around",
    "about",
    "as of",
    "within",
    "am",
    "den",
    "le",
    "el",
)
_PART = (
    r"(?:early|mid|late)|(?:beginning|start|middle|end|(?:first|second) half"
    r"|(?:first|second|third|fourth|last) week|week|weekend) (?:of|in)"
)
_RANGE = r" ?[-\u2013] ?| (?:to|until|till|through) "
# "May 7 people come?", "this may be", "the house he lives in may not ..."
_MODAL = re.compile(r"(?P<this>this )?(?:may|march)(?P<day> \d\d?)?", re.IGNORECASE)
_VERB = re.compile(
    r" (?:be|have|not|also|never|only|need|want|cause|include|i|you|he|she|it|we|they)(?!\w)", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?:room|number|no\.?|flight|bus|route|suite|model|version|page|line|code|pin|id|order|part) $")


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """A span of time named in a question.

    Attributes:
        start: First instant, aware, UTC; ``datetime.min`` if the span is open ("before 2021").
        end: First instant after it, aware, UTC, later than ``start``; ``datetime.max`` if open ("since May 2023").
        text: The words that were read, blanks collapsed.
        yearly: True for a month, day or season without a year. It is meant in every year; ``start`` and ``end`` are
            given for the leap year 2000, in UTC.
    """

    start: datetime
    end: datetime
    text: str
    yearly: bool = False


def find_time_spans(query: str, now: datetime) -> tuple[list[TimeSpan], str]:
    """Finds the expressions of time in a question.

    Understood are days, months, seasons, quarters, years, weekdays and a few feasts, absolute or relative to ``now``
    ("yesterday", "last May", "3 weeks ago"), parts ("early", "the weekend of"), ranges, and open spans ("since",
    "before"); in English, month names also in German, Spanish and French, dates also in Chinese and Japanese. What
    can be read in two ways (5/7/2023, "winter 2023") gives both spans. A time of day is passed over.

    Args:
        query: Any text; its first 4,000 characters are read.
        now: When the question is asked. Days relative to it are those of its time zone; UTC if it has none.

    Returns:
        The spans in order of appearance, and the question without the words that were read, blanks collapsed.
    """
    text = " ".join(query.split())
    read = text[:_READ_CHARACTERS]
    spans: list[TimeSpan] = []
    kept: list[str] = []
    done = at = 0
    while match := _expression().search(read, at):
        at = match.start() + 1
        try:
            found = [_span(period, match[0], now.tzinfo or UTC) for period in _periods(match, now.date())]
        except (ValueError, LookupError, OverflowError):  # no such day (31 June), or beyond the calendar
            continue
        if found:
            spans += found
            kept.append(text[done : match.start()])
            at = done = match.end()
    return spans, " ".join(" ".join([*kept, text[done:]]).split())


def time_score(moment: datetime, spans: Sequence[TimeSpan]) -> float:
    """Nearness of a moment (aware) to the nearest of the spans.

    Returns:
        1 inside a span, e^(-days/14) after its end, 0.5 up to three days before its start, else 0; 0 without spans.
    """
    best = 0.0
    for span in spans:
        if not span.yearly:
            best = max(best, _nearness(moment, span.start, span.end))
            continue
        for year in range(max(moment.year - 1, 1), min(moment.year + 2, datetime.max.year)):
            best = max(best, _nearness(moment, _in_year(span.start, year, 28), _in_year(span.end, year, None)))
    return best


@cache  # takes some 40 ms: not on import
def _expression() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w$€£#.,])(?:(?P<lead>{'|'.join(sorted(_LEADS, key=len, reverse=True))}) )?(?:the )?"
        rf"(?:(?P<part>{_PART})[ -](?:the )?)?"
        rf"(?:(?P<first>{PERIOD})|(?P<number>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?(?={_RANGE}| and ))"
        rf"(?:(?P<connector>{_RANGE}| and | or )(?P<second>{PERIOD}))?(?!\w)"
        rf"|(?<!\d)(?P<eastern>{EASTERN})",
        re.IGNORECASE,
    )


def _nearness(moment: datetime, start: datetime, end: datetime) -> float:
    if moment >= end:
        return math.exp((end - moment).total_seconds() / _DAY_SECONDS / _FADE_DAYS)
    if moment >= start:
        return 1.0
    return _SOON_SCORE if start - moment <= _SOON else 0.0


def _in_year(moment: datetime, year: int, day: int | None) -> datetime:
    """A moment of a yearly span, ``ANY_YEAR`` moved to ``year``; 29 February becomes ``day``, or 1 March if None."""
    year += moment.year - ANY_YEAR
    if (moment.month, moment.day) == (2, 29) and (year % 4 or (year % 100 == 0 and year % 400)):
        return moment.replace(year=year, day=day) if day else moment.replace(year=year, month=3, day=1)
    return moment.replace(year=year)


def _span(period: Period, text: str, zone: tzinfo) -> TimeSpan:
    zone = UTC if period.yearly else zone
    start, end = (
        day if isinstance(day, datetime) else datetime.combine(day, time(), zone).astimezone(UTC)
        for day in (period.first, period.end)
    )
    if start >= end:
        raise ValueError("the range ends before it starts")
    return TimeSpan(start, end, text, period.yearly)


def _periods(match: re.Match[str], today: date) -> list[Period]:
    """What an expression stands for; nothing if its words mean something else here."""
    if match["eastern"]:
        return read_period(match["eastern"], today)[0]
    lead, connector = (match["lead"] or "").casefold(), (match["connector"] or "").casefold().strip()
    second = read_period(match["second"], today)[0] if match["second"] else []
    is_range = bool(second) and (connector not in ("and", "or") or lead == "between")
    if match["number"]:
        if not is_range or not _is_day(second[0]):
            return []
        return [Period(second[0].first.replace(day=int(match["number"])), second[0].end, second[0].yearly)]
    periods, needs = read_period(match["first"], today)
    if not _is_meant(match, lead, needs, is_range):
        return []
    if match["part"]:
        periods = [_part(each, match["part"].casefold()) for each in periods]
    if is_range:
        return [_range(periods[0], second[0])]
    if second:
        periods = _share_year(periods[0], second[0])
    return [_open(each, lead, today) for each in periods]


def _is_meant(match: re.Match[str], lead: str, needs: Needs, is_range: bool) -> bool:
    text, start, end = match.string, match.start("first"), match.end("first")
    if modal := _MODAL.fullmatch(match["first"]):
        capital = "M" in match["first"]
        if _VERB.match(text, end) or (modal["this"] and not capital):
            return False
        if modal["day"] and not lead and not (capital and start > 0) and text[end : end + 1] == " ":
            return False
    if needs is Needs.NOTHING or match["part"]:
        return True
    if needs is Needs.LEAD_OF_TIME:
        article = lead in ("in", "during") and text[:start].casefold().endswith(" the ")
        return lead in _LEADS_OF_TIME or article or (lead == "from" and is_range)
    at_end = match["first"][-1].isdigit() and not re.search(r"\w", text[end:])
    return bool(lead) or (at_end and not _NUMBERED.search(text[:start].casefold()))


def _is_day(period: Period) -> bool:
    return period.end - period.first == timedelta(days=1)


def _part(period: Period, part: str) -> Period:
    """ "early May", "the second half of 2022", "the last week of June", "the weekend of 14 May"."""
    days = (period.end - period.first).days
    word = part.split()[0]
    if word in ("week", "weekend"):
        if period.yearly:  # which weekday it is differs from year to year
            return Period(period.first - timedelta(days=3), period.end + timedelta(days=3), True)
        monday = period.first - timedelta(days=period.first.weekday())
        from_day, to_day = (5, 7) if word == "weekend" else (0, 7)
        return Period(monday + timedelta(days=from_day), monday + timedelta(days=to_day))
    if days < 28:
        return period
    if "week" in part:
        from_day = days - 7 if word == "last" else ("first", "second", "third", "fourth").index(word) * 7
        to_day = from_day + 7
    elif "half" in part:
        from_day, to_day = (0, days // 2) if word == "first" else (days // 2, days)
    else:
        third = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1}.get(word, 2)
        from_day, to_day = third * days // 3, (third + 1) * days // 3
    return Period(period.first + timedelta(days=from_day), period.first + timedelta(days=to_day), period.yearly)


def _share_year(first: Period, second: Period) -> list[Period]:
    """ "from May to July 2023": who leaves out one of two years means the same year, or the one beside it."""
    if first.yearly and not second.yearly:
        year = second.first.year
        first = first.in_year(year) if first.in_year(year).first <= second.first else first.in_year(year - 1)
    elif second.yearly and not first.yearly:
        year = first.first.year
        second = second.in_year(year) if second.in_year(year).end > first.first else second.in_year(year + 1)
    return [first, second]


def _range(first: Period, second: Period) -> Period:
    first, second = _share_year(first, second)
    end = second.end
    if first.yearly and end <= first.first:  # November to February
        end = second.in_year(ANY_YEAR + 1).end
    return Period(first.first, end, first.yearly)


def _open(period: Period, lead: str, today: date) -> Period:
    if lead not in (*_SINCE, *_BEFORE, *_AFTER):
        return period
    if period.yearly:
        this_year = period.in_year(today.year)
        period = this_year if this_year.first <= today else period.in_year(today.year - 1)
    if lead in _BEFORE:
        return Period(_EARLIEST, period.first)
    return Period(period.first if lead in _SINCE else period.end, _LATEST)
