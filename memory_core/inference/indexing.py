"""From text to what the store indexes: a vector and the frequencies of its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory_core.inference.embedder import Embedder
from memory_core.inference.lexemes import Analyzer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_EMBEDDED_CHARACTERS = 20_000
"""How much of one text is embedded; a mean over more says less. All of it is stored, and found by its words."""


@dataclass(frozen=True, slots=True)
class IndexedText:
    """What recall knows of a text.

    Attributes:
        vector: Its embedding, unit length, or None if the model saw no token in it.
        frequencies: Term hash to occurrences.
        terms: Number of terms, repetitions included.
    """

    vector: NDArray[np.float32] | None
    frequencies: Mapping[int, int]
    terms: int


NOT_INDEXED = IndexedText(None, {}, 0)


@dataclass(frozen=True, slots=True)
class Indexing:
    """The embedder and the analyzer of a store, and the number under which the store keeps this model's vectors."""

    embedder: Embedder
    analyzer: Analyzer
    model_id: int

    @property
    def dimensions(self) -> int:
        """Length of the vectors."""
        return self.embedder.dimensions

    @property
    def wide(self) -> bool:
        """True if the vectors do not fit into an index row and are kept in the column ``wide``."""
        return self.embedder.dimensions > MAX_COVERED_DIMENSIONS

    async def index(self, texts: Sequence[str]) -> list[IndexedText]:
        """Indexes texts, in their order."""
        vectors = await embed_contents(self.embedder, texts)
        found = [bool(vector.any()) for vector in vectors]
        frequencies = [self.analyzer.term_frequencies(text) for text in texts]
        return [
            IndexedText(vector if has_vector else None, words, sum(words.values()))
            for vector, has_vector, words in zip(vectors, found, frequencies, strict=True)
        ]

    async def query_vector(self, text: str) -> NDArray[np.float32] | None:
        """The embedding of a question, or None if the model sees no token in it."""
        vector = (await self.embedder.embed([text[:MAX_EMBEDDED_CHARACTERS]], query=True))[0]
        return vector if vector.any() else None


async def embed_contents(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """The embeddings of contents, of so much of each as is embedded; all zero where the model saw no token."""
    return await embedder.embed([text[:MAX_EMBEDDED_CHARACTERS] for text in texts])


MAX_COVERED_DIMENSIONS = 1024
"""A b-tree row holds at most 2,704 bytes (PostgreSQL, BTMaxItemSize): 1,024 halves, a tenant of 512 bytes, the rest."""
