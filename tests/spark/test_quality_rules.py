"""The rules of data quality, on rows made for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyspark.sql import functions as F

import picsum_vision as pv
from picsum_vision.quality import Quality
from picsum_vision.spark.quality_rules import AskedLanguage, measured
from picsum_vision.table_columns import COLUMNS

pytestmark = pytest.mark.spark
IMAGES, ANSWERS = (", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS[role]) for role in ("image_codes", "image_desc"))
TEXTS = json.loads((Path(__file__).parent / "a_lake_in_languages.json").read_text(encoding="utf-8"))


def images_of(spark, rows):
    """Return rows of image_codes from (address, digest, shorter side)."""
    made = [
        (url, bytearray(b"x"), {"status": "ok", "sha256": sha256, "width": side and side + 9, "height": side})
        for url, sha256, side in rows
    ]
    return spark.createDataFrame(made, IMAGES)


def answers_of(spark, rows):
    """Return rows of image_desc from (address, text, status, task)."""
    made = [(url, text, status and {"status": status, "task": task}) for url, text, status, task in rows]
    return spark.createDataFrame(made, ANSWERS)


def others(spark, language: AskedLanguage, texts: list[str]) -> list[bool]:
    """Return for each text whether it is in another language than asked."""
    frame = spark.createDataFrame(list(enumerate(texts)), "place INT, descrizione STRING")
    missed = language.is_missed_by("descrizione")
    return [row[0] for row in frame.orderBy("place").select(missed).collect()]


def test_each_rule_counts_its_rows(spark):
    """Empty, repeated, duplicate, small and foreign rows are counted, each by its own rule, among rows that are ok."""
    same = "Un lago tra i monti che riflette gli alberi della riva."
    images = images_of(
        spark, [("a", "1", 600), ("b", "1", 600), ("c", "2", 63), ("d", "3", 64), ("e", "4", None), ("f", None, None)]
    )
    answers = answers_of(spark, [
        *((url, same, "ok", "describe") for url in "abc"),
        ("d", " \n", "ok", "describe"), ("e", TEXTS["en"], "ok", "describe"), ("f", None, "timeout", "describe"),
    ])  # fmt: skip
    assert measured(images, answers, AskedLanguage(tag="it")) == Quality(
        rows=6, ok=5, empty_descriptions=1, repeated_descriptions=3, duplicate_pictures=1, small_pictures=1, other_language=1
    )


def test_the_same_picture_may_be_told_of_in_the_same_words(spark):
    """A description that only rows of one picture have is not repeated; rows without a digest are each a picture of its own."""
    images = images_of(spark, [("a", "1", 600), ("b", "1", 600), ("c", None, None), ("d", None, None)])
    told = [("a", "one", "ok", "describe"), ("b", "one", "ok", "describe"), ("c", "two", None, None), ("d", "two", None, None)]
    found = measured(images, answers_of(spark, told), None)
    assert (found.repeated_descriptions, found.duplicate_pictures, found.ok, found.other_language) == (2, 1, 4, None)


def test_answers_of_few_words_may_repeat(spark):
    """Labels and objects repeat by their nature; an answer of brackets is empty, and only ReadText may find nothing."""
    images = images_of(spark, [(f"{number}", f"{number}", 600) for number in range(5)])
    told = [(number, "natura", "ok", "classify") for number in "01"]
    told += [("2", "", "ok", "text"), ("3", "[]", "ok", "objects"), ("4", "{}", "ok", "extract")]
    found = measured(images, answers_of(spark, told), None)
    assert (found.repeated_descriptions, found.empty_descriptions) == (0, 2)


def test_no_rows_at_all(spark):
    """Tables without rows have measures, too, and no share of them is ok."""
    none = measured(images_of(spark, []), answers_of(spark, []), AskedLanguage(tag="it"))
    assert none == Quality(
        rows=0, ok=0, empty_descriptions=0, repeated_descriptions=0, duplicate_pictures=0, small_pictures=0, other_language=0
    )
    assert none.ok_share == 0.0


@pytest.mark.parametrize("asked", list(TEXTS))
def test_a_language_is_told_from_every_other(spark, asked):
    """A description in the language that was asked for passes, and one in any other language does not."""
    # All of a Chinese text is in a script that Japanese is written in, too: the stated gap.
    told = {language: text for language, text in TEXTS.items() if (asked, language) != ("ja", "zh")}
    found = dict(zip(told, others(spark, AskedLanguage(tag=asked), list(told.values())), strict=True))
    assert [language for language, missed in found.items() if not missed] == [asked]


def test_what_cannot_be_told_is_not_held_against_an_answer(spark):
    """Few words, numbers, names, a sign in another language, and languages without a list are no fault."""
    texts = ["", "12 × 30", "Big Ben", "Un cartello con la scritta 'the lake' accanto alla strada, nella piazza di una città."]
    assert others(spark, AskedLanguage(tag="it"), texts) == [False] * 4
    assert AskedLanguage(tag="sv").is_missed_by("x") is None
    assert AskedLanguage.of(pv.Classify()) is None


def test_a_prompt_in_another_language_takes_the_rule_away(spark):
    """With a prompt of one's own in another language than the setting nothing is held against the answers."""
    english = AskedLanguage.of(pv.Describe(prompt="Describe the image in two sentences, and name the colours that are in it."))
    italian = AskedLanguage.of(pv.Describe(prompt="Descrivi l'immagine in due frasi."))
    assert english is not None
    assert italian is not None
    assert others(spark, english, [TEXTS["en"]]) == [False]
    assert others(spark, italian, [TEXTS["en"], TEXTS["it"]]) == [True, False]


@pytest.mark.parametrize("language", ["it", "en"])
def test_the_embedded_describer_writes_as_asked(spark, image_server, language):
    """PixelDescriber's sentences are in the language that was asked for, by this rule."""
    urls = pv.generate_urls(spark, count=12, base_url=image_server.base_url, width=120, height=90)
    task = pv.Describe(language=language)
    rows = pv.download_and_describe(
        urls, pv.PixelDescriber(), task=task, download_options=pv.DownloadOptions(allow_private_addresses=True)
    )
    asked = AskedLanguage.of(task)
    assert asked is not None
    missed = asked.is_missed_by("descrizione")
    assert [row[0] for row in rows.select(missed).collect()] == [False] * 12


def test_no_image_is_read_for_it(spark):
    """Whoever would read the bytes to count would meet the error that stands in their place."""
    error = F.raise_error(F.lit("an image was read")).cast("binary")
    images = images_of(spark, [("a", "1", 600)]).withColumn("image_binary", error)
    with pytest.raises(Exception, match="an image was read"):
        images.collect()
    assert measured(images, answers_of(spark, [("a", "x", "ok", "describe")]), AskedLanguage(tag="it")).rows == 1


@pytest.mark.parametrize("several_answers", [False, True])
def test_an_address_that_is_there_twice_counts_once(spark, several_answers):
    """Rows that the notebook appended twice are one row each, so that no share exceeds 1; of two answers one may be ok."""
    twice = [("a", "1", 600), ("b", "2", 50), (None, None, None)] * 2
    told = [("a", "one", None, None), ("b", None, "timeout", "describe"), ("b", "two", "ok", "describe")] * 2
    found = measured(images_of(spark, twice), answers_of(spark, told), None, several_answers=several_answers)
    assert found == Quality(
        rows=3, ok=2, empty_descriptions=0, repeated_descriptions=0, duplicate_pictures=0, small_pictures=1, other_language=None
    )
