"""What a question says about whom, in whose voice, and which words are left to search for. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

_FIRST_PERSON = re.compile(r"\b(i|me|my|mine|myself|we|us|our|ours|i'm|i've|i'd|i'll)\b", re.IGNORECASE)
_ABOUT_ASSISTANT = re.compile(
    r"\b(you|your)\b.{0,20}\b(said|say|told|tell|recommend\w*|suggest\w*|advis\w*|advice|answer\w*|mention\w*|gave|give)\b"
    r"|\b(did|do|have|had|were|are|was) you\b",
    re.IGNORECASE,
)
Answer = Literal["time", "number", "name"]
_ASKS_FOR: Mapping[Answer, re.Pattern[str]] = {
    "time": re.compile(r"^\s*when\b|\b(what|which) (date|day|month|year|time)\b", re.IGNORECASE),
    "number": re.compile(r"\bhow (many|much|long|old|often)\b", re.IGNORECASE),
    "name": re.compile(r"^\s*(where|who|whom|whose)\b|\bwhich\b", re.IGNORECASE),
}
_TIME_WORDS = (
    "yesterday|today|tonight|tomorrow|last|next|ago|week|weekend|month|year|recently|soon|morning|evening|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_NUMBER_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|dozen|couple|hundred|thousand"
_HOLDS: Mapping[Answer, re.Pattern[str]] = {
    "time": re.compile(rf"\b({_TIME_WORDS})s?\b|\b\d{{4}}\b", re.IGNORECASE),
    "number": re.compile(rf"\d|\b({_NUMBER_WORDS})s?\b", re.IGNORECASE),
    "name": re.compile(r"(?<=[a-z,] )[A-Z][a-z]+"),
}
MIN_NAME_CHARACTERS = 3
"""Shorter actor names ("AI", "Al") are words too often to be taken for a name on sight."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as ranking sees it.

    Attributes:
        text: Without the names of known actors; the full text if nothing else would be left.
        actors: The actors it names, as they are stored.
        about_user: True if it names nobody and speaks in the first person.
        wants: What kind of thing would answer it, as far as its first words tell (English).
    """

    text: str
    actors: frozenset[str]
    about_user: bool
    wants: Answer | None = None


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
    return Question(text, frozenset(named), about_user, wanted_answer(query))


def wanted_answer(query: str) -> Answer | None:
    """What a question asks for: a time, a number or a name; None if it does not say."""
    for answer, pattern in _ASKS_FOR.items():
        if pattern.search(query):
            return answer
    return None


def holds_answer(text: str, answer: Answer) -> bool:
    """True if the text holds something of that kind."""
    return bool(_HOLDS[answer].search(text))


def in_own_voice(text: str) -> bool:
    """True if the speaker speaks of himself or his group."""
    return bool(_FIRST_PERSON.search(text))
