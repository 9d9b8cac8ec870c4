"""Runs the Python blocks of one Markdown file, all in one namespace: ``python documented_blocks.py FILE``.

``# -> text`` behind a statement must be what it prints, or the value it has; ``...`` in the text stands for anything.
Blocks whose info string is not exactly ``python`` are passed over.
"""

from __future__ import annotations

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPECTED = re.compile(r"# -> (.*)$")


def blocks(text: str) -> Iterator[tuple[int, str]]:
    """The blocks that run, each with the number of its first line."""
    for match in _BLOCK.finditer(text):
        yield text.count("\n", 0, match.start(1)) + 1, match[1]


def expectations(lines: list[str]) -> list[str]:
    """What the statement on these lines is said to print."""
    return [found[1].strip() for line in lines if (found := _EXPECTED.search(line))]


def fits(expected: str, actual: str) -> bool:
    """True if the texts are equal, ``...`` in the first standing for anything."""
    return re.fullmatch(".*".join(map(re.escape, expected.split("..."))), actual) is not None


def run_statement(statement: ast.stmt, namespace: dict[str, Any], file: str) -> list[str]:
    """Executes it and returns the lines it printed; those of its value if it printed nothing."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), file, "eval"), namespace)
            if value is not None and not printed.getvalue():
                print(value)
        else:
            exec(compile(ast.Module([statement], []), file, "exec"), namespace)
    return printed.getvalue().splitlines()


def run(path: Path, namespace: dict[str, Any]) -> None:
    """Runs a file's blocks; exits with a message at the first line that is not as documented."""
    for first_line, source in blocks(path.read_text("utf-8")):
        lines = [""] * (first_line - 1) + source.splitlines()
        for statement in ast.parse("\n".join(lines), str(path)).body:
            start = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
            expected = expectations(lines[start - 1 : statement.end_lineno])
            actual = run_statement(statement, namespace, str(path))
            if expected and not (len(expected) == len(actual) and all(map(fits, expected, actual))):
                sys.exit(f"{path.name}, line {statement.lineno}: documented {expected}, found {actual}")


if __name__ == "__main__":
    names: dict[str, Any] = {"__name__": "documentation"}  # lives until the process ends, as a script's names do
    run(Path(sys.argv[1]), names)
