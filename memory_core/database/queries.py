"""SQL lives in .sql files: statements with names, read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)[^\n]*\n", re.MULTILINE)


@cache
def load_queries(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """The statements of a .sql file in ``package`` by name; each begins with a line ``-- name: the_name``."""
    parts = _NAME.split(files(package).joinpath(file).read_text("utf-8"))
    return MappingProxyType(
        {name: body.strip().rstrip(";") for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    )
