"""What languages are told apart by: words that are frequent in one of them and rare in the others, or a script of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# No word is in two lists (a test holds that): "la", "con" or "in" say nothing.
WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    language: tuple(words.split())
    for language, words in {
        "de": "und ist mit eine einer einem einen der dem den im auf von zu sich nicht sind auch für über wird zeigt bild sieht",
        "en": "the and with are this that from which there their its it at for these into through behind while not they shows",
        "es": "el los las muy hay pero más sus donde desde también hacia imagen tiene unos unas otro otra puede muestra ellos",
        "fr": "les et est une dans avec sur pour qui aux cette sont elle ses très où leur ainsi sous être derrière montre",
        "it": "il gli di che è sono della delle degli dello dell nella nelle nel nell sulla sullo dalla alla anche più immagine",
        "nl": "het een van zijn met op voor aan dat deze naar niet wordt ook bij uit afbeelding maar heeft toont staat",
        "pl": "w z się jest że nie oraz który która które są przez dla przy tle widać jego od jak pod obok zdjęcie zdjęciu",
        "pt": "os uma não em ao aos com são também pelo pela seu seus imagem há uns umas tem isso onde numa muito mulher homem",
        "tr": "ve bir bu ile için olan olarak gibi çok daha var görüntü resim üzerinde diğer arka içinde ise resimde bulunuyor",
    }.items()
}
# As regular expressions of Java name them.
LATIN: Final = ("Latin",)
SCRIPTS: Final[Mapping[str, tuple[str, ...]]] = {
    "ar": ("Arabic",),
    "hi": ("Devanagari",),
    "ja": ("Han", "Hiragana", "Katakana"),
    "ko": ("Hangul",),
    "ru": ("Cyrillic",),
    "uk": ("Cyrillic",),
    "zh": ("Han",),
}


def known_language(tag: str) -> str | None:
    """Return the language of a tag such as "pt-BR" in the lists' words, None if it cannot be told from others."""
    language = tag.partition("-")[0].lower()
    return language if language in WORDS or language in SCRIPTS else None
