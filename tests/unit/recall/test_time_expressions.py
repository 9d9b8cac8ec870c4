"""Times in a question become spans, by rule; words that only look like times do not."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_core.recall.time_expressions import TimeSpan, find_time_spans, time_score

NOW = datetime(2023, 6, 15, 10, tzinfo=UTC)  # a Thursday
OPEN_START, OPEN_END = date.min, date.max


def spans(query: str, now: datetime = NOW) -> list[tuple[str, str]]:
    """Each span as its first day and the day after its last; ``--`` in front if it is meant in every year."""
    found, _ = find_time_spans(query, now)
    return [tuple(f"{'--' if span.yearly else ''}{at.date()}" for at in (span.start, span.end)) for span in found]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("What happened on 2023-05-07?", "2023-05-07", "2023-05-08"),
        ("the note of 2023-05-07T14:30:00Z", "2023-05-07", "2023-05-08"),
        ("2023/5/7", "2023-05-07", "2023-05-08"),
        ("27/5/2023", "2023-05-27", "2023-05-28"),
        ("Who came on May 7, 2023?", "2023-05-07", "2023-05-08"),
        ("Who came on December 1,2023?", "2023-12-01", "2023-12-02"),
        ("7 May 2023", "2023-05-07", "2023-05-08"),
        ("the 7th of May, 2023", "2023-05-07", "2023-05-08"),
        ("7th of May", "--2000-05-07", "--2000-05-08"),
        ("when they met on Aug 15th", "--2000-08-15", "--2000-08-16"),
        ("on the 4th of July", "--2000-07-04", "--2000-07-05"),
        ("29 February", "--2000-02-29", "--2000-03-01"),
        ("May 2023", "2023-05-01", "2023-06-01"),
        ("2023-05", "2023-05-01", "2023-06-01"),
        ("Which spot did she visit in May?", "--2000-05-01", "--2000-06-01"),
        ("what did we do in july", "--2000-07-01", "--2000-08-01"),
        ("summer 2023", "2023-06-01", "2023-09-01"),
        ("in the winter", "--2000-12-01", "--2001-03-01"),
        ("How many trips in 2022?", "2022-01-01", "2023-01-01"),
        ("best trips, 2022?", "2022-01-01", "2023-01-01"),
        ("in the 1990s", "1990-01-01", "2000-01-01"),
        ("Q1 2024", "2024-01-01", "2024-04-01"),
        ("Christmas 2022", "2022-12-24", "2022-12-27"),
        ("for Christmas", "--2000-12-24", "--2000-12-27"),
    ],
)
def test_dates_months_seasons_and_years(query: str, start: str, end: str) -> None:
    assert spans(query) == [(start, end)]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("yesterday", "2023-06-14", "2023-06-15"),
        ("the day before yesterday", "2023-06-13", "2023-06-14"),
        ("today", "2023-06-15", "2023-06-16"),
        ("last night", "2023-06-14", "2023-06-15"),
        ("last week", "2023-06-05", "2023-06-12"),
        ("this month", "2023-06-01", "2023-07-01"),
        ("their trip last year?", "2022-01-01", "2023-01-01"),
        ("next week", "2023-06-19", "2023-06-26"),
        ("last weekend", "2023-06-10", "2023-06-12"),
        ("last Monday", "2023-06-12", "2023-06-13"),
        ("last Thursday", "2023-06-08", "2023-06-09"),
        ("on Thursday", "2023-06-15", "2023-06-16"),
        ("on Tuesday", "2023-06-13", "2023-06-14"),
        ("last May", "2023-05-01", "2023-06-01"),
        ("last July", "2022-07-01", "2022-08-01"),
        ("last summer", "2022-06-01", "2022-09-01"),
        ("this summer", "2023-06-01", "2023-09-01"),
        ("10 days ago", "2023-06-05", "2023-06-06"),
        ("a week ago", "2023-06-05", "2023-06-12"),
        ("two weeks ago", "2023-05-29", "2023-06-05"),
        ("3 months ago", "2023-02-28", "2023-03-31"),
        ("an hour ago", "2023-06-15", "2023-06-16"),
        ("over the past three days", "2023-06-12", "2023-06-16"),
        ("in the last 2 months", "2023-04-15", "2023-06-16"),
    ],
)
def test_times_relative_to_now(query: str, start: str, end: str) -> None:
    assert spans(query) == [(start, end)]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("between 3 and 5 May 2023", "2023-05-03", "2023-05-06"),
        ("3-5 May 2023", "2023-05-03", "2023-05-06"),
        ("May 3-5, 2023", "2023-05-03", "2023-05-06"),
        ("between August 11 and August 15 2023", "2023-08-11", "2023-08-16"),
        ("from May to July 2023", "2023-05-01", "2023-08-01"),
        ("from November to January 2024", "2023-11-01", "2024-02-01"),
        ("from May 2023 to July", "2023-05-01", "2023-08-01"),
        ("from November to February", "--2000-11-01", "--2001-03-01"),
        ("from 2019 to 2021", "2019-01-01", "2022-01-01"),
        ("since March 2023", "2023-03-01", str(OPEN_END)),
        ("since July", "2022-07-01", str(OPEN_END)),
        ("before 2021", str(OPEN_START), "2021-01-01"),
        ("after June 2022", "2022-07-01", str(OPEN_END)),
        ("by July 10, 2022", "2022-07-10", "2022-07-11"),
        ("early August", "--2000-08-01", "--2000-08-11"),
        ("mid-June 2022", "2022-06-11", "2022-06-21"),
        ("at the end of June 2022", "2022-06-21", "2022-07-01"),
        ("the first half of September 2022", "2022-09-01", "2022-09-16"),
        ("the second week of November", "--2000-11-08", "--2000-11-15"),
        ("the weekend of 14 May 2023", "2023-05-13", "2023-05-15"),
        ("the week of 14 May", "--2000-05-11", "--2000-05-18"),
        ("the week before August 3, 2023", "2023-07-27", "2023-08-03"),
        ("two weeks before 11 August 2023", "2023-07-25", "2023-08-01"),
        ("the day after 2023-08-03", "2023-08-04", "2023-08-05"),
        ("the Sunday before October 25, 2022", "2022-10-23", "2022-10-24"),
        ("the Sunday before October 25", "--2000-10-18", "--2000-10-25"),
    ],
)
def test_ranges_parts_and_open_spans(query: str, start: str, end: str) -> None:
    assert spans(query) == [(start, end)]


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("am 7. Mai 2023", "2023-05-07", "2023-05-08"),
        ("was geschah im März", "--2000-03-01", "--2000-04-01"),
        ("el 7 de mayo de 2023", "2023-05-07", "2023-05-08"),
        ("le 1er août", "--2000-08-01", "--2000-08-02"),
        ("qu'est-ce que j'ai fait hier", "2023-06-14", "2023-06-15"),
        ("2023年5月7日に何をしましたか", "2023-05-07", "2023-05-08"),
        ("我在2023年5月做了什么", "2023-05-01", "2023-06-01"),
        ("5月7日", "--2000-05-07", "--2000-05-08"),
    ],
)
def test_other_languages(query: str, start: str, end: str) -> None:
    assert spans(query) == [(start, end)]


def test_what_has_two_readings_gives_both() -> None:
    assert spans("5/7/2023") == [("2023-05-07", "2023-05-08"), ("2023-07-05", "2023-07-06")]
    assert spans("winter 2023") == [("2022-12-01", "2023-03-01"), ("2023-12-01", "2024-03-01")]
    assert spans("5/5/2023") == [("2023-05-05", "2023-05-06")]


def test_several_times_in_one_question() -> None:
    assert spans("in May and June?") == [("--2000-05-01", "--2000-06-01"), ("--2000-06-01", "--2000-07-01")]
    assert spans("What did she finish last Friday, on 23 January 2022?") == [
        ("2023-06-09", "2023-06-10"),
        ("2022-01-23", "2022-01-24"),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "May I ask you something?",
        "you may",
        "this may be wrong",
        "the house he lives in may be sold",
        "May 7 people come?",
        "march on",
        "they march 5 miles",
        "did she fall in the water",
        "April and June are sisters",
        "room 2023",
        "it costs $2022",
        "3 and 5 apples",
        "the last time",
        "Monday is a nice word",
        "99999999 years ago",
        "99999 years ago",
        "31.13.2023 maybe",
        "",
        "?!",
    ],
)
def test_what_is_no_time(query: str) -> None:
    assert find_time_spans(query, NOW) == ([], query)


def test_returns_the_matched_words_and_the_question_without_them() -> None:
    found, rest = find_time_spans("Which  movie did Joanna watch on 1 May, 2022 with Nate?", NOW)
    assert [span.text for span in found] == ["on 1 May, 2022"]
    assert rest == "Which movie did Joanna watch with Nate?"


def test_days_are_those_of_the_time_zone_of_now() -> None:
    late = datetime(2023, 6, 15, 23, tzinfo=timezone(timedelta(hours=-7)))
    (span,), _ = find_time_spans("today", late)
    assert span.start == datetime(2023, 6, 15, 7, tzinfo=UTC)
    assert span.end == datetime(2023, 6, 16, 7, tzinfo=UTC)
    assert span.start.tzinfo is UTC


def test_score_is_one_inside_fades_after_and_is_a_half_shortly_before() -> None:
    (span,), _ = find_time_spans("on 7 May 2023", NOW)
    assert time_score(span.start, [span]) == 1.0
    assert time_score(span.end, [span]) == 1.0
    assert time_score(span.end + timedelta(days=14), [span]) == pytest.approx(math.exp(-1))
    assert time_score(span.start - timedelta(days=3), [span]) == 0.5
    assert time_score(span.start - timedelta(days=3, seconds=1), [span]) == 0.0
    assert time_score(NOW, []) == 0.0


def test_score_takes_the_nearest_span() -> None:
    found, _ = find_time_spans("on 7 May 2023 or in 2021", NOW)
    assert time_score(datetime(2021, 3, 1, tzinfo=UTC), found) == 1.0
    assert time_score(datetime(2023, 5, 7, 12, tzinfo=UTC), found) == 1.0


def test_a_month_without_a_year_is_meant_in_every_year() -> None:
    may, _ = find_time_spans("in May", NOW)
    winter, _ = find_time_spans("in the winter", NOW)
    leap_day, _ = find_time_spans("on 29 February", NOW)
    for year in (2021, 2022, 2024):
        assert time_score(datetime(year, 5, 31, 23, tzinfo=UTC), may) == 1.0
        assert time_score(datetime(year, 2, 1, tzinfo=UTC), winter) == 1.0
        assert time_score(datetime(year, 12, 1, tzinfo=UTC), winter) == 1.0
        assert time_score(datetime(year, 2, 28 + (year % 4 == 0), 12, tzinfo=UTC), leap_day) == 1.0
    january, _ = find_time_spans("in January", NOW)
    assert time_score(datetime(2022, 12, 30, tzinfo=UTC), january) == 0.5


def test_open_spans_hold_everything_on_their_side() -> None:
    before, _ = find_time_spans("before 2021", NOW)
    since, _ = find_time_spans("since March 2023", NOW)
    assert time_score(datetime(1, 1, 1, tzinfo=UTC), before) == 1.0
    assert time_score(datetime(9999, 12, 31, tzinfo=UTC), since) == 1.0
    assert time_score(datetime(2020, 1, 1, tzinfo=UTC), since) == 0.0


DAY_FORMATS = [
    "%Y-%m-%d", "on %B %d, %Y", "on %d %B %Y", "%d %b %Y", "the %dth of %B, %Y", "%b %d %Y", "%d.%m.%Y", "%m/%d/%Y",
    "%Y年%m月%d日",
]  # fmt: skip
DATES = st.dates(date(1900, 1, 1), date(2099, 12, 31))
MOMENTS = st.datetimes(timezones=st.one_of(st.just(UTC), st.timezones()))
WORDS = (
    "in may the last week of 31 June 2023 2023-02-30 99999 years ago since before between and to next Monday first "
    "half Feb 29 spring decade 1900 Q4 年 月 ſept ı"
)
TIME_WORDS = st.sampled_from(WORDS.split())


@given(day=DATES, form=st.sampled_from(DAY_FORMATS))
def test_a_written_day_is_read_as_that_day(day: date, form: str) -> None:
    found, _ = find_time_spans(f"What did she say {day.strftime(form)}?", NOW)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    assert any(span.start <= noon < span.end and span.end - span.start == timedelta(days=1) for span in found)
    assert time_score(noon, found) == 1.0


@given(now=st.dates(date(1950, 1, 1), date(2090, 1, 1)), days=st.integers(0, 1000))
def test_days_ago_counts_back_from_now(now: date, days: int) -> None:
    (span,), rest = find_time_spans(f"{days} days ago", datetime(now.year, now.month, now.day, 9, tzinfo=UTC))
    assert span.start.date() == now - timedelta(days=days)
    assert rest == ""


@given(
    query=st.one_of(st.text(), st.lists(TIME_WORDS, max_size=12).map(" ".join)),
    now=MOMENTS,
    moment=MOMENTS,
)
def test_any_text_gives_proper_spans_and_the_same_each_time(query: str, now: datetime, moment: datetime) -> None:
    found, rest = find_time_spans(query, now)
    assert (found, rest) == find_time_spans(query, now)
    assert all(span.start < span.end for span in found)
    assert all(span.start.tzinfo is UTC and span.end.tzinfo is UTC for span in found)
    assert 0.0 <= time_score(moment, found) <= 1.0
    assert len(rest) <= len(query)


def test_a_naive_now_is_taken_as_utc() -> None:
    assert find_time_spans("yesterday", NOW.replace(tzinfo=None)) == find_time_spans("yesterday", NOW)


def test_of_a_very_long_text_only_the_beginning_is_read() -> None:
    found, rest = find_time_spans("in May 2023 " + "x" * 100_000 + " in May 2022", NOW)
    assert [span.text for span in found] == ["in May 2023"]
    assert rest.endswith("in May 2022")


def test_spans_are_plain_values() -> None:
    start = datetime(2023, 5, 7, tzinfo=UTC)
    assert TimeSpan(start, NOW, "x") == TimeSpan(start, NOW, "x", yearly=False)
