import socket
import sys

import pytest

from memory_core.errors import InvalidRequestError, MissingDependencyError
from memory_core.inference import token_count
from memory_core.inference.token_count import ENCODINGS, TokenCounter, load_token_counter, vocabulary_file

TEXT = "Alice doesn't LIKE the dark theme's colours; 1,234 naïve 猫s <|endoftext|>\n\n  ok 🎉\r\n"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_args):
        raise AssertionError("counting tokens must not touch the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without any vocabulary of tiktoken."""
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(token_count, "find_spec", lambda name: None if name == "llama_index" else name)
    return tmp_path


@pytest.mark.usefixtures("bare")
def test_without_a_vocabulary_the_bundled_one_counts():
    counter = load_token_counter()
    assert isinstance(counter, TokenCounter)
    assert counter.name == "wordllama/l2_supercat"
    assert counter.count("") == 0
    assert counter.count("hello world") == 2
    assert 15 < counter.count(TEXT) < 60
    assert counter.count("hello world " * 10_000) == pytest.approx(20_000, abs=2)
    assert counter is load_token_counter("wordllama")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("spec", ["tiktoken", "tiktoken:o200k_base", "tiktoken:cl100k_base"])
def test_a_named_vocabulary_that_is_not_at_hand_says_what_to_do(spec):
    token_count._tiktoken.cache_clear()
    with pytest.raises(MissingDependencyError, match="TIKTOKEN_CACHE_DIR"):
        load_token_counter(spec)


def test_a_damaged_vocabulary_is_not_used(bare):
    (bare / "fb374d419588a4632f3f557e76b4b70aebbca790").write_bytes(b"IQ== 0\n")  # the name tiktoken gives o200k_base
    assert vocabulary_file("o200k_base") is None


def test_where_tiktoken_keeps_its_downloads(monkeypatch, tmp_path):
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path))
    assert token_count._folders()[0] == tmp_path
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # tiktoken: no cache
    assert tmp_path not in token_count._folders()


def test_a_missing_tiktoken_names_its_extra(monkeypatch):
    token_count._tiktoken.cache_clear()
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "memory-core\[tiktoken\]"'):
        load_token_counter("tiktoken:o200k_base")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_counts_equal_those_of_tiktoken(encoding, monkeypatch):
    path = vocabulary_file(encoding)
    if path is None:
        pytest.skip("the vocabulary is on machines with tiktoken's cache or LlamaIndex")
    import tiktoken

    token_count._tiktoken.cache_clear()
    counter = load_token_counter(f"tiktoken:{encoding}")
    assert counter.name == f"tiktoken/{encoding}"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(path.parent))
    original = tiktoken.get_encoding(encoding)
    for text in (
        TEXT,
        "",
        "   ",
        "HTTPServer I'LL we'Ve\n \n\tdef f(x):\n    return x**2 // 10000000",
        "我喜欢喝茶 é́" * 40,
    ):
        assert counter.count(text) == len(original.encode(text, disallowed_special=()))


def test_any_counter_may_be_handed_over():
    class Words:
        name = "words"

        def count(self, text: str) -> int:
            return len(text.split())

    words = Words()
    assert load_token_counter(words) is words


@pytest.mark.parametrize("spec", ["gpt-9", "tiktoken:p50k_base", 4])
def test_unknown_counters_are_refused_with_the_possibilities(spec):
    with pytest.raises(InvalidRequestError, match=r"wordllama.*tiktoken:o200k_base"):
        load_token_counter(spec)
