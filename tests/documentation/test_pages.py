"""Every page of the documentation and the READMEs, run block by block."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from markdown_blocks import name_of, pages
from page_run import PageRun
from reader_machine import MODELS, Machine

from picsum_vision.testing.model_server import ModelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from picsum_vision.testing.image_server import ImageServer

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def machine(image_server: ImageServer) -> Iterator[Machine]:
    """Give the addresses that stand for the internet's."""
    with ModelServer(api_key="a-key", models=MODELS, batch_s=1) as model:
        yield Machine(image_host=image_server.base_url, model_host=model.base_url)


def every_page() -> list[object]:
    """Return the pages; the README in another language has the blocks of the first one, which test_readmes.py holds it to."""
    return [pytest.param(page, marks=pytest.mark.soak) if page.name == "README.it.md" else page for page in pages()]


@pytest.mark.parametrize("page", every_page(), ids=[name_of(page) for page in pages()])
def test_every_block_of_the_page_runs(
    page: Path, spark: SparkSession, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every block runs as it stands, but for the embedded servers and fewer images, and says what the page shows."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the packages that a page brings together are not the page's matter
        PageRun(page, spark, machine, tmp_path).run()
