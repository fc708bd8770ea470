"""What earlier runs, or other tasks of this one, have submitted already: found on the endpoint, never submitted again."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from picsum_vision.describing.backends import BatchChat
from picsum_vision.describing.batch_api import BatchApi
from picsum_vision.describing.batch_lines import Line, shards
from picsum_vision.describing.batch_notes import BatchNotes
from picsum_vision.describing.batch_results import ResultSpool, custom_id_of, read_result
from picsum_vision.describing.batch_told import BatchCallFailed, BatchTold

JOB: Final = "picsum_vision_job"
QUESTION: Final = "picsum_vision_question"
SHARD: Final = "picsum_vision_shard"
BUCKET: Final = "picsum_vision_bucket"
# Endpoints keep results for 30 days.
_LOOK_BACK_S: Final = 31 * 86_400
_OWN_LINE: Final = b'{"custom_id":"'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Earlier:
    """Batches that are under way and hold lines of ours, by their number in the file, and whether the endpoint has a list."""

    running: Sequence[tuple[BatchTold, Mapping[int, str]]]
    can_list: bool


class EarlierBatches:
    """Looks for one task's lines in the batches of its job.

    Which lines a batch has is known from its metadata where it was made of the same lines as one of this task would be, from
    the notes, or from its files. A batch whose metadata says that it is of another bucket of rows is left alone.
    """

    def __init__(
        self, api: BatchApi, notes: BatchNotes, backend: BatchChat, *, question: str, buckets: Collection[int], of_buckets: int
    ) -> None:
        """Look for what was asked by `question`, about rows of `buckets` among `of_buckets`."""
        self._api = api
        self._notes = notes
        self._backend = backend
        self._question = question
        self._buckets = set(buckets)
        self._of_buckets = of_buckets

    def metadata(self, digest: str) -> dict[str, str]:
        """Return what a batch of ours says of itself."""
        told = {JOB: self._backend.job, QUESTION: self._question, SHARD: digest}
        if len(self._buckets) == 1:
            told[BUCKET] = f"{next(iter(self._buckets))}/{self._of_buckets}"
        return told

    async def find(self, lines: Mapping[str, Line], results: ResultSpool) -> Earlier:
        """Put answers that are there into `results`, and return what is under way.

        Raises BatchCallFailed: nothing is known then, and nothing may be submitted.
        """
        notes = await asyncio.to_thread(self._notes.read)
        batches, can_list = await self._batches(notes)
        own = {shard.digest(): shard.ids for shard in shards(lines.values(), self._backend)}
        running: list[tuple[BatchTold, Mapping[int, str]]] = []
        taken: set[str] = set()
        for batch in sorted(batches, key=lambda each: not each.has_ended):
            ids = own.get(batch.metadata.get(SHARD, "")) or notes.get(batch.id)
            missing = {custom_id for custom_id in lines if custom_id not in results and custom_id not in taken}
            if batch.status == "failed" or not missing or (ids is not None and missing.isdisjoint(ids)):
                continue
            if batch.has_ended:
                await self._take_answers(batch, missing, results)
                continue
            ids = await self._ids_of_input(batch) if ids is None else ids
            mine = {number: custom_id for number, custom_id in enumerate(ids, 1) if custom_id in missing}
            if mine:
                running.append((batch, mine))
                taken.update(mine.values())
        return Earlier(running=running, can_list=can_list)

    async def _batches(self, notes: Collection[str]) -> tuple[list[BatchTold], bool]:
        try:
            listed, can_list = await self._api.batches(time.time() - _LOOK_BACK_S), True
        except BatchCallFailed as failed:
            if not failed.is_not_there:
                raise
            if self._backend.state is None:
                message = f"the endpoint cannot list its batches ({failed.message}); it needs BatchChat(..., state=FOLDER)"
                raise BatchCallFailed(failed.status, message, failed.http_status) from failed
            listed, can_list = [], False
        found = [batch for batch in listed if self._may_hold_ours(batch)]
        for batch_id in set(notes) - {batch.id for batch in listed}:
            found += await self._noted(batch_id)
        return found, can_list

    async def _noted(self, batch_id: str) -> list[BatchTold]:
        try:
            return [await self._api.batch(batch_id)]
        except BatchCallFailed as failed:
            if not failed.is_not_there:
                raise
            return []  # forgotten by the endpoint

    def _may_hold_ours(self, batch: BatchTold) -> bool:
        told = batch.metadata
        if (told.get(JOB), told.get(QUESTION)) != (self._backend.job, self._question):
            return False
        bucket, _, of_buckets = told.get(BUCKET, "").partition("/")
        return of_buckets != str(self._of_buckets) or bucket in {str(each) for each in self._buckets}

    async def _take_answers(self, batch: BatchTold, missing: Collection[str], results: ResultSpool) -> None:
        for file_id in batch.result_file_ids:
            await self._take_from_file(file_id, missing, results)

    async def _take_from_file(self, file_id: str, missing: Collection[str], results: ResultSpool) -> None:
        def take(raw: bytes) -> None:
            custom_id = custom_id_of(raw)
            if custom_id in missing and read_result(raw).is_paid:
                results.add(str(custom_id), raw)

        try:
            await self._api.read_lines(file_id, take)
        except BatchCallFailed as failed:
            if not failed.is_not_there:  # deleted or expired: what was in it can only be asked again
                raise

    async def _ids_of_input(self, batch: BatchTold) -> list[str]:
        ids: list[str] = []

        def take(raw: bytes) -> None:
            # Nothing but the id is wanted of what may be a megabyte of picture.
            of_ours = raw.startswith(_OWN_LINE)
            ids.append(raw[len(_OWN_LINE) : raw.index(b'"', len(_OWN_LINE))].decode() if of_ours else custom_id_of(raw) or "")

        await self._api.read_lines(batch.input_file_id or "unknown", take, anew=ids.clear)
        return ids
