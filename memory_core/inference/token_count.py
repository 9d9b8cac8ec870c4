"""Counting tokens, to keep what is put before a model within its budget. Never touches the network."""

from __future__ import annotations

import hashlib
import os
import tempfile
from base64 import b64decode
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from memory_core.errors import InvalidRequestError, MissingDependencyError


@runtime_checkable
class TokenCounter(Protocol):
    """Counts the tokens of a text. Safe to share between threads."""

    @property
    def name(self) -> str:
        """Which vocabulary is counted with, such as ``"tiktoken/o200k_base"``."""
        ...

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``, special tokens of chat templates not counted."""
        ...


class _Encoding(NamedTuple):
    """Facts about a vocabulary, as published with tiktoken (tiktoken_ext/openai_public.py)."""

    url: str
    sha256: str
    pattern: str


_BLOBS = "https://openaipublic.blob.core.windows.net/encodings"
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"

# In order of preference.
ENCODINGS = {
    "o200k_base": _Encoding(
        f"{_BLOBS}/o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_ENDINGS}?|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_ENDINGS}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
    "cl100k_base": _Encoding(
        f"{_BLOBS}/cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ),
}


class WordLlamaCounter:
    """Counts with the Llama 2 vocabulary that ``wordllama`` carries: rather more tokens than newer models see."""

    name = "wordllama/l2_supercat"

    def __init__(self) -> None:
        from memory_core.inference.wordllama import load_tokenizer

        self._tokenizer = load_tokenizer()

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``."""
        return len(self._tokenizer.ids(text))


class TiktokenCounter:
    """Counts with a vocabulary of OpenAI's models that is already on this machine."""

    def __init__(self, encoding: str) -> None:
        """Load ``encoding``, one of ``ENCODINGS``.

        Raises:
            MissingDependencyError: tiktoken is not installed, or its vocabulary is not at hand.
        """
        try:
            import tiktoken
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                'the package tiktoken is not installed: pip install "memory-core[tiktoken]"', extra="tiktoken"
            ) from error
        path = vocabulary_file(encoding)
        if path is None:
            raise MissingDependencyError(
                f"the vocabulary {encoding} is not on this machine and is never downloaded: run "
                f"tiktoken.get_encoding({encoding!r}) once where there is network, with TIKTOKEN_CACHE_DIR set",
                encoding=encoding,
            )
        # Not tiktoken.get_encoding: it would download a file that vanished meanwhile.
        lines = (line.split() for line in path.read_bytes().splitlines() if line)
        self._encoding = tiktoken.Encoding(
            encoding,
            pat_str=ENCODINGS[encoding].pattern,
            mergeable_ranks={b64decode(token): int(rank) for token, rank in lines},
            special_tokens={},
        )
        self.name = f"tiktoken/{encoding}"

    def count(self, text: str) -> int:
        """Return the number of tokens of ``text``; the names of special tokens count as plain text."""
        return len(self._encoding.encode_ordinary(text))


def load_token_counter(spec: Any = None) -> TokenCounter:
    """Return a token counter.

    Args:
        spec: One of:

            * None: tiktoken with ``o200k_base`` or ``cl100k_base`` if the package and the vocabulary are on this
              machine, else ``"wordllama"``.
            * ``"tiktoken"`` or ``"tiktoken:ENCODING"``, an encoding of ``ENCODINGS``.
            * ``"wordllama"``: the vocabulary bundled with the default embedder.
            * An object that satisfies :class:`TokenCounter`.

    Raises:
        InvalidRequestError: Nothing can be made of ``spec``.
        MissingDependencyError: The named package or vocabulary is not on this machine.
    """
    if spec is None:
        encoding = _at_hand()
        return _tiktoken(encoding) if encoding else _wordllama()
    if spec == "wordllama":
        return _wordllama()
    if isinstance(spec, str):
        package, _, encoding = spec.partition(":")
        encoding = encoding or _at_hand() or next(iter(ENCODINGS))
        if package == "tiktoken" and encoding in ENCODINGS:
            return _tiktoken(encoding)
    elif isinstance(spec, TokenCounter):
        return spec
    possible = ("wordllama", "tiktoken", *(f"tiktoken:{name}" for name in ENCODINGS))
    what = repr(spec) if isinstance(spec, str) else f"an object of {type(spec).__name__}"
    raise InvalidRequestError(
        f"{what} is no token counter; possible are: {', '.join(possible)}, an object with name and count()",
        possible=possible,
    )


def vocabulary_file(encoding: str) -> Path | None:
    """Return the file of a tiktoken vocabulary if it is on this machine, whole and unchanged; else None.

    Looks where tiktoken keeps its downloads, then in the copy that LlamaIndex carries.
    """
    facts = ENCODINGS[encoding]
    name = hashlib.sha1(facts.url.encode(), usedforsecurity=False).hexdigest()  # as in tiktoken/load.py
    for folder in _folders():
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == facts.sha256:
            return path
    return None


def _folders() -> list[Path]:
    kept = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if kept is None:
        kept = str(Path(tempfile.gettempdir(), "data-gym-cache"))
    folders = [Path(kept)] if kept else []
    llamaindex = find_spec("llama_index")  # locates without importing
    for location in (llamaindex.submodule_search_locations if llamaindex else None) or ():
        folders.append(Path(location, "core", "_static", "tiktoken_cache"))
    return folders


def _at_hand() -> str | None:
    if find_spec("tiktoken") is None:
        return None
    return next((encoding for encoding in ENCODINGS if vocabulary_file(encoding)), None)


@cache
def _tiktoken(encoding: str) -> TokenCounter:
    return TiktokenCounter(encoding)


@cache
def _wordllama() -> TokenCounter:
    return WordLlamaCounter()
