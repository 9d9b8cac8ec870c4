"""Errors: one clear line, the right exit code, JSON if asked for, and never a traceback for a user's mistake."""

from __future__ import annotations

import json

import pytest

from memory_core import errors
from memory_core.cli.app import run
from memory_core.cli.failures import exit_code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequestError, 2),
        (errors.NotFoundError, 2),
        (errors.UsageError, 2),
        (errors.ConflictError, 1),
        (errors.UnavailableError, 1),
        (errors.AccessDeniedError, 1),
        (errors.DataError, 1),
        (errors.MissingDependencyError, 1),
    ],
)
def test_exit_codes_say_whose_turn_it_is(error: type[errors.MemoryCoreError], code: int) -> None:
    assert exit_code(error("x")) == code


MISTAKES = [
    ["frobnicate"],
    ["recall"],
    ["list", "--limitt", "3"],
    ["list", "--limit", "many"],
    ["list", "--since", "yesterday"],
    ["list", "--where", "[]"],
    ["remember", "x", "--metadata", "3"],
    ["worker", "--interval", "0"],
    ["migrate", "down", "--to", "nowhere"],
    ["list", "--data-dir", "/x", "--database-url", "postgresql:///x"],
]


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_mistakes_get_one_clear_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert len(shown.err.strip().splitlines()) <= 2
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("arguments", MISTAKES[1:], ids=" ".join)
def test_with_json_the_error_is_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*arguments, "--json"]) == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["message"]
    assert shown.err == ""


def test_a_typo_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recal", "x"]) == 2
    assert "recall" in capsys.readouterr().err
