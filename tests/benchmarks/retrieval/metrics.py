"""How good a ranking is, given which turns hold the evidence. Pure functions; shares are in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import accumulate
from statistics import fmean

CUTS = (5, 10, 20, 50)
TOKEN_CUTS = (500, 1000, 2000)
TOKENS_TO_COVER = "tokens_to_cover"


def recall_at(k: int, ranked: Sequence[str], gold: Set[str]) -> float:
    """Share of the gold turns among the first ``k``."""
    return len(gold & set(ranked[:k])) / len(gold)


def reciprocal_rank(ranked: Sequence[str], gold: Set[str]) -> float:
    """1 / rank of the first gold turn; 0 if there is none."""
    return next((1 / rank for rank, turn in enumerate(ranked, 1) if turn in gold), 0.0)


def ndcg_at(k: int, ranked: Sequence[str], gold: Set[str]) -> float:
    """Discounted cumulative gain of the first ``k`` over that of the ideal order, each gold turn worth 1."""
    gain = sum(1 / math.log2(rank + 1) for rank, turn in enumerate(ranked[:k], 1) if turn in gold)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, len(gold)) + 1))


def recall_within(budget_tokens: int, ranked: Sequence[str], tokens: Sequence[int], gold: Set[str]) -> float:
    """Share of the gold turns that end within the first ``budget_tokens`` tokens of the ranking."""
    fitting = sum(1 for total in accumulate(tokens) if total <= budget_tokens)
    return recall_at(fitting, ranked, gold)


def tokens_to_cover(ranked: Sequence[str], tokens: Sequence[int], gold: Set[str]) -> float:
    """Tokens from the top up to and including the last gold turn; infinite if one of them is missing."""
    if not gold <= set(ranked):
        return math.inf
    last = max(ranked.index(turn) for turn in gold)
    return float(sum(tokens[: last + 1]))


def measure(ranked: Sequence[str], tokens: Sequence[int], gold: Set[str]) -> dict[str, float]:
    """All figures of one question.

    Args:
        ranked: Ids of the returned turns, best first, each once.
        tokens: The length of each of them in tokens.
        gold: Ids of the turns that hold the evidence, at least one.
    """
    figures = {f"recall@{k}": recall_at(k, ranked, gold) for k in CUTS}
    figures["all@10"] = float(gold <= set(ranked[:10]))
    figures["mrr"] = reciprocal_rank(ranked, gold)
    figures["ndcg@10"] = ndcg_at(10, ranked, gold)
    figures |= {f"recall@{budget}t": recall_within(budget, ranked, tokens, gold) for budget in TOKEN_CUTS}
    figures[TOKENS_TO_COVER] = tokens_to_cover(ranked, tokens, gold)
    return figures


def summarize(questions: Iterable[Mapping[str, float]]) -> dict[str, float | None]:
    """Means over questions in percent; of the tokens to cover, the median, None if half of the questions never are.

    Returns:
        Also ``questions``, their number; nothing else if there are none.
    """
    rows = list(questions)
    summary: dict[str, float | None] = {"questions": len(rows)}
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        summary[name] = _finite(percentile(values, 50)) if name == TOKENS_TO_COVER else round(100 * fmean(values), 2)
    return summary


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest of ``values`` that at least ``percent`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100) - 1, 0)]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
