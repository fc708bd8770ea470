"""Exports as the tools that they are meant for read them, with those tools."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import time

import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import functions as F
from test_staging import everything_in, plan_for

import picsum_vision as pv
from picsum_vision.cli.entry import run
from picsum_vision.exporting.attempt import write_attempt
from picsum_vision.exporting.plan import target_folder
from picsum_vision.exporting.staging import MANIFEST, STAGING

pytestmark = pytest.mark.spark
KINDS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}
# The readers leave files to the garbage collector.
LEFT_OPEN = pytest.mark.filterwarnings(
    "ignore:unclosed file:ResourceWarning", "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
)
LEFT_OUT = {"http_error": 1, "no_image": 1, "not_an_image": 1}


def picture(number, kind="PNG", side=24):
    image = Image.new("RGB", (side, side), (number * 7 % 256, number * 31 % 256, 99))
    held = io.BytesIO()
    image.save(held, kind)
    return held.getvalue()


def rows_of(count):
    kinds = list(KINDS)
    return [(f"https://host/{n}", bytearray(picture(n, kinds[n % 4])), f"immagine {n} è qui") for n in range(count)]


@pytest.fixture(scope="module")
def images(spark):
    """Give 43 rows in three partitions: 40 images of four kinds, one row without, one empty, one that is no image."""
    rows = [*rows_of(40), ("https://host/none", None, None), ("https://host/empty", bytearray(), None)]
    rows.append(("https://host/text", bytearray(b"no picture"), None))
    df = spark.createDataFrame(rows, "image_url STRING, image_binary BINARY, descrizione STRING")
    outcome = F.struct(
        F.when(F.col("image_url").endswith("none"), "http_error").otherwise("ok").alias("status"),
        F.current_timestamp().alias("finished_at"),
    )
    return df.withColumn("download_outcome", outcome).withColumn("labels", F.array(F.lit("a"), F.lit("b"))).repartition(3)


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@LEFT_OPEN
def test_webdataset(images, tmp_path):
    """The webdataset package reads each sample once, with the bytes, the description and the columns of its row."""
    wds = pytest.importorskip("webdataset")
    report = pv.export(images, "webdataset", tmp_path / "out", max_images_per_shard=5)
    assert (report.images, report.left_out, report.rows) == (40, LEFT_OUT, 43)
    assert list(report.files) == [f"train-{number:06d}.tar" for number in range(len(report.files))]
    assert files_in(tmp_path / "out") == sorted([MANIFEST, *report.files])
    urls = str(tmp_path / "out" / f"train-{{000000..{len(report.files) - 1:06d}}}.tar")
    samples = list(wds.WebDataset(urls, shardshuffle=False, empty_check=False))
    seen = {}
    for sample in samples:
        told = json.loads(sample["json"])
        (kind,) = set(sample) & set(KINDS.values())
        seen[told["image_url"]] = (sample[kind], sample["txt"].decode())
        assert KINDS[Image.open(io.BytesIO(sample[kind])).format] == kind
        assert told["labels"] == ["a", "b"]
    assert seen == {url: (bytes(data), text) for url, data, text in rows_of(40)}
    assert len({sample["__key__"] for sample in samples}) == len(samples) == 40
    decoded = [sample for sample in wds.WebDataset(urls, shardshuffle=False).decode("pil") if "jpg" in sample]
    assert len(decoded) == 10
    assert all(sample["jpg"].size == (24, 24) for sample in decoded)


def test_shards_are_bounded(spark, tmp_path):
    """No tar has more bytes than asked, but for one of a single image, nor more images."""
    noise = [picture(n, side=8) + b"\0" * (n % 7) * 3_000 for n in range(60)]
    rows = [(str(n), bytearray(data)) for n, data in enumerate(noise)]
    df = spark.createDataFrame(rows, "image_url STRING, image_binary BINARY").coalesce(1)
    report = pv.export(df, "webdataset", tmp_path / "out", max_bytes_per_shard=40_000, max_images_per_shard=7)
    members = {}
    for name in report.files:
        with tarfile.open(tmp_path / "out" / name) as tar:
            members[name] = [member for member in tar.getnames() if member.endswith(".png")]
        assert (tmp_path / "out" / name).stat().st_size <= 40_000 or len(members[name]) == 1
        assert 1 <= len(members[name]) <= 7
    assert sum(map(len, members.values())) == report.images == 60
    assert report.bytes == sum((tmp_path / "out" / name).stat().st_size for name in report.files)


@LEFT_OPEN
def test_huggingface(images, tmp_path, monkeypatch):
    """The datasets package shows an Image feature, gives the pictures as such, and the other columns with their types."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    report = pv.export(images, "huggingface", tmp_path / "out", max_images_per_shard=10)
    assert report.files[0] == f"data/train-00000-of-{len(report.files):05d}.parquet"
    for named in ({"path": str(tmp_path / "out")}, {"path": "parquet", "data_dir": str(tmp_path / "out")}):
        loaded = datasets.load_dataset(**named, split="train", cache_dir=str(tmp_path / "cache"))
        assert isinstance(loaded.features["image"], datasets.Image)
        assert loaded.features["descrizione"] == datasets.Value("string")
        assert loaded.num_rows == 40
    by_url = {row["image_url"]: row for row in loaded}
    assert {url: row["descrizione"] for url, row in by_url.items()} == {url: text for url, _, text in rows_of(40)}
    assert all(row["image"].size == (24, 24) for row in by_url.values())
    assert by_url["https://host/1"]["download_outcome"]["status"] == "ok"
    assert by_url["https://host/1"]["labels"] == ["a", "b"]
    stored = loaded.cast_column("image", datasets.Image(decode=False))
    assert {row["image_url"]: row["image"]["bytes"] for row in stored} == {url: bytes(data) for url, data, _ in rows_of(40)}
    streamed = datasets.load_dataset(str(tmp_path / "out"), split="train", streaming=True)
    assert next(iter(streamed))["image"].size == (24, 24)


@LEFT_OPEN
def test_files(images, tmp_path, monkeypatch):
    """Folders hold no more files than asked; metadata.jsonl has a line for each, and datasets reads both as an imagefolder."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    out = tmp_path / "out"
    report = pv.export(images.select("image_url", "image_binary", "descrizione"), "files", out.as_uri(), max_images_per_shard=6)
    lines = [json.loads(line) for line in (out / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    assert files_in(out) == sorted([MANIFEST, "metadata.jsonl", *(line["file_name"] for line in lines)])
    assert all(1 <= len(list(folder.iterdir())) <= 6 for folder in out.iterdir() if folder.is_dir())
    by_url = {url: (bytes(data), text) for url, data, text in rows_of(40)}
    assert {line["image_url"]: ((out / line["file_name"]).read_bytes(), line["text"]) for line in lines} == by_url
    assert len(report.files) == 1 + len([path for path in out.iterdir() if path.is_dir()])
    loaded = datasets.load_dataset("imagefolder", data_dir=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert {row["text"] for row in loaded} == {text for _, text in by_url.values()}
    assert loaded[0]["image"].size == (24, 24)


def test_overwrite_and_refusal(images, tmp_path):
    """A folder that is not empty is refused in one line and stays as it is; overwriting leaves nothing of the older export."""
    few = images.limit(5)
    pv.export(few, "files", tmp_path / "out")
    before = files_in(tmp_path / "out")
    with pytest.raises(pv.SettingError, match="is not empty") as refused:
        pv.export(few, "webdataset", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert files_in(tmp_path / "out") == before
    report = pv.export(few, "webdataset", tmp_path / "out", mode="overwrite")
    assert files_in(tmp_path / "out") == sorted([MANIFEST, *report.files])


@pytest.mark.parametrize("path", ["..", ".", "../inner/.."])
def test_overwriting_a_folder_of_other_things(images, tmp_path, monkeypatch, path):
    """A folder above, or the current one, is no export's: it is refused, and every file in it stays."""
    (tmp_path / "inner").mkdir()
    for place in (tmp_path / "mine.txt", tmp_path / "inner" / "mine.txt"):
        place.write_text("mine")
    monkeypatch.chdir(tmp_path / "inner")
    before = everything_in(tmp_path)
    with pytest.raises(pv.SettingError, match="things in it that no export wrote"):
        pv.export(images.limit(1), "webdataset", path, mode="overwrite")
    assert everything_in(tmp_path) == before


def test_failed_work_leaves_nothing(images, tmp_path):
    """An export whose rows cannot be computed ends with that error and leaves no files; what was there stays."""
    broken = images.withColumn("descrizione", F.raise_error(F.lit("the model is gone")).cast("string"))
    pv.export(images.limit(1), "webdataset", tmp_path / "out")
    before = files_in(tmp_path / "out")
    with pytest.raises(Exception, match="the model is gone"):
        pv.export(broken, "webdataset", tmp_path / "out", mode="overwrite")
    assert files_in(tmp_path / "out") == before
    assert not (tmp_path / "out" / STAGING).exists()


def test_an_attempt_that_fails_takes_its_files_along(tmp_path):
    """An attempt that breaks off midway leaves no file; a second attempt of the same partition writes elsewhere."""
    pa = pytest.importorskip("pyarrow")
    plan = plan_for(tmp_path / "out")
    columns = {"partition": [3, 3], "image": [picture(1), picture(2)], "status": ["ok"] * 2, "text": ["a", None]}
    batch = pa.RecordBatch.from_pydict({**columns, "metadata": ["{}"] * 2})

    def breaking():
        yield batch
        raise LookupError("no more rows")

    with pytest.raises(LookupError):
        list(write_attempt(breaking(), plan))
    assert everything_in(tmp_path) == {}
    for _ in range(2):
        (told,) = write_attempt([batch], plan)
        shards = json.loads(told.column("attempt")[0].as_py())["shards"]
        assert [(images, size) for _, images, size in shards] == [(1, 10_240)] * 2
    assert len(files_in(tmp_path)) == 4


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"layout": "tar"}, 'layout: .tar. is not allowed; it must be one of "webdataset"'),
        ({"mode": "append"}, "mode: 'append' is not allowed"),
        ({"path": "s3://bucket/key"}, "path: 's3://bucket/key' is not allowed; it must be a folder"),
        ({"path": ""}, "path: '' is not allowed"),
        ({"split": "a/b"}, "split: 'a/b' is not allowed"),
        ({"max_images_per_shard": 0}, "max_images_per_shard: 0 is not allowed"),
        ({"image_col": "bytes"}, "image_col: no column 'bytes'"),
        ({"image_col": "image_url"}, "image_col: column 'image_url' is string; it must be binary"),
    ],
)
def test_wrong_settings(images, tmp_path, wrong, words):
    """A wrong setting is refused before any work."""
    settings = {"layout": "webdataset", "path": str(tmp_path / "out"), **wrong}
    with pytest.raises(pv.SettingError, match=words):
        pv.export(images, **settings)
    assert not (tmp_path / "out").exists()


def test_paths_of_databricks():
    """What Databricks mounts is written through its mount."""
    for path in ("/Volumes/c/s/v/out", "dbfs:/Volumes/c/s/v/out/", "/Volumes/c/s/v/x/../out"):
        assert target_folder(path) == "/Volumes/c/s/v/out"
    assert target_folder("dbfs:/out") == "/dbfs/out"
    assert target_folder("file:///a%20b") == "/a b"
    assert target_folder("//[no-address/out").endswith("/[no-address/out")


def test_a_folder_that_cannot_be_made(images, tmp_path):
    """A folder that cannot be made is one line that says why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(pv.EnvironmentProblem, match="cannot be written: Not a directory"):
        pv.export(images, "files", tmp_path / "file" / "out")


# The command as it is, but for rows that take their time, in more tasks than there are cores.
SLOW = """
import pathlib, time
from pyspark.sql import functions as F
from picsum_vision.cli import export, main

read = export.images_with_answers

def slow(text):
    pathlib.Path("begun").touch()
    while not pathlib.Path("ended").exists():
        time.sleep(0.2)

export.images_with_answers = lambda *place: read(*place).repartition(32).withColumn("descrizione", F.udf(slow)("descrizione"))
main()
"""


def interrupt(process):
    """Press Ctrl-C as a person does: again where nothing happens, for Python drops one that comes while py4j's finalizers run."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=40)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=40)


def test_ctrl_c(spark, image_server, tmp_path, monkeypatch):
    """Ctrl-C ends an export soon, while its tasks have all cores; what it leaves is overwritten if asked for."""
    monkeypatch.chdir(tmp_path)
    words = ["run", "--images", "16", "--by", "seed", "--base-url", image_server.base_url, "--allow-private-addresses"]
    assert run([*words, "--width", "32", "--height", "24", "--output", "out"]) == 0
    words = ["export", "out", "--to", "files", "--path", "files"]
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen([sys.executable, "-c", SLOW, *words], stdout=errors, stderr=errors)
    give_up = time.monotonic() + 200
    while not (tmp_path / "begun").exists() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.2)
    try:
        interrupt(process)
    finally:
        (tmp_path / "ended").touch()
        process.kill()
        process.wait()
    told = (tmp_path / "errors").read_text()
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert run(words) == 2
    assert run([*words, "--overwrite"]) == 0
    assert files_in(tmp_path / "files")[0] == MANIFEST


@pytest.mark.parametrize("layout", ["webdataset", "huggingface", "files"])
def test_no_secret_of_a_url_is_exported(spark, tmp_path, layout):
    """In no file of an export is a password or a signature, in whatever column and nesting it came, unless it is asked for."""
    signed = "https://user:planted@host/a.jpg?w=80&X-Amz-Signature=planted#planted"
    rows = [
        (signed, bytearray(picture(1)), f"see {signed}", None),
        ("https://host/b.jpg?w=80", bytearray(picture(2)), None, 7),
    ]
    df = spark.createDataFrame(rows, "image_url STRING, image_binary BINARY, descrizione STRING, number BIGINT")
    nested = F.struct(
        F.array("image_url").alias("urls"),
        F.create_map(F.lit("at"), "image_url").alias("map"),
        F.lit(None).cast("string").alias("none"),
    )
    df = (
        df.withColumn("download_outcome", F.when(F.col("number").isNull(), nested))
        .withColumn("at", F.current_timestamp())
        .coalesce(1)
    )
    pv.export(df, layout, tmp_path / "out")
    # Parquet may compress what is in it: as it is read.
    written = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    if layout == "huggingface":
        (parquet,) = (tmp_path / "out").rglob("*.parquet")
        table = pq.read_table(parquet)
        written += str(rows := table.to_pylist()).encode()
        assert [row["image_url"] for row in rows] == ["https://host/a.jpg?redacted", "https://host/b.jpg?w=80"]
        assert [row["download_outcome"] and row["download_outcome"]["urls"] for row in rows] == [
            ["https://host/a.jpg?redacted"],
            None,
        ]
        assert {str(field.type) for field in table.schema if field.name in ("number", "at")} >= {"int64"}
    assert b"planted" not in written
    assert b"https://host/a.jpg?redacted" in written
    assert b"https://host/b.jpg?w=80" in written
    pv.export(df, layout, tmp_path / "whole", full_urls=True)
    whole = b"".join(
        path.read_bytes() for path in (tmp_path / "whole").rglob("*") if path.is_file() and path.suffix != ".parquet"
    )
    if layout == "huggingface":
        (parquet,) = (tmp_path / "whole").rglob("*.parquet")
        whole = str(pq.read_table(parquet).to_pylist()).encode()
    assert signed.encode() in whole


def test_command_line(spark, image_server, tmp_path, monkeypatch, capsys):
    """`picsum-vision export` writes what a run's tables hold, says what it wrote, and refuses to write twice."""
    monkeypatch.chdir(tmp_path)
    words = ["run", "--images", "8", "--start", "84", "--base-url", image_server.base_url, "--allow-private-addresses"]
    assert run([*words, "--width", "32", "--height", "24", "--output", "out", "--json"]) == 0
    capsys.readouterr()
    words = ["export", "out", "--to", "webdataset", "--path", "shards", "--partitions", "1"]
    assert run([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["images"], told["left_out"], told["files"]) == (7, {"http_error": 1}, 1)
    with tarfile.open(tmp_path / "shards" / "train-000000.tar") as tar:
        assert len([name for name in tar.getnames() if name.endswith(".txt")]) == 7
    assert run(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run([*words, "--overwrite"]) == 0
    assert "7 of 8 images as webdataset" in capsys.readouterr().out
    assert run(["export", "out", "--to", "zip", "--path", "x"]) == 2
    assert "to: 'zip' is not allowed" in capsys.readouterr().err
