"""Real pictures of every format, made once: the same scene with edges, slopes and noise."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
from PIL import Image, features

BOUND = 50_000_000
"""More pixels than any picture here has."""


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """Draw a scene that compresses like a photograph."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    noise = np.random.default_rng(7).normal(0, 12, (height, width, 3))
    bands = np.stack([255 * x, 255 * y, 128 + 100 * np.sign(np.sin(20 * x + 9 * y))], axis=-1)
    return Image.fromarray(np.clip(bands + noise, 0, 255).astype(np.uint8), "RGB")


def encoded(image: Image.Image, pillow_name: str, **options: Any) -> bytes:
    """Encode `image` in the named format."""
    stream = io.BytesIO()
    image.save(stream, pillow_name, **options)
    return stream.getvalue()


def exif_with_thumbnail() -> bytes:
    """Make an EXIF block whose thumbnail is a whole JPEG with its own end marker."""
    thumbnail = encoded(scene(16, 12), "JPEG")
    return b"Exif\0\0II*\0\x08\0\0\0\0\0\x0e\0\0\0" + thumbnail


@functools.cache
def pictures() -> dict[str, tuple[bytes, str]]:
    """Give the bytes and the media type of each kind, all 96 x 64 pixels."""
    image = scene()
    turned = [image.rotate(angle) for angle in (10, 20)]
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    kinds = {
        "jpeg": (encoded(image, "JPEG"), "image/jpeg"),
        "progressive jpeg": (encoded(image, "JPEG", progressive=True, quality=90), "image/jpeg"),
        "grey jpeg": (encoded(image.convert("L"), "JPEG"), "image/jpeg"),
        "cmyk jpeg": (encoded(image.convert("CMYK"), "JPEG"), "image/jpeg"),
        "jpeg with thumbnail": (encoded(image, "JPEG", exif=exif_with_thumbnail()), "image/jpeg"),
        "png": (encoded(image, "PNG"), "image/png"),
        "palette png": (encoded(image.convert("P"), "PNG"), "image/png"),
        "16-bit png": (encoded(deep, "PNG"), "image/png"),
        "animated png": (encoded(image, "PNG", save_all=True, append_images=turned), "image/png"),
        "gif": (encoded(image, "GIF"), "image/gif"),
        "animated gif": (encoded(image, "GIF", save_all=True, append_images=turned), "image/gif"),
        "bmp": (encoded(image, "BMP"), "image/bmp"),
        "tiff": (encoded(image, "TIFF"), "image/tiff"),
        "deflated tiff": (encoded(image, "TIFF", compression="tiff_adobe_deflate"), "image/tiff"),
        "ico": (encoded(image, "ICO", sizes=[(96, 64)]), "image/x-icon"),
    }
    if features.check("webp"):
        kinds["webp"] = (encoded(image, "WEBP"), "image/webp")
        kinds["lossless webp"] = (encoded(image, "WEBP", lossless=True), "image/webp")
        kinds["alpha webp"] = (encoded(image.convert("RGBA").rotate(9), "WEBP"), "image/webp")
        kinds["animated webp"] = (encoded(image, "WEBP", save_all=True, append_images=turned), "image/webp")
    if "AVIF" in Image.SAVE:
        kinds["avif"] = (encoded(image, "AVIF"), "image/avif")
    return kinds
