"""What the documentation says is true: its code runs, its links lead somewhere, its tables are those of the code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

import memory_core
from memory_core import BUILT_IN_POLICIES, Kind, Level, Memory, MemoryCoreError, Record, Tier
from memory_core.model.tiers import DEFAULT_TIME_TO_LIVE
from memory_core.recall.request import ARMS
from memory_core.recall.weights import WEIGHTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
EXAMPLES = ROOT / "examples"
RUNNER = Path(__file__).with_name("documented_blocks.py")

SHOWN = {
    "quickstart.py": ["Alice prefers the dark theme", "by key: Invoices go to billing@alice.example", "</memory>"],
    "async_quickstart.py": ["alice: Alice drinks black coffee", "bob: Bob drinks green tea"],
    "scopes.py": [
        "on Monday: ['Dora is on the phone', 'Dora is waiting for a refund', 'Dora lives in Porto', 'We close at six']",
        "on Friday: ['Dora is waiting for a refund', 'Dora lives in Porto', 'We close at six']",
        "sales, same user: ['Dora lives in Porto', 'We close at six']",
        "another user: ['We close at six']",
        "another tenant: []",
    ],
    "runs.py": ["attempt 1: failed", "attempt 2: done", "failed (NotConnectedError)", "Result: success"],
    "policies.py": ["user: tier permanent, for good", "heating: 21 degrees, before: 19 degrees", "bell: gone"],
}
"""What each example must print."""

_CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def empty_store() -> Iterator[Path]:
    """The data folder of a new store; a copy of it opens much faster than one made anew."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # not tmp_path, which is closed to others
        Memory.open(data_dir=folder).close()
        yield Path(folder)


@pytest.fixture
def run_python(empty_store: Path) -> Iterator[Callable[..., str]]:
    """Runs Python as a user would, with a store of its own and warnings as errors; returns what it printed."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shutil.copytree(empty_store / "pg", Path(folder, "store", "pg"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MEMORY_CORE_")}
        environment |= {"MEMORY_CORE_DATA_DIR": str(Path(folder, "store")), "PYTHONWARNINGS": "error"}

        def run(*command: str) -> str:
            done = subprocess.run(
                [sys.executable, *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr
            assert not done.stderr
            return done.stdout

        yield run


def table(page: str, first_header: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this header, by their first cell, without back-ticks."""
    lines = iter((DOCS / page).read_text("utf-8").splitlines())
    rows: dict[str, list[str]] = {}
    for line in lines:
        if line.startswith(f"| {first_header} |"):
            next(lines)
            for row in lines:
                if not row.startswith("|"):
                    return rows
                cells = [cell.strip() for cell in row.strip("|").split("|")]
                rows[cells[0].strip("`")] = [cell.strip("`") for cell in cells[1:]]
    return rows


def in_words(lifetime: timedelta | None) -> str:
    """A time to live as the tables say it."""
    if lifetime is None:
        return "never expires"
    seconds = int(lifetime.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % size == 0 and (unit != "day" or seconds > size):
            return f"{seconds // size} {unit}{'s' if seconds > size else ''}"
    return f"{seconds} seconds"


@pytest.mark.parametrize("page", [page for page in PAGES if "```python\n" in page.read_text("utf-8")], ids=page_name)
def test_code_blocks_run_and_give_what_they_say(page: Path, run_python: Callable[..., str]) -> None:
    run_python(str(RUNNER), str(page))


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_examples_show_what_they_say(name: str, run_python: Callable[..., str]) -> None:
    printed = run_python(str(EXAMPLES / name))
    assert [text for text in SHOWN[name] if text not in printed] == [], printed


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page_name(page)} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text("utf-8"), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{page_name(page)} links to {target}"


def test_only_blocks_for_a_server_of_ones_own_are_not_run() -> None:
    for page in PAGES:
        for info, code in re.findall(
            r"^```(python[^\n]*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
        ):
            assert info == "python" or (info == "python no-run" and "postgresql://" in code), page_name(page)


def test_every_public_name_is_explained() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    missing = [name for name in memory_core.__all__ if name != "__version__" and not re.search(rf"\b{name}\b", text)]
    assert missing == []


def test_readme_begins_with_two_commands_that_exist() -> None:
    first = _CODE.search((ROOT / "README.md").read_text("utf-8"))
    assert first is not None
    commands = first[0].splitlines()[1:-1]
    install = 'python3 -m venv .venv && .venv/bin/pip install -q -c constraints.txt -e ".[test]"'
    assert commands == [
        f"{install} && .venv/bin/memory-core demo",
        ".venv/bin/python -m pytest -n 2",
    ]
    assert (ROOT / "constraints.txt").exists()


def test_readme_counts_the_demo_right() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    turns = (ROOT / "examples/data/conversation.jsonl").read_text("utf-8").splitlines()
    questions = json.loads((ROOT / "examples/data/questions.json").read_text("utf-8"))
    assert f"{len(turns)} turns" in readme
    assert len(questions) == 10
    assert "ten questions" in readme


def test_fields_of_a_record() -> None:
    assert list(table("concepts/records.md", "Field")) == [field.name for field in fields(Record)]


def test_kinds() -> None:
    text = (DOCS / "concepts/records.md").read_text("utf-8")
    section = text[text.index("## Kinds") : text.index("## Keys")]
    assert [kind.value for kind in Kind if f"`{kind.value}`" not in section] == []


def test_levels() -> None:
    assert list(table("concepts/scopes.md", "`level`")) == [level.value for level in Level]


def test_tiers() -> None:
    documented = table("concepts/retention.md", "Tier")
    assert documented == {
        tier.value: [
            in_words(DEFAULT_TIME_TO_LIVE[tier]),
            "hot: process memory" if tier.is_hot else "durable: Postgres",
        ]
        for tier in Tier
    }


def test_policies() -> None:
    documented = table("concepts/retention.md", "Policy")
    assert documented == {
        name: [
            policy.tier.value,
            in_words(policy.default_time_to_live),
            "yes" if policy.indexed else "no",
            "yes" if policy.history else "no",
            "by tier" if policy.level is None else policy.level.value,
        ]
        for name, policy in BUILT_IN_POLICIES.items()
    }


def test_weights() -> None:
    documented = {name: float(Fraction(cells[0])) for name, cells in table("concepts/recall.md", "Weight").items()}
    assert documented == pytest.approx({field.name: getattr(WEIGHTS, field.name) for field in fields(WEIGHTS)})


def test_arms() -> None:
    text = (DOCS / "concepts/recall.md").read_text("utf-8")
    assert re.findall(r"^   \| `(\w+)` \|", text, re.MULTILINE) == list(ARMS)


def test_errors() -> None:
    documented = {name: cells[:2] for name, cells in table("errors.md", "Error").items()}
    kinds = [MemoryCoreError, *MemoryCoreError.__subclasses__()]
    assert documented == {
        kind.__name__: [kind.code, "yes" if kind.retryable else "no"]
        for kind in kinds
        if kind.__module__ == MemoryCoreError.__module__
    }


def test_every_decision_is_in_the_index() -> None:
    pages = {page.name for page in (DOCS / "decisions").glob("0*.md")}
    assert set(_LINK.findall((DOCS / "decisions/README.md").read_text("utf-8"))) == pages


def test_glossary_is_in_order() -> None:
    words = [word.casefold() for word in table("glossary.md", "Word")]
    assert words == sorted(words)


def test_paths_named_in_the_contributing_page_exist() -> None:
    text = (DOCS / "contributing.md").read_text("utf-8")
    named = re.findall(r"`((?:memory_core|tests|docs)/[\w./]*)`", text)
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []
