"""Every number that ranking uses, in one place, with its source."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights of recall. They were fitted once, on the development half of LoCoMo (five conversations, no language
    model), and hold for all data: ±30 % on any one moves recall@10 there by at most 0.8 points.

    Attributes:
        k1: Saturation of term frequency (Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework").
        b: Strength of length normalisation; higher than the usual 0.75, because the length is that of a turn with its
            neighbours.
        before1: Share of a term in the turn before that counts for a turn. What was just said is what an answer
            leaves out, so the turns before weigh more than those after.
        after1: The same for the turn after.
        before2: The same, two turns before.
        after2: The same, two turns after.
        neighbour_terms: So many terms of a neighbour count.
        lexical: Weight of the BM25 score, scaled to [0, 1] over the candidates.
        cosine: Weight of the cosine, scaled likewise.
        subject: Added if the record was said by the person the question is about.
        own_voice: Added if that person speaks of himself there ("I", "my", "we").
        answer_time: Added to a record that names a time, if the question asks when.
        answer_number: Added to a record that holds a number, if the question asks how many or how much.
        answer_name: Added to a record that names something, if the question asks who, where or which.
        time: Times the nearness to a time named in the question.
        key: Times the likeness of the question to the record's key, if it is one or nearly one.
        statement: Per natural logarithm of length: longer turns carry more facts.
        statement_terms: Length from which that no longer grows.
        question: Taken off a short turn that only asks.
        question_terms: What counts as short.
        importance: Added at importance 1, taken off at 0.
        confidence: The same for confidence around its default 0.7.
        evidence: Per natural logarithm of the number of statements.
        access: Per natural logarithm of one more than the number of accesses.
        recency: Times the recency, if the caller asks for it.
        reranker: Times the reranker's score, scaled to [0, 1], where there is one; as much as words.
        pool: Candidates taken from each arm; 30 instead of 100 costs 0.4 points.
        following: After so many of the best of each arm the next turn becomes a candidate too: questions are
            answered there.
        rerank: So many of the best are read by the reranker, where there is one.
        keep: Candidates that the finer signals are computed for; with a time in the question, all of them.
        common_from: In scopes of more records, words in more than a tenth of them are left out.
    """

    k1: float = 0.8
    b: float = 0.9
    before1: float = 0.9
    after1: float = 0.5
    before2: float = 0.45
    after2: float = 0.25
    neighbour_terms: int = 30
    lexical: float = 4.0
    cosine: float = 3.0
    subject: float = 1.5
    own_voice: float = 0.4
    answer_time: float = 0.6
    answer_number: float = 0.4
    answer_name: float = 0.4
    time: float = 2.5
    key: float = 10.0
    statement: float = 0.5
    statement_terms: int = 10
    question: float = 0.5
    question_terms: int = 12
    importance: float = 0.5
    confidence: float = 0.25
    evidence: float = 0.1
    access: float = 0.02
    recency: float = 1.5
    reranker: float = 4.0
    pool: int = 100
    following: int = 30
    rerank: int = 50
    keep: int = 60
    common_from: int = 20_000


WEIGHTS = Weights()
