"""`fetch_images` and `fetch_images_async` as their users call them: no Spark anywhere."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import subprocess
import sys
import textwrap
import time

import pytest
from fetching import forgetting_hosts

import picsum_vision as pv
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.testing.image_server import Fault, ImageServer, Latency

LOCAL = pv.DownloadOptions(allow_private_addresses=True)


@pytest.fixture(autouse=True)
def _hosts_are_new():
    with forgetting_hosts():
        yield


def urls_of(server, count, size="16/12"):
    return [f"{server.base_url}/seed/{number}/{size}" for number in range(count)]


async def listed(results):
    return [result async for result in results]


def wait_until(holds, what):
    give_up_s = time.monotonic() + 40
    while not holds():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.02)


def test_every_url_has_one_result(image_server):
    """Each URL, broken ones and one that comes twice included, has one result, with bytes if and only if it is ok."""
    urls = [*urls_of(image_server, 20), None, float("nan"), "", "nonsense", f"{image_server.base_url}/id/86/16/12"]
    urls += urls[:1]
    results = list(pv.fetch_images(urls, LOCAL))
    assert sorted(result.index for result in results) == list(range(26))
    by_index = {result.index: result for result in results}
    assert [by_index[index].status.value for index in range(20, 26)] == ["invalid_url"] * 4 + ["http_error", "ok"]
    assert by_index[21].url is None
    assert all(result.ok == (result.data is not None) for result in results)
    assert {index for index, result in by_index.items() if result.ok} == {*range(20), 25}
    assert by_index[0].data == by_index[25].data
    assert by_index[0].outcome.bytes == len(by_index[0].data or b"")


@pytest.mark.parametrize("ordered", [True, False])
def test_order(ordered):
    """In order the first one, which is slow, comes first; as completed it comes last."""
    late = Fault(kind="straggler", path="/seed/0/", delay_s=1.5)
    with ImageServer(faults=[late]) as server:
        places = [result.index for result in pv.fetch_images(urls_of(server, 30), LOCAL, ordered=ordered)]
        again = asyncio.run(listed(pv.fetch_images_async(urls_of(server, 30), LOCAL, ordered=ordered)))
    for indices in (places, [result.index for result in again]):
        assert sorted(indices) == list(range(30))
        assert (indices == list(range(30))) == ordered
        assert ordered or indices[-1] == 0


def test_no_more_is_read_and_held_than_the_window_can_use(image_server):
    """Of an endless source only the window's part is read, and while nobody takes results their bytes stay within the bound."""
    read = itertools.count()
    urls = (f"{image_server.base_url}/seed/{next(read)}/400/300" for _ in itertools.count())
    options = pv.DownloadOptions(allow_private_addresses=True, window_bytes_per_task=200_000, max_in_flight_per_task=8)
    with pv.fetch_images(urls, options) as results:
        largest = max(len(next(results).data or b"") for _ in range(20))
        window = results._results.gi_frame.f_locals["window"]  # type: ignore[union-attr]
        time.sleep(0.5)
        assert window._run._budget.held <= 200_000 + largest
        assert next(read) < 3_000


def test_a_source_that_waits_keeps_nothing_back():
    """What is fetched while the source waits for its next URL is handed out before the source is asked once more."""
    happened = []

    def source(server):
        yield from urls_of(server, 3)
        wait_until(lambda: server.stats()["by_status"].get("200", 0) >= 3, "the first three are not asked for")
        time.sleep(2)  # from the server's last byte to a finished result
        yield from urls_of(server, 3)
        happened.append("asked once more")
        yield from urls_of(server, 1)

    with ImageServer() as server:
        for result in pv.fetch_images(source(server), LOCAL):
            assert result.ok
            happened.append("result")
    assert happened.index("asked once more") >= 3
    assert happened.count("result") == 7


def test_an_async_source_that_waits_keeps_nothing_back(image_server):
    """An asynchronous source may wait for what the results bring: each URL is asked for after the result before it."""

    async def main():
        queue: asyncio.Queue[str] = asyncio.Queue()
        urls = urls_of(image_server, 5)

        async def source():
            for _ in urls:
                yield await queue.get()

        await queue.put(urls[0])
        seen = []
        async for result in pv.fetch_images_async(source(), LOCAL):
            seen.append(result.url)
            if len(seen) < len(urls):
                await queue.put(urls[len(seen)])
        assert seen == urls

    asyncio.run(asyncio.wait_for(main(), 60))


def take_one(urls, options):
    """Take the first result, when the slow ones are on their way."""
    results = pv.fetch_images(urls, options)
    assert next(results).ok
    return results


def closed(urls, options, on_their_way):
    results = take_one(urls, options)
    on_their_way()
    results.close()
    assert list(results) == []


def left_with_an_error(urls, options, on_their_way):
    def work():
        with take_one(urls, options):
            on_their_way()
            raise KeyError

    with pytest.raises(KeyError):
        work()


def forgotten(urls, options, on_their_way):
    for result in pv.fetch_images(urls, options):
        assert result.ok
        on_their_way()
        break


def source_that_fails(urls, options, on_their_way):
    def broken():
        yield from urls[:-1]
        time.sleep(0.3)  # what a source has given before it waits is on its way
        yield urls[-1]
        on_their_way()
        raise LookupError("no more")

    with pytest.raises(LookupError):
        list(pv.fetch_images(broken(), options))


def asynchronously_left(urls, options, on_their_way):
    async def main():
        async with pv.fetch_images_async(urls, options) as results:
            assert (await results.__anext__()).ok
            await asyncio.to_thread(on_their_way)

    asyncio.run(main())


def cancelled_task(urls, options, on_their_way):
    async def main():
        task = asyncio.create_task(listed(pv.fetch_images_async(urls, options)))
        await asyncio.to_thread(on_their_way)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


WAYS_TO_END = [closed, left_with_an_error, forgotten, source_that_fails, asynchronously_left, cancelled_task]


@pytest.mark.parametrize("end", WAYS_TO_END)
def test_ended_early(end):
    """However it ends early, the server sees every connection closed, and nothing of the fetch is left."""
    options = pv.DownloadOptions(allow_private_addresses=True, total_timeout_s=200)
    with ImageServer(faults=[Fault(kind="hang_before_headers", path="/seed/[^0]")]) as server:

        def on_their_way():
            wait_until(lambda: server.stats()["in_flight"] >= 5, "the slow ones are not on their way")

        end(urls_of(server, 50), options, on_their_way)
        wait_until(lambda: server.stats()["in_flight"] == 0, "requests are still open")
    wait_until(lambda: not runs_kept(), "the engine still keeps the run")


def runs_kept():
    return [key for key in LoopThread.current().kept if isinstance(key, tuple) and key[0] == "run"]


def test_forgotten_on_the_loops_own_thread(image_server):
    """A fetch that a garbage collection on the engine's own thread ends does not lock it up."""
    results = pv.fetch_images(urls_of(image_server, 5), LOCAL)
    next(results)
    held = [results]
    del results
    loop_thread = LoopThread.current()

    async def forget():
        held.clear()
        gc.collect()

    loop_thread.run(asyncio.wait_for(forget(), 10))
    assert all(result.ok for result in pv.fetch_images(urls_of(image_server, 5), LOCAL))


def test_inside_a_running_loop(image_server):
    """Where a loop is running, as in a notebook, the synchronous call works, and the asynchronous one keeps the loop free."""

    async def cell():
        assert all(result.ok for result in pv.fetch_images(urls_of(image_server, 5), LOCAL))
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.001)

        ticking = asyncio.create_task(tick())
        together = await asyncio.gather(*(listed(pv.fetch_images_async(urls_of(image_server, 20), LOCAL)) for _ in range(3)))
        ticking.cancel()
        assert [len(results) for results in together] == [20] * 3
        return ticks

    assert asyncio.run(cell()) > 1


def test_script_without_spark_and_arrow(image_server):
    """In a plain script neither pyspark nor pyarrow nor pandas is loaded; one that ends in the middle says nothing about it."""
    script = f"""
        import json, sys
        for name in ("pyspark", "pyarrow", "pandas"):
            sys.modules[name] = None  # as if it were not installed
        import picsum_vision as pv
        options = pv.DownloadOptions(allow_private_addresses=True)
        urls = ["{image_server.base_url}/seed/%d/16/12" % number for number in range(3_000)]
        results = pv.fetch_images(urls, options)
        print(json.dumps([next(results).ok for _ in range(3)]))
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == [True] * 3


def test_arrow_and_pandas(image_server):
    """Tables have the columns of the Spark function, a row for each URL in the URLs' order, and the bytes that the host sent."""
    pa = pytest.importorskip("pyarrow")
    urls = [*urls_of(image_server, 12), None, f"{image_server.base_url}/id/86/16/12"]
    table = pv.fetch_images(urls, LOCAL).as_arrow()
    assert table.column_names == ["image_url", "image_binary", "download_outcome"]
    assert pa.types.is_binary(table.schema.field("image_binary").type)
    assert table.column("image_url").to_pylist() == urls
    frame = pv.fetch_images(iter(urls), LOCAL).as_pandas()
    assert list(frame["image_url"][:12]) == urls[:12]
    assert list(frame["status"]) == ["ok"] * 12 + ["invalid_url", "http_error"]
    assert frame["http_status"].iloc[13] == 404
    assert list(frame["image_binary"])[:12] == table.column("image_binary").to_pylist()[:12]
    assert frame["image_binary"].isna().sum() == 2
    assert frame["finished_at"].dt.tz is not None
    empty = pv.fetch_images([], LOCAL).as_arrow()
    assert (empty.num_rows, empty.schema) == (0, table.schema)


def test_a_pandas_column(image_server):
    """A pandas Series is a series of URLs, its missing values included."""
    pd = pytest.importorskip("pandas")
    series = pd.Series([urls_of(image_server, 1)[0], None, float("nan")])
    assert [result.ok for result in pv.fetch_images(series, LOCAL, ordered=True)] == [True, False, False]


def test_wrong_calls():
    """A wrong argument raises at once and says what is allowed; results that were begun cannot become a table of all."""
    for call in (pv.fetch_images, pv.fetch_images_async):
        with pytest.raises(pv.SettingError, match="urls: one text is not allowed"):
            call("https://host/1.jpg")
        with pytest.raises(pv.SettingError, match="urls: int is not allowed"):
            call(3)
        with pytest.raises(pv.SettingError, match="options: dict is not allowed"):
            call([], {})
        with pytest.raises(pv.SettingError, match="ordered: 1 is not allowed"):
            call([], ordered=1)
    begun = pv.fetch_images([None])
    next(begun)
    with pytest.raises(pv.SettingError, match="as_arrow: these results have been iterated"):
        begun.as_arrow()


def test_limits_hold():
    """The settings of a task hold for a call: no more requests at once than allowed."""
    with ImageServer(latency=Latency(mean_s=0.05)) as server:
        options = pv.DownloadOptions(allow_private_addresses=True, max_in_flight_per_task=4)
        assert all(result.ok for result in pv.fetch_images(urls_of(server, 40), options))
        assert server.stats()["peak_in_flight"] <= 4
