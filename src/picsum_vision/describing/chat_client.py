"""What the questions of one task to a chat endpoint share: HTTP client, key, limits, what was learnt of the endpoint."""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any
from urllib.parse import urlsplit

from yarl import URL

from picsum_vision.concurrency.job import Lane
from picsum_vision.concurrency.limits import AdaptiveLimit
from picsum_vision.concurrency.loop_thread import LoopThread
from picsum_vision.concurrency.pace import Pace
from picsum_vision.concurrency.retry import RetryPolicy
from picsum_vision.concurrency.scheduler import LaneState
from picsum_vision.concurrency.silences import Silences
from picsum_vision.concurrency.told_pace import ToldPace
from picsum_vision.describing.api_key import Authorization
from picsum_vision.describing.backends import ChatCompletions
from picsum_vision.describing.chat_answer import NO_SUCH_ADDRESS
from picsum_vision.describing.chat_job import ChatJob
from picsum_vision.describing.chat_request import Dialect, completions_urls
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.job import MODEL_POOL
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.refusals import EndpointRefusals
from picsum_vision.describing.spending import Spending
from picsum_vision.describing.tasks import Task
from picsum_vision.describing.token_pace import QuestionPace, TokenClock, TokenEstimate, TokenPace, request_pace
from picsum_vision.options import DEFAULT_USER_AGENT, DescribeOptions
from picsum_vision.redaction import redact_url
from picsum_vision.transport.client import HttpClient, header_lines, http_client
from picsum_vision.transport.origin import HeaderLines, request_target

_CONNECT_TIMEOUT_S = 15
# So many requests of all tasks together, until an answer tells what the endpoint allows. Then, as a model takes seconds to
# answer and some milliseconds to refuse, their number doubles without waiting for each.
_AT_FIRST = 8
_DOUBLES_AFTER_S = 0.05


class ChatClient:
    """Makes the questions of one task."""

    def __init__(  # noqa: PLR0917 - all that a task has in common
        self,
        backend: ChatCompletions,
        task: Task,
        options: DescribeOptions,
        loop_thread: LoopThread,
        cpu: Executor,
        share: float,
        terms: JobTerms,
    ) -> None:
        """Read the key and take the process's HTTP client. Not to be called on the loop's own thread.

        `share` is the task's part of what is bounded in time.
        """
        self.backend = backend
        self.task = task
        self.options = options
        self.cpu = cpu
        self.targets = [request_target(URL(url)) for url in completions_urls(backend.base_url)]
        self.lane = Lane(MODEL_POOL, f"{urlsplit(backend.base_url).netloc} {backend.model}")
        self.retry = RetryPolicy(max_attempts=options.max_attempts, max_wait_s=options.max_retry_wait_s)
        self.rng = random.Random()  # noqa: S311 - jitter, no secret
        self.rule = image_token_rule(backend.model)
        self.prompt_tokens = text_tokens(task.full_prompt)
        self.estimate = TokenEstimate(options.max_output_tokens)
        self.spending = Spending(options, terms)
        self.key = Authorization(backend.api_key)
        self._lines_of: tuple[Mapping[str, str], HeaderLines] = ({}, ())
        self._at_first = max(1, round(_AT_FIRST * share))
        self.refusals = EndpointRefusals(terms, self._at_first, self.key.problem)
        self._loop_thread = loop_thread
        self.token_pace = self._token_pace(share)
        per_minute = options.requests_per_minute_total
        self._share = share
        requests = self._stated_pace(per_minute * self._share) if per_minute else self._told_pace()
        self.pace = QuestionPace(requests, self.token_pace)
        self.http, self.dialect, self.silences = loop_thread.run(self._open())

    def _token_pace(self, share: float) -> TokenPace | None:
        per_minute = self.options.tokens_per_minute_total
        if per_minute is None:
            return None
        side_px = self.options.max_image_side_px
        clock = self._loop_thread.keep(("tokens", self.lane, per_minute * share), TokenClock)
        return TokenPace(per_minute * share, self.estimate.total(self.prompt_tokens + self.rule.tokens(side_px, side_px)), clock)

    def _stated_pace(self, per_minute: float) -> Pace:
        """Return the process's pace: a later task does not begin with a request of its own before its time."""
        return self._loop_thread.keep(("stated pace", self.lane, per_minute), lambda: request_pace(per_minute))

    def _told_pace(self) -> ToldPace:
        """Return what the process knows of how often the endpoint may be asked; a later task goes on with it."""
        return self._loop_thread.keep(("pace", self.lane, self._share), lambda: ToldPace(self._share))

    async def _open(self) -> tuple[HttpClient, Dialect, Silences]:
        # The endpoint is the user's own setting: it may well be a private address.
        client = http_client(self._loop_thread, public_addresses_only=False, connect_timeout_s=_CONNECT_TIMEOUT_S)
        dialect = self._loop_thread.keep(("dialect", self.backend.base_url, self.backend.model), Dialect)
        return client, dialect, self._loop_thread.keep(("silences",), Silences)

    def header_lines(self, key_header: Mapping[str, str]) -> HeaderLines:
        """Return a request's header fields, with the one of the key as it is now."""
        if key_header is not self._lines_of[0]:
            fields = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": DEFAULT_USER_AGENT}
            self._lines_of = (key_header, header_lines({**fields, **key_header}))
        return self._lines_of[1]

    def job(self, number: int, image: Any) -> ChatJob:
        """Return the question about the image, the images or the address of row `number`."""
        return ChatJob(number, image, self)

    def cause(self, http_status: int, message: str | None, remedy: str) -> str:
        """Return on one line why the endpoint refuses every request, and what helps."""
        tried = ""
        if http_status in NO_SUCH_ADDRESS and len(self.targets) > 1:
            tried = ", tried with " + ", ".join(urlsplit(url).path for url in completions_urls(self.backend.base_url))
        address = f"{redact_url(self.backend.base_url)}{tried}"
        return f"{address}, model {self.backend.model!r}: refuses every request with HTTP {http_status} ({message}); {remedy}"

    def lane_state(self, lane: Lane) -> LaneState:
        """Return what the process knows of the endpoint's capacity."""
        most, start = self.options.max_in_flight_per_task, self._at_first
        timeout_s = self.options.request_timeout_s
        limit = self._loop_thread.keep(
            ("limit", lane, most, timeout_s),
            lambda: AdaptiveLimit(most, start=start, doubles_after_s=_DOUBLES_AFTER_S, timeout_s=timeout_s),
        )
        return LaneState(limit, self.pace)
