"""What a starting Spark prints: held back while it starts, and passed on to this process's standard error from then on."""

from __future__ import annotations

import logging
import os
import re
import threading

from picsum_vision.redaction import redact_error

_log = logging.getLogger(__name__)
_STANDARD_ERROR = 2
_NOISE = re.compile(
    r"^\s*$|^\s+at |^\s*\.\.\. \d+ more|^WARNING|^:|^\t|^Using Spark's|^Ivy Default|^The jars|added as a dependency$|^Picked up"
)


class StartupOutput:
    """A pipe for the JVM's standard output and error, emptied by a thread for as long as the JVM lives.

    Spark's start prints dozens of lines that no setting silences (the download of jars, Java's own warnings);
    they are worth reading only if the start fails.
    """

    def __init__(self) -> None:
        """Open the pipe; `write_end` is for the process to be started."""
        self._read_end, self.write_end = os.pipe()
        self._held = bytearray()
        self._passing_on = False
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="spark-output", daemon=True)
        self._reader.start()

    def close_write_end(self) -> None:
        """Leave the pipe to the started process alone, so that its end is seen."""
        os.close(self.write_end)

    def pass_on(self) -> None:
        """Drop what was held back; whatever comes from now on goes to standard error."""
        with self._lock:
            self._held.clear()
            self._passing_on = True

    def text(self, wait_s: float = 0.0) -> str:
        """Return what was held back, after the process has ended or `wait_s` seconds have passed."""
        self._reader.join(wait_s)
        with self._lock:
            return self._held.decode(errors="replace")

    def _read(self) -> None:
        while chunk := os.read(self._read_end, 1 << 16):
            with self._lock:
                self._take(chunk)
        os.close(self._read_end)

    def _take(self, chunk: bytes) -> None:
        if self._passing_on:
            os.write(_STANDARD_ERROR, chunk)
            return
        self._held += chunk
        for jar in re.findall(rb"downloading \S+/(\S+\.jar)", chunk):
            _log.info("downloading %s, once; it is kept for later starts", jar.decode(errors="replace"))


def why_not_started(output: str, jars: str) -> str:
    """Return one line: why Spark did not start, judging by what it printed, and the remedy. `jars` are Maven coordinates."""
    lowered = output.lower()
    if "unresolved dependenc" in lowered or "failed downloads" in lowered or "download failed" in lowered:
        reason = re.search(r"\((?:java|javax)\.[\w.]*?(\w+Exception): ([^)\n]*)", output)
        because = f" ({reason[1]}: {reason[2][:120]})" if reason else ""
        return (
            f"cannot get {jars} from Maven Central{because}: needed once, then kept on this machine; allow the download, "
            "name a mirror's settings file as spark.jars.ivySettings, or give the files themselves as spark.jars"
        )
    return f"Spark did not start: {telling_line(output)}"


def telling_line(output: str) -> str:
    """Return the line of a Java program's output that most likely says what went wrong."""
    lines = [line.strip() for line in re.sub(r"(?m)^: ", "", output).splitlines() if not _NOISE.search(line)]
    causes = [line for line in lines if re.search(r"(Exception|Error)\b", line)]
    return redact_error(next(iter([*causes, *lines[-1:]]), "it said nothing"))
