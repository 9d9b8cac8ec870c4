"""Sentences that look like memories to an index: words with Zipf's frequencies, a third of them stop words."""

from __future__ import annotations

import random
from itertools import accumulate

_PROSE = (
    "the a to and of in is that it for was on with she he they at as be this have from or had by not but what all were "
    "when we there can an your which their if will about out so her his our my"
)
_STOP_WORDS = _PROSE.split()
_SYLLABLES = [c + v + e for c in "bcdfghlmnprstvz" for v in "aeiou" for e in ("", "", "n", "r", "l", "st")]
_VOCABULARY = 8_000
_ZIPF_SHIFT = 2.7  # Mandelbrot's correction: the first ranks of real text are flatter than 1 / rank


class Texts:
    """A seeded source of distinct sentences, and of questions about them."""

    def __init__(self, seed: int = 7) -> None:
        self._random = random.Random(seed)
        words: dict[str, None] = {}
        while len(words) < _VOCABULARY:
            words["".join(self._random.choices(_SYLLABLES, k=self._random.choice((2, 2, 3, 3, 4))))] = None
        self._words = list(words)
        self._weights = list(accumulate(1 / (rank + _ZIPF_SHIFT) for rank in range(1, _VOCABULARY + 1)))
        self._count = 0

    def sentence(self) -> str:
        """A sentence of 8 to 24 words that was not given before."""
        self._count += 1
        content = self._random.choices(self._words, cum_weights=self._weights, k=self._random.randint(5, 15))
        words = [word for one in content for word in ((one,) if self._random.random() < 0.5 else (self._stop(), one))]
        return f"{' '.join(words).capitalize()} number {self._count}."

    def sentences(self, count: int) -> list[str]:
        """So many sentences."""
        return [self.sentence() for _ in range(count)]

    def question(self, sentence: str) -> str:
        """A question with some words of a sentence."""
        words = [word for word in sentence.lower().rstrip(".").split() if word not in _STOP_WORDS]
        asked = self._random.sample(words, min(3, len(words)))
        return f"What was it about the {asked[0]} {self._stop()} {' and '.join(asked[1:])}?"

    def _stop(self) -> str:
        return self._random.choice(_STOP_WORDS)
