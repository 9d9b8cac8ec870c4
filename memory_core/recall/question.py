"""What a question says about whom, in whose voice, and which words are left to search for. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FIRST_PERSON = re.compile(r"\b(i|me|my|mine|myself|we|us|our|ours|i'm|i've|i'd|i'll)\b", re.IGNORECASE)
_ABOUT_ASSISTANT = re.compile(
    r"\b(you|your)\b.{0,20}\b(said|say|told|tell|recommend\w*|suggest\w*|advis\w*|advice|answer\w*|mention\w*|gave|give)\b"
    r"|\b(did|do|have|had|were|are|was) you\b",
    re.IGNORECASE,
)
MIN_NAME_CHARACTERS = 3
"""Shorter actor names ("AI", "Al") are words too often to be taken for a name on sight."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as ranking sees it.

    Attributes:
        text: Without the names of known actors; the full text if nothing else would be left.
        actors: The actors it names, as they are stored.
        about_user: True if it names nobody and speaks in the first person.
    """

    text: str
    actors: frozenset[str]
    about_user: bool


def understand(query: str, actors: Iterable[str]) -> Question:
    """Finds the known actors a question names and takes their names out of its text.

    Names poison vectors: a question that contains a name is nearest to turns that greet its bearer. An actor is named
    by the full name or by its first word, in any letter case, also with a possessive ending.
    """
    named: set[str] = set()
    text = query
    for actor in sorted(set(actors), key=len, reverse=True):
        first = actor.split()[0]
        for name in dict.fromkeys((actor, first)):
            if len(name) < MIN_NAME_CHARACTERS:
                continue
            text, times = re.subn(rf"(?<!\w){re.escape(name)}(?:['’]s)?(?!\w)", " ", text, flags=re.IGNORECASE)
            if times:
                named.add(actor)
    text = " ".join(text.split())
    if not re.search(r"\w", text):
        text = query
    about_user = not named and bool(_FIRST_PERSON.search(query)) and not _ABOUT_ASSISTANT.search(query)
    return Question(text, frozenset(named), about_user)
