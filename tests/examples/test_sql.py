"""The SQL under examples, run statement by statement on the embedded image server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import picsum_vision as pv

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from picsum_vision.testing.image_server import ImageServer

pytestmark = pytest.mark.spark
SOURCE = Path(__file__).parents[2] / "examples" / "sql" / "download.sql"


def test_the_sql_example_runs(spark: SparkSession, image_server: ImageServer, tmp_path: Path) -> None:
    """Every statement runs as it stands but for the host, and the picture that does not exist is told with its reason."""
    session = pv.local_session(tmp_path / "tables")
    session.udf.register("download_image", pv.download_udf(pv.DownloadOptions(allow_private_addresses=True)))
    text = SOURCE.read_text(encoding="utf-8").replace("https://picsum.photos", image_server.base_url)
    statements = [each for each in re.sub(r"--.*$", "", text, flags=re.MULTILINE).split(";") if each.strip()]
    *_, counted, missing = [session.sql(statement).collect() for statement in statements]
    assert {row.status: row.pictures for row in counted} == {"ok": 2, "http_error": 1}
    assert [tuple(row) for row in missing] == [(f"{image_server.base_url}/id/86/320/240", "http_error", 404)]
