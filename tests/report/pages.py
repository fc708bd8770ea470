"""Rows and pages for the tests of the report, made without Spark."""

from __future__ import annotations

import functools
import io

from picsum_vision.images.thumbnails import ThumbnailSize, thumbnail
from picsum_vision.quality import MEANINGS
from picsum_vision.report.gallery_rows import GalleryRow, GalleryRows
from picsum_vision.report.page import render_page
from picsum_vision.testing.image_server.pictures.photographs import picture

MOMENT_US = 1_790_000_000_000_000
SUBJECTS = ("un lago tra i monti", "una città di notte", "un ritratto di donna", "linee astratte rosse", "un cane sulla spiaggia")
LABELS = ("natura", "urbano", "ritratto", "astratto", "natura")
SCRIPT = "</script><script>window.injected = 1</script><img src=x onerror='window.injected = 2'><!--"


@functools.cache
def small_pictures(different: int = 90) -> tuple[bytes, ...]:
    """Return so many small pictures, as a worker makes them."""
    return tuple(_small(number) for number in range(different))


def _small(number: int) -> bytes:
    buffer = io.BytesIO()
    picture(number, 800, 600).save(buffer, "JPEG")
    small = thumbnail(buffer.getvalue(), ThumbnailSize(max_bytes=8_000))
    assert small is not None
    return small


def row(number: int, **changed) -> GalleryRow:
    """Return a row as a run leaves it: each 13th does not exist, each 17th was not answered."""
    url = f"https://picsum.photos/id/{number}/800/600"
    download = {
        "status": "ok", "http_status": 200, "attempts": 1, "elapsed_ms": 100 + number % 900, "bytes": 40_000 + number,
        "content_type": "image/jpeg", "width": 800, "height": 600, "sha256": f"{number:064x}", "final_url": url,
        "message": None, "finished_at": MOMENT_US + number * 20_000,
    }  # fmt: skip
    describe = {
        "status": "ok", "model": "a-vision-model", "task": "describe", "prompt_sha256": "0" * 64, "http_status": 200,
        "attempts": 1,
        "elapsed_ms": 900 + number % 700, "input_tokens": 800, "output_tokens": 90, "image_bytes_sent": 40_000,
        "finish_reason": "stop", "message": None, "finished_at": MOMENT_US + number * 30_000,
    }  # fmt: skip
    pictures = small_pictures()
    fields = {
        "url": url,
        "thumbnail": pictures[number % len(pictures)],
        "text": f"L'immagine numero {number} mostra {SUBJECTS[number % 5]}. " + "La luce è morbida e i colori sono tenui. " * 4,
        "download": download,
        "describe": describe,
    }
    if number % 13 == 0:
        missing = {"status": "http_error", "http_status": 404, "bytes": None, "message": "Image does not exist", "sha256": None}
        fields |= {"thumbnail": None, "text": None, "download": download | missing, "describe": describe | {"status": "no_image"}}
    elif number % 17 == 0:
        fields |= {
            "text": None,
            "describe": describe | {"status": "timeout", "message": "no answer in 120 s", "http_status": None},
        }
    return GalleryRow(**(fields | changed))


def labelled(number: int) -> GalleryRow:
    """Return a row of a classification."""
    plain = row(number)
    if plain.text is None:
        return plain
    return row(number, text=LABELS[number % 5], describe={**(plain.describe or {}), "task": "classify"})


def run(number: int) -> dict:
    """Return a run as the tables have it, each in another state."""
    state = ("running", "ok", "share_missed", "failed", "abandoned")[number % 5]
    known = {"rows": 1_000, "ok": 913, "seconds": 81.5, "images_per_second": 12.3, "bytes": 44_000_000, "input_tokens": 800_000,
             "output_tokens": 90_000, "cost": 1.25}  # fmt: skip
    done = state in ("ok", "share_missed")
    return {
        "run_id": f"{number:032x}", "state": state, "started_us": MOMENT_US - number * 86_400_000_000, "ended_us": None,
        "stream": None, "message": "found by run 1" if state == "abandoned" else None, "settings": None,
        **{name: value if done else None for name, value in known.items()},
    }  # fmt: skip


def figures(rows: int) -> dict:
    """Return figures as the tables of a run give them."""
    failed = rows // 13
    bars = {"from_us": MOMENT_US, "seconds": 12.0, "bar_s": 0.2, "other_rows": 3}
    spread = {"rows": rows, "p50": 420, "p90": 900, "p95": 1_400, "p99": 3_100, "max": 8_200}
    stage = {
        "by_status": {"ok": rows - failed, "http_error": failed}, "bytes": 44_000 * rows, "input_tokens": None,
        "output_tokens": None,
        "words": {"http_error": "the host answered with an error"},
        "reasons": [{"status": "http_error", "http_status": 404, "message": "Image does not exist", "rows": failed}],
        "throughput": {**bars, "ok": [20 + bar % 7 for bar in range(60)], "failed": [bar % 3 for bar in range(60)]},
        "latency": {**spread, "bins": [{"from_ms": 2 ** (bar / 2), "rows": bar * (20 - bar)} for bar in range(8, 20)]},
    }  # fmt: skip
    describe = stage | {
        "by_status": {"ok": rows - failed, "no_image": failed},
        "input_tokens": 800 * rows,
        "output_tokens": 90 * rows,
    }
    model = {"model": "a-vision-model", "task": "describe", "rows": rows, "attempts": rows + 4, "cost": 1.25}
    return {
        "asked": rows, "download": stage, "describe": describe, "cost": 1.25,
        "models": [{**model, "input_tokens": 800 * rows, "output_tokens": 90 * rows, "image_bytes_sent": 40_000 * rows}],
        "quality": {
            "images": {"rows": rows, "bytes": [9_000, 44_000, 90_000], "width": [800] * 3, "height": [600] * 3,
                       "types": [{"content_type": "image/jpeg", "rows": rows}]},
            "answers": {"rows": rows, "characters": [90, 210, 400]},
            "measures": [{"name": name, "value": name == "ok_share" or 2, "rule": rule} for name, rule in MEANINGS.items()],
        },
        "runs": [run(number) for number in range(6)],
    }  # fmt: skip


TABLES = {role: f"platform_catalog.marketplace.{role}" for role in ("image_urls", "image_codes", "image_desc")}


def page(rows, *, of_rows: int | None = None, with_figures: bool = True) -> str:
    """Return the page of the rows."""
    rows = tuple(rows)
    gallery = GalleryRows(rows=rows, of_rows=of_rows or len(rows))
    return render_page(gallery, figures=figures(len(rows)) if with_figures else None, tables=TABLES)
