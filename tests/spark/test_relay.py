"""A window that tasks hand on one to the other loses no row and doubles none."""

from __future__ import annotations

import uuid

import pyarrow as pa
import pyarrow.compute
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bridge import EchoStage, batches_of

from picsum_vision.spark import relay
from picsum_vision.spark.relay import READ_BY_COLUMN, Leg, relayed

VALUES = st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=12)


class Opened:
    """Counts how often its stage is opened."""

    def __init__(self, stage: EchoStage) -> None:
        """Give this stage."""
        self._stage = stage
        self.times = 0

    def open(self) -> EchoStage:
        """Return it."""
        self.times += 1
        return self._stage


@settings(max_examples=150)
@given(
    legs=st.lists(st.lists(VALUES, max_size=3), min_size=1, max_size=5),
    slots=st.integers(1, 6),
    shared=st.booleans(),
    seed=st.integers(0, 1_000),
)
def test_every_row_leaves_in_one_leg_and_the_last_one_hands_nothing_on(legs, slots, shared, seed):
    """However the rows are cut into legs, each leaves once with its own value, and no more than a window is handed on."""
    opened = Opened(EchoStage(slots=slots, look_ahead=slots + 3, shared=shared, seed=seed))
    relay_id, read, left = uuid.uuid4().hex, 0, []
    for number, leg in enumerate(legs):
        batches = [batch for batch in batches_of(leg) if batch.num_rows]
        offset = pa.scalar(1_000 * number)
        batches = [
            pa.RecordBatch.from_arrays([pa.compute.add(batch.column(0), offset), batch.column(1)], names=["row", "value"])
            for batch in batches
        ]
        read += sum(batch.num_rows for batch in batches)
        is_last = number == len(legs) - 1
        for batch in relayed(Leg(relay_id, number, is_last=is_last), opened, "value", iter(batches)):
            left += batch.to_pylist()
        carried = read - len(left)
        assert carried == 0 if is_last else carried <= slots or shared
    assert opened.times == 1
    assert relay_id not in relay._carried
    assert len({row["row"] for row in left}) == len(left) == read
    assert all(row["echo"] == row["value"] for row in left)
    # Whenever a row leaves, it says in which leg it was read.
    assert all(row[READ_BY_COLUMN] == f"{relay_id[:8]}/{row['row'] // 1_000}/0/0" for row in left)


def test_a_leg_that_breaks_takes_its_window_along():
    """Where a task ends by an error nothing is carried on, and the next leg begins with a window of its own."""
    relay_id = uuid.uuid4().hex
    first, second = Opened(EchoStage()), Opened(EchoStage())

    def broken():
        yield from batches_of([[1, 2, 3]])
        raise RuntimeError("the input broke")

    with pytest.raises(RuntimeError, match="broke"):
        list(relayed(Leg(relay_id, 1, is_last=False), first, "value", broken()))
    rows = list(relayed(Leg(relay_id, 2, is_last=True), second, "value", batches_of([[7]])))
    assert [batch.column("echo").to_pylist() for batch in rows] == [[7]]
    assert (first.times, second.times) == (1, 1)


def test_a_window_that_nobody_comes_for_is_closed(monkeypatch):
    """What a run that was ended has left in a process is let go of by a later run's task."""
    monkeypatch.setattr(relay, "_FORGOTTEN_AFTER_S", -1.0)
    forgotten = uuid.uuid4().hex
    list(relayed(Leg(forgotten, 1, is_last=False), Opened(EchoStage()), "value", batches_of([[1]])))
    assert forgotten in relay._carried
    list(relayed(Leg(uuid.uuid4().hex, 1, is_last=True), Opened(EchoStage()), "value", batches_of([[1]])))
    assert forgotten not in relay._carried


class OldBatch:
    """A batch as pyarrow 8 has it, which cannot append a column by itself."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Hide what is newer."""
        self._batch = batch

    def __getattr__(self, name: str) -> object:
        """Give what an old batch has."""
        if name == "append_column":
            raise AttributeError(name)
        return getattr(self._batch, name)


def test_a_row_says_who_has_read_it_with_the_oldest_pyarrow():
    """The mark stands behind the input's columns, which keep their types and what is said of them, with pyarrow 8 too."""
    schema = pa.schema([pa.field("row", pa.int32(), metadata={"about": "rows"})], metadata={"about": "all"})
    batch = pa.RecordBatch.from_arrays([pa.array([1, 2], pa.int32())], schema=schema)
    (read,) = relay._read_by(Leg("0123456789", 3, is_last=False), iter([OldBatch(batch)]))
    assert read.schema.equals(schema.append(pa.field(READ_BY_COLUMN, pa.string())), check_metadata=True)
    assert read.to_pydict() == {"row": [1, 2], READ_BY_COLUMN: ["01234567/3/0/0"] * 2}
