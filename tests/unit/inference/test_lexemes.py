import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_core.errors import InvalidRequestError
from memory_core.inference.lexemes import MAX_TERMS, MAX_WORD_CHARS, Analyzer, languages, term_hash

ENGLISH = Analyzer()
ANY_TEXT = st.text(st.characters(), max_size=300)  # all code points, lone surrogates and NUL among them


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Runner was running and RAN", ["runner", "run", "run"]),
        ("Caroline's dog, the users' dogs", ["carolin", "dog", "user", "dog"]),
        ("I don\u2019t, won't, can't; we'll and they've", []),
        ("She won; Don lost", ["win", "don", "lose"]),
        ("state-of-the-art user_id", ["state", "art", "user", "id"]),
        ("paid 1,250.50 on 2023-05-07", ["pay", "1", "250", "50", "2023", "05", "07"]),
        ("\uff46\uff55\uff4c\uff4c CAFÉ cafe\u0301", ["full", "café", "café"]),
        ("soft\u00adware", ["softwar"]),
        ("", []),
        (" …—!? 🎉👩‍👩‍👧 \x00 \ud800", []),
    ],
)
def test_english_terms(text, terms):
    assert ENGLISH.terms(text) == terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("我喜欢喝茶。", ["我喜", "喜欢", "欢喝", "喝茶"]),
        ("茶 and 黒猫", ["茶", "黒猫"]),
        ("ヴァイオリンを", ["ヴァ", "ァイ", "イオ", "オリ", "リン", "ンを"]),
        ("안녕하세요", ["안녕", "녕하", "하세", "세요"]),
        ("ไทย", ["ไท", "ทย"]),
        ("iPhone手机15", ["iphon", "手机", "15"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
    ],
)
def test_scripts_without_spaces_become_pairs_and_vowel_signs_stay_in_their_words(text, terms):
    assert ENGLISH.terms(text) == terms


@pytest.mark.parametrize(
    ("language", "text", "same_as"),
    [
        ("german", "Die Häuser sind größer, daß es so war", "Haus gross"),
        ("french", "L\u2019amour de l'homme qu'il aimait", "amour homme aimer"),
        ("spanish", "las bibliotecas de la casa", "biblioteca casas"),
        ("italian", "dell'arte e della ragazza", "arte ragazze"),
        ("portuguese", "os livros da menina", "livro meninas"),
        ("dutch", "de huizen van het dorp", "huizen dorpen"),
        ("simple", "The Houses", "the houses"),
    ],
)
def test_languages_stem_and_drop_stop_words(language, text, same_as):
    analyzer = Analyzer(language)
    assert analyzer.terms(text) == analyzer.terms(same_as) != []


def test_every_listed_language_works_and_others_are_refused_with_the_list():
    assert {"english", "german", "french", "spanish", "italian", "portuguese", "dutch", "simple"} <= set(languages())
    for language in languages():
        assert Analyzer(language).terms("Zanzibar 42")[-1] == "42"
    with pytest.raises(InvalidRequestError, match=r"klingon.*english"):
        Analyzer("klingon")


@given(ANY_TEXT)
def test_any_text_is_analysed_alike_and_within_the_range_of_int8(text):
    terms = ENGLISH.terms(text)
    frequencies = ENGLISH.term_frequencies(text)
    assert frequencies == Analyzer().term_frequencies(text)
    assert sum(frequencies.values()) == len(terms)
    assert set(frequencies) == {term_hash(term) for term in terms}
    assert all(-(2**63) <= key < 2**63 for key in frequencies)
    assert all(term and not term.isspace() for term in terms)


@given(st.lists(st.sampled_from(["Dogs", "running", "茶", "don't", "1999", "été"]), max_size=20))
def test_terms_do_not_depend_on_case_or_separators(words):
    assert ENGLISH.terms(" ".join(words)) == ENGLISH.terms("\n--".join(word.upper() for word in words))


def test_hashes_are_the_same_in_every_process():
    assert term_hash("memori") == -3507751923465525828  # stored in databases: must never change
    code = "from memory_core.inference.lexemes import Analyzer; print(Analyzer().term_frequencies('my memories'))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert outputs == {str({term_hash("memori"): 1})}


def test_what_is_indexed_of_one_text_is_capped():
    text = " ".join(f"w{number}" for number in range(3 * MAX_TERMS))
    assert ENGLISH.terms(text) == [f"w{number}" for number in range(MAX_TERMS)]
    assert sum(ENGLISH.term_frequencies(text).values()) == MAX_TERMS
    assert ENGLISH.terms("x" * 100_000) == ["x" * MAX_WORD_CHARS]


def test_a_thousand_chat_turns_are_analysed_in_milliseconds():
    turns = [f"I told Alice number {n} that her theme should be darker than the one we saw in May" for n in range(1000)]
    for turn in turns:
        ENGLISH.term_frequencies(turn)
    began = time.process_time()
    for turn in turns:
        ENGLISH.term_frequencies(turn)
    assert time.process_time() - began < 0.15  # 0.01 measured; slack for a busy machine
