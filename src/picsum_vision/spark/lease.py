"""The lease of one set of tables: one run at a time works on them.

A table of one row says who holds it; only an UPDATE that still finds the holder it has read may change that, and of two at once
one loses its commit. The holder renews the lease in the table's properties, which takes no task: while a pass runs, there may be
no free slot.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import TableProblem
from picsum_vision.spark.this_process import is_gone, machine_digest, process_mark
from picsum_vision.sql_text import literal

if TYPE_CHECKING:
    from picsum_vision.spark.tables import TableStore

LASTS_S: Final = 120.0
_RENEWALS: Final = 4  # in the time that a lease lasts
_LOOK_AGAIN_S: Final = 2.0
_RENEW_AGAIN_S: Final = 3.0
_PROPERTY: Final = "picsum_vision.lease"
_COMMENT: Final = "Which run is at work on the tables"
# Of Iceberg: each renewal writes its metadata anew.
_PROPERTIES: Final = "'write.metadata.delete-after-commit.enabled' = 'true', 'write.metadata.previous-versions-max' = '10'"
_MICROSECONDS: Final = 1_000_000
_interrupted: Final[set[str]] = set()  # runs of this process that were ended by Ctrl-C, or while they took the lease


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds the lease: a run's id, None if it is free; until when by that run's clock, in microseconds; where it runs."""

    owner: str | None
    until_us: int
    machine: str | None
    process: str | None

    def is_free(self) -> bool:
        """Return whether the lease may be taken: it was given back, has run out, or its run here has ended."""
        return (
            self.owner is None or self.until_us < _now_us() or self.owner in _interrupted or is_gone(self.machine, self.process)
        )

    def as_sql(self, until_us: int) -> dict[str, str]:
        """Return the table's row."""
        texts = {"owner": self.owner, "machine": self.machine, "process": self.process}
        row = {name: "NULL" if text is None else literal(text) for name, text in texts.items()}
        return {"owner": row.pop("owner"), "until_us": f"{until_us}L", **row}


NOBODY: Final = Holder(None, 0, None, None)  # where somebody has deleted the table's row


class Lease:
    """A run's claim to its tables; a context manager once it is taken."""

    def __init__(self, store: TableStore, run_id: str, *, lasts_s: float = LASTS_S) -> None:
        """Name the run; nothing is claimed yet."""
        self._store = store
        self._run_id = run_id
        self._lasts_s = lasts_s
        self.is_first = False  # whether no run has ever had these tables before
        self._table = f"{store.tables.image_codes}_lease"
        self._ended = threading.Event()
        self._until = 0  # by the last renewal that went in, in microseconds
        self._lost: Exception | None = None
        self._one_at_a_time = threading.Lock()
        self._renewing = threading.Thread(target=self._renew_until_ended, name="picsum-vision-lease", daemon=True)

    def take(self, *, wait: bool, say: Callable[[str], None] = lambda _: None) -> Lease:
        """Claim the tables; while another run holds them, wait, or raise TableProblem unless `wait`."""
        try:
            self._claim_when_free(wait=wait, say=say)
            self._renew()
            self._renewing.start()
        except BaseException as error:
            self._let_go(error)
            raise
        return self

    def _claim_when_free(self, *, wait: bool, say: Callable[[str], None]) -> None:
        told = False
        while not self._claimed():
            holder = self._holder()
            if not wait and not holder.is_free():
                raise TableProblem(self._busy(holder))
            if not told:
                say(f"run {holder.owner} is at work on these tables; waiting for it")
                told = True
            time.sleep(_LOOK_AGAIN_S)

    def _let_go(self, error: BaseException) -> None:
        """Leave nothing to wait for where the lease was claimed, or may have been, and the run does not come to hold it."""
        self._ended.set()
        if not (isinstance(error, Exception) and self._has_given_back()):
            _interrupted.add(self._run_id)

    def _has_given_back(self) -> bool:
        """Give back what is this run's, and leave another one's as it is; return whether the catalog has answered."""
        with contextlib.suppress(Exception):
            if self._is_in_the_row():
                self._set_until(0)
            return True
        return False

    def _is_in_the_row(self) -> bool:
        return self._holder().owner == self._run_id

    def holding_run(self) -> str | None:
        """Return the run that has the lease now, None if nobody has."""
        if not self._store.exists(self._table):
            return None
        holder = self._holder()
        return None if holder.is_free() else holder.owner

    def check(self) -> None:
        """Raise TableProblem if another run has taken over, as from one that was asleep; to be called before each commit."""
        if self._lost is None and _now_us() > self._until:
            # Who slept through its lease looks before it goes on, for its own thread has slept, too.
            self._renew_or_lose()
        if self._lost is not None:
            raise TableProblem(
                f"{self._readable}: this run could not renew its lease in time, and another one may be at work on these "
                f"tables; start it again ({' '.join(str(self._lost).split())[:200]})"
            ) from self._lost

    def __enter__(self) -> None:
        """Hold it."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give it back; who is interrupted does not wait for that.

        It is free for this process then, and for others when this one ends.
        """
        self._ended.set()
        if kind is not None and not issubclass(kind, Exception):
            _interrupted.add(self._run_id)
            return
        self._renewing.join()
        if self._lost is not None:
            return
        try:
            self._set_until(0)
        except Exception:
            # What has ended the run is what is to be told, and may be the reason: a JVM that is gone.
            if kind is None:
                raise

    @property
    def _readable(self) -> str:
        return self._store.tables.readable("image_codes")

    def _busy(self, holder: Holder) -> str:
        left_s = max(0, holder.until_us - _now_us()) // _MICROSECONDS
        return (
            f"{self._readable}: run {holder.owner} is at work on these tables, and its lease lasts {left_s} s more if it is not "
            "renewed; wait for it (when_busy='wait')"
        )

    def _claimed(self) -> bool:
        if not self._store.exists(self._table):
            return self._made()
        holder = self._holder()
        if not holder.is_free():
            return False
        if holder is NOBODY:
            self._add_row()
            return self._is_in_the_row()
        self._update(self._claim, found=holder.owner)
        return self._is_in_the_row() and not self._is_late_for(holder)

    def _update(self, values: Mapping[str, str], *, found: str | None) -> None:
        """Change the row, which still has to be the one of the run that was found in it."""
        row = ", ".join(f"{name} = {value}" for name, value in values.items())
        still = "owner IS NULL" if found is None else f"owner = {literal(found)}"
        self._store.sql(self._table, f"UPDATE {self._store.name(self._table)} SET {row} WHERE {still}")  # noqa: S608 - escaped

    def _is_late_for(self, before: Holder) -> bool:
        """Return whether the run before was awake after all and renewed before the claim was in; it has its row back then.

        The row does not say so, for renewals stand in the properties. Who renews later than this looks at the row.
        """
        renewed_by, until_us = self._renewed()
        if before.owner is None or renewed_by != before.owner or dataclasses.replace(before, until_us=until_us).is_free():
            return False
        self._update(before.as_sql(until_us), found=self._run_id)
        return True

    def _add_row(self) -> None:
        """Put the row back; of two that do so at once one loses its commit, and then finds a row."""
        row = ", ".join(f"{value} AS {name}" for name, value in self._claim.items())
        self._store.sql(
            self._table,
            f"MERGE INTO {self._store.name(self._table)} AS t USING (SELECT {row}) AS s ON true WHEN NOT MATCHED THEN INSERT *",
        )

    @property
    def _claim(self) -> dict[str, str]:
        return Holder(self._run_id, 0, machine_digest(), process_mark()).as_sql(self._until_us())

    def _made(self) -> bool:
        """Make the table with this run in it; of two that do so at once one finds it there already."""
        using = f"USING {self._store.using} " if self._store.using else ""
        row = ", ".join(f"{value} AS {name}" for name, value in self._claim.items())
        try:
            self._store.sql(
                self._table,
                f"CREATE TABLE {self._store.name(self._table)} {using}"
                f"TBLPROPERTIES ({_PROPERTIES}) COMMENT {literal(_COMMENT)} AS SELECT {row}",
            )
        except Exception:
            if not self._store.exists(self._table):
                raise
            return self._holder().owner == self._run_id
        self.is_first = True
        return True

    def _holder(self) -> Holder:
        self._store.refresh(self._table)
        rows = self._store.read(self._table).select("owner", "until_us", "machine", "process").collect()
        if not rows:
            return NOBODY
        owner, until_us, machine, process = rows[0]
        renewed_by, renewed_until_us = self._renewed()
        return Holder(owner, renewed_until_us if owner is not None and renewed_by == owner else until_us, machine, process)

    def _renewed(self) -> tuple[str, int]:
        owner, _, until_us = self._store.properties(self._table).get(_PROPERTY, "").rpartition(":")
        return owner, int(until_us or 0)

    def _renew_until_ended(self) -> None:
        wait_s = every_s = self._lasts_s / _RENEWALS
        while not self._ended.wait(wait_s) and self._lost is None:
            wait_s = every_s if self._renew_or_lose() else min(_RENEW_AGAIN_S, every_s)

    def _renew_or_lose(self) -> bool:
        """Renew; return whether that went in. What keeps this run from it is told once the lease has run out."""
        with self._one_at_a_time:
            try:
                self._store.refresh(self._table)
                # A run that has lost it may have written the property once more: the row says whose it is.
                is_ours = self._renewed()[0] == self._run_id or self._is_in_the_row()
                if not (is_ours and self._renewed_in_time()):
                    self._lost = TableProblem("another run holds it now")
                    return False
            except Exception as error:  # noqa: BLE001 - of whatever kind: it is tried again as long as the lease lasts
                if _now_us() > self._until:
                    self._lost = error
                return False
            return True

    def _renewed_in_time(self) -> bool:
        """Renew; return False where the lease had run out before that was in, and another run has claimed it meanwhile.

        Only then the row is read: that takes a task, and while a pass runs there may be no free slot for one.
        """
        until_us = self._until_us()
        self._set_until(until_us)
        if _now_us() > self._until and not self._is_in_the_row():
            return False
        self._until = until_us
        return True

    def _renew(self) -> None:
        until_us = self._until_us()
        self._set_until(until_us)
        self._until = until_us

    def _set_until(self, until_us: int) -> None:
        value = literal(f"{self._run_id}:{until_us}")
        self._store.sql(
            self._table, f"ALTER TABLE {self._store.name(self._table)} SET TBLPROPERTIES ({literal(_PROPERTY)} = {value})"
        )

    def _until_us(self) -> int:
        return _now_us() + int(self._lasts_s * _MICROSECONDS)


def _now_us() -> int:
    return time.time_ns() // 1_000
