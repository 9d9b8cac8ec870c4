"""LoCoMo: sessions of two people, dated in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory_core.importing import BadEntry, ImportedTurn, detect_format, read_turns
from memory_core.importing.times import locomo_instant
from memory_core.importing.turns import EntryError

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "locomo-dev.json"


def turn(dia_id: str, text: str, **more: Any) -> dict[str, Any]:
    return {"speaker": "Ann", "dia_id": dia_id, "text": text} | more


def read(tmp_path: Path, *samples: Any) -> list[Any]:
    file = tmp_path / "locomo.json"
    file.write_text(json.dumps(samples))
    assert detect_format(file) == "locomo"
    return list(read_turns(file))


def test_reads_sessions_in_number_order_with_their_time(tmp_path: Path) -> None:
    conversation = {
        "speaker_a": "Ann",
        "speaker_b": "Bob",
        "session_10_date_time": "12:09 am on 1 June, 2023",
        "session_10": [turn("D10:1", "later")],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [turn("D2:1", "first"), turn("D2:2", "look", blip_caption="a dog", query="dog", img_url=["x"])],
        "session_11_date_time": "4:10 pm on 26 October, 2023",
    }
    sample = {"qa": [{"question": "?", "answer": "!"}], "conversation": conversation, "sample_id": "conv-1"}
    at = datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert read(tmp_path, sample) == [
        ImportedTurn("first", "Ann", "other", "conv-1/session_2", 0, at, external_id="D2:1"),
        ImportedTurn("look [picture: a dog]", "Ann", "other", "conv-1/session_2", 1, at, external_id="D2:2"),
        ImportedTurn(
            "later", "Ann", "other", "conv-1/session_10", 0, datetime(2023, 6, 1, 0, 9, tzinfo=UTC), external_id="D10:1"
        ),
    ]


def test_bad_turns_sessions_and_samples_are_reported_and_reading_goes_on(tmp_path: Path) -> None:
    conversation = {
        "session_1_date_time": "sometime",
        "session_1": [turn("D1:1", "secret")],
        "session_2": "secret",
        "session_3": [5, turn("D3:2", ""), turn("D3:3", "x", speaker=None), turn("D3:4", "s\x00"), turn("D3:5", "ok")],
    }
    entries = read(tmp_path, {"sample_id": "s", "conversation": conversation}, {"sample_id": "t"}, {"sample_id": []})
    assert entries[:6] == [
        BadEntry(0, "session_1: the session's time is not like '1:56 pm on 8 May, 2023'"),
        BadEntry(0, "session_2: not a list of turns"),
        BadEntry(0, "session_3, turn 0: not a JSON object"),
        BadEntry(0, "session_3, turn 1: there is no text"),
        BadEntry(0, "session_3, turn 2: there is no speaker"),
        BadEntry(0, "session_3, turn 3: the text contains a NUL character"),
    ]
    assert (entries[6].text, entries[6].seq, entries[6].said_at) == ("ok", 4, None)
    assert entries[7:] == [
        BadEntry(1, "the sample has no sample_id or no conversation"),
        BadEntry(2, "the sample_id is not text"),
    ]


@pytest.mark.parametrize(
    ("written", "hour"), [("12:00 am", 0), ("12:30 pm", 12), ("1:00 am", 1), ("11:59 pm", 23), ("9:05 AM", 9)]
)
def test_hours_of_the_twelve_hour_clock(written: str, hour: int) -> None:
    at = locomo_instant(f"{written} on 29 February, 2024")
    assert at is not None
    assert (at.hour, at.date().isoformat()) == (hour, "2024-02-29")


@pytest.mark.parametrize(
    "written", ["13:00 pm on 1 May, 2023", "1:00 pm on 31 June, 2023", "1:00 pm on 1 Mai, 2023", 5]
)
def test_times_that_do_not_exist_are_refused(written: Any) -> None:
    with pytest.raises(EntryError):
        locomo_instant(written)


@pytest.mark.skipif(not REAL.exists(), reason="the LoCoMo file is not part of the repository")
def test_reads_the_real_file_whole() -> None:
    samples = json.loads(REAL.read_text())
    expected = [
        (sample["sample_id"], entry["dia_id"])
        for sample in samples
        for number in range(1, 100)
        for entry in sample["conversation"].get(f"session_{number}", [])
    ]
    assert detect_format(REAL) == "locomo"
    turns = list(read_turns(REAL))
    assert all(isinstance(turn, ImportedTurn) and turn.said_at is not None for turn in turns)
    assert [(turn.session.split("/")[0], turn.external_id) for turn in turns] == expected
    assert len({(turn.session, turn.seq) for turn in turns}) == len(turns)
    assert turns == list(read_turns(REAL, "locomo"))
