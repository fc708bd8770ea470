"""What is secret is taken out of what others say, of URLs, and of data that are shared."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from picsum_vision.diagnosis.finding import failure
from picsum_vision.errors import PicsumVisionError
from picsum_vision.redaction import (
    HIDDEN,
    Redactor,
    cause,
    holds_secret,
    redact_text,
    redact_traceback,
    redact_url,
    shareable,
    shareable_json,
    without_login,
)

# Nothing that can be part of a key.
around = st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x2FF), max_size=5)
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60)
WAYS: list[Callable[[str], str]] = [
    str,
    json.dumps,
    lambda text: json.dumps(text).replace("/", "\\/"),
    lambda text: quote(text, safe=""),
    quote,
    html.escape,
]


@given(key=keys, before=around, after=around, way=st.sampled_from(WAYS))
def test_no_way_of_writing_shows_the_key(key: str, before: str, after: str, way: Callable[[str], str]) -> None:
    """Whatever stands around it, the key is gone in plain, JSON, URL and HTML, and what stood around is still there."""
    body = before.encode() + way(key).encode() + after.encode()
    hidden = Redactor(key).body(body)
    assert HIDDEN.encode() in hidden
    assert way(key).strip('"').encode() not in hidden
    assert hidden.startswith(before.encode())
    assert hidden.endswith(after.encode())


@given(key=keys, before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_base64_does_not_show_the_key(key: str, before: bytes, after: bytes) -> None:
    """A header in base64, as Basic authentication writes it, gives no more of the key away than its first and last letter."""
    hidden = Redactor(key).body(base64.b64encode(before + key.encode() + after))
    assert HIDDEN.encode() in hidden
    # Two letters at each end belong to what stands around as well.
    assert len(hidden.rstrip(b"=")) - len(HIDDEN) <= 4 * len(before + after) / 3 + 4


@pytest.mark.parametrize("key", [None, "EMPTY", "none", "dummy-key"])
def test_a_placeholder_is_no_key(key: str | None) -> None:
    """A short word that stands where servers want any key may well be in an answer, and stays there."""
    body = f"the box is {key}".encode()
    assert Redactor(key).body(body) == body


SECRET = "Plant3d"  # noqa: S105 - of nobody
odd = st.text("abcXYZ019%:/?#[]@!$&()*+,;=.~_-|^`{}\\ '\"<>é\t", max_size=8)
hosts = st.sampled_from(["host.example", "host.example:8080", "[2001:db8::1]:443", "10.0.0.1"])
signed = st.sampled_from(
    ["X-Amz-Signature", "sig", "Signature", "token", "access_token", "se", "hmac", "Policy", "x", "st", "code"]
)


@given(before=odd, after=odd, host=hosts, scheme=st.sampled_from(["http", "https", "HTTPS", "ftp", "s3a", "postgresql+psycopg2"]))
def test_no_login_of_a_url_is_shown(before: str, after: str, host: str, scheme: str) -> None:
    """Whatever signs a password has, also those that end a host, a URL that is a whole value shows neither it nor its user."""
    assume(not re.match(r"\d+[/?#\\]", before + SECRET))  # then it is a port
    url = f"{scheme}://us{SECRET}er:{before}{SECRET}{after}x@{host}/a/b.jpg"
    for shown in (redact_url(url), shareable(url), shareable([{"a": url}])[0]["a"], without_login(url)):
        assert SECRET not in shown
        assert shown.startswith(f"{scheme}://")
        assert shown.endswith("/a/b.jpg")
    assert holds_secret(url)


@given(name=signed, value=odd, before=odd, host=hosts, fragment=st.sampled_from(["", "#a", f"#access_token={SECRET}"]))
def test_no_signature_of_a_url_is_shown(name: str, value: str, before: str, host: str, fragment: str) -> None:
    """A query that may be a key is cut off, alone and in a text, and so is a fragment."""
    url = f"https://{host}/a/b.jpg?w=800&{name}={SECRET}{value}{fragment}"
    assert redact_url(url) == f"https://{host}/a/b.jpg"
    assert shareable(url) == f"https://{host}/a/b.jpg?redacted"
    plain = f"https://{host}/a/b.jpg?w=800&{name}={SECRET}{fragment}"
    for text in (f"{before} Failed to fetch {plain}: 403", f"({plain})", json.dumps({"url": plain}), f"<img src='{plain}'>"):
        assert SECRET not in redact_text(text)
        assert SECRET not in shareable(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://picsum.photos/id/1/800/600",
        "https://picsum.photos/id/1/800/600.jpg?grayscale&blur=2",
        "https://host/@name/x.jpg",
        "https://host:8080/@name",
        "https://host/a b.jpg",
        "https://images.example/1?w=800&h=600&fit=crop&q=80&fm=webp&dpr=1.5",
        "https://host/?id=17",
        "http://[2001:db8::1]:80/@x",
        "s3://bucket/key",
        "file:///a/b.jpg",
        "/Volumes/a/b/c.jpg",
        "cat.schema.t",
        "abfss://container@account.dfs.core.windows.net/x",
        "somebody@example.com",
        "a // b",
        "",
        "models:/name@alias",
        None,
        7,
        1.5,
    ],
)
def test_what_has_no_secret_stays_as_it_is(url: object) -> None:
    """A URL without anything secret is shared as it is, so that it opens; so is everything that is none."""
    assert shareable(url) == url
    assert shareable({"a": [url, (url,)]}) == {"a": [url, (url,)]}


def test_json_stays_what_it_was_but_for_its_urls() -> None:
    """Numbers keep their digits and texts their meaning."""
    text = '{"n":1.10000000000000000001,"big":12345678901234567890,"u":"https://u:p\\"w@h/x?sig=1","t":"\\u00e9\\n","l":["//u:p@h/x"]}'
    assert json.loads(shareable_json(text)) == {
        "n": 1.1, "big": 12345678901234567890, "u": "https://h/x?redacted", "t": "é\n", "l": ["//h/x"],
    }  # fmt: skip
    assert "1.10000000000000000001" in shareable_json(text)


@pytest.mark.parametrize(
    "text",
    [
        f"API request to http://user:{SECRET}@host/api/2.0/mlflow failed",
        f"url: /api?x={SECRET} (Caused by",
        f"Bearer {SECRET}9abc",
        f"Authorization: Basic {SECRET}",
        f"jdbc:sqlserver://h;user=u;password={SECRET};x=1",
        f'{{"password": "{SECRET}"}}',
        f"fs.s3a.secret.key={SECRET}",
        f"Incorrect API key provided: sk-{SECRET}0123",
        f"https:\\/\\/u:{SECRET}@host\\/a",
        f"postgresql://u:1/{SECRET}@h/db",
        f"key-{SECRET}0123456",
        "login with VARIABLE-Plant3d-0123 was refused",
    ],
)
def test_errors_of_others_are_told_without_secrets(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However a library, a server or a driver writes a secret down, and whatever this process's environment holds as one."""
    monkeypatch.setenv("SOME_SERVICE_TOKEN", "VARIABLE-Plant3d-0123")
    assert SECRET not in redact_text(text)
    assert SECRET not in str(PicsumVisionError(text))
    assert SECRET not in str(failure("name", text))
    assert redact_text(redact_text(text)) == redact_text(text)
    wrapped = RuntimeError("outside")
    wrapped.__cause__ = ValueError(text)
    assert cause(wrapped) is None
    assert SECRET not in redact_traceback(wrapped)
    assert cause(ValueError("nothing secret")) is not None


@pytest.mark.parametrize(
    "text",
    [
        "export MODEL_API_KEY=... before Spark starts",
        "api_key=Secret.env('NAME')",
        "1,024 tokens: max_output_tokens=512",
        "unexpected token: '<'",
        "skipped 3 rows, sketching-it_9",
        "catalog.schema.key_value_pairs",
        "see http://host:8080/docs, or ask",
        "Basic understanding",
        "a@b.example wrote",
        "C:\\Users\\me",
        "GRANT SELECT ON SCHEMA `a`.`b` TO `me@example.com`",
    ],
)
def test_our_own_words_stay(text: str) -> None:
    """A message without a secret is not changed."""
    assert redact_text(text) == text
