"""Messages have no query string of an address: that of a signed one is a key."""

from __future__ import annotations

import json

import pytest

from picsum_vision import Extract
from picsum_vision.describing.chat_answer import error_message, read_answer
from picsum_vision.describing.tasks import BadAnswer
from picsum_vision.describing.typed_answer import typed_answer
from picsum_vision.redaction import redact_text

SIGNED = "https://host.example/a/b.jpg?X-Amz-Signature=planted&x=1#planted"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("no address at all? none", "no address at all? none"),
        (f"Failed to fetch {SIGNED}: 403", "Failed to fetch https://host.example/a/b.jpg 403"),
        (f'{{"url": "{SIGNED}", "n": 1}}', '{"url": "https://host.example/a/b.jpg", "n": 1}'),
        ("s3://bucket/key?versionId=planted, gs://b/k", "s3://bucket/key gs://b/k"),
        ("https://host/a?expires=10:30;12,5&signature=(planted) next", "https://host/a next"),
        ("HTTPS://HOST/?planted", "HTTPS://HOST/"),
        (r"https:\/\/host\/a?planted=1\u0026b=2 next", r"https:\/\/host\/a next"),
        ("(see https://host/a?planted)", "(see https://host/a"),
    ],
)
def test_an_address_keeps_its_path_only(text: str, plain: str) -> None:
    """What stands behind `?` or `#` is left out up to the next space or quote, for a query may have any other mark."""
    assert redact_text(text) == plain


def test_no_message_shows_a_signature() -> None:
    """Neither what an endpoint says of an address that it could not fetch, nor what a model wrote instead of an answer."""
    told = json.dumps({"error": {"message": f"Failed to download {SIGNED}"}}).encode()
    assert error_message(told) == "Failed to download https://host.example/a/b.jpg"
    said = json.dumps({"choices": [{"message": {"content": f"see {SIGNED}", "refusal": None}}]}).encode()
    answer, _ = typed_answer(read_answer(said), Extract("a INT"))
    assert answer.message == "answer is None, not an object; the answer was: see https://host.example/a/b.jpg"
    wrong = BadAnswer(f"answer.a is '{SIGNED}'")
    assert "planted" not in wrong.with_raw("")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([{"error": {"code": 404, "message": "models/x is not found"}}], "models/x is not found"),
        ({"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}, "body.model: Field required"),
        ({"detail": "Not Found"}, "Not Found"),
        ({"message": "no such route"}, "no such route"),
    ],
)
def test_errors_are_told_in_their_own_words(body: object, words: str) -> None:
    """Gemini wraps its error in a list, FastAPI lists what is wrong with the request."""
    assert error_message(json.dumps(body).encode()) == words
