"""The offline default embedder: token vectors and tokenizer that the package ``wordllama`` carries, read directly.

Importing ``wordllama`` itself costs over a second and configures the root logger, so only its two data files are used.
A text's vector is the mean of its tokens' vectors, as in ``WordLlamaInference.embed``.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from memory_core.errors import DataError, MissingDependencyError
from memory_core.inference.embedder import LoadedEmbedder

MODEL = "wordllama/l2_supercat"
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TENSOR = "embedding.weight"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

# Below this many characters the work (a few ms at most) is done at once: handing it to a thread would cost more.
_INLINE_CHARS = 20_000
# Texts embedded in one go: bounds the transient arrays to a few MB for chat turns.
_BATCH_TEXTS = 1_024
# Words whose tokens are remembered (about 8 MB when full), and the longest word worth remembering.
_CACHED_WORDS = 32_768
_CACHED_WORD_CHARS = 40

# The tokenizer writes "▁" for a space, none of its tokens holds "▁" after another letter, and it sets "▁" before every
# text: so a text can be tokenized in parts cut at these spaces, unless special tokens ("<s>") touch them.
_WORD_BREAK = re.compile("(?<=[^ ▁>]) (?=[^ ▁<])")

_loading = threading.Lock()


class WordTokenizer:
    """Splits text into the token ids of a Llama 2 vocabulary, remembering the tokens of words seen before.

    Texts are given to the tokenizer one at a time: its batch calls start native threads, which is what makes it warn
    after a fork. Safe to share between threads.
    """

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._remembered = lru_cache(_CACHED_WORDS)(self._encode)

    def ids(self, text: str) -> list[int]:
        """Return the token ids of ``text`` without special tokens; lone surrogates count as ``?``."""
        if not text.isascii():
            text = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = []
        for word in _WORD_BREAK.split(text):
            ids += self._remembered(word) if len(word) <= _CACHED_WORD_CHARS else self._encode(word)
        return ids

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


class TokenVectors:
    """Means of token vectors, from float16 weights mapped into memory (shared between processes, read on demand)."""

    def __init__(self, tokens: WordTokenizer, weights: npt.NDArray[np.float16]) -> None:
        self._tokens = tokens
        self._weights = weights

    @property
    def dimensions(self) -> int:
        """Length of every vector."""
        return int(self._weights.shape[1])

    def means(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one row per text: the mean vector of its tokens, zero for a text without tokens."""
        rows = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BATCH_TEXTS):
            self._fill(rows[start : start + _BATCH_TEXTS], texts[start : start + _BATCH_TEXTS])
        return rows

    def _fill(self, rows: npt.NDArray[np.float32], texts: Sequence[str]) -> None:
        ids = [self._tokens.ids(text) for text in texts]
        flat = np.fromiter(chain.from_iterable(ids), dtype=np.int32)
        # Widening float16 is the dear part: once per distinct token, not per occurrence.
        distinct, positions = np.unique(flat, return_inverse=True)
        vectors = self._weights[distinct].astype(np.float32)
        ones = np.ones(len(distinct), dtype=np.float32)
        end = 0
        for row, count in enumerate(map(len, ids)):
            start, end = end, end + count
            if count > len(distinct):  # a long text: weigh each distinct vector by its count
                weights = np.bincount(positions[start:end], minlength=len(distinct)).astype(np.float32)
                rows[row] = weights @ vectors / count
            elif count:
                rows[row] = ones[:count] @ vectors.take(positions[start:end], axis=0) / count


def load_tokenizer() -> WordTokenizer:
    """Return the tokenizer that ``wordllama`` carries, loaded once per process (about 0.1 s).

    Raises:
        MissingDependencyError: The package ``wordllama`` is not installed.
        DataError: It is installed without its tokenizer file.
    """
    with _loading:
        return _tokenizer()


def load_wordllama() -> LoadedEmbedder:
    """Return the offline default embedder: 256 dimensions, no key, no server, no download.

    Raises:
        MissingDependencyError: The package ``wordllama`` is not installed.
        DataError: It is installed without its data files, or they hold something else.
    """
    with _loading:
        model = TokenVectors(_tokenizer(), _weights())

    async def vectors(texts: list[str], query: bool) -> npt.NDArray[np.float32]:
        if sum(map(len, texts)) < _INLINE_CHARS:
            return model.means(texts)
        return await asyncio.to_thread(model.means, texts)

    return LoadedEmbedder(f"{MODEL}-{model.dimensions}", model.dimensions, vectors)


@cache
def _tokenizer() -> WordTokenizer:
    return WordTokenizer(_package_file(_TOKENIZER))


@cache
def _weights() -> npt.NDArray[np.float16]:
    # safetensors: 8 bytes header length (little endian), JSON header, then the tensors' bytes.
    path = _package_file(_WEIGHTS)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        tensor = json.loads(file.read(length))[_TENSOR]
        if tensor["dtype"] != "F16" or len(tensor["shape"]) != 2:
            raise DataError("the weights of wordllama are not a float16 matrix: install a version that fits")
        offset = 8 + length + tensor["data_offsets"][0]
        mapped = np.memmap(file, dtype="<f2", mode="r", offset=offset, shape=tuple(tensor["shape"]))
    return np.asarray(mapped)


def _package_file(name: str) -> Path:
    spec = find_spec("wordllama")  # locates without importing
    if spec is None or not spec.submodule_search_locations:
        raise MissingDependencyError("the default embedder needs the package wordllama: pip install memory-core")
    path = Path(spec.submodule_search_locations[0]) / name
    if not path.is_file():
        raise DataError(f"the installed package wordllama lacks {name}: reinstall it", file=name)
    return path
