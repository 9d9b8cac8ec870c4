"""Options that several commands share, as dataclasses that a command takes whole."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from memory_core.errors import InvalidRequestError

_STORE, _SCOPE, _FILTER, _OUTPUT = "Store", "Scope", "Filters", "Output"

DEFAULT_USER = "me"
"""Whose memory it is if no scope option is given: that of the person at the terminal."""


@dataclass(frozen=True)
class Output:
    """How to answer."""

    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, and nothing else.", rich_help_panel=_OUTPUT)
    ] = False


@dataclass(frozen=True)
class Store(Output):
    """Which store to open, and how to answer."""

    database_url: Annotated[
        str | None,
        typer.Option(help="postgresql:// URL. By default embedded Postgres.", metavar="URL", rich_help_panel=_STORE),
    ] = None
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of the embedded Postgres.", metavar="DIR", rich_help_panel=_STORE),
    ] = None


@dataclass(frozen=True)
class Model(Store):
    """A store that is opened with its embedding model."""

    embedder: Annotated[
        str | None,
        typer.Option(help="The store's embedding model.", metavar="SPEC", rich_help_panel=_STORE),
    ] = None


@dataclass(frozen=True)
class Scope(Model):
    """A place in a store. Without any label it is that of the user ``me``."""

    tenant: Annotated[
        str | None,
        typer.Option(help="Tenant (default: 'default').", metavar="NAME", rich_help_panel=_SCOPE),
    ] = None
    user: Annotated[
        str | None,
        typer.Option(help=f"User ('{DEFAULT_USER}' if no label is given).", metavar="NAME", rich_help_panel=_SCOPE),
    ] = None
    agent: Annotated[
        str | None,
        typer.Option(help="Agent.", metavar="NAME", rich_help_panel=_SCOPE),
    ] = None
    session: Annotated[
        str | None,
        typer.Option(help="Session.", metavar="NAME", rich_help_panel=_SCOPE),
    ] = None
    team: Annotated[
        str | None,
        typer.Option(help="Team.", metavar="NAME", rich_help_panel=_SCOPE),
    ] = None

    def labels(self) -> dict[str, str]:
        """The labels for ``memory.scope``: exactly those given, or the person at the terminal."""
        names = ("tenant", "user", "agent", "session", "team")
        given = {name: label for name in names if (label := getattr(self, name)) is not None}
        return given or {"user": DEFAULT_USER}


@dataclass(frozen=True)
class Filters:
    """Which records count."""

    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only this kind. Repeatable: any of them.", metavar="KIND", rich_help_panel=_FILTER),
    ] = None
    tier: Annotated[
        list[str] | None,
        typer.Option(help="Only this tier. Repeatable: any of them.", metavar="TIER", rich_help_panel=_FILTER),
    ] = None
    tag: Annotated[
        list[str] | None,
        typer.Option(help="Only with this tag. Repeatable: all of them.", metavar="TAG", rich_help_panel=_FILTER),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(help="Only from this day or instant on.", metavar="DATE", rich_help_panel=_FILTER),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(help="Only before this day or instant.", metavar="DATE", rich_help_panel=_FILTER),
    ] = None
    thread: Annotated[
        str | None,
        typer.Option(help="Only turns of this conversation.", metavar="NAME", rich_help_panel=_FILTER),
    ] = None
    actor: Annotated[
        str | None,
        typer.Option(help="Only what this person said.", metavar="NAME", rich_help_panel=_FILTER),
    ] = None
    where: Annotated[
        str | None,
        typer.Option(
            help="""Conditions on metadata: '{"price": {"$gte": 10}}'.""", metavar="JSON", rich_help_panel=_FILTER
        ),
    ] = None

    def conditions(self) -> dict[str, Any]:
        """The arguments of ``recall`` and ``list``."""
        return {
            "kind": self.kind or None,
            "tier": self.tier or None,
            "tags": self.tag or None,
            "since": instant(self.since, "--since"),
            "until": instant(self.until, "--until"),
            "thread": self.thread,
            "actor": self.actor,
            "where": json_object(self.where, "--where"),
        }


def grouped(command: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a command take groups of options: each field of a dataclass parameter becomes an option of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name in groups:
            group = groups[parameter.name]
            types = get_type_hints(group, include_extras=True)
            parameters += [(field.name, types[field.name], field.default) for field in dataclasses.fields(group)]
        else:
            parameters.append((parameter.name, hints[parameter.name], parameter.default))

    @functools.wraps(command)
    def flat(**given: Any) -> Any:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in dataclasses.fields(group)})
        return command(**given)

    keyword = inspect.Parameter.KEYWORD_ONLY
    flat.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, keyword, default=default, annotation=kind) for name, kind, default in parameters]
    )
    flat.__annotations__ = {name: kind for name, kind, _ in parameters}
    return flat


def instant(text: str | None, option: str) -> datetime | None:
    """A day or an instant, in UTC unless it says otherwise.

    Raises:
        InvalidRequestError: It is neither.
    """
    if text is None:
        return None
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequestError(
            f"{option} takes a day or an instant, such as 2025-06-01 or 2025-06-01T09:30+02:00", field=option
        ) from None
    return read if read.tzinfo is not None else read.replace(tzinfo=UTC)


def json_object(text: str | None, option: str) -> Mapping[str, Any] | None:
    """A JSON object.

    Raises:
        InvalidRequestError: It is none.
    """
    import json

    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequestError(f"""{option} takes a JSON object, such as '{{"city": "Berlin"}}'""", field=option)
    return value
