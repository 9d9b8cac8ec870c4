"""Recall in other languages is at least as good as BM25 over words (German, Spanish) or character pairs (Chinese,
Japanese), with the default settings and with the language set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable

import pytest

from memory_core import AsyncMemory

Notes = list[str]
Questions = list[tuple[str, int]]  # question, index of the note that answers it

GERMAN: tuple[Notes, Questions] = (
    [
        "Anna trinkt morgens am liebsten schwarzen Kaffee ohne Zucker.",
        "Am 14. Mai zieht Anna von Hamburg nach Leipzig um.",
        "Ihre Katze heißt Momo und ist neun Jahre alt.",
        "Anna arbeitet als Tierärztin in einer kleinen Praxis.",
        "Sie hat eine Allergie gegen Haselnüsse.",
        "Ihr Bruder Jonas baut Möbel aus altem Holz.",
        "Im Sommer fährt sie mit dem Fahrrad an die Ostsee.",
        "Anna lernt seit zwei Jahren Klavier.",
        "Die Miete der neuen Wohnung beträgt 860 Euro.",
        "Sie bevorzugt Termine am Nachmittag.",
        "Zum Geburtstag wünscht sie sich Bücher über Astronomie.",
        "Ihre Großmutter kommt aus Polen.",
    ],
    [
        ("Welchen Kaffee trinkt Anna?", 0),
        ("Wann ist der Umzug nach Leipzig?", 1),
        ("Wie heißt die Katze?", 2),
        ("Wogegen ist sie allergisch, gegen Haselnüsse?", 4),
        ("Was baut der Bruder aus Holz?", 5),
        ("Wie hoch ist die Miete?", 8),
        ("Welches Buch wünscht sie sich zum Geburtstag?", 10),
        ("Woher kommt die Großmutter?", 11),
    ],
)
SPANISH: tuple[Notes, Questions] = (
    [
        "Lucía desayuna siempre tostadas con tomate.",
        "El 3 de junio viaja a Bogotá por trabajo.",
        "Su perro se llama Trueno y tiene cuatro años.",
        "Trabaja como arquitecta en un estudio de Valencia.",
        "Es alérgica a los mariscos.",
        "Su hermana Marta canta en un coro.",
        "En invierno esquía en los Pirineos.",
        "Está aprendiendo a tocar la guitarra.",
        "El alquiler del piso cuesta 950 euros.",
        "Prefiere las reuniones por la mañana.",
        "Colecciona sellos antiguos de América.",
        "Su abuelo nació en Galicia.",
    ],
    [
        ("¿Qué desayuna Lucía?", 0),
        ("¿Cuándo viaja a Bogotá?", 1),
        ("¿Cómo se llama el perro?", 2),
        ("¿A qué es alérgica?", 4),
        ("¿Quién canta en un coro?", 5),
        ("¿Cuánto cuesta el alquiler?", 8),
        ("¿Prefiere una reunión por la mañana o por la tarde?", 9),
        ("¿Dónde nació su abuelo?", 11),
    ],
)
CHINESE: tuple[Notes, Questions] = (
    [
        "小林早上喜欢喝乌龙茶，不加糖。",
        "五月十四日她要从上海搬到成都。",
        "她的猫叫团子，今年九岁。",
        "小林在一家医院当护士。",
        "她对花生过敏。",
        "她的哥哥会修自行车。",
        "夏天她常去海边游泳。",
        "她学钢琴已经两年了。",
        "新公寓的房租是每月三千元。",
        "她喜欢下午开会。",
    ],
    [
        ("小林早上喝什么茶？", 0),
        ("她什么时候搬到成都？", 1),
        ("猫叫什么名字？", 2),
        ("她对什么过敏？", 4),
        ("谁会修自行车？", 5),
        ("房租多少钱？", 8),
    ],
)
JAPANESE: tuple[Notes, Questions] = (
    [
        "健太は毎朝コーヒーをブラックで飲みます。",
        "五月十四日に東京から福岡へ引っ越します。",
        "飼っている犬の名前はハチです。",
        "健太は図書館で働いています。",
        "彼は卵アレルギーがあります。",
        "妹は合唱団で歌っています。",
        "冬は北海道でスキーをします。",
        "ギターを習い始めました。",
        "新しい部屋の家賃は八万円です。",
        "会議は午前中が好きです。",
    ],
    [
        ("健太は朝に何のコーヒーを飲みますか？", 0),
        ("いつ福岡へ引っ越しますか？", 1),
        ("犬の名前は何ですか？", 2),
        ("何のアレルギーがありますか？", 4),
        ("合唱団で歌っているのは誰ですか？", 5),
        ("家賃はいくらですか？", 8),
    ],
)


def words(text: str) -> list[str]:
    return text.casefold().split()


def pairs(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]


def bm25_order(notes: Notes, question: str, tokens: Callable[[str], list[str]]) -> list[int]:
    """The control: textbook BM25 (k1 1.2, b 0.75)."""
    documents = [Counter(tokens(note)) for note in notes]
    average = sum(map(sum, (d.values() for d in documents))) / len(documents)

    def score(document: Counter[str]) -> float:
        length = sum(document.values())
        total = 0.0
        for term in set(tokens(question)):
            df = sum(term in other for other in documents)
            idf = math.log(1 + (len(documents) - df + 0.5) / (df + 0.5))
            tf = document[term]
            total += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))
        return total

    return sorted(range(len(notes)), key=lambda i: -score(documents[i]))


def reciprocal_ranks(orders: list[list[int]], answers: list[int]) -> float:
    return sum(1 / (order.index(answer) + 1) for order, answer in zip(orders, answers, strict=True)) / len(answers)


@pytest.mark.parametrize(
    ("name", "data", "language", "tokens"),
    [
        ("german", GERMAN, "german", words),
        ("german by default", GERMAN, "english", words),
        ("spanish", SPANISH, "spanish", words),
        ("spanish by default", SPANISH, "english", words),
        ("chinese", CHINESE, "english", pairs),
        ("japanese", JAPANESE, "english", pairs),
    ],
)
async def test_recall_is_at_least_as_good_as_bm25(
    database_url: str,
    tenant: str,
    name: str,
    data: tuple[Notes, Questions],
    language: str,
    tokens: Callable[[str], list[str]],
) -> None:
    notes, questions = data
    async with AsyncMemory.session(database_url, language=language) as memory:
        scope = memory.scope(tenant=tenant, user=name)
        await scope.remember_many(notes)
        orders = []
        for question, _ in questions:
            found = [notes.index(hit.record.content) for hit in await scope.recall(question, limit=len(notes))]
            orders.append(found + [i for i in range(len(notes)) if i not in found])
    answers = [answer for _, answer in questions]
    control = reciprocal_ranks([bm25_order(notes, question, tokens) for question, _ in questions], answers)
    ours = reciprocal_ranks(orders, answers)
    assert ours >= control - 1e-9, f"mean reciprocal rank {ours:.3f}, BM25 {control:.3f}"
    assert ours >= 0.75
