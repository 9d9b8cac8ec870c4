"""Groups of options, and what people type into them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import pytest
import typer

from memory_core.cli.options import Filters, Scope, grouped, instant, json_object
from memory_core.errors import InvalidRequestError


@dataclass(frozen=True)
class Colours:
    fore: Annotated[str | None, typer.Option()] = None
    back: Annotated[str, typer.Option()] = "white"


def test_a_group_becomes_its_options() -> None:
    seen = []

    def paint(colours: Colours, what: str, twice: bool = False) -> None:
        seen.append((colours, what, twice))

    flat = grouped(paint)
    assert list(inspect.signature(flat).parameters) == ["fore", "back", "what", "twice"]
    flat(fore="red", back="black", what="wall", twice=True)
    assert seen == [(Colours("red", "black"), "wall", True)]


def test_without_labels_it_is_the_person_at_the_terminal() -> None:
    assert Scope().labels() == {"user": "me"}


def test_with_labels_it_is_exactly_these() -> None:
    assert Scope(agent="support").labels() == {"agent": "support"}
    assert Scope(tenant="acme", user="alice", session="s").labels() == {
        "tenant": "acme", "user": "alice", "session": "s",
    }  # fmt: skip


def test_instants_are_utc_unless_they_say_otherwise() -> None:
    assert instant("2025-06-01", "--since") == datetime(2025, 6, 1, tzinfo=UTC)
    assert instant("2025-06-01T09:30+02:00", "--since") == datetime(
        2025, 6, 1, 9, 30, tzinfo=timezone(timedelta(hours=2))
    )
    assert instant(None, "--since") is None
    with pytest.raises(InvalidRequestError, match="--since takes a day"):
        instant("yesterday", "--since")


@pytest.mark.parametrize("text", ["[1]", "{", "3", "nonsense"])
def test_json_options_take_objects_only(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="--where takes a JSON object"):
        json_object(text, "--where")


def test_filters_become_the_arguments_of_recall() -> None:
    conditions = Filters(kind=["fact"], tag=["a", "b"], since="2025-01-01", where='{"city": "Berlin"}').conditions()
    assert conditions["kind"] == ["fact"]
    assert conditions["tags"] == ["a", "b"]
    assert conditions["since"] == datetime(2025, 1, 1, tzinfo=UTC)
    assert conditions["where"] == {"city": "Berlin"}
    assert conditions["until"] is None
    assert conditions["tier"] is None
