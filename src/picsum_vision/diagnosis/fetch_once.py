"""One address fetched by the library's own engine, with the job's own settings but one attempt."""

from __future__ import annotations

import dataclasses

from picsum_vision.options import DownloadOptions
from picsum_vision.spark.download_stage import DownloadStage


@dataclasses.dataclass(frozen=True)
class Fetched:
    """What became of it, as `download_outcome` has it."""

    status: str
    http_status: int | None
    message: str | None

    @property
    def words(self) -> str:
        """Status, HTTP status and message in one text."""
        code = f" {self.http_status}" if self.http_status else ""
        return f"{self.status}{code}{f' ({self.message})' if self.message else ''}"


def fetch_once(url: str, options: DownloadOptions) -> Fetched:
    """Fetch `url` in this process."""
    stage = DownloadStage(options=dataclasses.replace(options, max_attempts=1)).open()
    run = stage.run
    try:
        run.submit([stage.job(0, url)])
        run.no_more_input()
        while not (jobs := run.collect()):
            pass  # collect itself waits
        outcome = jobs[0].outcome
    finally:
        run.close()
    assert outcome is not None  # noqa: S101 - a finished job has one
    return Fetched(outcome.status.value, outcome.http_status, outcome.message)
