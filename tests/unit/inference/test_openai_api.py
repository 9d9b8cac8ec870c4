import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from memory_core import AsyncMemory
from memory_core.errors import (
    AccessDeniedError,
    DataError,
    InvalidRequestError,
    MissingDependencyError,
    UnavailableError,
)
from memory_core.inference import openai_api
from memory_core.inference.embedder import load_embedder


class Service(ThreadingHTTPServer):
    """A real HTTP server that speaks the embeddings API: answers ``planned`` first, then vectors, last text first."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.planned: list[tuple[int, dict[str, str], object]] = []
        self.requests: list[dict] = []
        self.keys: list[str | None] = []

    @property
    def spec(self) -> str:
        return f"openai:tiny@http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert self.path == "/v1/embeddings"
        self.server.requests.append(body)
        self.server.keys.append(self.headers["Authorization"])
        data = [{"index": i, "embedding": [len(text), 1, 2]} for i, text in enumerate(body["input"])]
        status, headers, answer = self.server.planned.pop(0) if self.server.planned else (200, {}, {"data": data[::-1]})
        payload = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(payload))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_args: object) -> None: ...


@contextmanager
def serving() -> Iterator[Service]:
    with Service() as service:
        thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(openai_api, "_FIRST_DELAY_SECONDS", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("MEMORY_CORE_EMBEDDER_API_KEY", "k-1")
    with serving() as running:
        yield running


async def test_vectors_come_back_in_the_order_of_the_texts(service):
    embedder = await load_embedder(service.spec)
    assert (embedder.name, embedder.dimensions) == ("openai/tiny-3", 3)
    rows = await embedder.embed(["a", "", "ccc"])
    expected = np.array([[1, 1, 2], [0, 0, 0], [3, 1, 2]])
    np.testing.assert_allclose(rows, expected / np.maximum(np.linalg.norm(expected, axis=1), 1)[:, None], atol=1e-6)
    assert service.requests[-1] == {"model": "tiny", "input": ["a", "ccc"], "encoding_format": "float"}
    assert set(service.keys) == {"Bearer k-1"}
    await embedder.close()


async def test_many_and_long_texts_are_sent_in_what_the_api_accepts(service):
    embedder = await load_embedder(service.spec)
    rows = await embedder.embed(["x"] * 300 + ["long words here " * 20_000])
    assert len(rows) == 301
    assert [len(request["input"]) for request in service.requests[1:]] == [256, 45]
    assert 20_000 < len(service.requests[-1]["input"][-1]) < 50_000
    await embedder.close()


async def test_passing_troubles_are_retried(service):
    embedder = await load_embedder(service.spec)
    service.planned = [(429, {"Retry-After": "0"}, {}), (503, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, {})]
    assert (await embedder.embed(["hello"])).shape == (1, 3)
    assert len(service.requests) == 4
    await embedder.close()


@pytest.mark.parametrize(
    ("status", "answer", "error", "attempts"),
    [
        (429, {}, UnavailableError, 4),
        (500, {"error": {"message": "my secret text"}}, UnavailableError, 4),
        (401, {"error": {"code": "invalid_api_key", "type": None, "message": "my secret text"}}, AccessDeniedError, 1),
        (400, {"error": {"code": None, "type": "too_long", "message": "my secret text"}}, InvalidRequestError, 1),
        (404, ["my secret text"], InvalidRequestError, 1),
        (302, {}, InvalidRequestError, 1),
        (200, {"data": [{"index": 0, "embedding": [1, 2]}]}, DataError, 1),
        (200, {"data": [{"index": 1, "embedding": [1, 2, 3]}]}, DataError, 1),
        (200, {"data": []}, DataError, 1),
        (200, ["my secret text"], DataError, 1),
    ],
)
async def test_refusals_are_typed_and_never_quote_the_text(service, status, answer, error, attempts):
    embedder = await load_embedder(service.spec)
    service.planned = [(status, {}, answer)] * attempts
    with pytest.raises(error) as caught:
        await embedder.embed(["my secret text"])
    assert "secret" not in f"{caught.value} {caught.value.details}"
    assert len(service.requests) == 1 + attempts
    for code in ("invalid_api_key", "too_long"):
        assert (code in str(caught.value)) == (code in str(answer))
    await embedder.close()


@pytest.mark.usefixtures("service")
async def test_a_service_that_is_not_there_is_unavailable():
    with serving() as stopped:
        spec = stopped.spec
    with pytest.raises(UnavailableError, match="cannot be reached after 4 attempts"):
        await load_embedder(spec)


async def test_a_local_service_needs_no_key(service, monkeypatch):
    monkeypatch.delenv("MEMORY_CORE_EMBEDDER_API_KEY")
    await (await load_embedder(service.spec)).close()
    assert service.keys == [None]


async def test_a_key_given_to_open_reaches_the_service_and_beats_the_environment(service, empty_database_url):
    async with AsyncMemory.session(empty_database_url, embedder=service.spec, embedder_api_key="typed") as memory:
        await memory.scope(user="ana").remember("one")
    assert set(service.keys) == {"Bearer typed"}
    assert len(service.requests) >= 2


async def test_openai_itself_needs_a_key_and_known_models_no_probe(monkeypatch):
    monkeypatch.delenv("MEMORY_CORE_EMBEDDER_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InvalidRequestError, match="OPENAI_API_KEY"):
        await load_embedder("openai:text-embedding-3-small")
    monkeypatch.setenv("OPENAI_API_KEY", "k-2")
    embedder = await load_embedder("openai:text-embedding-3-small")
    assert (embedder.name, embedder.dimensions) == ("openai/text-embedding-3-small-1536", 1536)
    await embedder.close()


@pytest.mark.parametrize("spec", ["openai:m@", "openai:m@ftp://host", "openai:@https://host", "openai:m@http://[::"])
async def test_malformed_addresses_are_refused(spec):
    with pytest.raises(InvalidRequestError):
        await load_embedder(spec)


async def test_a_missing_httpx_names_the_extra(service, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "memory-core\[openai\]"'):
        await load_embedder(service.spec)
