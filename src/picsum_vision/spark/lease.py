"""The leases of a run: one run at a time writes to a table.

Each table that a run writes has a lease table beside it, `<table>_lease`: its row says who holds the table (run, machine,
process), its property `picsum_vision.lease` until when ("run:microseconds"). A run holds the leases of all its tables or none.

States of one lease: free -> held -> free. It is free where there is no lease table or no row in it, and where its holder gave it
back, ran out of time, or is a process of this machine that has ended; otherwise it is held.

Invariants
1. The row changes only by CREATE, or by a MERGE that still finds the owner that was read: of two at once one loses its commit.
2. Leases are claimed in one order, by name; who finds one held gives back those before it, and waits with none. So no two runs
   wait for each other, and of two that start at once the first table that they share decides.
3. The holder renews in the properties, which takes no task: while a pass runs, there may be no free slot. A claim cannot see a
   renewal, so whoever has claimed a lease that ran out looks for one, and gives the row back if the holder was awake after all.
   A holder whose renewal went in after its time was up reads the row, and stops if it is another's.
4. Before each commit the holder looks at the clock: who was suspended for longer than a lease lasts publishes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import TableProblem
from picsum_vision.spark.this_process import is_gone, machine_digest, process_mark
from picsum_vision.spark.threads import inheriting
from picsum_vision.sql_text import literal
from picsum_vision.table_columns import COLUMNS

if TYPE_CHECKING:
    from picsum_vision.spark.tables import TableStore

LASTS_S: Final = 120.0
_RENEWALS: Final = 4  # in the time that a lease lasts
_LOOK_AGAIN_S: Final = 2.0
_RENEW_AGAIN_S: Final = 3.0
_PROPERTY: Final = "picsum_vision.lease"
_COMMENT: Final = "Which run is at work on the table"
# Of Iceberg: each renewal writes its metadata anew.
_PROPERTIES: Final = "'write.metadata.delete-after-commit.enabled' = 'true', 'write.metadata.previous-versions-max' = '10'"
_MICROSECONDS: Final = 1_000_000
_interrupted: Final[set[str]] = set()  # runs of this process that have ended without giving back what they had


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who holds a lease: a run's id, None if it is free; until when by that run's clock, in microseconds; where it runs."""

    owner: str | None
    until_us: int
    machine: str | None
    process: str | None

    def is_free(self) -> bool:
        """Return whether the lease may be taken: it was given back, has run out, or its run here has ended."""
        return (
            self.owner is None or self.until_us < _now_us() or self.owner in _interrupted or is_gone(self.machine, self.process)
        )

    def values(self) -> dict[str, str]:
        """Return the row's values in SQL, by column."""
        texts = {"owner": self.owner, "machine": self.machine, "process": self.process}
        row = {name: "NULL" if text is None else literal(text) for name, text in texts.items()}
        return {"owner": row.pop("owner"), "until_us": f"{self.until_us}L", **row}

    def as_sql(self) -> str:
        """Return the row as SQL selects it."""
        return ", ".join(f"{value} AS {name}" for name, value in self.values().items())


NOBODY: Final = Holder(None, 0, None, None)


class TableLease:
    """The lease of one table, as one run sees it."""

    def __init__(self, store: TableStore, table: str, run_id: str) -> None:
        """Take the table's own name."""
        self._store = store
        self._run_id = run_id
        self._table = f"{table}_lease"
        self._name = store.name(self._table)
        self.readable = store.tables.readable(table)
        self.is_first = False  # whether no run has ever held it before

    def holder(self) -> Holder:
        """Return who has it now."""
        self._store.refresh(self._table)
        if not self._store.exists(self._table):
            return NOBODY
        rows = self._store.read(self._table).select("owner", "until_us", "machine", "process").collect()
        if not rows:
            return NOBODY
        owner, until_us, machine, process = rows[0]
        renewed_by, renewed_until_us = self._renewed()
        return Holder(owner, renewed_until_us if owner is not None and renewed_by == owner else until_us, machine, process)

    def claimed(self, until_us: int) -> bool:
        """Claim it if it is free; return whether this run has it now."""
        claim = Holder(self._run_id, until_us, machine_digest(), process_mark())
        before = self.holder()
        if before.owner == self._run_id:
            return True
        if not before.is_free():
            return False
        if before is NOBODY and not self._store.exists(self._table):
            return self._made(claim)
        self._replace(before, claim)
        if not self._is_ours() or self._is_late_for(before, claim):
            return False
        self._set_until(until_us)
        return True

    def renewed(self, until_us: int, *, held_until_us: int) -> bool:
        """Renew it; return False where another run has it.

        The row is read only where another's claim may be in it: that takes a task.
        """
        self._store.refresh(self._table)
        # A run that has lost it may have written the property once more: the row says whose it is.
        if self._renewed()[0] != self._run_id and not self._is_ours():
            return False
        self._set_until(until_us)
        return _now_us() <= held_until_us or self._is_ours()

    def give_back(self, *, surely_ours: bool = False) -> None:
        """Give back what is this run's, and leave another one's as it is."""
        if surely_ours or self._is_ours():
            self._set_until(0)

    def _is_ours(self) -> bool:
        return self.holder().owner == self._run_id

    def _renewed(self) -> tuple[str, int]:
        owner, _, until_us = self._store.properties(self._table).get(_PROPERTY, "").rpartition(":")
        return owner, int(until_us or 0)

    def _set_until(self, until_us: int) -> None:
        self._store.sql(self._table, f"ALTER TABLE {self._name} SET TBLPROPERTIES ({self._property(until_us)})")

    def _property(self, until_us: int) -> str:
        return f"{literal(_PROPERTY)} = {literal(f'{self._run_id}:{until_us}')}"

    def _replace(self, before: Holder, after: Holder) -> None:
        """Change the row, which still has to be the one of the run that was found in it; where it is missing put it back."""
        if before is NOBODY:
            statement = (
                f"MERGE INTO {self._name} AS t USING (SELECT {after.as_sql()}) AS s ON true WHEN NOT MATCHED THEN INSERT *"
            )
        else:
            # No MERGE: a session may forbid the join without a condition that it would be.
            owner = "NULL" if before.owner is None else literal(before.owner)
            row = ", ".join(f"{name} = {value}" for name, value in after.values().items())
            statement = f"UPDATE {self._name} SET {row} WHERE owner <=> {owner}"  # noqa: S608 - names and values are quoted
        self._store.sql(self._table, statement)

    def _is_late_for(self, before: Holder, claim: Holder) -> bool:
        """Return whether the run before was awake after all and renewed before the claim was in; it has its row back then."""
        renewed_by, until_us = self._renewed()
        awake = dataclasses.replace(before, until_us=until_us)
        if before.owner is None or renewed_by != before.owner or awake.is_free():
            return False
        self._replace(claim, awake)
        return True

    def _made(self, claim: Holder) -> bool:
        """Make the table with this run in it; of two that do so at once one finds it there already."""
        using = f"USING {self._store.using} " if self._store.using else ""
        properties = f"{_PROPERTIES}, {self._property(claim.until_us)}"
        try:
            self._store.sql(
                self._table,
                f"CREATE TABLE {self._name} {using}TBLPROPERTIES ({properties}) COMMENT {literal(_COMMENT)} "
                f"AS SELECT {claim.as_sql()}",
            )
        except Exception:
            if not self._store.exists(self._table):
                raise
            return self._is_ours()
        self.is_first = True
        return True


class Lease:
    """A run's claim to all tables that it writes; a context manager once it is taken."""

    def __init__(self, store: TableStore, run_id: str, *, others: Callable[[], set[str]] = set, lasts_s: float = LASTS_S) -> None:
        """Name the run; nothing is claimed yet.

        `others` returns tables of other jobs that it will write, too; that is sure once its own three are held.
        """
        self._store = store
        self._run_id = run_id
        self._others = others
        self._tables = {getattr(store.tables, role) for role in COLUMNS}
        self._leases: list[TableLease] = []
        self._lasts_s = lasts_s
        self._ended = threading.Event()
        self._until = 0  # by the last renewal of all, in microseconds
        self._lost: tuple[TableLease, Exception] | None = None
        self._one_at_a_time = threading.Lock()

    @property
    def is_first(self) -> bool:
        """Whether no run has ever had these tables before."""
        return all(lease.is_first for lease in self._leases)

    def take(self, *, wait: bool, say: Callable[[str], None] = lambda _: None) -> Lease:
        """Claim the tables; while another run holds one of them, wait, or raise TableProblem unless `wait`."""
        try:
            while (busy := self._claim_all()) is not None:
                _wait_for(busy, say if wait else None)
            self._renewing = threading.Thread(
                target=inheriting(self._store.spark, self._renew_until_ended), name="picsum-vision-lease", daemon=True
            )
            self._renewing.start()
        except BaseException as error:
            self._let_go(error)
            raise
        return self

    def _claim_all(self) -> TableLease | None:
        """Claim all; where one is another run's, give back those before it, and return it."""
        self._leases = [TableLease(self._store, table, self._run_id) for table in sorted(self._tables, key=str.casefold)]
        until_us = self._until_us()
        for lease in self._leases:
            if not lease.claimed(until_us):
                self._give_back_all()
                return lease
        if self._others() <= self._tables:
            self._until = until_us
            return None
        self._give_back_all()
        self._tables |= self._others()
        return self._claim_all()

    def _give_back_all(self) -> None:
        for lease in self._leases:
            lease.give_back()

    def _let_go(self, error: BaseException) -> None:
        """Leave nothing to wait for where a lease was claimed, or may have been, and the run does not come to hold them."""
        self._ended.set()
        if isinstance(error, Exception):
            with contextlib.suppress(Exception):
                self._give_back_all()
                return
        _interrupted.add(self._run_id)

    def check(self) -> None:
        """Raise TableProblem if another run has taken over, as from one that was asleep; to be called before each commit."""
        if self._lost is None and _now_us() > self._until:
            # Who slept through its lease looks before it goes on, for its own thread has slept, too.
            self._renew_or_lose()
        if self._lost is not None:
            lease, cause = self._lost
            raise TableProblem(
                f"{lease.readable}: this run could not renew its lease in time, and another one may be at work on this "
                f"table; start it again ({' '.join(str(cause).split())[:200]})"
            ) from cause

    def __enter__(self) -> None:
        """Hold it."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give all back; who is interrupted does not wait for that.

        They are free for this process then, and for others when this one ends.
        """
        self._ended.set()
        if kind is not None and not issubclass(kind, Exception):
            _interrupted.add(self._run_id)
            return
        self._renewing.join()
        try:
            for lease in self._leases:
                lease.give_back(surely_ours=self._lost is None)
        except Exception:
            _interrupted.add(self._run_id)
            # What has ended the run is what is to be told, and may be the reason: a JVM that is gone.
            if kind is None:
                raise

    def _renew_until_ended(self) -> None:
        wait_s = every_s = self._lasts_s / _RENEWALS
        while not self._ended.wait(wait_s) and self._lost is None:
            wait_s = every_s if self._renew_or_lose() else min(_RENEW_AGAIN_S, every_s)

    def _renew_or_lose(self) -> bool:
        """Renew all; return whether that went in. What keeps this run from it is told once the leases have run out."""
        with self._one_at_a_time:
            until_us = self._until_us()
            for lease in self._leases:
                try:
                    is_renewed = lease.renewed(until_us, held_until_us=self._until)
                except Exception as error:  # noqa: BLE001 - of whatever kind: it is tried again as long as they last
                    if _now_us() > self._until:
                        self._lost = lease, error
                    return False
                if not is_renewed:
                    self._lost = lease, TableProblem("another run holds it now")
                    return False
            self._until = until_us
            return True

    def _until_us(self) -> int:
        return _now_us() + int(self._lasts_s * _MICROSECONDS)


def holding_run(store: TableStore) -> str | None:
    """Return the run that has the lease of the images now, None if nobody has."""
    holder = TableLease(store, store.tables.image_codes, "").holder()
    return None if holder.is_free() else holder.owner


def _wait_for(busy: TableLease, say: Callable[[str], None] | None) -> None:
    """Wait until a lease is free; raise TableProblem where there is nobody to tell that."""
    told = False
    while not (holder := busy.holder()).is_free():
        if say is None:
            left_s = max(0, holder.until_us - _now_us()) // _MICROSECONDS
            raise TableProblem(
                f"{busy.readable}: run {holder.owner} is at work on this table, and its lease lasts {left_s} s more if it is not "
                "renewed; wait for it (when_busy='wait')"
            )
        if not told:
            say(f"{busy.readable}: run {holder.owner} is at work on this table; waiting for it")
            told = True
        time.sleep(_LOOK_AGAIN_S)


def _now_us() -> int:
    return time.time_ns() // 1_000
