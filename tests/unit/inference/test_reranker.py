import functools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from memory_core.errors import DataError, InvalidRequestError, MissingDependencyError
from memory_core.inference.reranker import Reranker, finite_scores, load_reranker


def lengths(query: str, texts: list[str]) -> list[float]:
    return [float(len(query) + len(text)) for text in texts]


async def lengths_async(query: str, texts: list[str]) -> list[float]:
    return lengths(query, texts)


class CallableObject:
    async def __call__(self, query: str, texts: list[str]) -> list[float]:
        return lengths(query, texts)


class OwnReranker:
    name = "own/one"

    async def score(self, query, texts):
        return np.array([lengths(query, texts)]).T


PLACE = f"{__name__}."


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (lengths, f"{PLACE}lengths"),
        (lengths_async, f"{PLACE}lengths_async"),
        (functools.partial(lengths), f"{PLACE}lengths"),
        (lambda query, texts: lengths_async(query, texts), f"{PLACE}<lambda>"),
        (CallableObject(), f"{PLACE}CallableObject"),
        (OwnReranker(), "own/one"),
    ],
)
async def test_whatever_scores_is_recognised(given, name):
    reranker = await load_reranker(given)
    assert isinstance(reranker, Reranker)
    assert reranker.name == name
    scores = await reranker.score("why", ("one", "", "three and more"))
    assert scores.dtype == np.float32
    assert scores.tolist() == [6, 3, 17]
    assert (await reranker.score("why", [])).shape == (0,)
    assert await load_reranker(reranker) is reranker


async def test_there_is_none_by_default():
    assert await load_reranker() is None


@pytest.mark.parametrize("spec", ["", "cross-encoder", "cross-encoder:", "wordllama", 3, object(), OwnReranker])
async def test_what_cannot_score_is_refused_with_the_possibilities(spec):
    with pytest.raises(InvalidRequestError, match=r"cross-encoder:MODEL.*fastembed:MODEL.*function") as refusal:
        await load_reranker(spec)
    assert refusal.value.details["possible"]


@pytest.mark.parametrize(
    ("spec", "extra", "module"),
    [
        ("cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2", "sentence-transformers", "sentence_transformers"),
        ("fastembed:Xenova/ms-marco-MiniLM-L-6-v2", "fastembed", "fastembed"),
    ],
)
async def test_a_missing_package_names_its_extra(spec, extra, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=rf'pip install "memory-core\[{extra}\]"'):
        await load_reranker(spec)


async def test_local_packages_are_driven_as_they_document(monkeypatch):
    class CrossEncoder:
        def __init__(self, model_name_or_path):
            assert model_name_or_path == "some/model"

        def predict(self, inputs, show_progress_bar, convert_to_numpy):
            assert convert_to_numpy
            assert not show_progress_bar
            return np.array([float(len(query) - len(text)) for query, text in inputs])

    class TextCrossEncoder:
        def __init__(self, model_name):
            assert model_name == "some/model"

        def rerank(self, query, documents):
            yield from lengths(query, documents)

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(CrossEncoder=CrossEncoder))
    monkeypatch.setitem(
        sys.modules, "fastembed.rerank.cross_encoder", SimpleNamespace(TextCrossEncoder=TextCrossEncoder)
    )
    monkeypatch.setitem(sys.modules, "fastembed.rerank", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "fastembed", SimpleNamespace())
    by_pairs = await load_reranker("cross-encoder:some/model")
    assert by_pairs.name == "cross-encoder/some/model"
    assert (await by_pairs.score("why", ["a", "bc"])).tolist() == [2, 1]
    by_documents = await load_reranker("fastembed:some/model")
    assert by_documents.name == "fastembed/some/model"
    assert (await by_documents.score("why", ["a", "bc"])).tolist() == [4, 5]


@pytest.mark.parametrize(
    "raw",
    [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]], [1.0, float("nan")], [1.0, 1e300], ["one", "two"], [None, 1.0], 1.0, None],
)
def test_what_a_backend_returns_is_checked(raw):
    with pytest.raises(DataError):
        finite_scores(raw, 2)
