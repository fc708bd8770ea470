"""What the embedded model server says about images: sentences made of measured pixels, in Italian or English."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

from picsum_vision.testing.model_server.answers.schema import Findings, follow_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from picsum_vision.testing.model_server.answers.pixels import PixelFacts

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
_ITALIAN_PROMPT: Final = re.compile(r"\b(?:immagin|foto\b|descriv|elenca|cosa\b|italian)", re.IGNORECASE)
_BRIGHTNESS_STEPS: Final = (
    (20, "very dark", "molto scura"),
    (40, "dark", "scura"),
    (60, "medium", "media"),
    (80, "bright", "chiara"),
)


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
    if not question.seen:
        count = len(question.prompt.split())
        return f"Domanda di {count} parole, senza immagini." if italian else f"A question of {count} words, without images."
    sentences = [_sentence(facts, italian=italian) for facts in question.seen]
    if len(sentences) == 1:
        return sentences[0]
    noun = "Immagine" if italian else "Image"
    return "\n".join(f"{noun} {number}: {sentence}" for number, sentence in enumerate(sentences, 1))


def answer_in_json(question: Question, schema: Mapping[str, Any] | None) -> str:
    """Answer with a JSON object that is valid against `schema`, or of this server's own choice if that is None."""
    if schema is not None:
        return json.dumps(follow_schema(schema, _findings(question)), ensure_ascii=False)
    images = [_as_object(facts) for facts in question.seen]
    own = {"description": answer_in_words(question), **(images[0] if len(images) == 1 else {"images": images})}
    return json.dumps(own, ensure_ascii=False)


def schema_in_prompt(prompt: str) -> Mapping[str, Any] | None:
    """Return the first JSON schema of an object that the prompt spells out, as callers do who may not use `response_format`."""
    decoder = json.JSONDecoder()
    start = prompt.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(prompt, start)
        except (ValueError, RecursionError):
            end = start + 1
        else:
            if isinstance(found, dict) and found.get("type") == "object" and isinstance(found.get("properties"), dict):
                return found
        start = prompt.find("{", end)
    return None


def _sentence(facts: PixelFacts | None, *, italian: bool) -> str:
    if facts is None:
        return "Un indirizzo che questo server non apre." if italian else "An address that this server does not open."
    size, light = f"{facts.width} x {facts.height}", _brightness_word(facts.brightness, italian=italian)
    main = _colour(facts.colours[0], italian=italian)
    others = [_colour(name, italian=italian) for name in facts.colours[1:3]]
    if italian:
        rest = f", poi {' e '.join(others)}" if others else ""
        return (
            f"L'immagine misura {size} pixel ed è {light} (luminosità {facts.brightness} su 100, contrasto {facts.contrast}). "
            f"Il colore dominante è {main}{rest}; il colore medio è {facts.mean_colour}. Impronta {facts.fingerprint}."
        )
    rest = f", then {' and '.join(others)}" if others else ""
    return (
        f"The image measures {size} pixels and is {light} (brightness {facts.brightness} of 100, contrast {facts.contrast}). "
        f"The dominant colour is {main}{rest}; the mean colour is {facts.mean_colour}. Fingerprint {facts.fingerprint}."
    )


def _brightness_word(brightness: float, *, italian: bool) -> str:
    for end, english, word in _BRIGHTNESS_STEPS:
        if brightness < end:
            return word if italian else english
    return "molto chiara" if italian else "very bright"


def _colour(name: str, *, italian: bool) -> str:
    return _ITALIAN_COLOURS[name] if italian else name


def _as_object(facts: PixelFacts | None) -> dict[str, Any]:
    if facts is None:
        return {"opened": False}
    return {
        "width": facts.width,
        "height": facts.height,
        "brightness": facts.brightness,
        "dominant_colour": facts.colours[0],
        "mean_colour": facts.mean_colour,
    }


def _findings(question: Question) -> Findings:
    measured = [facts for facts in question.seen if facts is not None]
    names = dict.fromkeys(name for facts in measured for name in facts.colours)
    identity = (
        "|".join(f"{facts.width}x{facts.height} {facts.mean_colour} {facts.contrast}" for facts in measured) or question.prompt
    )
    return Findings(
        text=answer_in_words(question),
        words=tuple(_colour(name, italian=question.italian) for name in names),
        digest=hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest(),
        share=sum(facts.brightness for facts in measured) / (100 * len(measured)) if measured else 0.5,
        sizes={"width": measured[0].width, "height": measured[0].height} if measured else {},
    )
