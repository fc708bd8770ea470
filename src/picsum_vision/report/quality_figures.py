"""What is odd about the data, by the rules of `quality_rules`, and how large pictures and answers are; counted by Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from picsum_vision.quality import MEANINGS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from picsum_vision.quality import Quality

_SHARES: Final = (0.05, 0.5, 0.95)
_TYPES: Final = 12


def quality_figures(images: DataFrame, answers: DataFrame, quality: Quality) -> dict[str, Any]:
    """Return what the page's section shows: the measures with their rules, and spreads."""
    measures = [{"name": name, "value": value, "rule": MEANINGS[name]} for name, value in quality.as_dict().items()]
    return {"measures": measures, "images": _image_spreads(images), "answers": _answer_spreads(answers)}


def _image_spreads(images: DataFrame) -> dict[str, Any] | None:
    """Return figures of the pictures that are ok, None where there is none. Sizes in bytes and pixels."""
    ok = images.where("download_outcome.status = 'ok'").select("download_outcome.*")
    spreads = (F.percentile_approx(name, list(_SHARES)) for name in ("bytes", "width", "height"))
    row = ok.agg(F.count("status"), *spreads).collect()[0]
    if not row[0]:
        return None
    types = ok.groupBy("content_type").agg(F.count("status").alias("rows")).orderBy(F.desc("rows"), "content_type").limit(_TYPES)
    return {
        "rows": row[0],
        "bytes": row[1],
        "width": row[2],
        "height": row[3],
        "types": [{"content_type": each["content_type"], "rows": each["rows"]} for each in types.collect()],
    }


def _answer_spreads(answers: DataFrame) -> dict[str, Any] | None:
    """Return figures of the answers that there are, None where there is none. Lengths in characters."""
    texts = answers.where("descrizione IS NOT NULL").select(F.length("descrizione").alias("characters"))
    row = texts.agg(F.count("characters"), F.percentile_approx("characters", list(_SHARES))).collect()[0]
    return {"rows": row[0], "characters": row[1]} if row[0] else None
