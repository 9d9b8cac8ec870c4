"""What a reranker is, and how one is made from what a user names or hands over. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from memory_core.errors import DataError, InvalidRequestError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scores = NDArray[np.float32]

POSSIBLE = (
    '"cross-encoder:MODEL"',
    '"fastembed:MODEL"',
    "a function from a question and a list of texts to a list of scores",
    "an object with name and score()",
)


@runtime_checkable
class Reranker(Protocol):
    """Reads a question and a text together and says how well the text answers it."""

    @property
    def name(self) -> str:
        """What it is called where people read it."""
        ...

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Return one float32 score per text, in the same order, on any scale; larger is better.

        Args:
            query: The question.
            texts: The texts, in any number.
        """
        ...


class LoadedReranker:
    """A reranker around a backend's raw function: checks what came back."""

    def __init__(self, name: str, scores: Callable[[str, list[str]], Awaitable[Any]]) -> None:
        """Wrap a backend.

        Args:
            name: What it is called.
            scores: Awaitable function of the question and the texts (never none).
        """
        self.name = name
        self._scores = scores

    async def score(self, query: str, texts: Sequence[str]) -> Scores:
        """Return the scores of ``texts`` for ``query``, larger is better.

        Raises:
            DataError: The backend did not return one finite number per text.
        """
        import numpy as np

        if not texts:
            return np.zeros(0, dtype=np.float32)
        return finite_scores(await self._scores(query, list(texts)), len(texts))

    def __repr__(self) -> str:
        return f"<reranker {self.name}>"


def finite_scores(raw: Any, count: int) -> Scores:
    """Check what a backend returned.

    Args:
        raw: Anything numpy can read as a row of numbers; a column of them is read as a row.
        count: The number of scores expected, at least 1.

    Raises:
        DataError: Their number differs, or one is missing, infinite or not a number.
    """
    import numpy as np

    try:
        with np.errstate(over="ignore"):
            scores = np.asarray(raw, dtype=np.float32)
    except (TypeError, ValueError):  # ragged, or not numbers
        raise DataError("the reranker did not return one number per text") from None
    if scores.shape not in ((count,), (count, 1)):
        raise DataError(
            f"the reranker returned an array of shape {scores.shape}, expected {(count,)}: one score per text",
            shape=scores.shape,
            expected=(count,),
        )
    if not np.isfinite(scores).all():
        raise DataError("the reranker returned scores that are infinite or not numbers")
    return scores.reshape(count)


async def load_reranker(spec: Any = None) -> LoadedReranker | None:
    """Make a reranker of what the user names or hands over.

    Args:
        spec: One of:

            * None: no reranker.
            * ``"cross-encoder:MODEL"``: a CrossEncoder run locally by sentence-transformers.
            * ``"fastembed:MODEL"``: a TextCrossEncoder run locally by fastembed.
            * A function, sync or async, from a question and a list of texts to a list of scores.
            * An object that satisfies :class:`Reranker`.

    Raises:
        InvalidRequestError: Nothing can be made of ``spec``; the message lists what is possible.
        MissingDependencyError: A package is needed; the message names the extra that brings it.
    """
    if spec is None or isinstance(spec, LoadedReranker):
        return spec
    if isinstance(spec, str):
        return await _named(spec)
    from memory_core.inference.adapted import awaitable, function_name

    if isinstance(spec, type):
        raise _unknown(f"the class {spec.__name__}")
    if isinstance(spec, Reranker) and isinstance(spec.name, str):
        return LoadedReranker(spec.name, awaitable(spec.score))
    if callable(spec):
        return LoadedReranker(function_name(spec), awaitable(spec))
    raise _unknown(f"an object of {type(spec).__name__}")


async def _named(spec: str) -> LoadedReranker:
    backend, _, model = spec.partition(":")
    if model and backend == "cross-encoder":
        from memory_core.inference.local_models import load_cross_encoder

        return await load_cross_encoder(model)
    if model and backend == "fastembed":
        from memory_core.inference.local_models import load_fastembed_reranker

        return await load_fastembed_reranker(model)
    raise _unknown(repr(spec))


def _unknown(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"{what} is no reranker; possible are: {'; '.join(POSSIBLE)}", possible=POSSIBLE)
