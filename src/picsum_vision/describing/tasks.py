"""What can be asked about an image: a prompt, and the type of its answer.

The Italian prompt of `Describe` is the notebook's own. Other languages are asked for in English, in words.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from picsum_vision.describing.json_text import find_json
from picsum_vision.errors import SettingError
from picsum_vision.redaction import redact_text
from picsum_vision.validation import check_text

DEFAULT_LABELS: Final = ("natura", "urbano", "ritratto", "astratto")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LANGUAGE_NAMES: Final = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi", "it": "Italian",
    "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tr": "Turkish",
    "uk": "Ukrainian", "zh": "Chinese",
}  # fmt: skip


PUNCTUATION: Final = " \t\r\n.,:;!?\"'`*_()[]"
_RAW_CHARACTERS: Final = 2_000


class BadAnswer(Exception):  # noqa: N818 - becomes the outcome `bad_schema`
    """The model's answer has not the asked form; the message says how."""

    def with_raw(self, text: str) -> str:
        """Return the message with what the model wrote instead, on one line."""
        return redact_text(f"{self}; the answer was: {' '.join(text.split())[:_RAW_CHARACTERS]}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """What is asked. `language` is that of the answer, as in "it" or "en"; `prompt` replaces the ready-made one."""

    language: str = "it"
    prompt: str | None = None

    name: ClassVar[str]
    answer_field: ClassVar[str | None] = None  # of the JSON object that holds the answer; None: the object itself, or free text
    prompts: ClassVar[Mapping[str, str]]

    _asked_as_well: ClassVar[str] = ""  # of `sent_as`
    claimed_sha256: ClassVar[str | None] = None  # of `sent_as`

    def __post_init__(self) -> None:
        """Check language and prompt."""
        if not isinstance(self.language, str) or not _LANGUAGE.fullmatch(self.language):
            raise SettingError(f"language: {self.language!r} is not allowed; it must be a language tag like it, en or pt-BR")
        check_text("prompt", self.prompt, optional=True)

    @property
    def answer_ddl(self) -> str:
        """The SQL type of the answer."""
        return "STRING"

    @property
    def full_prompt(self) -> str:
        """The text that goes to the model with the image."""
        if self.prompt is not None:
            return self.prompt
        text = self._fill(self.prompts.get(self.language, self.prompts["en"]))
        if self.language in self.prompts:
            return text
        name = _LANGUAGE_NAMES.get(self.language.partition("-")[0].lower(), self.language)
        return f"{text} Answer in {name}."

    @functools.cached_property  # each row's outcome has it
    def prompt_sha256(self) -> str:
        """SHA-256 of all that is asked, in hexadecimal: of the full prompt, and of what it does not name of the answer's form."""
        return hashlib.sha256((self._question() + self._asked_as_well).encode()).hexdigest()

    def sent_as(self, *, with_prompt: bool, as_well: Mapping[str, Any]) -> Task:
        """Return the task as a model gets it that is told `as_well`, and no prompt unless `with_prompt`: for `prompt_sha256`.

        Where nothing of it is sent, `claimed_sha256` is what earlier versions wrote all the same.
        """
        sent = copy.copy(self)
        sent.__dict__.pop("prompt_sha256", None)
        if as_well:
            object.__setattr__(sent, "_asked_as_well", "\n" + json.dumps(as_well, sort_keys=True))
        elif not with_prompt and self.prompt != "":
            object.__setattr__(sent, "claimed_sha256", self.prompt_sha256)
        if not with_prompt:
            object.__setattr__(sent, "prompt", "")
        return sent

    def json_schema(self) -> dict[str, Any] | None:
        """Return the JSON schema of the answer, None for free text."""
        return None

    def parse(self, text: str) -> Any:
        """Return the answer that `text` holds, typed as `answer_ddl`; raises BadAnswer."""
        return text.strip()

    def _fill(self, prompt: str) -> str:
        return prompt

    def _question(self) -> str:
        """Return the text that tells this question from others."""
        return self.full_prompt


@dataclasses.dataclass(frozen=True, kw_only=True)
class Describe(Task):
    """A free description, STRING."""

    name: ClassVar[str] = "describe"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": "Descrivi dettagliatamente il contenuto di questa immagine.",
        "en": "Describe the content of this image in detail.",
    }


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReadText(Task):
    """The text that can be read in the image, STRING; empty where there is none."""

    name: ClassVar[str] = "text"
    answer_field: ClassVar[str | None] = "text"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": 'Trascrivi tutto il testo leggibile in questa immagine, così com\'è, nel campo "text"; lascialo '
        "vuoto se non ce n'è.",
        "en": 'Transcribe all the text that can be read in this image, as it is, in the field "text"; leave it '
        "empty if there is none.",
    }

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of an object with one text."""
        return _object(text={"type": "string"})

    def parse(self, text: str) -> str:
        """Return the text; a model that answers without JSON has transcribed directly, a number for one."""
        found = find_json(text)
        if isinstance(found, dict) and isinstance(found.get("text", 0), (str, type(None))):
            return found["text"] or ""
        if isinstance(found, str):
            return found
        if not isinstance(found, (dict, list)) and not text.lstrip().startswith("{"):
            return text.strip()
        raise BadAnswer('no object with the field "text"')


@dataclasses.dataclass(frozen=True, kw_only=True)
class ListObjects(Task):
    """The objects seen, ARRAY<STRING>."""

    name: ClassVar[str] = "objects"
    answer_field: ClassVar[str | None] = "objects"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": 'Elenca gli oggetti visibili in questa immagine, uno per elemento, nel campo "objects" di un oggetto JSON.',
        "en": 'List the objects that can be seen in this image, one an entry, in the field "objects" of a JSON object.',
    }

    @property
    def answer_ddl(self) -> str:
        """The SQL type of the answer."""
        return "ARRAY<STRING>"

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of an object with a list of texts."""
        return _object(objects={"type": "array", "items": {"type": "string"}})

    def parse(self, text: str) -> list[str]:
        """Return the list, without its empty entries."""
        found = find_json(text)
        objects = found.get("objects") if isinstance(found, dict) else found
        if not isinstance(objects, list) or not all(isinstance(entry, str) for entry in objects):
            raise BadAnswer('no object with the list "objects"')
        return [entry.strip() for entry in objects if entry.strip()]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sentiment(Task):
    """The main emotion that the image conveys, STRING, in the answer's language."""

    name: ClassVar[str] = "sentiment"
    answer_field: ClassVar[str | None] = "emotion"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": 'Qual è l\'emozione principale trasmessa da questa immagine? Una sola parola, nel campo "emotion" di '
        "un oggetto JSON.",
        "en": 'Which is the main emotion that this image conveys? A single word, in the field "emotion" of a JSON object.',
    }

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of an object with one word."""
        return _object(emotion={"type": "string"})

    def parse(self, text: str) -> str:
        """Return the word; a model that answers with nothing but a word is understood as well."""
        return _one_field(text, "emotion")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Classify(Task):
    """One of the given labels, STRING."""

    labels: tuple[str, ...] = DEFAULT_LABELS

    name: ClassVar[str] = "classify"
    answer_field: ClassVar[str | None] = "label"
    prompts: ClassVar[Mapping[str, str]] = {
        "it": "Classifica questa immagine in una sola di queste categorie: {labels}. Rispondi con la categoria, "
        'nel campo "label" '
        "di un oggetto JSON.",
        "en": "Classify this image into exactly one of these categories: {labels}. Answer with the category, in "
        'the field "label" '
        "of a JSON object.",
    }

    def __post_init__(self) -> None:
        """Check the labels: at least two, all different."""
        super().__post_init__()
        # A set has another order in each process: each would ask another question, and pay again.
        if not isinstance(self.labels, (list, tuple)):
            raise SettingError(f"labels: {self.labels!r} is not allowed; it must be a list of at least two different texts")
        labels = tuple(label.strip() if isinstance(label, str) else label for label in self.labels)
        for label in labels:
            check_text("labels", label)
        if len({_same_case(label) for label in labels}) != len(labels) or len(labels) < 2:  # noqa: PLR2004 - one is no choice
            raise SettingError(f"labels: {list(labels)!r} is not allowed; it must be at least two different texts")
        object.__setattr__(self, "labels", labels)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema of an object with one of the labels."""
        return _object(label={"type": "string", "enum": list(self.labels)})

    def parse(self, text: str) -> str:
        """Return the label as it was given, whatever the answer's case and punctuation; raises BadAnswer for any other word."""
        found = find_json(text)
        told = found.get("label") if isinstance(found, dict) else found
        # A label may be a number, or look like JSON; what was written counts before what it means.
        words = [text, *([told if isinstance(told, str) else json.dumps(told)] if told is not None else [])]
        for form in (_same_case, _bare):
            given = {form(label): label for label in reversed(self.labels)}
            for word in words:
                if form(word) and form(word) in given:
                    return given[form(word)]
        raise BadAnswer(f"{words[-1][:80]!r} is none of the labels")

    def _fill(self, prompt: str) -> str:
        return prompt.replace("{labels}", ", ".join(self.labels))

    def _question(self) -> str:
        """Return the prompt, and the labels where it is one's own and need not name them."""
        return self.full_prompt if self.prompt is None else f"{self.full_prompt}\n{json.dumps(self.labels)}"


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _same_case(word: str) -> str:
    # An accent may be a letter's own or a mark behind it, as in file names of macOS.
    return unicodedata.normalize("NFC", word).strip().casefold()


def _bare(word: str) -> str:
    return _same_case(word.strip(PUNCTUATION))


def _one_field(text: str, field: str) -> str:
    found = find_json(text)
    if isinstance(found, dict) and isinstance(found.get(field), str) and found[field].strip():
        return str(found[field]).strip()
    if isinstance(found, str) and found.strip():
        return found.strip()
    if found is None and text.strip() and len(text.split()) == 1 and not text.lstrip().startswith("{"):
        return text.strip(" .\n\"'*")
    raise BadAnswer(f"no object with the field {json.dumps(field)}")
