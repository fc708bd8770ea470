"""Which of several answers about a picture stands for it."""

from __future__ import annotations

import pytest

from picsum_vision.outcomes import DESCRIBE_OUTCOME_DDL
from picsum_vision.spark.newest_answers import newest_answers

pytestmark = pytest.mark.spark


def test_the_answer_that_was_finished_last_stands_for_its_address(spark):
    """The latest moment wins, a row without one only where there is no other; NULL is an address; columns stay as they are."""
    rows = spark.sql("""
        SELECT image_url, descrizione, IF(day IS NULL, NULL, named_struct('finished_at', to_timestamp(day), 'model', model))
            AS describe_outcome, map(1, descrizione) AS `of the. notebook`
        FROM VALUES ('a', 'new', '2026-11-24', 'm'), ('a', 'old', '2026-11-23', 'z'), ('a', 'of no day', NULL, NULL),
            ('b', 'alone', NULL, NULL), (NULL, 'nowhere', '2026-11-23', 'm'), (NULL, NULL, '2026-11-22', 'm')
        AS t(image_url, descrizione, day, model)
    """)
    found = newest_answers(rows)
    assert found.columns == rows.columns
    assert found.schema["describe_outcome"].dataType == rows.schema["describe_outcome"].dataType
    texts = {row.image_url: (row.descrizione, row["of the. notebook"]) for row in found.collect()}
    assert texts == {text[0]: (text[1], {1: text[1]}) for text in [("a", "new"), ("b", "alone"), (None, "nowhere")]}
    assert found.count() == 3


@pytest.mark.parametrize("outcome", [None, "CAST(NULL AS STRING)", f"CAST(NULL AS {DESCRIBE_OUTCOME_DDL})"])
def test_a_table_of_the_notebook_has_one_answer_too(spark, outcome):
    """Without an outcome, or without anything in it, a key that was written twice has one answer all the same."""
    rows = spark.sql("SELECT 'a' AS image_url, text AS descrizione FROM VALUES ('x'), ('y') AS t(text)")
    if outcome is not None:
        rows = rows.selectExpr("*", f"{outcome} AS describe_outcome")
    assert newest_answers(rows).collect()[0].descrizione in ("x", "y")
    assert newest_answers(rows).count() == 1
