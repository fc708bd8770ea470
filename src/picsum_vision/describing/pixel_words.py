"""Measures in words, in Italian and English; each word stands for a range that its table states."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from picsum_vision.errors import SettingError

if TYPE_CHECKING:
    from picsum_vision.describing.pixel_measures import PixelMeasures

Language = Literal["it", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("it", "en")

BRIGHTNESS_BOUNDS: Final = (0.20, 0.40, 0.65, 0.85)
"""From very dark over dark, medium and bright to very bright."""
CONTRAST_BOUNDS: Final = (0.20, 0.50)
"""From low over medium to high."""
SHARPNESS_BOUNDS: Final = (0.45, 0.55)
"""From blurred over not quite sharp to sharp."""
SATURATION_BOUNDS: Final = (0.12, 0.40)
"""From muted over nothing worth saying to vivid; said of pictures in colour only."""
MENTIONED_SHARE: Final = 0.10
"""A colour with less is not named, unless it is the largest."""
MENTIONED_COLOURS: Final = 3
ONE_COLOUR_SHARE: Final = 0.995
ONE_COLOUR_CONTRAST: Final = 0.02
"""One name for nearly all pixels and hardly any difference in lightness: the picture is of one colour."""
MENTIONED_TRANSPARENCY: Final = 0.005


class Vocabulary(NamedTuple):
    """The words of one language."""

    colours: dict[str, str]
    orientations: dict[str, str]
    brightness: tuple[str, ...]
    contrast: tuple[str, ...]
    sharpness: tuple[str, ...]
    saturation: tuple[str, ...]
    tones: dict[str, str]
    darker_halves: dict[str, str]
    last_and: str
    percent: str


_ITALIAN: Final = Vocabulary(
    colours={
        "black": "il nero",
        "dark_grey": "il grigio scuro",
        "grey": "il grigio",
        "light_grey": "il grigio chiaro",
        "white": "il bianco",
        "red": "il rosso",
        "burgundy": "il bordeaux",
        "pink": "il rosa",
        "orange": "l'arancione",
        "brown": "il marrone",
        "beige": "il beige",
        "cream": "il color crema",
        "yellow": "il giallo",
        "olive": "il verde oliva",
        "green": "il verde",
        "dark_green": "il verde scuro",
        "light_green": "il verde chiaro",
        "turquoise": "il turchese",
        "sky_blue": "il blu cielo",
        "blue": "il blu",
        "navy": "il blu scuro",
        "violet": "il viola",
        "magenta": "il magenta",
        "lilac": "il lilla",
    },
    orientations={"landscape": "orizzontale", "portrait": "verticale", "square": "quadrata", "panorama": "panoramica"},
    brightness=("molto scura", "scura", "di luminosità media", "luminosa", "molto luminosa"),
    contrast=("a basso contrasto", "a contrasto medio", "ad alto contrasto"),
    sharpness=("sfocata", "non del tutto nitida", "nitida"),
    saturation=("dai colori tenui", "", "dai colori vivaci"),
    tones={"warm": "dai toni caldi", "cool": "dai toni freddi", "neutral": ""},
    darker_halves={
        "top": "più scura nella metà superiore",
        "bottom": "più scura nella metà inferiore",
        "left": "più scura nella metà sinistra",
        "right": "più scura nella metà destra",
    },
    last_and=" e ",
    percent=" %",
)
_ENGLISH: Final = Vocabulary(
    colours={
        "dark_grey": "dark grey",
        "light_grey": "light grey",
        "olive": "olive green",
        "dark_green": "dark green",
        "light_green": "light green",
        "sky_blue": "sky blue",
        "navy": "navy blue",
    },
    orientations={"landscape": "landscape", "portrait": "portrait", "square": "square", "panorama": "panoramic"},
    brightness=("very dark", "dark", "of medium brightness", "bright", "very bright"),
    contrast=("low in contrast", "medium in contrast", "high in contrast"),
    sharpness=("blurred", "not quite sharp", "sharp"),
    saturation=("with muted colours", "", "with vivid colours"),
    tones={"warm": "in warm tones", "cool": "in cool tones", "neutral": ""},
    darker_halves={
        "top": "darker in the upper half",
        "bottom": "darker in the lower half",
        "left": "darker in the left half",
        "right": "darker in the right half",
    },
    last_and=" and ",
    percent="%",
)
_VOCABULARIES: Final = {"it": _ITALIAN, "en": _ENGLISH}


_FACES: Final = {
    "it": ("Non si riconosce nessun volto di fronte.", "Si riconosce un volto di fronte.", "Si riconoscono {} volti di fronte."),
    "en": ("No frontal face was found.", "One frontal face was found.", "{} frontal faces were found."),
}


def faces_sentence(number: int, language: Language) -> str:
    """Say how many frontal faces were found; who is not found may be there all the same."""
    return _FACES[language][min(number, 2)].format(number)


def check_language(language: str) -> Language:
    """Give the known language that `language` names ("it", "IT", "it-IT"), or raise `SettingError`."""
    start = language.strip().lower().replace("_", "-").split("-")[0]
    for known in LANGUAGES:
        if start == known:
            return known
    raise SettingError(f"language={language!r}: pixels are described in 'it' or 'en' only")


def sentences(measures: PixelMeasures, language: Language) -> str:
    """Put the measures into one or two sentences."""
    words = _VOCABULARIES[language]
    first = _italian_kind(measures, words) if language == "it" else _english_kind(measures, words)
    if not measures.colours:
        return f"{first}."
    second = _italian_colours(measures, words) if language == "it" else _english_colours(measures, words)
    return f"{first}. {second}{_qualities(measures, words, language)}."


def _italian_kind(measures: PixelMeasures, words: Vocabulary) -> str:
    animated = f" animata di {measures.frames} fotogrammi," if measures.frames > 1 else ""
    colour = "in scala di grigi" if measures.grayscale else "a colori"
    size = f"di {measures.width} \N{MULTIPLICATION SIGN} {measures.height} pixel"
    start = f"Immagine{animated} {words.orientations[measures.orientation]} {size}"
    if not measures.colours:
        return f"{start}, del tutto trasparente"
    return f"{start}, {colour}{_transparency(measures, words, ', trasparente per il ')}"


def _english_kind(measures: PixelMeasures, words: Vocabulary) -> str:
    shape = words.orientations[measures.orientation].capitalize()
    kind = f"{shape} animated image with {measures.frames} frames" if measures.frames > 1 else f"{shape} image"
    colour = "in greyscale" if measures.grayscale else "in colour"
    start = f"{kind}, {measures.width} \N{MULTIPLICATION SIGN} {measures.height} pixels"
    if not measures.colours:
        return f"{start}, wholly transparent"
    share = _transparency(measures, words, ", ")
    return f"{start}, {colour}{share + ' transparent' if share else ''}"


def _transparency(measures: PixelMeasures, words: Vocabulary, before: str) -> str:
    if measures.transparency < MENTIONED_TRANSPARENCY:
        return ""
    return f"{before}{_percent(measures.transparency, words)}"


def _percent(share: float, words: Vocabulary) -> str:
    return f"{max(1, round(100 * share))}{words.percent}"


def is_of_one_colour(measures: PixelMeasures) -> bool:
    """Tell whether the visible picture is of one colour."""
    return measures.colours[0].share >= ONE_COLOUR_SHARE and measures.contrast < ONE_COLOUR_CONTRAST


def _mentioned(measures: PixelMeasures, words: Vocabulary) -> list[str]:
    colours = measures.colours[:MENTIONED_COLOURS]
    named = [colour for colour in colours if colour.share >= MENTIONED_SHARE] or list(colours[:1])
    return [f"{words.colours.get(colour.name, colour.name)} ({_percent(colour.share, words)})" for colour in named]


def _listed(parts: list[str], words: Vocabulary) -> str:
    return words.last_and.join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _italian_colours(measures: PixelMeasures, words: Vocabulary) -> str:
    if is_of_one_colour(measures):
        return f"È tutta di un solo colore, {words.colours[measures.colours[0].name]}"
    named = _mentioned(measures, words)
    return f"{'Domina' if len(named) == 1 else 'Dominano'} {_listed(named, words)}"


def _english_colours(measures: PixelMeasures, words: Vocabulary) -> str:
    if is_of_one_colour(measures):
        name = measures.colours[0].name
        return f"It is all of one colour, {words.colours.get(name, name)}"
    named = _mentioned(measures, words)
    listed = _listed(named, words)
    return f"{listed[:1].upper()}{listed[1:]} {'dominates' if len(named) == 1 else 'dominate'}"


def _word(value: float, bounds: tuple[float, ...], words: tuple[str, ...]) -> str:
    """Give the word of the range that `value` lies in; a bound belongs to the range above it."""
    return words[bisect.bisect_right(bounds, value)]


def _qualities(measures: PixelMeasures, words: Vocabulary, language: Language) -> str:
    parts = [_word(measures.brightness, BRIGHTNESS_BOUNDS, words.brightness)]
    if is_of_one_colour(measures):
        return f"; {parts[0]}"
    parts.append(_word(measures.contrast, CONTRAST_BOUNDS, words.contrast))
    if measures.sharpness is not None:
        parts.append(_word(measures.sharpness, SHARPNESS_BOUNDS, words.sharpness))
    if not measures.grayscale:
        parts += [_word(measures.saturation, SATURATION_BOUNDS, words.saturation), words.tones[measures.tone]]
    if measures.darker_half is not None:
        parts.append(words.darker_halves[measures.darker_half])
    start = "; immagine " if language == "it" else "; the image is "
    return start + ", ".join(part for part in parts if part)
