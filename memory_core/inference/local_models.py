"""Embedders and rerankers that run a model in this process through an optional package."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from memory_core.errors import MissingDependencyError
from memory_core.inference.adapted import probed, sentence_transformer
from memory_core.inference.embedder import LoadedEmbedder
from memory_core.inference.reranker import LoadedReranker


async def load_fastembed(model: str) -> LoadedEmbedder:
    """Return an embedder that runs ``model`` with fastembed, which downloads it if it is not at hand.

    Raises:
        MissingDependencyError: fastembed is not installed.
    """
    package = _package("fastembed", extra="fastembed")
    loaded = await asyncio.to_thread(package.TextEmbedding, model_name=model)

    async def vectors(texts: list[str], query: bool) -> Any:
        embed = loaded.query_embed if query else loaded.passage_embed
        return await asyncio.to_thread(lambda: list(embed(texts)))

    return await probed(f"fastembed/{model}", vectors)


async def load_sentence_transformer(model: str) -> LoadedEmbedder:
    """Return an embedder that runs ``model`` with sentence-transformers, which downloads it if it is not at hand.

    Raises:
        MissingDependencyError: sentence-transformers is not installed.
    """
    package = _package("sentence_transformers", extra="sentence-transformers")
    loaded = await asyncio.to_thread(package.SentenceTransformer, model)
    return await probed(f"sentence-transformers/{model}", sentence_transformer(loaded))


async def load_cross_encoder(model: str) -> LoadedReranker:
    """Return a reranker that runs ``model`` with sentence-transformers, which downloads it if it is not at hand.

    Raises:
        MissingDependencyError: sentence-transformers is not installed.
    """
    package = _package("sentence_transformers", extra="sentence-transformers")
    loaded = await asyncio.to_thread(package.CrossEncoder, model)

    async def scores(query: str, texts: list[str]) -> Any:
        pairs = [(query, text) for text in texts]
        return await asyncio.to_thread(loaded.predict, pairs, convert_to_numpy=True, show_progress_bar=False)

    return LoadedReranker(f"cross-encoder/{model}", scores)


async def load_fastembed_reranker(model: str) -> LoadedReranker:
    """Return a reranker that runs ``model`` with fastembed, which downloads it if it is not at hand.

    Raises:
        MissingDependencyError: fastembed is not installed.
    """
    package = _package("fastembed.rerank.cross_encoder", extra="fastembed")
    loaded = await asyncio.to_thread(package.TextCrossEncoder, model_name=model)

    async def scores(query: str, texts: list[str]) -> Any:
        return await asyncio.to_thread(lambda: list(loaded.rerank(query, texts)))

    return LoadedReranker(f"fastembed/{model}", scores)


def _package(name: str, *, extra: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'the package {extra} is not installed: pip install "memory-core[{extra}]"', extra=extra
        ) from error
