"""What a public service is spared, whatever the cluster."""

from __future__ import annotations

import pytest

from picsum_vision import AiQuery, ChatCompletions, DownloadOptions, SettingError
from picsum_vision.cli.entry import run
from picsum_vision.sizing.settings import (
    LIVE_IN_FLIGHT_AT_MOST,
    SizingConfig,
    check_politeness,
    checked_load,
    polite,
    rows_asked_for,
    warm_up_images,
)


@pytest.mark.parametrize("partitions", [None, 1, 3, 8, 50])
@pytest.mark.parametrize("tasks", [1, 2, 3, 5, 8, 9, 200])
@pytest.mark.parametrize("download", [None, DownloadOptions(max_in_flight_per_task=2)])
def test_all_tasks_together_ask_for_no_more_at_once(tasks, partitions, download):
    """What one task has in flight, times the tasks that run at once, is within the bound, and never nothing."""
    config = polite(SizingConfig(base_url="https://picsum.photos", partitions=partitions, download=download), tasks)
    at_once = min(config.partitions or tasks, tasks)
    each = config.download_options.max_in_flight_per_task
    assert 1 <= at_once * each <= LIVE_IN_FLIGHT_AT_MOST
    assert each <= (2 if download else LIVE_IN_FLIGHT_AT_MOST)
    check_politeness(config, 100)


@pytest.mark.parametrize(("backend", "times"), [(None, 2), (ChatCompletions("https://host.example/v1", "m"), 2), (AiQuery(), 1)])
def test_the_notebooks_share_is_fetched_again_for_its_questions(backend, times):
    """Its downloads are measured, then the images of its questions are fetched: both count, where it asks questions at all."""
    terms = {"sizes": (10,), "repeats": 2, "backend": backend, "stages": ("download",)}
    without, with_it = (rows_asked_for(SizingConfig(**terms, notebook_images=images), 1, "download") for images in (0, 5))
    assert with_it - without == 2 * 5 * times


@pytest.mark.parametrize(
    "base_url",
    [
        "https://picsum.photos.",
        "https://picsum.photos..:443/any",
        "https://picsum\N{IDEOGRAPHIC FULL STOP}photos",
        "https://PICSUM.photos\N{IDEOGRAPHIC FULL STOP}",
        "https://user@fastly.picsum.photos.",
        "https://images.unsplash.com.",
    ],
)
def test_the_bound_holds_however_the_host_is_written(base_url):
    """Whatever the downloader asks that service for counts as that service."""
    with pytest.raises(SettingError, match="asks not to be load-tested"):
        check_politeness(SizingConfig(base_url=base_url), 101)
    assert SizingConfig(base_url=base_url).download_options.max_in_flight_per_task <= LIVE_IN_FLIGHT_AT_MOST


@pytest.mark.parametrize("tasks", [1, 8, 31, 64, 1_000])
@pytest.mark.parametrize("partitions", [None, 64])
def test_what_a_refusal_recommends_is_allowed_on_any_cluster(tasks, partitions):
    """The command that the refusal names stays within the bound, however many cores there are."""
    config = SizingConfig(base_url="https://picsum.photos", sizes=(20,), repeats=1, notebook_images=0, partitions=partitions)
    assert checked_load(config, tasks, confirm=True).tasks_of(tasks) <= LIVE_IN_FLIGHT_AT_MOST


@pytest.mark.parametrize(("tasks", "partitions", "rows"), [(64, None, 20), (64, 3, 3), (4, None, 4), (4, 50, 4)])
def test_real_hosts_are_warmed_up_with_a_row_for_each_task_that_runs(tasks, partitions, rows):
    """No more than one for each task of the suite, and no more than its largest size has."""
    config = SizingConfig(base_url="https://pictures.example", sizes=(10, 20), partitions=partitions)
    assert warm_up_images(config, config.tasks_of(tasks)) == rows


def test_a_host_that_is_none_is_a_wrong_setting(capsys):
    """Whatever is given beside it, an address that cannot be read is one line and exit code 2."""
    assert run(["bench", "--base-url", "http://[", "--download-in-flight", "4"]) == 2
    assert capsys.readouterr().err.startswith("picsum-vision: base_url: 'http://[' is not allowed")


@pytest.mark.parametrize("base_url", [None, "https://pictures.example"])
def test_other_hosts_are_asked_as_was_set(base_url):
    """A server of this machine, and a host that is the user's own affair, are asked as widely as the settings say."""
    config = SizingConfig(base_url=base_url)
    assert polite(config, 64) is config
