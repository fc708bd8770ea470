"""The rules of data quality as SQL expressions, and their one evaluation: no image is read, no Python runs in the workers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from picsum_vision.describing.language_words import LATIN, SCRIPTS, WORDS, known_language
from picsum_vision.describing.tasks import Describe, ReadText
from picsum_vision.quality import SMALL_SIDE_PX, Quality
from picsum_vision.sql_text import literal
from picsum_vision.table_columns import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from picsum_vision.describing.tasks import Task

_NO_ANSWERS: Final = ("", "[]", "{}", "null")
_NO_LETTER: Final = r"[^\p{L}]"
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

    def is_missed_by(self, text: str) -> Column | None:
        """Return whether a text, given as SQL, is in another language, None where that cannot be told.

        A prompt of one's own that is itself in another language than the setting says has probably asked for that one: then
        nothing is held against the answers. Spark settles that once, before any row.
        """
        language = known_language(self.tag)
        if language is None:
            return None
        missed = F.expr(_is_in_another(text, language))
        return missed if self.prompt is None else missed & ~F.expr(_is_in_another(literal(self.prompt), language))


def measured(images: DataFrame, answers: DataFrame, language: AskedLanguage | None, *, several_answers: bool = False) -> Quality:
    """Return the measures of rows of image_codes and their rows of image_desc, in one query.

    The notebook appended, so that its tables may have an address twice: it counts once. `several_answers`: a picture may have
    some, to different questions; it is ok if one of them is. That is one query more.
    """
    pictures = _pictures(images)
    once = ["told_key", "task", "descrizione"] if several_answers else ["told_key"]
    ok = _answers(answers).where("is_ok").dropDuplicates(once).join(pictures, F.col(KEY).eqNullSafe(F.col("told_key")), "inner")
    missed = None if language is None else language.is_missed_by("descrizione")
    counted = _counts_of_pictures(pictures).crossJoin(_counts_of_texts(ok, missed))
    found = {name: number or 0 for name, number in counted.collect()[0].asDict().items()}
    if several_answers:
        found["ok"] = ok.select(KEY).distinct().count()
    return Quality(**(found | ({} if missed is not None else {"other_language": None})))


def _pictures(images: DataFrame) -> DataFrame:
    outcome = F.col("download_outcome")
    return images.select(
        KEY,
        # Rows without an address count as one.
        F.coalesce(F.col(KEY), F.lit("")).alias("address"),
        outcome["sha256"].alias("sha256"),
        # One whose digest is not known is another picture at each address.
        F.coalesce(outcome["sha256"], F.col(KEY), F.lit("")).alias("picture"),
        F.least(outcome["width"], outcome["height"]).alias("side_px"),
    )


def _answers(answers: DataFrame) -> DataFrame:
    outcome = F.col("describe_outcome")
    return answers.select(
        F.col(KEY).alias("told_key"),
        "descrizione",
        # A row of the notebook has no outcome: it is a free description, and ok.
        (F.coalesce(outcome["status"], F.lit("ok")) == "ok").alias("is_ok"),
        F.coalesce(outcome["task"], F.lit(Describe.name)).alias("task"),
    )


def _counts_of_pictures(pictures: DataFrame) -> DataFrame:
    return pictures.agg(
        F.countDistinct("address").alias("rows"),
        (_addresses_where(F.col("sha256").isNotNull()) - F.countDistinct("sha256")).alias("duplicate_pictures"),
        _addresses_where(F.col("side_px") < SMALL_SIDE_PX).alias("small_pictures"),
    )


def _counts_of_texts(ok: DataFrame, missed: Column | None) -> DataFrame:
    """Count over the texts, each once with its rows: what repeats is known of each, and the costly rule looks at each once."""
    texts = ok.groupBy("descrizione", "task").agg(
        F.countDistinct("address").alias("times"), F.countDistinct("picture").alias("pictures")
    )
    repeats = _is_free() & (F.trim("descrizione") != "") & (F.col("pictures") > 1)
    return texts.agg(
        F.sum("times").alias("ok"),
        _rows_where(is_empty(F.col("descrizione"), F.col("task"))).alias("empty_descriptions"),
        _rows_where(repeats).alias("repeated_descriptions"),
        _rows_where(F.lit(False) if missed is None else _is_free() & missed).alias("other_language"),  # noqa: FBT003 - a column's value
    )


def _addresses_where(condition: Column) -> Column:
    return F.countDistinct(F.when(condition, F.col("address")))


def is_empty(text: Column, task: Column) -> Column:
    """Return whether an answer that is ok says nothing."""
    says_nothing = F.trim(F.regexp_replace(F.coalesce(text, F.lit("")), r"\s+", " ")).isin(*_NO_ANSWERS)
    return says_nothing & (task != ReadText.name)


def _is_free() -> Column:
    return F.col("task") == Describe.name


def _rows_where(condition: Column) -> Column:
    return F.sum(F.when(condition, F.col("times")).otherwise(0))


def _is_in_another(text: str, language: str) -> str:
    """Return whether less than half of the letters are of the language's script, or its words are those of another one.

    All of this is SQL: of hundreds of words, Python's way to the JVM for each takes longer than the query.
    """
    letters = f"length(regexp_replace({text}, {literal(_NO_LETTER)}, ''))"
    scripts = "".join(rf"\p{{Is{script}}}" for script in SCRIPTS.get(language, LATIN))
    own_letters = f"length(regexp_replace({text}, {literal(f'[^{scripts}]')}, ''))"
    by_script = f"{own_letters} * 2 < {letters}"
    if language in SCRIPTS:
        return f"({by_script})"
    of_others = f"greatest({', '.join(_hits(other) for other in WORDS if other != language)})"
    by_words = f"{of_others} >= {_FEWEST_WORDS} AND {of_others} > {_hits(language)} * {_TIMES_AS_MANY}"
    # The text is cut into words once, not once for each language.
    words = f"array_distinct(split(lower({text}), {literal(f'{_NO_LETTER}+')}))"
    return f"({by_script} OR element_at(transform(array({words}), words -> {by_words}), 1))"


def _hits(language: str) -> str:
    return f"size(array_intersect(words, array({', '.join(map(literal, WORDS[language]))})))"
