"""`max_cost_total` is passed by one request at most."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from asking import ask, outcome, picture, statuses
from batching import ask_in_batches, backend, words
from hypothesis import given
from hypothesis import strategies as st
from scripted_endpoint import ANSWER, scripted_endpoint

from picsum_vision import ChatCompletions, DescribeOptions
from picsum_vision.describing.job_terms import JobTerms
from picsum_vision.describing.spending import Spending, cost
from picsum_vision.testing.model_server import Latency, ModelFault, ModelServer

MODEL = "test-vision"
PRICES: dict[str, Any] = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 4_000.0}
ONE_A_TOKEN: dict[str, Any] = {"input_price_per_million_tokens": 1e6, "output_price_per_million_tokens": 1e6}


@dataclasses.dataclass
class Endpoint:
    """Bills images with any prices.

    A request that is not the job's first answer costs no more than `dearer` times what was the worst price when it was sent.
    """

    dearer: float
    billed: float = 0.0
    largest: float = 0.0

    def bill(self, price: int, spending: Spending, told: int) -> int:
        """Return what a request costs that is sent now."""
        price = price if not told else max(1, min(price, int(self.dearer * spending.worst)))
        self.billed += price
        self.largest = max(self.largest, price)
        return price


Row = tuple[int, int, str, int]  # estimated input tokens, real tokens, what becomes of it, how many turns it takes
ROWS = st.lists(
    st.tuples(
        st.integers(1, 2_000),
        st.integers(1, 100_000),
        st.sampled_from(("told", "told", "told", "timeout", "refused")),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=40,
)


async def run_chunk(endpoint: Endpoint, rows: list[Row], left: float, terms: JobTerms, in_flight: int) -> tuple[float, JobTerms]:
    """Ask about a chunk's rows, and return what it has spent and the next chunk's terms."""
    options = DescribeOptions(max_cost_total=left, max_output_tokens=1, **ONE_A_TOKEN)
    spending = Spending(options, terms)
    slots, spent, told = asyncio.Semaphore(in_flight), [0.0], [terms.told]

    async def request(row: Row) -> None:
        estimate, price, fate, turns = row
        async with slots:
            if not await spending.reserve(estimate):
                return
            if fate == "refused":
                spending.settle_failed(may_be_billed=False)
                return
            # A timeout before any price is known tells nothing: it may cost what it was estimated at.
            real = endpoint.bill(price if told[0] or fate == "told" else estimate, spending, told[0])
            for _ in range(turns):
                await asyncio.sleep(0)
            if fate == "timeout":
                spent[0] += spending.settle_failed(may_be_billed=True)
            else:
                spent[0] += spending.settle_told(estimate, (real, 0))
                told[0] += 1

    await asyncio.gather(*map(request, rows))
    return spent[0], JobTerms(dearest=spending.worst, told=told[0])


def run_job(endpoint: Endpoint, chunks: list[list[Row]], bound: float, in_flight: int) -> None:
    """Ask about all chunks, one after the other, each with what the ones before it have left and learnt."""
    terms, left = JobTerms(), bound
    for rows in chunks:
        if left <= 0:
            return
        spent, terms = asyncio.run(run_chunk(endpoint, rows, left, terms, in_flight))
        left -= spent


@given(chunks=st.lists(ROWS, min_size=1, max_size=4), bound=st.integers(1, 300_000), in_flight=st.integers(2, 16))
def test_the_bound_is_passed_by_one_request_at_most(chunks: list[list[Row]], bound: int, in_flight: int) -> None:
    """Over chunks, retries and timeouts, with any first price and later ones up to twice the dearest before."""
    endpoint = Endpoint(dearer=2.0)
    run_job(endpoint, chunks, bound, in_flight)
    assert endpoint.billed <= bound + endpoint.largest


@given(rows=st.lists(ROWS, min_size=1, max_size=4), bound=st.integers(1, 300_000))
def test_one_at_a_time_any_price_passes_it_once(rows: list[list[Row]], bound: int) -> None:
    """With one request in flight images may cost whatever they will."""
    endpoint = Endpoint(dearer=1e9)
    run_job(endpoint, [[row for row in chunk if row[2] != "timeout"] for chunk in rows], bound, 1)
    assert endpoint.billed <= bound + endpoint.largest


@given(rows=ROWS)
def test_what_fits_is_asked(rows: list[Row]) -> None:
    """A bound with room for all at twice the worst price refuses none, and one without room for the first asks none."""
    endpoint = Endpoint(dearer=2.0)
    asyncio.run(run_chunk(endpoint, rows, 1e12, JobTerms(), 8))
    assert (endpoint.billed > 0) == any(fate != "refused" for _, _, fate, _ in rows)
    endpoint = Endpoint(dearer=2.0)
    asyncio.run(run_chunk(endpoint, rows, 1.0, JobTerms(), 8))
    assert endpoint.billed == 0


@pytest.mark.parametrize("requests", [1, 6, 42])
@pytest.mark.parametrize("tokens", [25, 400, 10_000])
def test_an_endpoint_that_is_dearer_than_estimated(requests: int, tokens: int) -> None:
    """Whatever an image costs beside its estimate, the sum of the answers is at most the bound and one request."""
    usage = {"prompt_tokens": tokens, "completion_tokens": 10}
    price = cost(DescribeOptions(**PRICES), tokens, 10) or 0.0
    bound = max(requests * price, 0.5)
    with scripted_endpoint([(200, {**ANSWER, "usage": usage})]) as (chat, asked):
        jobs = ask(chat, [picture(number) for number in range(60)], max_cost_total=bound, max_output_tokens=20, **PRICES)
    assert len(asked) * price <= bound + price
    assert statuses(jobs).count("ok") == len(asked)
    assert set(statuses(jobs)) <= {"ok", "budget"}


def test_images_that_become_dearer() -> None:
    """Later images at four times the price of the first ones pass the bound by one request at most."""
    answers = [
        (200, {**ANSWER, "usage": {"prompt_tokens": 400 if number < 8 else 1_600, "completion_tokens": 1}})
        for number in range(60)
    ]
    with scripted_endpoint(answers) as (chat, asked):
        ask(chat, [picture(number) for number in range(60)], max_cost_total=12.0, max_output_tokens=1, **PRICES)
    spent = sum(0.404 if number < 8 else 1.604 for number in range(len(asked)))
    assert 9.0 < spent <= 12.0 + 1.604


def test_the_budget_is_used() -> None:
    """Rows beyond max_cost_total get `budget` unasked; what the server billed is at most the budget, and near it."""
    images = [picture(number) for number in range(60)]
    budget = 20.0
    with ModelServer(latency=Latency(mean_s=0.05)) as server:
        found = statuses(
            ask(ChatCompletions(server.base_url, MODEL), images, max_cost_total=budget, max_output_tokens=100, **PRICES)
        )
        stats = server.stats()
    billed = cost(DescribeOptions(**PRICES), stats["tokens"]["prompt"], stats["tokens"]["completion"]) or 0.0
    dearest = 1.0
    assert set(found) == {"ok", "budget"}
    assert stats["requests"] == found.count("ok")
    assert budget - dearest <= billed <= budget


def test_a_budget_holds_where_no_usage_is_told() -> None:
    """An endpoint that states no usage is counted with the most that a question may cost."""
    with ModelServer(quirks=["no_usage"]) as server:
        images = [picture(n) for n in range(40)]
        jobs = ask(ChatCompletions(server.base_url, MODEL), images, max_cost_total=10.0, max_output_tokens=100, **PRICES)
        stats = server.stats()
    billed = cost(DescribeOptions(**PRICES), stats["tokens"]["prompt"], stats["tokens"]["completion"]) or 0.0
    assert set(statuses(jobs)) == {"ok", "budget"}
    assert 0 < billed <= 10.0
    assert all(outcome(job).input_tokens is None for job in jobs)


def test_a_refused_question_costs_nothing() -> None:
    """Errors give back what was reserved for them, so that a budget for all rows is enough when many are refused first."""
    with ModelServer(faults=[ModelFault("server_error", times=1, share=0.5)]) as server:
        images = [picture(n) for n in range(12)]
        jobs = ask(ChatCompletions(server.base_url, MODEL), images, max_cost_total=10.0, max_output_tokens=100, **PRICES)
    assert statuses(jobs) == ["ok"] * 12


def test_timeouts_may_be_billed() -> None:
    """A request without an answer counts at twice the worst price, each attempt of it."""
    with ModelServer(faults=[ModelFault("hang", times=2)]) as server:
        (job,) = ask(
            ChatCompletions(server.base_url, MODEL),
            [picture(1)],
            max_cost_total=100.0,
            request_timeout_s=0.2,
            max_attempts=3,
            **PRICES,
        )
    price = cost(DescribeOptions(**PRICES), outcome(job).input_tokens, outcome(job).output_tokens) or 0.0
    assert outcome(job).attempts == 3
    assert job.spent >= 5 * price


def test_a_batch_begins_with_one_line() -> None:
    """Lines of batches reserve as requests do: the first one goes alone, and the bound at the batch's price is used and kept."""
    with ModelServer() as server:
        cheap = {"input_price_per_million_tokens": 1_000.0, "output_price_per_million_tokens": 0.0}
        images = [picture(number) for number in range(40)]
        answers = ask_in_batches(backend(server.base_url), images, max_cost_total=4.0, **cheap)
        stats = server.stats()
    billed = 0.5 * stats["tokens"]["prompt"] / 1_000
    assert {*words(answers)} == {"ok", "budget"}
    assert stats["batches_created"] > 2
    assert 3.5 < billed <= 4.0
