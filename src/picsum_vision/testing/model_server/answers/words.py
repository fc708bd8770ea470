"""What the embedded model server says about images: sentences made of measured pixels, in Italian or English."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.model_server.answers.schema import Findings, follow_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from picsum_vision.testing.model_server.answers.pixels import PixelFacts

_ITALIAN_PROMPT: Final = re.compile(r"\b(?:immagin|foto\b|descriv|elenca|cosa\b|italian)", re.IGNORECASE)
_ITALIAN_COLOURS: Final = {
    "red": "rosso",
    "orange": "arancione",
    "yellow": "giallo",
    "green": "verde",
    "cyan": "ciano",
    "blue": "blu",
    "purple": "viola",
    "pink": "rosa",
    "brown": "marrone",
    "black": "nero",
    "white": "bianco",
    "grey": "grigio",
}


@dataclasses.dataclass(frozen=True)
class Question:
    """What decides an answer: the prompt, and what was measured in each image (None: an address, never opened)."""

    prompt: str
    seen: Sequence[PixelFacts | None]

    @property
    def italian(self) -> bool:
        """Whether the prompt is in Italian, or asks for it."""
        return _ITALIAN_PROMPT.search(self.prompt) is not None


def answer_in_words(question: Question) -> str:
    """Describe every image of the question, in one text."""
    italian = question.italian
    sentences = [_sentence(facts, italian=italian) for facts in question.seen]
    if not sentences:
        count = len(question.prompt.split())
        return f"Domanda di {count} parole, senza immagini." if italian else f"A question of {count} words, without images."
    if len(sentences) == 1:
        return sentences[0]
    noun = "Immagine" if italian else "Image"
    return "\n".join(f"{noun} {number}: {sentence}" for number, sentence in enumerate(sentences, 1))


def answer_in_json(question: Question, schema: Mapping[str, Any] | None) -> str:
    """Answer with a JSON object that is valid against `schema`; if that is None, with a description."""
    text = answer_in_words(question)
    if schema is None:
        return json.dumps({"description": text}, ensure_ascii=False)
    measured = [facts for facts in question.seen if facts is not None]
    names = dict.fromkeys(name for facts in measured for name in facts.colours)
    findings = Findings(
        text=text,
        words=tuple(_ITALIAN_COLOURS[name] if question.italian else name for name in names),
        digest=" ".join(facts.fingerprint for facts in measured) or question.prompt,
        share=sum(facts.brightness for facts in measured) / (100 * len(measured)) if measured else 0.5,
    )
    return json.dumps(follow_schema(schema, findings), ensure_ascii=False)


def schema_in_prompt(prompt: str) -> Mapping[str, Any] | None:
    """Return the first JSON schema of an object that the prompt spells out, as callers do who may not use `response_format`."""
    decoder = json.JSONDecoder()
    for brace in re.finditer("{", prompt):
        try:
            found, _ = decoder.raw_decode(prompt, brace.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and found.get("type") == "object" and isinstance(found.get("properties"), dict):
            return found
    return None


def _sentence(facts: PixelFacts | None, *, italian: bool) -> str:
    if facts is None:
        return "Un indirizzo che questo server non apre." if italian else "An address that this server does not open."
    colours = [_ITALIAN_COLOURS[name] if italian else name for name in facts.colours[:3]]
    if italian:
        return (
            f"L'immagine misura {facts.width} x {facts.height} pixel; la luminosità media è {facts.brightness} su 100. "
            f"I colori dominanti sono {', '.join(colours)}; il colore medio è {facts.mean_colour}. Impronta {facts.fingerprint}."
        )
    return (
        f"The image measures {facts.width} x {facts.height} pixels; its mean brightness is {facts.brightness} of 100. "
        f"The dominant colours are {', '.join(colours)}; the mean one is {facts.mean_colour}. Fingerprint {facts.fingerprint}."
    )
