"""Remember, recall, context, list, get, forget, stats, health on a real store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from memory_core.cli.app import run

Cli = Callable[..., Any]


@pytest.fixture
def cli(database_url: str, tenant: str, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs a command in a tenant of its own; returns the JSON document, or the text if json is False."""

    def call(*arguments: str, json_out: bool = True, code: int = 0, scoped: bool = True) -> Any:
        where = ["--database-url", database_url, *(["--tenant", tenant, "--user", "ann"] if scoped else [])]
        assert run([*arguments, *where, *(["--json"] if json_out else [])]) == code
        shown = capsys.readouterr()
        if json_out:
            assert shown.err == ""
            return json.loads(shown.out)
        return shown.out if code == 0 else shown.err

    return call


def test_what_is_remembered_is_found_shown_and_forgotten(cli: Cli) -> None:
    tea = cli("remember", "I prefer tea after six", "--kind", "preference", "--key", "drinks", "--tag", "tea", "--pin")
    cli("remember", "The car is in the garage", "--occurred-at", "2025-03-01", "--metadata", '{"floor": 2}')
    assert (tea["kind"], tea["tags"], tea["pinned"], tea["scope"]["user"]) == ("preference", ["tea"], True, "ann")

    assert cli("recall", "what do I drink?", "--limit", "1")["hits"][0]["record"]["id"] == tea["id"]
    assert [r["key"] for r in cli("list", "--tag", "tea")["records"]] == ["drinks"]
    assert len(cli("list", "--where", '{"floor": {"$gte": 2}}', "--until", "2025-04-01")["records"]) == 1
    assert "tea after six" in cli("context", "a drink for the guest", "--budget", "200")["text"]
    assert cli("stats")["records"] == 2

    assert cli("forget", "drinks")["forgotten"] == [tea["id"]]
    assert cli("get", "drinks", code=2)["error"]["code"] == "not_found"
    assert cli("stats")["records"] == 1


def test_a_record_is_named_by_id_key_or_citation(cli: Cli) -> None:
    stored = cli("remember", "Blue is the colour", "--key", "colour")
    for name in (stored["id"], "colour", stored["id"][-8:], f"[{stored['id'][-8:]}]"):
        assert cli("get", name)["id"] == stored["id"]


def test_forgetting_is_all_or_nothing(cli: Cli) -> None:
    cli("remember", "one", "--key", "one")
    assert "nowhere" in cli("forget", "one", "nowhere", json_out=False, code=2)
    assert cli("get", "one")["content"] == "one"


def test_explanations_tell_arms_scores_and_what_was_cut(cli: Cli) -> None:
    for text in ("Tea in the evening", "Coffee in the morning", "Evening walks by the sea"):
        cli("remember", text)
    found = cli("recall", "evening tea", "--limit", "1", "--explain")
    why = found["hits"][0]["explanation"]
    assert why["arms"]["lexical"] == 1
    assert {"bm25", "cosine"} <= set(why["raw"])
    assert why["cut"] is None
    assert {hit["explanation"]["cut"] for hit in found["cut"]} == {"limit"}
    text = cli("recall", "evening tea", "--limit", "1", "--explain", json_out=False)
    assert "found by words (place 1, bm25" in text
    assert "Left out: 2 candidates" in text


def test_what_is_shown_fits_eighty_columns_and_holds_no_escape_sequences(cli: Cli) -> None:
    cli("remember", "\x1b[31mred [bold]not bold[/bold] " + "word " * 60, "--actor", "A person with a very long name")
    for command in (["list"], ["recall", "red words"], ["recall", "red words", "--explain"], ["stats"], ["doctor"]):
        text = cli(*command, json_out=False, scoped=command != ["doctor"])
        assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
        assert "\x1b" not in text
    assert "[bold]not" in cli("recall", "red words", "--explain", json_out=False)


def test_scopes_do_not_see_each_other(
    cli: Cli, database_url: str, tenant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cli("remember", "Ann's secret")
    assert run(["list", "--database-url", database_url, "--tenant", tenant, "--user", "bob", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == []


def test_hot_records_are_refused_as_they_would_be_gone(cli: Cli) -> None:
    assert "short_term" in cli("remember", "x", "--tier", "session", json_out=False, code=2)
    assert cli("remember", "x", "--policy", "ephemeral", code=2)["error"]["code"] == "invalid_request"


@pytest.mark.parametrize(
    "arguments",
    [
        ("remember", " "),
        ("remember", "x", "--importance", "7"),
        ("remember", "x", "--kind", "gossip"),
        ("list", "--kind", "gossip"),
        ("list", "--limit", "-1"),
        ("context", "x", "--budget", "0"),
    ],
)
def test_mistakes_are_named_on_one_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    message = cli(*arguments, json_out=False, code=2)
    assert message.startswith("error: ")
    assert len(message.strip().splitlines()) == 1


def test_a_database_that_does_not_answer_is_not_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["health", "--database-url", "postgresql://u:hush@127.0.0.1:1/x", "--json"]) == 1
    shown = capsys.readouterr().out
    assert json.loads(shown)["error"]["code"] == "unavailable"
    assert "hush" not in shown


def test_health_of_a_store(cli: Cli) -> None:
    report = cli("health", scoped=False)
    assert (report["status"], report["mode"], report["is_superuser"]) == ("ok", "server", False)
    assert "● ok" in cli("health", json_out=False, scoped=False)
