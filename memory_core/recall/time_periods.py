"""What a day, month, season or year looks like in a question, and which days it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

ANY_YEAR = 2000
"""The leap year in which periods without a year are given."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days from ``first`` up to, not including, ``end``. Yearly: every year, given in ``ANY_YEAR``."""

    first: date
    end: date
    yearly: bool = False


# One row per month: English, German, Spanish, French.
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
# Names of people and other words too: alone they are months only after a word such as "in".
_ALSO_WORDS = frozenset("jan mar mars april avril may mai mayo june jun jul august sep dec dez".split())
# First month of the meteorological seasons of the north.
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {
    name: n for n, name in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}
_NUMBERS |= {"a": 1, "an": 1, "couple of": 2, "a couple of": 2, "few": 3, "a few": 3, "several": 4}
_DAYS_FROM_TODAY = {
    "the day before yesterday": -2, "day before yesterday": -2, "yesterday": -1, "last night": -1, "today": 0,
    "tonight": 0, "this morning": 0, "this afternoon": 0, "this evening": 0, "tomorrow": 1,
    "vorgestern": -2, "gestern": -1, "heute": 0, "anteayer": -2, "ayer": -1, "hoy": 0, "avant-hier": -2, "hier": -1,
}  # fmt: skip
_UNIT_DAYS = {"hour": 1, "day": 1, "weekend": 3, "week": 7, "month": 31, "year": 365, "decade": 3650}
_FEASTS = {
    "christmas eve": (12, 24, 1), "christmas": (12, 24, 3), "new year['’]s eve": (12, 31, 1),
    "new year['’]s day": (1, 1, 1), "halloween": (10, 31, 1), "valentine['’]s day": (2, 14, 1),
}  # fmt: skip
_DIRECTIONS = {"next": 1, "this": 0}

Groups = dict[str, str]


def _names(names: object) -> str:
    return "|".join(sorted(map(str, names), key=len, reverse=True))  # type: ignore[call-overload]


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS[word]


def add_months(day: date, months: int) -> date:
    """The same day so many months later; the last of the month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return min(following - timedelta(days=1), date(year, month + 1, 1) + timedelta(days=day.day - 1))


def _months(year: int, month: int, count: int, *, yearly: bool = False) -> Period:
    first = date(year, month, 1)
    return Period(first, add_months(first, count), yearly)


def _days(first: date, count: int = 1, *, yearly: bool = False) -> Period:
    return Period(first, first + timedelta(days=count), yearly)


def _day(g: Groups, _: date) -> list[Period]:
    month = _MONTHS[g["month"]] if "month" in g else int(g["m"])
    year = int(g.get("y", ANY_YEAR))
    first = _days(date(year, month, int(g["d"])), yearly="y" not in g)
    return [
        Period(first.first, date(year, month, int(g["d2"])) + timedelta(days=1), first.yearly) if "d2" in g else first
    ]


def _month(g: Groups, _: date) -> list[Period]:
    month = _MONTHS[g["month"]] if "month" in g else int(g["m"])
    return [_months(int(g.get("y", ANY_YEAR)), month, 1, yearly="y" not in g)]


def _either_day(g: Groups, _: date) -> list[Period]:
    """5/7/2023 is 7 May to some and 5 July to others."""
    readings = {(int(g["a"]), int(g["b"])), (int(g["b"]), int(g["a"]))}
    return [_days(date(int(g["y"]), month, day)) for month, day in sorted(readings) if month <= 12]


def _season(g: Groups, _: date) -> list[Period]:
    """A winter belongs to two years: "winter 2023" is the one that ends and the one that begins in it."""
    month, year = _SEASONS[g["season"]], int(g.get("y", ANY_YEAR))
    years = (year - 1, year) if month == 12 and "y" in g else (year,)
    return [_months(each, month, 3, yearly="y" not in g) for each in years]


def _feast(g: Groups, _: date) -> list[Period]:
    month, day, count = next(when for name, when in _FEASTS.items() if re.fullmatch(name, g["feast"]))
    return [_days(date(int(g.get("y", ANY_YEAR)), month, day), count, yearly="y" not in g)]


def _quarter(g: Groups, _: date) -> list[Period]:
    number = int(g["q"]) if "q" in g else ("first", "second", "third", "fourth").index(g["nth"]) + 1
    return [_months(int(g["y"]), number * 3 - 2, 3)]


def _year(g: Groups, _: date) -> list[Period]:
    return [_months(int(g["y"]), 1, 12)]


def _decade(g: Groups, _: date) -> list[Period]:
    return [_months(int(g["y"]), 1, 120)]


def _from_today(g: Groups, today: date) -> list[Period]:
    return [_days(today + timedelta(days=_DAYS_FROM_TODAY[g["word"]]))]


def _ago(g: Groups, today: date) -> list[Period]:
    """A unit's width around the day: who says "two months ago" does not count days."""
    n, width = _number(g["n"]), _UNIT_DAYS[g["unit"]]
    if g["unit"] in ("month", "year", "decade"):
        then = add_months(today, -n * {"month": 1, "year": 12, "decade": 120}[g["unit"]])
    else:
        then = today - timedelta(days={"hour": n / 24, "day": n}.get(g["unit"], n * 7))
    return [_days(then - timedelta(days=width // 2), width)]


def _past(g: Groups, today: date) -> list[Period]:
    n, unit = _number(g.get("n", "one")), g["unit"]
    months = {"month": n, "year": 12 * n, "decade": 120 * n}.get(unit)
    days = {"hour": 1, "day": n}.get(unit, 7 * n)
    first = add_months(today, -months) if months else today - timedelta(days=days)
    return [Period(first, today + timedelta(days=1))]


def _which_unit(g: Groups, today: date) -> list[Period]:
    step, unit = _DIRECTIONS.get(g["which"], -1), g["unit"]
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
    if unit == "week":
        return [_days(monday, 7)]
    if unit == "weekend":
        return [_days(monday + timedelta(days=5), 2)]
    if unit in ("month", "quarter"):
        length = 3 if unit == "quarter" else 1
        start = add_months(today.replace(day=1), -((today.month - 1) % length) + step * length)
        return [_months(start.year, start.month, length)]
    return [_months(today.year + step, 1, 12)]


def _which_weekday(g: Groups, today: date) -> list[Period]:
    """Questions look back: "on Tuesday" is the latest one, today included, "last Tuesday" one before today."""
    ahead = (_WEEKDAYS.index(g["weekday"]) - today.weekday()) % 7
    match g.get("which"):
        case "next":
            return [_days(today + timedelta(days=ahead or 7))]
        case "this":
            return [_days(today - timedelta(days=today.weekday()) + timedelta(days=_WEEKDAYS.index(g["weekday"])))]
        case None:
            return [_days(today + timedelta(days=ahead - 7 if ahead else 0))]
        case _:
            return [_days(today + timedelta(days=ahead - 7))]


def _which_yearly(g: Groups, today: date) -> list[Period]:
    """ "last May" is the latest that is over, "next May" the first that has not begun."""
    period = (_month if "month" in g else _season if "season" in g else _feast)(g, today)[0]
    step = _DIRECTIONS.get(g["which"], -1)
    around = [in_year(period, year) for year in range(today.year - 2, today.year + 3)]
    if step < 0:
        return [[each for each in around if each.end <= today][-1]]
    return [[each for each in around if (each.first > today if step else each.end > today)][0]]


def _beside(g: Groups, today: date) -> list[Period]:
    """ "the week before May 7, 2023", "two weeks after ...", "the Sunday before ..." """
    anchor = _day(g, today)[0]
    sign = 1 if g["side"] in ("after", "following") else -1
    edge = anchor.end if sign > 0 else anchor.first
    if "weekday" in g:
        there = _which_weekday({"weekday": g["weekday"], "which": "next" if sign > 0 else "last"}, anchor.first)[0]
        return [Period(there.first, there.end, anchor.yearly)]
    if "n" in g:
        there = _ago({"n": g["n"], "unit": g["unit"]}, anchor.first)[0]
        shift = (
            2 * (anchor.first - there.first) - timedelta(days=_UNIT_DAYS[g["unit"]] - 1) if sign > 0 else timedelta()
        )
        return [Period(there.first + shift, there.end + shift, anchor.yearly)]
    other = edge + sign * timedelta(days=_UNIT_DAYS[g["unit"]] if g["unit"] != "weekend" else 7)
    return [Period(min(edge, other), max(edge, other), anchor.yearly)]


def in_year(period: Period, year: int) -> Period:
    """A yearly period in the year it begins in; 29 February is 28 February in other years."""
    days = (period.end - period.first).days
    first = period.first
    if (first.month, first.day) == (2, 29):
        first = first.replace(day=28)
    moved = first.replace(year=year + first.year - ANY_YEAR)
    if days > 26 and period.end.day == 1:  # whole months stay whole
        return Period(moved, period.end.replace(year=year + period.end.year - ANY_YEAR))
    return _days(moved, days)


_MONTH = rf"(?P<month>{_names(_MONTHS)})\b\.?"
_SEASON = rf"(?P<season>{_names(_SEASONS)})\b"
_WEEKDAY = rf"(?P<weekday>{_names(_WEEKDAYS)})\b"
_FEAST = rf"(?P<feast>{_names(_FEASTS)})\b"
_WHICH = "(?P<which>last|past|previous|this|next)"
_D = r"(?P<d>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|er|\.)?"
_TO = r" ?(?:-|–|to|and|through|until) ?"
_YEAR = r"(?P<y>(?:19|20)\d\d)\b"
_OF_YEAR = rf"(?:,? ?(?:of |de |del |in )?{_YEAR})"
_COUNT = rf"(?P<n>\d{{1,5}}|{_names(_NUMBERS)})"
_UNIT = r"(?P<unit>hour|day|weekend|week|month|year|decade)s?\b"
_FULL_DAY = rf"(?:{_MONTH} {_D}(?!\d)|{_D} (?:of |de )?{_MONTH}){_OF_YEAR}?".replace(
    rf"{_D} (?:of |de )?{_MONTH}",
    rf"{_D} (?:of |de )?{_MONTH}".replace("<d>", "<d_>").replace("<month>", "<month_>"),
)

Reader = Callable[[Groups, date], list[Period]]
