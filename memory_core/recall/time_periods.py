"""What a day, month, season or year looks like in a question, and which days it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from functools import cache

ANY_YEAR = 2000
"""The leap year in which periods without a year are given."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from ``first`` up to, not including, ``end``. Yearly: meant in every year, given in ``ANY_YEAR``."""

    first: date
    end: date
    yearly: bool = False

    def in_year(self, year: int) -> Period:
        """A yearly period as the one that begins in ``year``; 29 February is the 28th where there is none."""
        first, end = self.first, self.end
        first = first.replace(day=28) if (first.month, first.day) == (2, 29) else first
        end = end.replace(month=3, day=1) if (end.month, end.day) == (2, 29) else end
        shift = year - ANY_YEAR
        return Period(first.replace(year=first.year + shift), end.replace(year=end.year + shift))


class Needs(IntEnum):
    """What must stand before a period for it to be one."""

    NOTHING = 0
    LEAD = 1
    LEAD_OF_TIME = 2


# One row a month: English, German, Spanish, French.
_MONTH_ROWS = (
    "january jan januar jänner enero janvier",
    "february feb februar febrero février fevrier",
    "march mar märz maerz marzo mars",
    "april apr abril avril",
    "may mai mayo",
    "june jun juni junio juin",
    "july jul juli julio juillet",
    "august aug agosto août aout",
    "september sep sept septiembre septembre",
    "october oct oktober okt octubre octobre",
    "november nov noviembre novembre",
    "december dec dezember dez diciembre décembre decembre",
)
_MONTHS = {name: number for number, row in enumerate(_MONTH_ROWS, 1) for name in row.split()}
# Also names of people and other words.
_DOUBTFUL = {
    "jan", "mar", "mars", "april", "avril", "may", "march", "mai", "mayo", "june", "jun", "jul", "august", "sep", "dec",
}  # fmt: skip
# First months of the meteorological seasons of the north.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "a": 1, "an": 1, "couple of": 2, "a couple of": 2, "few": 3, "a few": 3, "several": 4,
}  # fmt: skip
_NAMED_DAYS = {
    "day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0, "tonight": 0, "this morning": 0,
    "this afternoon": 0, "this evening": 0, "tomorrow": 1, "vorgestern": -2, "gestern": -1, "heute": 0,
    "anteayer": -2, "ayer": -1, "hoy": 0, "avant-hier": -2, "hier": -1, "aujourd'hui": 0,
}  # fmt: skip
# Month, day, days.
_FEASTS = {
    "christmas eve": (12, 24, 1), "christmas": (12, 24, 3), "halloween": (10, 31, 1), "new year's eve": (12, 31, 1),
}  # fmt: skip
_UNIT_DAYS = {"hour": 1, "day": 1, "week": 7, "weekend": 7, "month": 31, "year": 365, "decade": 3650}
_UNIT_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120}

Groups = dict[str, str]
Reader = Callable[[Groups, date], list[Period]]


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    start = date(year, month + 1, 1)
    last = (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return min(start + timedelta(days=day.day - 1), last)


def _move(day: date, n: int, unit: str) -> date:
    if unit in _UNIT_MONTHS:
        return add_months(day, n * _UNIT_MONTHS[unit])
    return day + timedelta(days=0 if unit == "hour" else n * _UNIT_DAYS[unit])


def _count(g: Groups) -> int:
    return _NUMBERS[g["n"]] if g["n"] in _NUMBERS else int(g["n"])


def _days(first: date, count: int = 1, yearly: bool = False) -> Period:
    return Period(first, first + timedelta(days=count), yearly)


def _months(year: int, month: int, count: int, yearly: bool = False) -> Period:
    first = date(year, month, 1)
    return Period(first, add_months(first, count), yearly)


def _year_and_month(g: Groups) -> tuple[int, int, bool]:
    month = _MONTHS[g["month"]] if "month" in g else int(g["m"])
    return int(g.get("y", ANY_YEAR)), month, "y" not in g


def _day(g: Groups, _: date) -> list[Period]:
    year, month, yearly = _year_and_month(g)
    first, last = date(year, month, int(g["d"])), date(year, month, int(g.get("d2", g["d"])))
    return [Period(first, last + timedelta(days=1), yearly)]


def _month(g: Groups, _: date) -> list[Period]:
    year, month, yearly = _year_and_month(g)
    return [_months(year, month, 1, yearly)]


def _either_day(g: Groups, _: date) -> list[Period]:
    """5/7/2023 is 7 May to some and 5 July to others."""
    readings = {(int(g["a"]), int(g["b"])), (int(g["b"]), int(g["a"]))}
    return [_days(date(int(g["y"]), month, day)) for month, day in sorted(readings) if month <= 12]


def _season(g: Groups, _: date) -> list[Period]:
    """A winter belongs to two years: "winter 2023" is the one that ends and the one that begins in it."""
    month, year = _SEASONS[g["season"]], int(g.get("y", ANY_YEAR))
    years = (year - 1, year) if month == 12 and "y" in g else (year,)
    return [_months(each, month, 3, "y" not in g) for each in years]


def _feast(g: Groups, _: date) -> list[Period]:
    month, day, count = _FEASTS[g["feast"].replace("\u2019", "'")]
    return [_days(date(int(g.get("y", ANY_YEAR)), month, day), count, "y" not in g)]


def _quarter(g: Groups, _: date) -> list[Period]:
    return [_months(int(g["y"]), int(g["q"]) * 3 - 2, 3)]


def _years(g: Groups, _: date) -> list[Period]:
    return [_months(int(g["y"]), 1, 120 if "decade" in g else 12)]


def _named_day(g: Groups, today: date) -> list[Period]:
    return [_days(today + timedelta(days=_NAMED_DAYS[g["word"].replace("\u2019", "'")]))]


def _away(g: Groups, today: date) -> list[Period]:
    """A unit's width around the day: who says "two months ago" does not count days."""
    width = _UNIT_DAYS[g["unit"]]
    there = _move(today, _count(g) * (1 if g["side"] == "after" else -1), g["unit"])
    return [_days(there - timedelta(days=width // 2), width)]


def _past(g: Groups, today: date) -> list[Period]:
    return [Period(_move(today, -_count(g), g["unit"]), today + timedelta(days=1))]


def _calendar_unit(g: Groups, today: date) -> list[Period]:
    step, unit = _step(g), g["unit"]
    if unit in _UNIT_MONTHS:
        length = _UNIT_MONTHS[unit]
        start = add_months(today.replace(day=1), step * length - (today.month - 1) % length)
        return [_months(start.year, start.month, length)]
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
    return [_days(monday + timedelta(days=5), 2) if unit == "weekend" else _days(monday, 7)]


def _weekday(g: Groups, today: date) -> list[Period]:
    """Questions look back: "on Tuesday" is the latest one, today included, "last Tuesday" the one before today."""
    ahead = (_WEEKDAYS.index(g["weekday"]) - today.weekday()) % 7
    if "which" not in g:
        return [_days(today - timedelta(days=-ahead % 7))]
    if g["which"] == "this":
        return [_days(today - timedelta(days=today.weekday()) + timedelta(days=_WEEKDAYS.index(g["weekday"])))]
    return [_days(today + timedelta(days=(ahead or 7) if g["which"] == "next" else ahead - 7))]


def _which_time_of_year(g: Groups, today: date) -> list[Period]:
    """Of "May": "last" is the latest that is over, "next" the first to come, "this" the current one or this year's."""
    period = (_month if "month" in g else _season if "season" in g else _feast)(g, today)[0]
    around = [period.in_year(year) for year in range(today.year - 2, today.year + 3)]
    if _step(g) < 0:
        return [[each for each in around if each.end <= today][-1]]
    if _step(g) > 0:
        return [next(each for each in around if each.first > today)]
    return [next((each for each in around if each.first <= today < each.end), around[2])]


def _beside(g: Groups, today: date) -> list[Period]:
    """ "the week before May 7, 2023", "two weeks after May 7", "the Sunday before 7 May"."""
    day = _day(g, today)[0]
    after = g["side"] == "after"
    if "weekday" in g and not day.yearly:
        there = _weekday({"weekday": g["weekday"], "which": "next" if after else "last"}, day.first)[0]
    elif "n" in g:
        there = _away(g, day.first)[0]
    elif after:
        there = Period(day.end, _move(day.end, 1, g.get("unit", "week")))
    else:
        there = Period(_move(day.first, -1, g.get("unit", "week")), day.first)
    return [Period(there.first, there.end, day.yearly)]


def _step(g: Groups) -> int:
    return {"next": 1, "this": 0}.get(g["which"], -1)


def _any(name: str, words: Iterable[str]) -> str:
    alternatives = "|".join(sorted(words, key=len, reverse=True)).replace("'", "['\u2019]")
    return rf"(?P<{name}>{alternatives})(?!\w)"


_MONTH = _any("month", _MONTHS) + r"\.?"
_SEASON, _FEAST, _WEEKDAY = _any("season", _SEASONS), _any("feast", _FEASTS), _any("weekday", _WEEKDAYS)
_NUMBER = r"0?[1-9]|[12]\d|3[01]"
_D = rf"(?P<d>{_NUMBER})(?:st|nd|rd|th|er|\.)?(?!\d)"
_D2 = rf"(?: ?[-\u2013] ?| (?:to|and|or|through|until) )(?P<d2>{_NUMBER})(?:st|nd|rd|th)?(?!\d)"
_Y = r"(?P<y>(?:19|20)\d\d)(?!\d)"
_OF_Y = rf"(?:,? ?(?:(?:of|de|del|in) )?{_Y})"
_N = rf"(?P<n>\d{{1,5}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = rf"(?P<unit>{'|'.join(sorted(_UNIT_DAYS, key=len, reverse=True))})s?(?!\w)"
_WHICH = "(?P<which>last|past|previous|this|next)"
_CLOCK = r"(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?"
_DAY_FORMS = (rf"{_MONTH} {_D}{_OF_Y}?", rf"{_D} (?:(?:of|de) )?{_MONTH}{_OF_Y}?", rf"{_Y}-(?P<m>\d\d)-(?P<d>\d\d)")
_SIDE = "(?P<side>before|after)"

# The first that fits is taken, so the longer stand first.
_RULES: tuple[tuple[str, Reader, Needs], ...] = (
    (rf"{_Y}[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)(?!\d){_CLOCK}", _day, Needs.NOTHING),
    (rf"{_Y}-(?P<m>\d\d)(?!\d)", _month, Needs.NOTHING),
    (rf"(?P<a>\d\d?)/(?P<b>\d\d?)/{_Y}", _either_day, Needs.NOTHING),
    (rf"(?P<d>\d\d?)\.(?P<m>\d\d?)\.{_Y}", _day, Needs.NOTHING),
    *((rf"(?:{_WEEKDAY}|(?:{_N} )?{_UNIT}) {_SIDE} (?:the )?{form}", _beside, Needs.NOTHING) for form in _DAY_FORMS),
    (rf"{_MONTH} {_D}{_D2}{_OF_Y}?", _day, Needs.NOTHING),
    *((form, _day, Needs.NOTHING) for form in _DAY_FORMS),
    (rf"{_MONTH}{_OF_Y}", _month, Needs.NOTHING),
    (rf"{_SEASON}{_OF_Y}", _season, Needs.NOTHING),
    (rf"{_FEAST}{_OF_Y}", _feast, Needs.NOTHING),
    (rf"Q(?P<q>[1-4]) ?(?:of )?{_Y}", _quarter, Needs.NOTHING),
    (r"(?P<y>(?:19|20)\d0)(?P<decade>s)", _years, Needs.NOTHING),
    (_any("word", _NAMED_DAYS), _named_day, Needs.NOTHING),
    (rf"{_N} {_UNIT} (?P<side>ago)", _away, Needs.NOTHING),
    (rf"(?:past|last|previous) {_N} {_UNIT}", _past, Needs.NOTHING),
    (rf"{_WHICH} (?P<unit>week|weekend|month|quarter|year|decade)(?!\w)", _calendar_unit, Needs.NOTHING),
    (rf"{_WHICH} {_WEEKDAY}", _weekday, Needs.NOTHING),
    (rf"{_WHICH} (?:{_MONTH}|{_SEASON}|{_FEAST})", _which_time_of_year, Needs.NOTHING),
    (_any("month", set(_MONTHS) - _DOUBTFUL), _month, Needs.NOTHING),
    (_any("month", _DOUBTFUL), _month, Needs.LEAD_OF_TIME),
    (_SEASON, _season, Needs.LEAD_OF_TIME),
    (_FEAST, _feast, Needs.LEAD),
    (_WEEKDAY, _weekday, Needs.LEAD),
    (rf"(?:the )?(?:year )?{_Y}", _years, Needs.LEAD),
)
_EASTERN_RULES: tuple[tuple[str, Reader, Needs], ...] = (
    (rf"{_Y}年(?P<m>\d\d?)月(?P<d>\d\d?)[日号]", _day, Needs.NOTHING),
    (rf"{_Y}年(?P<m>\d\d?)月", _month, Needs.NOTHING),
    (rf"{_Y}年", _years, Needs.NOTHING),
    (r"(?P<m>\d\d?)月(?P<d>\d\d?)[日号]", _day, Needs.NOTHING),
)


def _without_groups(rules: tuple[tuple[str, Reader, Needs], ...]) -> str:
    return "|".join(re.sub(r"\(\?P<\w+>", "(?:", pattern) for pattern, _, _ in rules)


PERIOD, EASTERN = _without_groups(_RULES), _without_groups(_EASTERN_RULES)
"""Regular expressions for any period, and for the Chinese and Japanese ones, which need no blanks around them."""


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], Reader, Needs], ...]:
    rules = (*_RULES, *_EASTERN_RULES)
    return tuple((re.compile(pattern, re.IGNORECASE), reader, needs) for pattern, reader, needs in rules)


def read_period(text: str, today: date) -> tuple[list[Period], Needs]:
    """The days a match of ``PERIOD`` or ``EASTERN`` stands for (several, if it has several readings), and its needs.

    Raises:
        ValueError: There is no such day. So do LookupError and OverflowError.
    """
    for pattern, reader, needs in _compiled():
        if match := pattern.fullmatch(text):
            groups = {name: value.casefold() for name, value in match.groupdict().items() if value}
            return reader(groups, today), needs
    raise ValueError("not a period")
