"""docs/cli.md names every command and every option, and none that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from memory_core.cli.app import app

DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def commands(group: Any = None, path: str = "memory-core") -> Iterator[tuple[str, Any]]:
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def section(title: str) -> str:
    text = DOCS.read_text("utf-8")
    found = re.search(rf"^## `{re.escape(title)}\b[^\n]*\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/cli.md has no section for {title}"
    return found[1]


def options(command: Any) -> list[str]:
    return [
        option for param in command.params for option in param.opts if option.startswith("--") and option != "--help"
    ]


SHARED = {
    "--json",
    "--database-url",
    "--data-dir",
    "--embedder",
    "--tenant",
    "--user",
    "--agent",
    "--session",
    "--team",
}
FILTERS = {"--kind", "--tier", "--tag", "--since", "--until", "--thread", "--actor", "--where"}


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_option_is_described(path: str, command: Any) -> None:
    text = section(path)
    own = set(options(command))
    if own >= FILTERS:
        assert "[filters](#filters)" in text
        own -= FILTERS
    missing = [option for option in sorted(own - SHARED) if f"`{option}" not in text]
    assert not missing
    groups = {"scope": "--tenant" in own, "model": "--embedder" in own and "--tenant" not in own, "store": True}
    wanted = next(name for name, fits in groups.items() if fits)
    if "--database-url" in own:
        assert f"[{wanted} options](#{wanted}-options)" in text or path.endswith("reembed")


def test_shared_options_and_filters_are_described() -> None:
    text = DOCS.read_text("utf-8")
    assert not [option for option in sorted(SHARED | FILTERS) if f"| `{option}" not in text]


def test_nothing_is_described_that_does_not_exist() -> None:
    known = {option for _, command in commands() for option in options(command)} | {"--help", "--version"}
    assert set(re.findall(r"`(--[a-z-]+)", DOCS.read_text("utf-8"))) <= known
