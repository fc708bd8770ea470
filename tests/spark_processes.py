"""The processes of a job, for tests that kill one."""

from __future__ import annotations

import psutil


def processes_of(driver_pid: int) -> dict[str, psutil.Process]:
    """Return the driver, its JVM and one of its Python workers, which are children of Spark's daemon."""
    driver = psutil.Process(driver_pid)
    children = driver.children(recursive=True)
    jvm = next(child for child in children if "java" in child.name())
    daemon = next(child for child in jvm.children() if "python" in child.name())
    return {"driver": driver, "jvm": jvm, "worker": daemon.children()[0]}
