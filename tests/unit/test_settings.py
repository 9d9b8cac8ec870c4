"""Settings: where they come from, and that their table in the documentation is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_core import InvalidRequestError, Settings
from memory_core.settings import load_settings

TABLE = Path(__file__).parents[2] / "docs" / "configuration.md"


def documented() -> dict[str, tuple[str, str]]:
    rows = [line.split(" | ") for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| `MEMORY_CORE_")]
    return {row[0].strip("| `"): (row[1], " | ".join(row[2:]).removesuffix(" |")) for row in rows}


def test_the_table_names_every_setting_with_its_default_and_meaning() -> None:
    expected = {}
    for name, field in Settings.model_fields.items():
        default = "unset" if field.default is None else f"`{field.default}`"
        expected[f"MEMORY_CORE_{name.upper()}"] = (
            "the user's data folder" if name == "data_dir" else default,
            field.description,
        )
    assert documented() == expected


def test_an_argument_beats_the_environment_and_that_beats_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().pool_max_size == 10
    monkeypatch.setenv("MEMORY_CORE_POOL_MAX_SIZE", "7")
    assert load_settings().pool_max_size == 7
    assert load_settings(pool_max_size=3).pool_max_size == 3
    monkeypatch.setenv("MEMORY_CORE_POOL_MAX_SIZE", "")
    assert load_settings().pool_max_size == 10


@pytest.mark.parametrize(
    ("name", "value"), [("pool_max_size", 0), ("command_timeout", -1), ("log_level", "loud"), ("no_such_setting", 1)]
)
def test_what_does_not_fit_is_named(name: str, value: object) -> None:
    with pytest.raises(InvalidRequestError, match=name) as caught:
        load_settings(**{name: value})
    assert f"MEMORY_CORE_{name.upper()}" in str(caught.value)


def test_a_bad_variable_is_named_and_its_value_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_CORE_POOL_MIN_SIZE", "secret-looking")
    with pytest.raises(InvalidRequestError, match="MEMORY_CORE_POOL_MIN_SIZE") as caught:
        load_settings()
    assert "secret-looking" not in str(caught.value)


def test_secrets_are_not_printed() -> None:
    settings = load_settings(database_url="postgresql://user:pass-1234@host/db", embedder_api_key="key-5678")
    assert "pass-1234" not in repr(settings)
    assert "key-5678" not in repr(settings)
