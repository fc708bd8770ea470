"""Whether the host's list has as many images as a suite measures: fewer rows under a larger number would be no measurement."""

from __future__ import annotations

from picsum_vision.errors import SettingError
from picsum_vision.picsum_list import listed_ids
from picsum_vision.sizing.settings import SizingConfig


def check_list(config: SizingConfig, base_url: str, notebook_images: int) -> None:
    """Raise SettingError where `by` is "list" and the list is too short; the host is asked for it once."""
    if config.by != "list":
        return
    wanted = {"sizes": max(config.sizes), "notebook_images": notebook_images}
    listed = len(listed_ids(base_url, skip=0, count=max(wanted.values())))
    for name, images in wanted.items():
        if images > listed:
            raise SettingError(
                f"{name}: {images:,} is not allowed with by='list': the host's list has {listed:,} pictures; "
                f"give at most that many, or by='seed'"
            )
