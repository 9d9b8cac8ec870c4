"""What an embedder is, and how one is made from what a user names or hands over. Imports nothing heavy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from memory_core.errors import DataError, InvalidRequestError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

POSSIBLE = (
    '"wordllama" (the default)',
    '"openai:MODEL"',
    '"openai:MODEL@https://host/v1"',
    '"fastembed:MODEL"',
    '"sentence-transformers:MODEL"',
    "a function from a list of texts to a list of vectors",
    "an embeddings object of LangChain, LlamaIndex or sentence-transformers",
    "an object with name, dimensions and embed()",
)


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors."""

    @property
    def name(self) -> str:
        """A stable identity, stored with the vectors: the same name means comparable vectors."""
        ...

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        ...

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Return a float32 array of shape ``(len(texts), dimensions)``, one row per text in the same order.

        Rows have unit length, or are all zero for a text that has no tokens.

        Args:
            texts: The texts, in any number and of any length.
            query: True if the texts are questions. Models which treat questions and documents alike ignore it.
        """
        ...


class LoadedEmbedder:
    """An embedder around a backend's raw function: checks what came back, scales rows to unit length.

    Blank texts never reach the backend (many refuse them); their rows are zero.
    """

    def __init__(
        self,
        name: str,
        dimensions: int,
        vectors: Callable[[list[str], bool], Awaitable[Any]],
        *,
        close: Callable[[], None] | None = None,
    ) -> None:
        """Wrap a backend.

        Args:
            name: The stable identity of the model.
            dimensions: Length of the vectors it returns.
            vectors: Awaitable function of texts (never blank, never none) and whether they are queries.
            close: Gives back what the backend holds, such as connections.
        """
        self.name = name
        self.dimensions = dimensions
        self._vectors = vectors
        self._close = close

    async def embed(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        """Return the unit vectors of ``texts`` as a float32 array of shape ``(len(texts), dimensions)``.

        Raises:
            DataError: The backend returned another number of vectors, another dimension, or infinite numbers.
            UnavailableError: The backend cannot be reached or is overloaded, after several attempts.
            AccessDeniedError: The backend refused the key.
            InvalidRequestError: ``texts`` is a single string, or the backend refused the request.
        """
        import numpy as np

        if isinstance(texts, str):
            raise InvalidRequestError("embed() takes a list of texts, not one text")
        filled = [index for index, text in enumerate(texts) if text and not text.isspace()]
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if filled:
            raw = await self._vectors([texts[index] for index in filled], query)
            rows[filled] = unit_rows(raw, len(filled), self.dimensions)
        return rows

    async def close(self) -> None:
        """Give back connections the backend holds. Calling it again does nothing."""
        if self._close:
            self._close()

    def __repr__(self) -> str:
        return f"<embedder {self.name}>"


def unit_rows(raw: Any, count: int, dimensions: int | None = None) -> Vectors:
    """Check what a backend returned and scale its rows to unit length; zero rows stay zero.

    Args:
        raw: Anything numpy can read as a matrix: lists of numbers, an array.
        count: The number of rows expected, at least 1.
        dimensions: The length of rows expected; None accepts any but zero.

    Raises:
        DataError: The shape differs, or a number is missing, infinite or not a number.
    """
    import numpy as np

    try:
        with np.errstate(over="ignore"):
            rows = np.asarray(raw, dtype=np.float32)
    except (TypeError, ValueError):  # ragged rows, or not numbers
        raise DataError("the embedder did not return one list of numbers per text, all of one length") from None
    fits = rows.ndim == 2 and rows.size > 0 and rows.shape == (count, dimensions or rows.shape[1])
    if not fits:
        expected = (count, dimensions or "any")
        raise DataError(
            f"the embedder returned an array of shape {rows.shape}, expected {expected}: one vector per text",
            shape=rows.shape,
            expected=expected,
        )
    if not np.isfinite(rows).all():
        raise DataError("the embedder returned numbers that are infinite or not numbers")
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))[:, None]
    scaled: Vectors = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0, casting="same_kind")
    return scaled


async def load_embedder(spec: Any = None, *, api_key: str | None = None) -> LoadedEmbedder:
    """Make an embedder of what the user names or hands over.

    Args:
        spec: One of:

            * None or ``"wordllama"``: the offline default, 256 dimensions.
            * ``"openai:MODEL"``: the OpenAI embeddings API; ``"openai:MODEL@https://host/v1"``: any service that speaks
              it. The key comes from ``MEMORY_CORE_EMBEDDER_API_KEY`` or ``OPENAI_API_KEY``.
            * ``"fastembed:MODEL"``, ``"sentence-transformers:MODEL"``: models run locally by these packages.
            * A function, sync or async, from a list of texts to a list of vectors.
            * An embeddings object of LangChain, LlamaIndex or sentence-transformers, recognised by its methods.
            * An object that satisfies :class:`Embedder`.
        api_key: The key for an ``openai:`` embedder, instead of the environment's.

    Where the dimension is not known beforehand it is found by embedding one word.

    Raises:
        InvalidRequestError: Nothing can be made of ``spec``; the message lists what is possible.
        MissingDependencyError: A package is needed; the message names the extra that brings it.
        UnavailableError, AccessDeniedError, DataError: The probe failed.
    """
    if isinstance(spec, LoadedEmbedder):
        return spec
    if spec is None or isinstance(spec, str):
        return await _named(spec or "wordllama", api_key)
    from memory_core.inference.adapted import adapt

    adapted = await adapt(spec)
    if adapted is None:
        raise _unknown(f"an object of {type(spec).__name__}")
    return adapted


async def _named(spec: str, api_key: str | None) -> LoadedEmbedder:
    backend, _, model = spec.partition(":")
    if spec == "wordllama":
        from memory_core.inference.wordllama import load_wordllama

        return await asyncio.to_thread(load_wordllama)
    if model and backend == "openai":
        from memory_core.inference.openai_api import load_openai

        return await load_openai(model, api_key)
    if model and backend == "fastembed":
        from memory_core.inference.local_models import load_fastembed

        return await load_fastembed(model)
    if model and backend == "sentence-transformers":
        from memory_core.inference.local_models import load_sentence_transformer

        return await load_sentence_transformer(model)
    raise _unknown(repr(spec))


def _unknown(what: str) -> InvalidRequestError:
    return InvalidRequestError(f"{what} is no embedder; possible are: {'; '.join(POSSIBLE)}", possible=POSSIBLE)
