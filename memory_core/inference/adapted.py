"""Embedders made of what users already have: functions and the embedding objects of frameworks, told by their methods.

No framework is imported.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from memory_core.inference.embedder import Embedder, LoadedEmbedder, unit_rows

PROBE = "memory"

RawVectors = Callable[[list[str], bool], Awaitable[Any]]


async def adapt(given: Any) -> LoadedEmbedder | None:
    """Return an embedder around ``given``, or None if its methods are not known here."""
    if isinstance(given, type):
        return None
    if isinstance(given, Embedder) and isinstance(given.name, str) and isinstance(given.dimensions, int):
        return LoadedEmbedder(given.name, given.dimensions, _embedder(given))
    if hasattr(given, "embed_documents"):
        return await probed(_model_name(given), _langchain(given))
    if hasattr(given, "get_text_embedding_batch"):
        return await probed(_model_name(given), _llamaindex(given))
    if hasattr(given, "encode") and hasattr(given, "tokenize"):
        return await probed(_model_name(given), sentence_transformer(given))
    if callable(given):
        return await probed(function_name(given), _function(given))
    return None


async def probed(name: str, vectors: RawVectors, *, close: Callable[[], None] | None = None) -> LoadedEmbedder:
    """Return an embedder whose dimension is found by embedding one word, and is part of its name."""
    dimensions = unit_rows(await vectors([PROBE], False), 1).shape[1]
    return LoadedEmbedder(f"{name}-{dimensions}", dimensions, vectors, close=close)


def sentence_transformer(model: Any) -> RawVectors:
    """Return the raw function of a ``SentenceTransformer``; version 5 encodes queries and documents apart."""
    encode_query = getattr(model, "encode_query", model.encode)
    encode_document = getattr(model, "encode_document", model.encode)

    async def vectors(texts: list[str], query: bool) -> Any:
        encode = encode_query if query else encode_document
        return await asyncio.to_thread(encode, texts, convert_to_numpy=True, show_progress_bar=False)

    return vectors


def _embedder(given: Embedder) -> RawVectors:
    parameters = inspect.signature(given.embed).parameters.values()
    asymmetric = any(p.name == "query" or p.kind is p.VAR_KEYWORD for p in parameters)

    async def vectors(texts: list[str], query: bool) -> Any:
        return await (given.embed(texts, query=query) if asymmetric else given.embed(texts))

    return vectors


def _langchain(given: Any) -> RawVectors:
    documents = _preferred(given, "aembed_documents", "embed_documents")
    one_query = _preferred(given, "aembed_query", "embed_query")

    async def vectors(texts: list[str], query: bool) -> Any:
        return [await one_query(text) for text in texts] if query else await documents(texts)

    return vectors


def _llamaindex(given: Any) -> RawVectors:
    documents = _preferred(given, "aget_text_embedding_batch", "get_text_embedding_batch")
    one_query = _preferred(given, "aget_query_embedding", "get_query_embedding")

    async def vectors(texts: list[str], query: bool) -> Any:
        return [await one_query(text) for text in texts] if query else await documents(texts)

    return vectors


def _function(given: Callable[[list[str]], Any]) -> RawVectors:
    call = awaitable(given)

    async def vectors(texts: list[str], query: bool) -> Any:
        return await call(texts)

    return vectors


def _preferred(given: Any, first: str, second: str) -> Callable[[Any], Awaitable[Any]]:
    return awaitable(getattr(given, first, None) or getattr(given, second))


def awaitable(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Call ``function`` so that it cannot block the event loop: coroutine functions here, others in a thread."""
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004 - an object may have an async __call__
    )

    async def call(*arguments: Any) -> Any:
        result = function(*arguments) if is_async else await asyncio.to_thread(function, *arguments)
        return await result if inspect.isawaitable(result) else result

    return call


def _model_name(given: Any) -> str:
    """Name of the class, and of the model if the object tells one under the usual attributes."""
    for attribute in ("model", "model_name", "model_id"):
        model = getattr(given, attribute, None)
        if isinstance(model, str) and model not in ("", "unknown"):
            return f"{type(given).__name__}/{model}"
    return type(given).__name__


def function_name(given: Any) -> str:
    """The full name of a function, or of the class of a callable object."""
    while isinstance(given, partial):
        given = given.func
    named = given if hasattr(given, "__qualname__") else type(given)
    return f"{named.__module__}.{named.__qualname__}"
