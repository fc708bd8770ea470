"""The model's endpoint, asked from this process: for nothing, and on request with one tiny question."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Final

from picsum_vision.describing.backends import BatchChat, ChatBackend, ChatCompletions
from picsum_vision.describing.direct import describe_images
from picsum_vision.describing.model_list import ModelList, model_list
from picsum_vision.describing.tasks import Describe
from picsum_vision.diagnosis.finding import Case, Finding, Verdict, failure, ok, skipped, warning
from picsum_vision.images.tiny_picture import tiny_picture
from picsum_vision.options import DescribeOptions
from picsum_vision.outcomes import DescribeStatus
from picsum_vision.redaction import redact_url
from picsum_vision.validation import did_you_mean

TIMEOUT_S: Final = 15.0
_QUESTION_TIMEOUT_S: Final = 60.0
_MAX_OUTPUT_TOKENS: Final = 16
# The model was reached and answered, if only in part.
_ANSWERED: Final = frozenset({DescribeStatus.OK, DescribeStatus.EMPTY_ANSWER, DescribeStatus.CUT_OFF})


def check_endpoint(case: Case) -> Iterator[Finding]:
    """Ask the endpoint from this process for its models; with `ask_model` also one question, which settles it."""
    backend = case.config.backend
    if not isinstance(backend, ChatCompletions | BatchChat):
        yield skipped("endpoint", f"{type(backend).__name__} asks no endpoint of its own")
        return
    listed = finding_of("endpoint", model_list(backend, timeout_s=TIMEOUT_S), backend)
    if not case.ask_model:
        yield listed
        return
    asked = _asked(backend, case)
    # Gateways have models that they do not list: an answer settles it.
    if asked.verdict is Verdict.OK and listed.verdict is Verdict.FAILURE:
        listed = dataclasses.replace(listed, verdict=Verdict.WARNING)
    yield listed
    yield asked


def finding_of(name: str, listed: ModelList, backend: ChatBackend) -> Finding:
    """Return what a list of models, or why there is none, means for the job."""
    where = redact_url(backend.base_url)
    if listed.status is DescribeStatus.AUTH:
        return failure(name, f"{where} does not take the key: {listed.message}", _key_remedy(backend))
    if listed.status in (DescribeStatus.CONNECT, DescribeStatus.TIMEOUT):
        return failure(name, f"{where} cannot be reached: {listed.message}", f"curl -i {where}/models (--endpoint-url, firewall)")
    if listed.status is not DescribeStatus.OK:
        return warning(name, f"{where} answers with {listed.status.value}: {listed.message}", "picsum-vision doctor --ask-model")
    if listed.models is None:
        return warning(name, f"{where}: {listed.message}; whether it has {backend.model!r} is not known", "--ask-model asks")
    # Ollama's list adds `:latest`, Gemini's begins with `models/`.
    if {backend.model, f"{backend.model}:latest", f"models/{backend.model}"}.isdisjoint(listed.models):
        near = did_you_mean(backend.model, listed.models)
        have = ", ".join(listed.models[:5]) or "none"
        return failure(name, f"{where} has no model {backend.model!r}{near}", f"--model with one that it has: {have}")
    return ok(name, f"{where} answers, takes the key, and has {backend.model}")


def _asked(backend: ChatBackend, case: Case) -> Finding:
    name = "question"
    asked = ChatCompletions(backend.base_url, backend.model, api_key=backend.api_key)
    options = DescribeOptions(
        max_output_tokens=_MAX_OUTPUT_TOKENS,
        max_attempts=1,
        request_timeout_s=min(case.config.describe.request_timeout_s, _QUESTION_TIMEOUT_S),
    )
    (job,) = describe_images(asked, Describe(), options, [tiny_picture()])
    outcome = job.outcome
    assert outcome is not None  # noqa: S101 - a finished job has one
    if outcome.status in _ANSWERED:
        return ok(name, f"{backend.model} answers in {(outcome.elapsed_ms or 0) / 1_000:.1f} s")
    remedy = _key_remedy(backend) if outcome.status is DescribeStatus.AUTH else "--model, --endpoint-url"
    why = f"{outcome.status.value}: {outcome.message or 'no reason given'}"
    return failure(name, f"{backend.model} does not answer: {why}", remedy)


def _key_remedy(backend: ChatBackend) -> str:
    if backend.api_key is None:
        return "--api-key-env NAME, and export NAME=... where the workers run"
    if backend.api_key.source == "env":
        return f"export {backend.api_key.place}=... where the workers run, before Spark starts"
    return f"put a valid key at {backend.api_key}"
