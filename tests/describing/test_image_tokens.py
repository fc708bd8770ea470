"""The makers' own examples of what an image costs, and what holds of every rule."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picsum_vision.describing import image_tokens
from picsum_vision.describing.image_tokens import DEFAULT_RULE, image_token_rule

MODELS = ["gpt-4o", "gpt-4o-mini", "gpt-4.1-mini", "gpt-5.4", "o3", "claude-sonnet-4-5", "claude-opus-4-7", "gemini-2.5-flash"]
MODELS += ["gemini-3-pro", "gemma-3-27b", "databricks-llama-4-maverick", "qwen2.5-vl-7b", "qwen3-vl", "pixtral-12b", "unheard-of"]


@pytest.mark.parametrize(
    ("model", "width", "height", "tokens"),
    [
        # OpenAI's page: tiles.
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1105),
        ("gpt-4o-2024-11-20", 128, 64, 255),
        ("gpt-4.1", 1024, 1024, 765),
        ("gpt-4o-mini", 128, 64, 8500),
        ("o1", 512, 512, 225),
        ("gpt-5", 1024, 1024, 630),
        # Its page: patches, and what is shrunk to 1,536 of them.
        ("gpt-4.1-mini", 1024, 1024, 1659),
        ("gpt-4.1-mini", 1800, 2400, 2352),
        ("gpt-4.1-mini", 4000, 1474, 2347),
        ("gpt-4.1-nano", 128, 64, 20),
        ("o4-mini", 128, 64, 14),
        ("gpt-5.4", 1600, 1600, 3000),
        # Anthropic's patches; its earlier rule, pixels / 750, says 54 and 1,334.
        ("claude-sonnet-4-5", 200, 200, 64),
        ("claude-sonnet-4-5", 1000, 1000, 1296),
        ("databricks-claude-sonnet-4", 3000, 2000, 1536),
        ("claude-opus-4-7", 2000, 1500, 3888),
        # Google's tiles, and its fixed number since Gemini 3.
        ("gemini-2.5-flash", 384, 384, 258),
        ("gemini-2.5-flash", 600, 400, 258),
        ("gemini-2.5-flash", 1024, 1024, 1032),
        ("gemini-3-flash-preview", 600, 400, 1120),
        # Qwen: a patch of 28 pixels is a token, and two stand around them.
        ("Qwen/Qwen2.5-VL-7B-Instruct", 1024, 1024, 37 * 37 + 2),
        # Llama 4 by its architecture: 144 a tile of 336, and one more of the whole.
        ("databricks-llama-4-maverick", 336, 336, 144),
        ("databricks-llama-4-maverick", 672, 672, 720),
    ],
)
def test_published_examples(model: str, width: int, height: int, tokens: int) -> None:
    """The rule of each model gives what its maker's examples say."""
    assert image_token_rule(model).tokens(width, height) == tokens


@given(model=st.sampled_from(MODELS), width=st.integers(1, 20_000), height=st.integers(1, 20_000))
@example(model="pixtral-12b", width=1, height=2_048)
def test_every_rule_is_bounded_and_the_same_lying_down(model: str, width: int, height: int) -> None:
    """Any size costs something, no more than the model's bound, and as much upright as on its side."""
    rule = image_token_rule(model)
    tokens = rule.tokens(width, height)
    assert tokens > 0
    assert tokens == rule.tokens(height, width)
    if rule.max_units is not None:
        assert tokens <= rule.base_tokens + rule.tokens_per_unit * (rule.max_units + rule.overview_units) + 1


def test_every_rule_names_its_source() -> None:
    """Each rule says whose words it is, and a name that tells nothing is counted by OpenAI's tiles."""
    assert all(rule.source for _, rule in image_tokens._RULES)
    assert image_token_rule("my-own-model") is DEFAULT_RULE
