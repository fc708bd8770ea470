"""The rules of data quality as SQL expressions, and their one evaluation: no image is read, no Python runs in the workers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.describing.language_words import LATIN, SCRIPTS, WORDS, known_language
from picsum_vision.describing.tasks import Describe, ReadText
from picsum_vision.quality import SMALL_SIDE_PX, Quality
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from picsum_vision.describing.tasks import Task

_NO_ANSWERS: Final = ("", "[]", "{}", "null")
_FEWEST_WORDS: Final = 3
_TIMES_AS_MANY: Final = 2


@dataclasses.dataclass(frozen=True, kw_only=True)
class AskedLanguage:
    """In which language free descriptions were asked for, and the user's own prompt, if there was one."""

    tag: str
    prompt: str | None = None

    @classmethod
    def of(cls, task: Task) -> AskedLanguage | None:
        """Return the language that the task asks a free description in, None if it asks for something else."""
        return cls(tag=task.language, prompt=task.prompt) if isinstance(task, Describe) else None

    def is_missed_by(self, text: Column) -> Column | None:
        """Return whether a text is in another language, None where that cannot be told.

        A prompt of one's own that is itself in another language than the setting says has probably asked for that one: then
        nothing is held against the answers. Spark settles that once, before any row.
        """
        language = known_language(self.tag)
        if language is None:
            return None
        missed = _is_in_another(text, language)
        return missed if self.prompt is None else missed & ~_is_in_another(F.lit(self.prompt), language)


def measured(images: DataFrame, answers: DataFrame, language: AskedLanguage | None, *, several_answers: bool = False) -> Quality:
    """Return the measures of rows of image_codes and their rows of image_desc; evaluates two small queries.

    `several_answers`: a picture may have some, to different questions; it is ok if one of them is.
    """
    outcome, answer = F.col("download_outcome"), F.col("describe_outcome")
    pictures = images.select(
        KEY,
        outcome["sha256"].alias("sha256"),
        # One whose digest is not known is another picture at each address.
        F.coalesce(outcome["sha256"], F.col(KEY), F.lit("")).alias("picture"),
        F.least(outcome["width"], outcome["height"]).alias("side_px"),
    )
    told = answers.select(
        F.col(KEY).alias("told_key"),
        "descrizione",
        # A row of the notebook has no outcome: it is a free description, and ok.
        (F.coalesce(answer["status"], F.lit("ok")) == "ok").alias("is_ok"),
        F.coalesce(answer["task"], F.lit(Describe.name)).alias("task"),
    )
    ok = told.where("is_ok").join(pictures, F.col(KEY).eqNullSafe(F.col("told_key")), "inner")
    by_text = ok.groupBy("descrizione", "task").agg(F.count(F.lit(1)).alias("rows"), F.countDistinct("picture").alias("pictures"))
    missed = None if language is None else language.is_missed_by(F.col("descrizione"))
    told_row = by_text.agg(
        F.sum("rows"),
        _rows_where(is_empty(F.col("descrizione"), F.col("task"))),
        _rows_where(_is_free() & (F.trim("descrizione") != "") & (F.col("pictures") > 1)),
        _rows_where(F.lit(False) if missed is None else _is_free() & missed),  # noqa: FBT003 - a column's value
    ).collect()[0]
    seen = pictures.agg(
        F.count(F.lit(1)),
        F.count("sha256") - F.countDistinct("sha256"),
        F.count(F.when(F.col("side_px") < SMALL_SIDE_PX, 1)),
    ).collect()[0]
    return Quality(
        rows=seen[0],
        ok=ok.select(KEY).distinct().count() if several_answers else told_row[0] or 0,
        empty_descriptions=told_row[1] or 0,
        repeated_descriptions=told_row[2] or 0,
        duplicate_pictures=seen[1],
        small_pictures=seen[2],
        other_language=None if missed is None else told_row[3] or 0,
    )


def is_empty(text: Column, task: Column) -> Column:
    """Return whether an answer that is ok says nothing."""
    says_nothing = F.trim(F.regexp_replace(F.coalesce(text, F.lit("")), r"\s+", " ")).isin(*_NO_ANSWERS)
    return says_nothing & (task != ReadText.name)


def _is_free() -> Column:
    return F.col("task") == Describe.name


def _rows_where(condition: Column) -> Column:
    return F.sum(F.when(condition, F.col("rows")).otherwise(0))


def _is_in_another(text: Column, language: str) -> Column:
    """Return whether less than half of the letters are of the language's script, or its words are those of another one."""
    letters = F.length(F.regexp_replace(text, r"[^\p{L}]", ""))
    scripts = "".join(rf"\p{{Is{script}}}" for script in SCRIPTS.get(language, LATIN))
    own_letters = F.length(F.regexp_replace(text, rf"[^{scripts}]", ""))
    by_script = own_letters * 2 < letters
    if language in SCRIPTS:
        return by_script
    words = F.array_distinct(F.split(F.lower(text), r"[^\p{L}]+"))
    of_others = F.greatest(*(_hits(words, other) for other in WORDS if other != language))
    return by_script | ((of_others >= _FEWEST_WORDS) & (of_others > _hits(words, language) * _TIMES_AS_MANY))


def _hits(words: Column, language: str) -> Column:
    return F.size(F.array_intersect(words, F.array(*(F.lit(word) for word in WORDS[language]))))
