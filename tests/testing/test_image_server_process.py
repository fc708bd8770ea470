"""The image server as a process: figures, settings, ports, beginning and end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

import aiohttp
import pytest

from picsum_vision.errors import PortInUse, SettingError
from picsum_vision.testing.image_server import ImageServer, serve_images
from picsum_vision.testing.latency import Latency


def fetch_at_once(server: ImageServer, count: int) -> list[int]:
    """Fetch the pictures 1..count at once and tell the bytes of each."""

    async def fetch_all() -> list[int]:
        async with aiohttp.ClientSession() as session:

            async def fetch(number: int) -> int:
                async with session.get(f"{server.base_url}/id/{number}/20/20") as answer:
                    return len(await answer.read())

            return await asyncio.gather(*(fetch(number) for number in range(1, count + 1)))

    return asyncio.run(fetch_all())


def port_of(url: str) -> int:
    """Tell the port in an address."""
    return int(url.rsplit(":", 1)[1])


def is_listening(port: int) -> bool:
    """Tell whether somebody listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_gone(port: int) -> bool:
    """Wait until nobody listens on the port, and tell whether it came to that."""
    deadline = time.monotonic() + 20
    while is_listening(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_listening(port)


def test_figures_are_those_of_the_client() -> None:
    """Requests, statuses, bytes and connections are counted for each host, and control requests are not."""
    with ImageServer(latency=Latency(mean_s=0.3, sigma=0)) as server:
        server.stats()
        received = fetch_at_once(server, 8)
        figures = server.stats()
    api, image = figures["by_host"]["api"], figures["by_host"]["image"]
    assert (figures["requests"], api["requests"], image["requests"]) == (16, 8, 8)
    assert figures["by_status"] == {"200": 8, "302": 8}
    assert figures["bytes_sent"] == image["bytes_sent"] == sum(received)
    assert figures["peak_in_flight"] == api["peak_in_flight"] == 8
    assert 1 <= image["peak_in_flight"] <= 8
    assert figures["connections_opened"] == 16
    assert figures["in_flight"] == 0


def test_reset_forgets_everything() -> None:
    """After a reset nothing was seen, and counting goes on."""
    with ImageServer() as server:
        fetch_at_once(server, 3)
        server.reset_stats()
        empty = server.stats()
        fetch_at_once(server, 1)
        assert (empty["requests"], empty["by_status"]) == (0, {})
        assert server.stats()["requests"] == 2


@pytest.mark.parametrize(
    "values",
    [
        {"port": 70_000},
        {"image_port": -1},
        {"missing_ids": range(1, 1085)},
        {"keep_alive_timeout_s": 0},
        {"distinct_pictures": 0},
        {"warm_sizes": [(0, 5)]},
        {"latency": Latency(mean_s=-1)},
    ],
)
def test_wrong_settings_are_refused_before_anything_starts(values: dict[str, Any]) -> None:
    """A wrong setting is refused in one line that names it."""
    with pytest.raises(SettingError, match=next(iter(values))) as refused:
        ImageServer(**values)
    assert "\n" not in str(refused.value)


def test_missing_ids_can_be_chosen() -> None:
    """The ids that do not exist are a setting."""
    with ImageServer(missing_ids=[1], warm_sizes=[(20, 20)], distinct_pictures=2) as server:
        fetch_at_once(server, 2)
        assert server.stats()["by_status"] == {"200": 1, "302": 1, "404": 1}


@pytest.mark.parametrize("which", ["port", "image_port"])
def test_a_port_in_use_is_one_line(which: str) -> None:
    """A port that another one has is named in one line, and the server's process is gone."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortInUse, match=rf"^port {port}: ") as refused:
            ImageServer(**{which: port}).start()
        assert "\n" not in str(refused.value)
        with pytest.raises(PortInUse, match=rf"^port {port}: "):
            serve_images(**{which: port})


def test_stop_ends_the_process() -> None:
    """A stopped server listens no more, stopping again is no harm, and it can be started again."""
    server = ImageServer()
    server.start()
    port = port_of(server.base_url)
    server.stop()
    server.stop()
    assert not is_listening(port)
    with server:
        assert fetch_at_once(server, 1)


def test_server_ends_when_its_parent_is_killed() -> None:
    """A server whose parent is killed ends by itself, whatever it is doing."""
    code = (
        "import time\nfrom picsum_vision.testing.image_server import Fault, ImageServer\n"
        "with ImageServer(faults=[Fault(kind='hang_before_headers')]) as server:\n"
        "    print(server.base_url, server.image_url, flush=True); time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        ports = [port_of(url) for url in parent.stdout.readline().split()]
        with socket.create_connection(("127.0.0.1", ports[0])) as hanging:
            hanging.sendall(b"GET /id/1/20 HTTP/1.1\r\nHost: x\r\n\r\n")
            parent.kill()
            assert all(wait_until_gone(port) for port in ports)


def test_foreground_server_prints_its_address_and_ends_on_ctrl_c() -> None:
    """`serve_images` serves until it is interrupted and then ends without a traceback."""
    code = "from picsum_vision.testing.image_server import serve_images; serve_images(latency_mean_s=0.01)"
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], text=True, env=environment, **pipes) as served:
        assert served.stdout is not None
        url = next(word for word in served.stdout.readline().split() if word.startswith("http"))
        with urllib.request.urlopen(f"{url}/id/1/20/20", timeout=20) as answer:
            assert answer.status == 200
        served.send_signal(signal.SIGINT)
        _, errors = served.communicate(timeout=20)
    assert (served.returncode, errors) == (0, "")


def test_importing_the_package_starts_nothing() -> None:
    """`import picsum_vision` loads no HTTP server."""
    code = "import sys, picsum_vision; print('picsum_vision.testing.image_server' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
