"""Importing files: once, in order, with dates; bad entries named; strict writes all or nothing; constant memory."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory_core import AsyncMemory, AsyncScopedMemory, InvalidRequestError
from memory_core.cli.app import run

CONVERSATION = Path(__file__).parents[3] / "examples" / "data" / "conversation.jsonl"


def line(text: str, **more: Any) -> str:
    return json.dumps({"speaker": "Ann", "text": text, "session": "s", "timestamp": "2025-01-02T10:00:00Z"} | more)


def written(folder: Path, *lines: str, name: str = "talk.jsonl") -> Path:
    file = folder / name
    file.write_text("\n".join(lines) + "\n", "utf-8")
    return file


async def test_a_second_import_adds_nothing(alice: AsyncScopedMemory) -> None:
    first = await alice.import_file(CONVERSATION, tags=["talk"])
    assert (first.format, first.turns, first.created, first.already_there, first.bad) == ("jsonl", 220, 220, 0, 0)
    again = await alice.import_file(CONVERSATION)
    assert (again.turns, again.created, again.already_there, again.bad) == (220, 0, 220, 0)
    assert (await alice.statistics())["records"] == 220


async def test_turns_keep_who_when_and_where(alice: AsyncScopedMemory) -> None:
    await alice.import_file(CONVERSATION, session_prefix="demo/", tags=["talk"])
    turn = (await alice.list(thread="demo/2025-02-03-first-hello", until=datetime(2025, 2, 3, 17, 43, tzinfo=UTC)))[0]
    assert (turn.seq, turn.actor, turn.role, turn.kind) == (0, "Maya", "user", "conversation")
    assert turn.occurred_at == datetime(2025, 2, 3, 17, 42, 51, tzinfo=UTC)
    assert (turn.source, turn.tags) == ("conversation.jsonl", ("talk",))


async def test_titles_and_ids_go_to_metadata(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    await alice.import_file(written(tmp_path, line("Hello", title="First talk", id="m-1")))
    assert (await alice.list())[0].metadata == {"title": "First talk", "external_id": "m-1"}


async def test_a_turn_without_a_date_gets_that_of_the_file(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    file = written(tmp_path, line("Hello", timestamp=None))
    os.utime(file, (1_700_000_000, 1_700_000_000))
    await alice.import_file(file)
    record = (await alice.list())[0]
    assert record.occurred_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert record.metadata == {"undated": True}


async def test_bad_entries_are_skipped_and_named_by_line(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    file = written(tmp_path, line("one"), "{broken", line("two"), line("x" * 100_001), line("three", speaker="y" * 600))
    report = await alice.import_file(file)
    assert (report.turns, report.created, report.bad) == (2, 2, 3)
    assert [entry.line for entry in report.bad_entries] == [2, 4, 5]
    assert "100000" in report.bad_entries[1].reason
    assert "xxx" not in "".join(entry.reason for entry in report.bad_entries)


async def test_only_the_first_bad_entries_are_kept(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    report = await alice.import_file(written(tmp_path, line("one"), *["{broken"] * 100))
    assert (report.bad, len(report.bad_entries)) == (100, 20)


async def test_strict_writes_nothing_if_an_entry_is_bad(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="nothing was written: 1 entry is bad") as caught:
        await alice.import_file(written(tmp_path, line("one"), line("two"), "{broken"), strict=True)
    assert caught.value.details["entries"][0]["line"] == 3
    assert (await alice.statistics())["records"] == 0


async def test_a_turn_at_a_taken_place_is_a_conflict(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    await alice.import_file(written(tmp_path, line("one"), line("two")))
    changed = written(tmp_path, line("one"), line("another"), line("three"))
    with pytest.raises(InvalidRequestError) as caught:
        await alice.import_file(changed, strict=True)
    assert [entry["line"] for entry in caught.value.details["entries"]] == [2]
    assert (await alice.statistics())["records"] == 2
    report = await alice.import_file(changed)
    assert (report.created, report.already_there, report.bad) == (1, 1, 1)
    assert sorted(record.content for record in await alice.list()) == ["one", "three", "two"]


async def test_strict_takes_what_is_there_already_and_knows_the_total(alice: AsyncScopedMemory, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    file = written(tmp_path, *(line(f"turn {n}") for n in range(1500)))
    await alice.import_file(file, strict=True, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1000, 1500), (1500, 1500)]
    again = await alice.import_file(file, strict=True)
    assert (again.created, again.already_there) == (0, 1500)


async def test_another_users_turns_are_no_conflict(memory: AsyncMemory, tenant: str, tmp_path: Path) -> None:
    await memory.scope(tenant=tenant, user="bob").import_file(written(tmp_path, line("Bob's")))
    report = await memory.scope(tenant=tenant, user="ann").import_file(written(tmp_path, line("Ann's")), strict=True)
    assert report.created == 1


@pytest.mark.parametrize("strict", [False, True])
async def test_files_that_cannot_be_read_are_refused(alice: AsyncScopedMemory, tmp_path: Path, strict: bool) -> None:
    (tmp_path / "empty.jsonl").touch()
    for file, format in ((tmp_path / "none.jsonl", None), (tmp_path / "empty.jsonl", "jsonl"), (CONVERSATION, "xml")):
        with pytest.raises(InvalidRequestError):
            await alice.import_file(file, format=format, strict=strict)


def test_the_command_reports_and_skips(
    database_url: str, tenant: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--database-url", database_url, "--tenant", tenant]
    file = written(tmp_path, line("one"), "{broken", line("two"))
    assert run(["import", str(file), *where, "--strict"]) == 2
    assert capsys.readouterr().err.splitlines()[1:] == ["  line 2: not valid JSON"]
    assert run(["import", str(file), *where]) == 0
    text = capsys.readouterr().out
    assert "Imported 2 turns, 0 already there" in text
    assert "line 2: not valid JSON" in text
    assert run(["import", str(file), *where, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["created"], report["already_there"], report["bad"]) == (0, 2, 1)
    assert run(["import", str(written(tmp_path, "{a", "{b")), *where, "--format", "jsonl"]) == 2
