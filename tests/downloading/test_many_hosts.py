"""What is known of hosts outlives a task, but not all hosts of the world are known."""

from __future__ import annotations

from fetching import forgetting_hosts

from picsum_vision.concurrency.byte_budget import ByteBudget
from picsum_vision.concurrency.job import Lane
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.recent import KEPT_AT_MOST
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.downloading.downloader import Downloader
from picsum_vision.downloading.job import DOWNLOAD_POOL
from picsum_vision.options import DownloadOptions


def test_the_hosts_of_a_long_list_are_not_all_remembered() -> None:
    """A later task goes on with what was learnt of the last hosts; of many thousands before them nothing is left."""
    loop_thread = LoopThread.current()
    hosts = [f"http://h{number}.example:80" for number in range(KEPT_AT_MOST)]

    def states() -> list[LaneState]:
        downloader = Downloader(DownloadOptions(), ByteBudget(1), loop_thread)

        async def asked() -> list[LaneState]:
            return [downloader.lane_state(Lane(DOWNLOAD_POOL, host)) for host in hosts]

        return loop_thread.run(asked())

    with forgetting_hosts():
        kept_before = len(loop_thread.kept)
        first, second = states(), states()
        assert len(loop_thread.kept) <= kept_before + 5
    # A limit and a pace each: the books hold half as many hosts, and the first of them has long gone when it comes again.
    assert all(one.limit is not other.limit for one, other in zip(first, second, strict=True))
    hosts = hosts[:100]
    with forgetting_hosts():
        first, second = states(), states()
    assert all((one.limit, one.pace) == (other.limit, other.pace) for one, other in zip(first, second, strict=True))
