"""Lexical analysis: which terms a text is indexed and searched by. Indexing and querying use the same analyzer."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import blake2b
from itertools import chain, islice, pairwise
from pathlib import Path

import Stemmer

from memory_core.errors import InvalidRequestError

SIMPLE = "simple"

# Terms taken of one text: a pasted book must not flood the postings; the longest chat messages stay whole.
MAX_TERMS = 2_000
# Characters kept of one word: longer ones are encoded data or addresses.
MAX_WORD_CHARS = 64

# Words whose terms are remembered by one analyzer (about 6 MB when full).
_CACHED_WORDS = 32_768

# Scripts written without spaces between words (Thai, Lao, Myanmar, Khmer, Han, Kana, Bopomofo), and Hangul, whose words
# carry their particles: indexed as overlapping pairs of characters.
_PAIRED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e50-\u0e59\u0e81-\u0ebd\u0ec0-\u0edf\u1000-\u1049\u1050-\u109f\u1780-\u17d3"
    "\u17dc\u17dd\u17e0-\u17e9\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u3096\u3099\u309a\u309d-\u309f"
    "\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7fb"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
# Vowel signs and accents that are part of words but not of \w: combining, Hebrew, Arabic, Indic, Tibetan.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e8\u06ea-\u06ed\u0900-\u0963\u0966-\u0df3\u0f18-\u0f39\u0f71-\u0f84\u0f8d-\u0fbc"
)
_LETTERS = rf"(?:(?![{_PAIRED}])[\w{_MARKS}])+"
_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_UNIFORM = str.maketrans({"_": " ", "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u00ad": None})


def languages() -> tuple[str, ...]:
    """Return the languages an :class:`Analyzer` knows, and ``"simple"``."""
    return (SIMPLE, *sorted(set(Stemmer.algorithms()) - {"porter", "dutch_porter"}))


class Analyzer:
    """Turns text into terms: words without case, stop words and endings; pairs of characters for Chinese and the like.

    Safe to share between threads, and worth sharing: it remembers the words it has seen.
    """

    def __init__(self, language: str = "english") -> None:
        """Make an analyzer.

        Args:
            language: One of :func:`languages`. Stems are those of Snowball; languages without a file in ``stopwords/``
                keep all words. ``"simple"`` neither stems nor drops words.

        Raises:
            InvalidRequestError: The language is unknown; the message lists the known ones.
        """
        if language not in languages():
            raise InvalidRequestError(
                f"unknown language {language!r}; known are: {', '.join(languages())}", known=languages()
            )
        self.language = language
        self._stop_words = _stop_words(language)
        self._irregular = _irregular(language)
        self._stemmer = None if language == SIMPLE else Stemmer.Stemmer(language, 0)
        self._stemming = threading.Lock()  # a Snowball stemmer works in one buffer
        self._hashes = lru_cache(_CACHED_WORDS)(self._hash_word)

    def terms(self, text: str) -> list[str]:
        """Return the terms of ``text`` in order, repeated as often as they occur, at most ``MAX_TERMS``."""
        return list(islice(chain.from_iterable(map(self._stems, _words(text))), MAX_TERMS))

    def term_frequencies(self, text: str) -> dict[int, int]:
        """Return how often each term occurs in ``text``, of its first ``MAX_TERMS`` terms.

        Keys are :func:`term_hash` of the terms, so they fit a Postgres ``int8``; the sum of the values is the number
        of terms.
        """
        return dict(Counter(islice(chain.from_iterable(map(self._hashes, _words(text))), MAX_TERMS)))

    def _stems(self, word: str) -> Iterator[str]:
        if word in self._stop_words:  # before the split: "won't" is one, "won" is not
            return
        for part in word.split("'"):
            if part not in self._stop_words:
                yield self._stem(part)

    def _stem(self, word: str) -> str:
        if self._stemmer is None:
            return word
        with self._stemming:
            stem: str = self._stemmer.stemWord(self._irregular.get(word, word))
        return stem

    def _hash_word(self, word: str) -> tuple[int, ...]:
        return tuple(map(term_hash, self._stems(word)))


def term_hash(term: str) -> int:
    """Return a stable hash of a term in the range of a signed 64-bit integer, the same in every process and version."""
    return int.from_bytes(blake2b(term.encode("utf-8"), digest_size=8).digest(), "big", signed=True)


def _words(text: str) -> list[str]:
    words = _ASCII_WORD.findall(text.lower()) if text.isascii() else _unicode_words(text)
    return [word[:MAX_WORD_CHARS] for word in words]


def _unicode_words(text: str) -> list[str]:
    any_word, paired = _unicode_patterns()
    words: list[str] = []
    for word in any_word.findall(_folded(text)):
        if len(word) > 1 and paired.match(word):
            words += map("".join, pairwise(word))
        else:
            words.append(word)
    return words


@cache
def _unicode_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile on first need: these character classes take 10 ms."""
    return re.compile(rf"[{_PAIRED}]+|{_LETTERS}(?:'{_LETTERS})*"), re.compile(f"[{_PAIRED}]")


def _folded(text: str) -> str:
    """Return ``text`` in one spelling: compatibility forms, case and apostrophes made the same."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_UNIFORM)


@cache
def _stop_words(language: str) -> frozenset[str]:
    path = Path(__file__).parent / "stopwords" / f"{language}.txt"
    return frozenset(_folded(path.read_text("utf-8")).split()) if path.is_file() else frozenset()


@cache
def _irregular(language: str) -> dict[str, str]:
    """Base forms of words whose forms no stemmer brings together ("went": "go"), of the languages with a file."""
    path = Path(__file__).parent / "irregular" / f"{language}.txt"
    if not path.is_file():
        return {}
    rows = (line.split() for line in path.read_text("utf-8").splitlines() if not line.startswith("#"))
    return {form: base for base, *forms in rows for form in forms}
