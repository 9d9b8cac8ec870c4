"""Embedders behind the OpenAI embeddings API, at OpenAI or at any service that speaks it."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from memory_core.errors import (
    AccessDeniedError,
    DataError,
    InvalidRequestError,
    MissingDependencyError,
    UnavailableError,
)
from memory_core.inference.adapted import probed
from memory_core.inference.embedder import LoadedEmbedder

if TYPE_CHECKING:
    import httpx

_OPENAI = "https://api.openai.com/v1"
# https://platform.openai.com/docs/guides/embeddings; known models need no probe.
_DIMENSIONS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
# https://platform.openai.com/docs/api-reference/embeddings/create: 8,192 tokens a text, 300,000 tokens a request.
_TEXT_TOKENS = 8_000
_BATCH_CHARS = 250_000
_BATCH_TEXTS = 256

_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 4
_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 20.0
_TRY_AGAIN = frozenset({408, 409, 429, 500, 502, 503, 504})
_KEYS = ("MEMORY_CORE_EMBEDDER_API_KEY", "OPENAI_API_KEY")


async def load_openai(model: str, api_key: str | None = None) -> LoadedEmbedder:
    """Return an embedder for ``MODEL`` or ``MODEL@https://host/v1``; without ``api_key`` the environment's is used.

    Raises:
        InvalidRequestError: The address is no http address, or OpenAI is asked for and no key is set.
        MissingDependencyError: httpx is not installed.
        UnavailableError, AccessDeniedError, DataError: The service answered the probe so; a known model is not probed.
    """
    model, at, url = model.partition("@")
    if not model or (at and not re.match(r"https?://[^/]", url)):
        raise InvalidRequestError('the embedder is written "openai:MODEL" or "openai:MODEL@https://host/v1"')
    key = api_key or next((value for name in _KEYS if (value := os.environ.get(name))), None)
    if key is None and not at:
        raise InvalidRequestError(f"the OpenAI embedder needs a key in the environment variable {' or '.join(_KEYS)}")
    endpoint = Endpoint(model, url or _OPENAI, key)
    name = f"openai/{model}"
    if not at and model in _DIMENSIONS:
        dimensions = _DIMENSIONS[model]
        return LoadedEmbedder(f"{name}-{dimensions}", dimensions, endpoint.vectors, close=endpoint.close)
    try:
        return await probed(name, endpoint.vectors, close=endpoint.close)
    except BaseException:
        endpoint.close()
        raise


class Endpoint:
    """One model at one address. Works from any event loop: requests run in threads over a shared connection pool."""

    def __init__(self, model: str, url: str, key: str | None) -> None:
        try:
            import httpx
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                'the package httpx is not installed: pip install "memory-core[openai]"', extra="openai"
            ) from error
        self._model = model
        self._url = f"{url.rstrip('/')}/embeddings"
        try:
            httpx.URL(self._url)
        except httpx.InvalidURL:
            raise InvalidRequestError("the address of the embedding service is no valid URL") from None
        self._request_error = httpx.RequestError
        headers = {"Authorization": f"Bearer {key.strip()}"} if key else {}
        self._http = httpx.Client(headers=headers, timeout=_TIMEOUT_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    async def vectors(self, texts: list[str], query: bool) -> list[Any]:
        """Return the vectors of ``texts``, asked for in batches the API accepts."""
        rows: list[Any] = []
        for batch in _batches(texts):
            rows += _rows(await self._post(batch), len(batch))
        return rows

    async def _post(self, batch: list[str]) -> httpx.Response:
        body = {"model": self._model, "input": batch, "encoding_format": "float"}
        attempt = 0
        while True:
            attempt += 1
            try:
                response = await asyncio.to_thread(self._http.post, self._url, json=body)
            except self._request_error as error:
                if attempt == _ATTEMPTS:
                    raise UnavailableError(
                        f"the embedding service cannot be reached after {attempt} attempts"
                    ) from error
                wait = 0.0
            else:
                if response.is_success:
                    return response
                if response.status_code not in _TRY_AGAIN:
                    raise _refusal(response)
                if attempt == _ATTEMPTS:
                    status = response.status_code
                    raise UnavailableError(
                        f"the embedding service answered {status} after {attempt} attempts", status=status
                    )
                wait = _retry_after(response)
            backoff = _FIRST_DELAY_SECONDS * 2 ** (attempt - 1) * random.uniform(0.5, 1.0)
            await asyncio.sleep(min(max(wait, backoff), _LONGEST_DELAY_SECONDS))


def _batches(texts: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    chars = 0
    for text in map(_fitting, texts):
        if batch and (len(batch) == _BATCH_TEXTS or chars + len(text) > _BATCH_CHARS):
            yield batch
            batch, chars = [], 0
        batch.append(text)
        chars += len(text)
    yield batch


def _fitting(text: str) -> str:
    """Return as much of the start of ``text`` as the API accepts.

    Counted with the bundled tokenizer, whose smaller vocabulary counts more tokens than OpenAI's.
    """
    if len(text) <= _TEXT_TOKENS // 4:  # no character is more than four tokens
        return text
    from memory_core.inference.wordllama import load_tokenizer

    while (tokens := len(load_tokenizer().ids(text))) > _TEXT_TOKENS:
        text = text[: min(len(text) - 1, len(text) * _TEXT_TOKENS // tokens)]
    return text


def _rows(response: httpx.Response, count: int) -> list[Any]:
    """Return the vectors of an answer in the order of the texts."""
    try:
        items = sorted(response.json()["data"], key=lambda item: item["index"])
        if [item["index"] for item in items] == list(range(count)):
            return [item["embedding"] for item in items]
    except (KeyError, TypeError, ValueError):
        pass
    raise DataError("the embedding service did not answer with one vector per text") from None


def _refusal(response: httpx.Response) -> AccessDeniedError | InvalidRequestError:
    # The message of the service may quote the text that was sent: only its short code is kept.
    status = response.status_code
    try:
        error = response.json()["error"]
        code = next(v for v in (error["code"], error["type"]) if isinstance(v, str) and re.fullmatch(r"\w{1,60}", v))
    except (KeyError, TypeError, ValueError, StopIteration):
        code = "no code"
    if status in (401, 403):
        return AccessDeniedError(
            f"the embedding service refused the key ({status}, {code}): check {' or '.join(_KEYS)}", status=status
        )
    return InvalidRequestError(f"the embedding service refused the request ({status}, {code})", status=status)


def _retry_after(response: httpx.Response) -> float:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isdecimal() else 0.0  # if it is a date, the usual backoff serves
