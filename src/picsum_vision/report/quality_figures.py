"""What is odd about the data: pictures that came twice, answers that are all the same; counted by Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SHARES: Final = (0.05, 0.5, 0.95)
_TYPES: Final = 12


def image_quality(images: DataFrame) -> dict[str, Any] | None:
    """Return figures of the pictures that are ok, None where there is none. Sizes in bytes and pixels."""
    ok = images.where("download_outcome.status = 'ok'").select("download_outcome.*")
    row = ok.agg(
        F.count("status"),
        F.count("sha256"),
        F.count_distinct("sha256"),
        *(F.percentile_approx(name, list(_SHARES)) for name in ("bytes", "width", "height")),
    ).collect()[0]
    if not row[0]:
        return None
    types = ok.groupBy("content_type").agg(F.count("status").alias("rows")).orderBy(F.desc("rows"), "content_type").limit(_TYPES)
    return {
        "rows": row[0],
        "same_picture": row[1] - row[2],
        "bytes": row[3],
        "width": row[4],
        "height": row[5],
        "types": [{"content_type": each["content_type"], "rows": each["rows"]} for each in types.collect()],
    }


def answer_quality(answers: DataFrame) -> dict[str, Any] | None:
    """Return figures of the answers that there are, None where there is none. Lengths in characters."""
    texts = answers.where("descrizione IS NOT NULL").select("descrizione", F.length("descrizione").alias("characters"))
    row = texts.agg(
        F.count("descrizione"),
        F.count_distinct(F.xxhash64("descrizione")),
        F.sum((F.trim("descrizione") == "").cast("int")),
        F.percentile_approx("characters", list(_SHARES)),
    ).collect()[0]
    if not row[0]:
        return None
    return {"rows": row[0], "same_text": row[0] - row[1], "empty": row[2], "characters": row[3]}
