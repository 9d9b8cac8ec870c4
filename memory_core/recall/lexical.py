"""BM25 over conversations: a turn is found by its own words and, with less weight, by those of its neighbours.

Positions number the records of a scope: the neighbours of a turn are the positions beside it; a record outside a
thread ends in ``ALONE`` and has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from memory_core.recall.weights import Weights

ALONE = (1 << 24) - 1
SEQUENCE_MASK = (1 << 24) - 1


@dataclass(frozen=True, slots=True)
class Postings:
    """Where the words of a question occur: four arrays of one length.

    Attributes:
        term: Term hashes.
        pos: Positions.
        tf: Occurrences of the term there.
        terms: Number of terms of the record there.
    """

    term: NDArray[np.int64]
    pos: NDArray[np.int64]
    tf: NDArray[np.int64]
    terms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ScopeCounts:
    """Sizes of what is indexed in the visible scopes.

    Attributes:
        records: Indexed records.
        turns: Of these, turns of a thread.
        terms: Sum of their term counts.
        capped: Sum over turns of min(terms, 30).
    """

    records: int
    turns: int
    terms: int
    capped: int

    def average_length(self, weights: Weights) -> float:
        """Mean context length: a record's own terms and its neighbours' with their weights. Ends of threads, which
        have fewer neighbours, are not told apart."""
        if self.records <= 0:
            return 1.0
        neighbours = neighbour_share(weights) * max(self.capped, 0)
        return max((max(self.terms, 0) + neighbours) / self.records, 1.0)

    def average_neighbour(self) -> float:
        """Mean number of terms a neighbour contributes."""
        return max(self.capped, 0) / self.turns if self.turns > 0 else 0.0


@dataclass(frozen=True, slots=True)
class LexicalMatches:
    """Records that contain words of the question, or stand beside one that does.

    Attributes:
        pos: Distinct positions, ascending.
        frequencies: Shape (positions, words): occurrences, neighbours' included with their weights.
        own_terms: Terms of the record where known, else -1.
        idf: Shape (words,).
    """

    pos: NDArray[np.int64]
    frequencies: NDArray[np.float64]
    own_terms: NDArray[np.int64]
    idf: NDArray[np.float64]


def reached_by(weights: Weights) -> tuple[tuple[int, float], ...]:
    """Where a turn's words count too: the offset of the other turn, and the share. The turn after it takes them from
    the turn *before*."""
    return (1, weights.before1), (2, weights.before2), (-1, weights.after1), (-2, weights.after2)


def neighbour_share(weights: Weights) -> float:
    """The sum of the neighbours' weights."""
    return weights.before1 + weights.after1 + weights.before2 + weights.after2


def inverse_document_frequency(df: NDArray[np.float64], records: int) -> NDArray[np.float64]:
    """Lucene's BM25 idf, never negative: ln(1 + (N - df + 0.5) / (df + 0.5))."""
    return np.log1p((np.maximum(records - df, 0) + 0.5) / (df + 0.5))


def gather(postings: Postings, records: int, weights: Weights) -> LexicalMatches:
    """Collects term frequencies per position, each turn's words counting for the turns around it too."""
    words, column = np.unique(postings.term, return_inverse=True)
    df = np.bincount(column, minlength=len(words)).astype(np.float64)
    in_thread = (postings.pos & SEQUENCE_MASK) != ALONE
    sequence = postings.pos & SEQUENCE_MASK
    capped = postings.tf * np.minimum(1.0, weights.neighbour_terms / np.maximum(postings.terms, 1))
    positions, columns, amounts = [postings.pos], [column], [postings.tf.astype(np.float64)]
    for offset, weight in reached_by(weights):
        reached = in_thread & (sequence + offset >= 0)
        positions.append(postings.pos[reached] + offset)
        columns.append(column[reached])
        amounts.append(capped[reached] * weight)
    pos, row = np.unique(np.concatenate(positions), return_inverse=True)
    cells = row * len(words) + np.concatenate(columns)
    summed = np.bincount(cells, weights=np.concatenate(amounts), minlength=len(pos) * len(words))
    frequencies = summed.astype(np.float64)
    own_terms = np.full(len(pos), -1, dtype=np.int64)
    own_terms[np.searchsorted(pos, postings.pos)] = postings.terms
    return LexicalMatches(
        pos, frequencies.reshape(len(pos), len(words)), own_terms, inverse_document_frequency(df, records)
    )


def bm25(
    frequencies: NDArray[np.float64],
    idf: NDArray[np.float64],
    lengths: NDArray[np.float64],
    average_length: float,
    weights: Weights,
) -> NDArray[np.float64]:
    """BM25 of each row of ``frequencies`` (records by words) with the given lengths; 0 without any word."""
    norm = weights.k1 * (1 - weights.b + weights.b * lengths / average_length)
    return (frequencies * (weights.k1 + 1) / (frequencies + norm[:, None])) @ idf


def preselect(
    matches: LexicalMatches, counts: ScopeCounts, weights: Weights, allowed: NDArray[np.int64] | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices into ``matches.pos`` of the candidates, best first, then the turns after the first of them; and their
    scores.

    The lengths of neighbours are not known yet, so the mean stands in for them; the final score uses the true ones.

    Args:
        matches: What ``gather`` found.
        counts: Sizes of the scope.
        weights: The weights.
        allowed: Positions that pass the caller's filter, or None for all.
    """
    mean = counts.terms / counts.records if counts.records > 0 else 1.0
    lengths = np.where(matches.own_terms >= 0, matches.own_terms, mean).astype(np.float64)
    in_thread = (matches.pos & SEQUENCE_MASK) != ALONE
    lengths += in_thread * neighbour_share(weights) * counts.average_neighbour()
    scores = bm25(matches.frequencies, matches.idf, lengths, counts.average_length(weights), weights)
    if allowed is not None:
        scores[~np.isin(matches.pos, allowed)] = 0
    pool = min(weights.pool, len(scores))
    if pool == 0:
        return np.empty(0, dtype=np.int64), scores
    best = np.argpartition(-scores, pool - 1)[:pool]
    best = best[scores[best] > 0]
    best = best[np.argsort(-scores[best], kind="stable")]
    after = np.searchsorted(matches.pos, matches.pos[best[: weights.following]] + 1)
    after = after[after < len(scores)]
    after = after[np.isin(matches.pos[after] - 1, matches.pos[best]) & (scores[after] > 0)]
    best = np.concatenate((best, np.setdiff1d(after, best)))
    return best, scores[best]
