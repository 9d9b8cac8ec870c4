import functools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from memory_core.errors import DataError, InvalidRequestError, MissingDependencyError
from memory_core.inference.embedder import Embedder, load_embedder, unit_rows


def lengths(texts: list[str]) -> list[list[float]]:
    return [[float(len(text)), 1.0, 0.0] for text in texts]


async def lengths_async(texts: list[str]) -> list[list[float]]:
    return lengths(texts)


class CallableObject:
    async def __call__(self, texts: list[str]) -> list[list[float]]:
        return lengths(texts)


class LangChainLike:
    model = "small"

    def embed_documents(self, texts):
        return lengths(texts)

    def embed_query(self, text):
        return [0.0, 0.0, float(len(text))]

    async def aembed_documents(self, texts):
        return self.embed_documents(texts)

    async def aembed_query(self, text):
        return self.embed_query(text)


class SyncLangChainLike:
    embed_documents = LangChainLike.embed_documents
    embed_query = LangChainLike.embed_query


class LlamaIndexLike:
    model_name = "unknown"

    async def aget_text_embedding_batch(self, texts):
        return lengths(texts)

    def get_text_embedding_batch(self, _texts):
        raise AssertionError("the asynchronous method is there")

    def get_query_embedding(self, text):
        return [0.0, 0.0, float(len(text))]


class SentenceTransformerLike:
    def tokenize(self, texts): ...

    def encode(self, texts, convert_to_numpy, show_progress_bar):
        assert convert_to_numpy
        assert not show_progress_bar
        return np.array(lengths(texts))

    def encode_query(self, texts, **_options):
        return np.array([[0.0, 0.0, 1.0] for _ in texts])


class OwnEmbedder:
    name = "own/one"
    dimensions = 3

    async def embed(self, texts, *, query=False):
        return np.array([[0, 0, 2.0] if query else [2.0, 0, 0] for _ in texts])


class SymmetricEmbedder:
    name = "own/two"
    dimensions = 3

    async def embed(self, texts):
        return np.array(lengths(texts))


PLACE = f"{__name__}."


@pytest.mark.parametrize(
    ("given", "name", "asymmetric"),
    [
        (lengths, f"{PLACE}lengths-3", False),
        (lengths_async, f"{PLACE}lengths_async-3", False),
        (functools.partial(lengths_async), f"{PLACE}lengths_async-3", False),
        (lambda texts: lengths_async(texts), f"{PLACE}<lambda>-3", False),
        (CallableObject(), f"{PLACE}CallableObject-3", False),
        (LangChainLike(), "LangChainLike/small-3", True),
        (SyncLangChainLike(), "SyncLangChainLike-3", True),
        (LlamaIndexLike(), "LlamaIndexLike-3", True),
        (SentenceTransformerLike(), "SentenceTransformerLike-3", True),
        (OwnEmbedder(), "own/one", True),
        (SymmetricEmbedder(), "own/two", False),
    ],
)
async def test_whatever_embeds_is_recognised(given, name, asymmetric):
    embedder = await load_embedder(given)
    assert isinstance(embedder, Embedder)
    assert (embedder.name, embedder.dimensions) == (name, 3)
    texts = ["one", "", "three and more", " \n"]
    documents = await embedder.embed(texts)
    assert documents.dtype == np.float32
    assert np.linalg.norm(documents, axis=1) == pytest.approx([1, 0, 1, 0])
    queries = await embedder.embed(texts, query=True)
    assert (queries[0] @ documents[0] < 0.5) == asymmetric
    assert (await embedder.embed([])).shape == (0, 3)
    assert await load_embedder(embedder) is embedder
    await embedder.close()


async def test_order_is_kept():
    rows = await (await load_embedder(lengths)).embed(["x" * n for n in range(1, 50)])
    assert (np.diff(rows[:, 0]) > 0).all()


@pytest.mark.parametrize("spec", ["openai", "openai:", "word2vec", "fastembed:", 3, object(), OwnEmbedder])
async def test_what_cannot_embed_is_refused_with_the_possibilities(spec):
    with pytest.raises(InvalidRequestError, match=r"wordllama.*openai:MODEL.*fastembed:MODEL.*LangChain") as refusal:
        await load_embedder(spec)
    assert refusal.value.details["possible"]


@pytest.mark.parametrize("spec", ["fastembed:BAAI/bge-small-en-v1.5", "sentence-transformers:all-MiniLM-L6-v2"])
async def test_a_missing_package_names_its_extra(spec, monkeypatch):
    extra = spec.partition(":")[0]
    monkeypatch.setitem(sys.modules, extra.replace("-", "_"), None)
    with pytest.raises(MissingDependencyError, match=rf'pip install "memory-core\[{extra}\]"'):
        await load_embedder(spec)


async def test_local_packages_are_driven_as_they_document(monkeypatch):
    class TextEmbedding:
        def __init__(self, model_name):
            assert model_name == "BAAI/bge-small-en-v1.5"

        def passage_embed(self, texts):
            yield from map(np.array, lengths(texts))

        def query_embed(self, texts):
            yield from (np.array([0.0, 0.0, 1.0]) for _ in texts)

    monkeypatch.setitem(sys.modules, "fastembed", SimpleNamespace(TextEmbedding=TextEmbedding))
    embedder = await load_embedder("fastembed:BAAI/bge-small-en-v1.5")
    assert embedder.name == "fastembed/BAAI/bge-small-en-v1.5-3"
    assert (await embedder.embed(["a"], query=True)).tolist() == [[0.0, 0.0, 1.0]]


async def test_one_text_instead_of_a_list_is_refused():
    with pytest.raises(InvalidRequestError, match="list of texts"):
        await (await load_embedder(lengths)).embed("hello")


@pytest.mark.parametrize(
    "raw",
    [
        [[1.0, 2.0]],
        [[1.0, 2.0], [1.0, 2.0, 3.0]],
        [[1.0, 2.0, 3.0]] * 2,
        [1.0, 2.0],
        [[], []],
        [[1.0, float("nan")], [1.0, 2.0]],
        [[1e300, 1.0], [1.0, 2.0]],
        [["one", "two"]] * 2,
        [[None, 1.0]] * 2,
        None,
    ],
)
def test_what_a_backend_returns_is_checked(raw):
    with pytest.raises(DataError):
        unit_rows(raw, 2, 2)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_rows_are_scaled_to_unit_length_and_zero_rows_stay(scale):
    rows = unit_rows([[3 * scale, 4 * scale], [0, 0]], 2)
    assert rows.tolist() == [pytest.approx([0.6, 0.8]), [0, 0]]


async def test_a_function_that_changes_its_dimension_is_caught():
    async def unsteady(texts):
        return [[1.0] * (3 if texts == ["memory"] else 4) for _ in texts]

    embedder = await load_embedder(unsteady)
    with pytest.raises(DataError, match=r"\(1, 4\).*\(1, 3\)"):
        await embedder.embed(["secret text"])
