"""A suite over the host's own list of pictures."""

from __future__ import annotations

import pytest

import picsum_vision as pv
from picsum_vision.sizing.settings import SizingConfig
from picsum_vision.sizing.stages import Stages
from picsum_vision.sizing.target import open_target

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
LISTED = 995
QUICK = {"by": "list", "repeats": 1, "image_latency_mean_s": 0, "model_latency_mean_s": 0}


@pytest.mark.parametrize(
    ("sizes", "notebook_images", "named"), [((10, 5_000), 0, "sizes: 5,000"), (10, 1_000, "notebook_images: 1,000")]
)
def test_more_images_than_the_list_has_are_refused(spark, tmp_path, sizes, notebook_images, named):
    """The setting and the list's length are named, and nothing is measured under a number that it has not."""
    said = []
    before = tmp_path / "table.txt"
    before.write_text("the suite before")
    with pytest.raises(pv.SettingError, match=f"^{named} is not allowed .* has {LISTED} pictures") as caught:
        pv.run_sizing(
            spark, sizes, notebook_images=notebook_images, output=tmp_path, tracking=False, progress=said.append, **QUICK
        )
    assert "\n" not in str(caught.value)
    assert said == []
    assert before.read_text() == "the suite before"


def test_rows_of_the_whole_job_are_those_of_its_table(spark):
    """A list that is shorter than what was asked for gives the rows that it has."""
    config = SizingConfig(sizes=(1_000,), stages=("total",), **QUICK)
    with open_target(config) as target:
        stages = Stages(spark, config, target)
        with stages.schema() as place:
            found = stages.measure("total", place, 1_000)
    assert (found.rows, found.rows_ok) == (LISTED, LISTED)
