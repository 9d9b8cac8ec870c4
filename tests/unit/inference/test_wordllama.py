import asyncio
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_core.inference.embedder import load_embedder
from memory_core.inference.wordllama import load_tokenizer, load_wordllama

TEXTS = [
    "which theme does she like?",
    "Alice prefers the dark theme, and  two  spaces.",
    " leading and trailing ",
    "line one\nline two\ttabbed",
    "a ▁ b▁ c <s> d </s>e <unk>",
    "Größe, naïve café, 我喜欢喝茶, हिन्दी, 🎉👩‍👩‍👧",
    "x" * 500,
]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if key != "TOKENIZERS_PARALLELISM"}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)


async def test_vectors_equal_those_of_the_package():
    from wordllama import WordLlama

    package = find_spec("wordllama").submodule_search_locations[0]
    original = WordLlama.load(cache_dir=package, disable_download=True)
    ours = await (await load_embedder()).embed(TEXTS)
    assert ours.shape == (len(TEXTS), 256)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, original.embed(TEXTS, norm=True), atol=1e-3)


@settings(deadline=None)
@given(st.text(st.one_of(st.sampled_from(" ▁<s>/unk\n"), st.characters(exclude_categories=["Cs"])), max_size=60))
def test_words_apart_give_the_tokens_of_the_whole_text(text):
    tokenizer = load_tokenizer()
    assert tokenizer.ids(text) == tokenizer._encode(text)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=80), max_size=8))
def test_a_batch_is_its_texts_in_order(texts):
    async def both():
        embedder = load_wordllama()
        return await embedder.embed(texts), [await embedder.embed([text], query=True) for text in texts]

    batch, single = asyncio.run(both())
    assert batch.shape == (len(texts), 256)
    for row, alone, text in zip(batch, single, texts, strict=True):
        np.testing.assert_allclose(row, alone[0], atol=1e-5)
        assert np.linalg.norm(row) == pytest.approx(1 if text.strip() else 0, abs=1e-4)


async def test_empty_and_huge_texts():
    embedder = await load_embedder("wordllama")
    huge = "the dark theme is what Alice likes. " * 3_000
    rows = await embedder.embed(["", huge, " \n", "\ud800", "the dark theme is what Alice likes."])
    assert np.linalg.norm(rows, axis=1) == pytest.approx([0, 1, 0, 1, 1], abs=1e-5)
    assert rows[1] @ rows[4] > 0.99
    assert (await embedder.embed([])).shape == (0, 256)
    assert embedder.name == "wordllama/l2_supercat-256"


async def test_meaning_is_near():
    rows = await load_wordllama().embed(["a cat", "kittens", "the stock market fell"])
    assert rows[0] @ rows[1] > rows[0] @ rows[2]


def test_big_batches_leave_the_event_loop_free_and_threads_agree():
    texts = [f"turn {n}: we talked about the number {n} and the dark theme" for n in range(3_000)]

    async def embed_beside_a_clock():
        embedder = load_wordllama()
        ticks = 0

        async def clock():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(clock())
        results = await asyncio.gather(*(embedder.embed(texts) for _ in range(4)))
        ticking.cancel()
        return ticks, results

    ticks, results = asyncio.run(embed_beside_a_clock())
    assert ticks > 2
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_forking_after_use_is_silent_and_works():
    done = run_python(
        "import asyncio, os\n"
        "from memory_core.inference.wordllama import load_wordllama\n"
        "e = load_wordllama(); asyncio.run(e.embed(['some words'] * 3000))\n"
        "pid = os.fork()\n"
        "rows = asyncio.run(e.embed(['other words'] * 3000))\n"
        "os._exit(0) if pid == 0 else print(os.waitpid(pid, 0)[1], float(abs(rows).sum()) > 0)"
    )
    assert done.stdout.split() == ["0", "True"]
    assert done.stderr == ""


def test_the_package_itself_is_never_imported_and_the_door_is_light():
    done = run_python(
        "import asyncio, sys\n"
        "import memory_core.inference.embedder, memory_core.inference.token_count, memory_core.inference.lexemes\n"
        "print([m for m in ('numpy', 'tokenizers', 'wordllama', 'httpx', 'tiktoken') if m in sys.modules])\n"
        "asyncio.run(memory_core.inference.embedder.load_embedder())\n"
        "print('wordllama' in sys.modules)"
    )
    assert done.stdout.split("\n")[:2] == ["[]", "False"]
