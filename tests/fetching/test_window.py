"""What holds for any URLs, any window and any consumer."""

from __future__ import annotations

import asyncio

import pytest
from fetching import forgetting_hosts
from hypothesis import given, settings
from hypothesis import strategies as st

import picsum_vision as pv
from picsum_vision.fetching import asynchronous, sync
from picsum_vision.fetching import window as window_module

SIZES = ("16/12", "320/240", "640/480")
PLACES = st.lists(st.sampled_from([*SIZES, None, "nonsense", "missing"]), max_size=40)


def url_of(image_server, number, kind):
    if kind == "missing":
        return f"{image_server.base_url}/id/86/16/12"
    return f"{image_server.base_url}/seed/{number}/{kind}" if kind in SIZES else kind


@settings(max_examples=25)
@given(
    kinds=PLACES,
    window_bytes=st.sampled_from([1, 30_000, 10_000_000]),
    in_flight=st.integers(1, 20),
    ordered=st.booleans(),
    is_async=st.booleans(),
)
def test_each_once_within_the_bound(image_server, kinds, window_bytes, in_flight, ordered, is_async):
    """Each URL is handed out once, in order where asked, and what is held back never has more than the bound and one image."""
    urls = [url_of(image_server, number, kind) for number, kind in enumerate(kinds)]
    options = pv.DownloadOptions(
        allow_private_addresses=True, window_bytes_per_task=window_bytes, max_in_flight_per_task=in_flight
    )
    held = []

    class Watched(window_module.FetchWindow):
        def handed_out(self, jobs):
            super().handed_out(jobs)
            assert not any(job.data for job in jobs)
            held.append(self._run._budget.held)

    async def taken():
        return [result async for result in pv.fetch_images_async(urls, options, ordered=ordered)]

    with forgetting_hosts(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(asynchronous if is_async else sync, "FetchWindow", Watched)
        results = asyncio.run(taken()) if is_async else list(pv.fetch_images(urls, options, ordered=ordered))
    places = [result.index for result in results]
    assert sorted(places) == list(range(len(urls)))
    assert not ordered or places == sorted(places)
    assert [result.url for result in results] == [urls[place] for place in places]
    assert [result.ok for result in results] == [kinds[place] in SIZES for place in places]
    largest = max((len(result.data or b"") for result in results), default=0)
    assert len(held) == len(urls)
    assert max(held, default=0) <= window_bytes + largest


@pytest.mark.parametrize("ordered", [True, False])
def test_bounded_in_rows(monkeypatch, ordered):
    """URLs that have no bytes at all are bounded in number: an endless source of them is not read to its end."""
    monkeypatch.setattr(window_module, "_ROWS_AT_MOST", 50)
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield None

    with pv.fetch_images(endless(), ordered=ordered) as results:
        assert max(next(results).index for _ in range(120)) >= 100
        assert read <= 120 + 50
