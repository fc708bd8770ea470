"""`plan` and `picsum-vision plan`."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from suites import suite

import picsum_vision as pv
from picsum_vision.cli.entry import run
from picsum_vision.sizing.model import WORKERS

HUGE = f"1{'0' * 310}"  # more than a float holds


def test_a_rate_that_is_too_low_binds():
    """A million images at 600 requests a minute take a million / 600 minutes, and more, and the plan says why."""
    found = pv.plan(1_000_000, tasks=64, describe=pv.DescribeOptions(requests_per_minute_total=600))
    assert found.binding == "the model's requests per minute"
    assert 1_000_000 / 600 * 60 <= found.seconds <= 1_000_000 / 600 * 60 * 1.2
    assert found.settings["describe.max_in_flight_per_task"] == 1  # fifteen at once are enough, for 64 tasks


def test_tokens_bind():
    """A limit on tokens binds by what a question and its answer have, by the rule of the model."""
    options = pv.DescribeOptions(tokens_per_minute_total=60_000)
    found = pv.plan(10_000, tasks=8, model="gpt-4o", output_tokens_per_image=100, describe=options)
    assert found.binding == "the model's tokens per minute"
    tokens = found.input_tokens + found.output_tokens
    assert found.seconds >= tokens / 1_000


def test_few_images_are_bound_by_the_start():
    """For a handful of images the start is most of it."""
    assert pv.plan(5, tasks=2, model_latency_s=0.01, image_latency_s=0.01).binding == "Spark's start and the commits"


def test_the_window_that_binds_is_named_with_what_would_help():
    """Where questions in flight bind, the plan says what twice as many would bring."""
    found = pv.plan(100_000, tasks=2, model_latency_s=5.0)
    assert found.binding == "questions in flight"
    assert "describe.max_in_flight_per_task=64" in found.advice[0]
    assert "in the place of" in found.advice[0]


def test_where_memory_binds_the_window_is_named_and_more_of_it_advised():
    """Of images of 20 MB a task holds six, until they are described: not the downloads in flight are what has to be more."""
    found = pv.plan(1_000, tasks=2, image_bytes=20_000_000)
    assert "window_bytes_per_task" in found.binding
    assert 1_000 * 1.5 / 12 < found.seconds < 1_000 * 1.5 / 12 * 1.2
    (line,) = found.advice
    window = int(re.search(r"download\.window_bytes_per_task=(\d+)", line)[1])
    assert "MB more for each worker" in line
    wider = pv.plan(1_000, tasks=2, image_bytes=20_000_000, download=pv.DownloadOptions(window_bytes_per_task=window))
    assert f"{wider.seconds:,.1f} s in the place of {found.seconds:,.1f} s" in line


def test_bodies_are_those_of_images_as_they_are_sent():
    """A question's memory is that of the picture made smaller, and never more than one request may have."""
    large = {"tasks": 1, "image_bytes": 3_000_000, "width": 4_000, "height": 3_000}
    whole = pv.plan(1_000, **large, describe=pv.DescribeOptions(max_image_side_px=4_000))
    smaller = pv.plan(1_000, **large)
    bounded = pv.plan(1_000, **large, describe=pv.DescribeOptions(max_image_side_px=4_000, max_payload_bytes=1_000_000))
    assert whole.worker_memory_mb - smaller.worker_memory_mb == pytest.approx(32 * 4 * (1 - (1_024 / 4_000) ** 2), rel=0.02)
    assert whole.worker_memory_mb - bounded.worker_memory_mb == pytest.approx(32 * 3, abs=1)


def test_each_stage_alone_has_its_own_cost_of_a_row(tmp_path):
    """Where a suite has found that a row costs a download 20 ms, a question nothing, the whole job 40 ms, the plan says each."""
    row_s = {"urls": 0.0, "download": 0.02, "describe": 0.0, "total": 0.04}
    waits = {"image_latency_s": 0.01, "model_latency_s": 0.01}
    suite(lambda stage, images, _: 3 + images * row_s[stage] / 2, sizes=(1_000, 5_000), **waits).write(tmp_path)
    found = pv.plan(10_000, tasks=2, **waits, fit_from=tmp_path)
    assert found.binding == WORKERS
    assert found.stages["download"]["limits_s"][WORKERS] == pytest.approx(100, rel=0.1)
    assert found.stages["describe"]["limits_s"].get(WORKERS, 0) < 5
    assert found.seconds == pytest.approx(203, rel=0.1)


def test_ai_query_describes_after_the_download():
    """With `AiQuery` a pass is the sum of its two stages, no worker holds a question, and its width is the platform's affair."""
    terms = {"tasks": 2, "image_latency_s": 1.0, "model_latency_s": 1.0, "width": 2_000, "height": 2_000}
    fused, apart = (pv.plan(100_000, **terms, backend=backend) for backend in (None, pv.AiQuery("an-endpoint")))
    assert apart.seconds > sum(stage["seconds"] for stage in apart.stages.values())
    assert apart.seconds > fused.seconds * 1.3
    assert apart.worker_memory_mb < fused.worker_memory_mb
    assert "describe.max_in_flight_per_task" not in apart.settings
    assert apart.advice == ["nothing here: how many questions are in flight is the platform's affair"]
    assert pv.plan(100_000, **terms, backend="ai-query").seconds == apart.seconds


def test_tokens_are_those_of_the_picture_as_the_backend_sends_it():
    """`AiQuery` sends the whole picture, a chat endpoint is sent a smaller one, and what runs in the workers costs no tokens."""
    terms = {"width": 4_000, "height": 4_000, "model": "claude-sonnet"}
    by_backend = {word: pv.plan(10, **terms, backend=word).input_tokens for word in ("ai-query", "chat", "pyfunc")}
    assert by_backend["ai-query"] > by_backend["chat"] > by_backend["pyfunc"] == 0
    assert pv.plan(10, backend="pyfunc").cost == 0
    named = pv.ChatCompletions("https://host.example/v1", "gpt-4o")
    assert pv.plan(10, backend=named).input_tokens == pv.plan(10, model="gpt-4o").input_tokens


def test_pixels_wait_for_nobody():
    """Where no model is asked, there is no wait for an answer, unless one is given."""
    assert pv.plan(1_000, tasks=2, backend="pixels").stages["describe"]["limits_s"]["questions in flight"] == 0
    assert pv.plan(1_000, tasks=2, backend=pv.PixelDescriber(), model_latency_s=1).stages["describe"]["seconds"] > 10


def test_cost_memory_and_storage_follow_from_the_settings():
    """Cost is tokens times prices; storage without images is small; a wider window takes more memory."""
    prices = pv.DescribeOptions(input_price_per_million_tokens=2, output_price_per_million_tokens=8)
    found = pv.plan(1_000, tasks=4, describe=prices, image_bytes=100_000)
    assert found.cost == pytest.approx(found.input_tokens * 2e-6 + found.output_tokens * 8e-6)
    assert found.storage_mb > 100
    assert pv.plan(1_000, tasks=4, image_bytes=100_000, keep_images=False).storage_mb < 10
    wide = pv.plan(1_000, tasks=4, image_bytes=100_000, download=pv.DownloadOptions(max_in_flight_per_task=1_000))
    assert wide.worker_memory_mb > found.worker_memory_mb
    assert found.cluster_memory_mb == pytest.approx(4 * found.worker_memory_mb, rel=0.01)


def test_the_largest_plan_is_of_finite_numbers(capsys):
    """The longest waits, the slowest host and the highest prices that are allowed still make JSON, which knows no Infinity."""
    slowest = ["--tasks", "1", "--image-latency", "60", "--model-latency", "600", "--download-in-flight", "1"]
    limits = ["--model-in-flight", "1", "--requests-per-minute", "1", "--requests-per-second-per-host", "1e-6"]
    dearest = ["--input-price-per-million-tokens", "1e12", "--output-price-per-million-tokens", "1e12"]
    largest = ["--images", "1000000000000", "--width", "100000", "--height", "100000", "--checkpoint-interval", "1e-300"]
    assert run(["plan", *largest, *slowest, *limits, *dearest, "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--images", "0"], "images: 0 is not allowed"),
        (["--images", "5", "--tasks", "0"], "tasks: 0 is not allowed"),
        (["--images", "5", "--model-latency", "-1"], "model_latency_s: -1.0 is not allowed"),
        (["--images", "5", "--requests-per-minute", "0"], "requests_per_minute_total: 0 is not allowed"),
        (["--images", HUGE], "images: 1000"),
        (["--images", "5", "--tasks", HUGE], "tasks: 1000"),
        (["--images", "5", "--tasks", "100001"], "tasks: 100001 is not allowed; it must be an integer from 1 to 100000"),
        (["--images", "5", "--width", "100001"], "width: 100001 is not allowed"),
        (["--images", "5", "--height", HUGE], "height: 1000"),
        (["--images", "5", "--image-bytes", HUGE], "image_bytes: 1000"),
        (["--images", "5", "--output-tokens", HUGE], "output_tokens_per_image: 1000"),
        (["--images", "5", "--image-latency", "1e308", "--json"], "image_latency_s: 1e+308 is not allowed"),
        (["--images", "5", "--model-latency", "601"], "model_latency_s: 601.0 is not allowed"),
        (["--images", "5", "--checkpoint-interval", "1e300"], "checkpoint_interval_s: 1e+300 is not allowed"),
        (["--images", "5", "--requests-per-minute", HUGE], "requests_per_minute_total: 1000"),
        (["--images", "5", "--tokens-per-minute", HUGE], "tokens_per_minute_total: 1000"),
        (["--images", "5", "--model-in-flight", HUGE], "describe.max_in_flight_per_task: 1000"),
        (["--images", "5", "--download-in-flight", HUGE], "download.max_in_flight_per_task: 1000"),
        (["--images", "5", "--requests-per-second-per-host", "1e-320"], "requests_per_second_per_host_total: "),
        (["--images", "5", "--input-price-per-million-tokens", "1e308"], "input_price_per_million_tokens: 1e+308 is not allowed"),
        (["--images", "5", "--task", "descibe"], 'did you mean "describe"?'),
        (["--images", "5", "--backend", "ai_query"], 'did you mean "ai-query"?'),
        (["--images", "5", "--backend", "batch-chat"], "backend: 'batch-chat' is not allowed here: its answers may take a day"),
        (["--images", "5", "--backend", "pixels", "--task", "classify"], "task: 'classify' needs a vision model"),
        (["--images", "5", "--fit-from", "nowhere"], "'nowhere': cannot be read"),
        ([], "images"),
    ],
)
def test_a_wrong_setting_is_one_line(words, part, capsys):
    """A wrong flag ends with exit code 2 and one line that names it."""
    assert run(["plan", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert part in printed.err
    assert printed.err.count("\n") == 1


def test_the_command_prints_a_plan_and_an_object(capsys, tmp_path, monkeypatch):
    """For a person it says what binds, with --json it is one object; own measurements are used where they are."""
    monkeypatch.chdir(tmp_path)
    words = ["plan", "--images", "1000000", "--model-latency", "2.5", "--requests-per-minute", "6000", "--tasks", "32"]
    assert run(words) == 0
    text = capsys.readouterr().out
    assert text.startswith("1,000,000 images: about ")
    assert "what binds: the model's requests per minute" in text
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 1_000_000
    assert found["fit"].startswith("the library's own")
    assert run([*words, "--backend", "ai-query", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] > found["seconds"]
    folder = tmp_path / "picsum-vision-sizing"
    folder.mkdir()
    suite(lambda _, images, __: 5.0 + images / 100, name="mine").write(folder)
    assert run([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fit"] == "fitted to suite mine"


def test_a_suite_without_a_whole_job_is_used_only_where_it_was_named(capsys, tmp_path, monkeypatch):
    """A result that was only found and has no whole job leaves the library's constants; one that was named is refused."""
    monkeypatch.chdir(tmp_path)
    found = suite(lambda _, images, __: 5.0 + images / 100)
    for size in found.sizes:
        for repeat in size.repeats:
            del repeat["total"]
    (tmp_path / "picsum-vision-sizing").mkdir()
    found.write(tmp_path / "picsum-vision-sizing")
    assert run(["plan", "--images", "1000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fit"] == pv.plan(1_000).fit
    assert run(["plan", "--images", "1000", "--fit-from", "picsum-vision-sizing"]) == 2
    assert "picsum-vision-sizing: no whole job was measured there" in capsys.readouterr().err


def test_planning_needs_no_spark():
    """A plan loads neither Spark nor MLflow."""
    code = "import sys, picsum_vision as pv; pv.plan(10); print('pyspark' in sys.modules, 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False False\n"


@pytest.mark.parametrize("kept", ["{}", "[", '{"format": "picsum-vision sizing 1"}'])
def test_a_suite_that_nobody_named_and_that_cannot_be_read_is_left_aside(tmp_path, monkeypatch, capsys, kept):
    """The plan is made with the library's own constants, and one line says why; a file that was named is refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picsum-vision-sizing").mkdir()
    file = tmp_path / "picsum-vision-sizing" / "sizing.json"
    file.write_text(kept)
    assert run(["plan", "--images", "1000", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["seconds"] > 0
    assert printed.err.count("\n") == 1
    assert "constants are not used" in printed.err
    assert run(["plan", "--images", "1000", "--fit-from", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
