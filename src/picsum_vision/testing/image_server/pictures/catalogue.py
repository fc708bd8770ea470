"""Which pictures the image server has: their ids, native sizes and list entries, and which picture a seed leads to."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

LAST_ID: Final = 1084
#: Ids that Lorem Picsum does not have: 87 of them up to 1000, and two above.
MISSING_IDS: Final = frozenset(
    {86, 97, 105, 138, 148, 150, 205, 207, 224, 226, 245, 246, 262, 285, 286, 298, 303, 332, 333, 346, 359, 394, 414, 422}
    | {438, 462, 463, 470, 489, 540, 561, 578, 587, 589, 592, 595, 597, 601, 624, 632, 636, 644, 647, 673, 697}
    | set(range(706, 715))
    | {720, 725, 734}
    | set(range(745, 755))
    | {759, 761, 762, 763, 771, 792, 801, 812, 843, 850, 854, 895, 897, 899, 917, 920, 934, 956, 963, 968}
    | {1007, 1017},
)
# None is above 5000, the largest size that may be asked for, so that every `download_url` of the list can be had.
_NATIVE_SIZES: Final = ((5000, 3333), (2500, 1667), (5000, 3334), (4000, 2667), (3000, 2000), (3333, 5000), (4896, 3264))
_AUTHORS: Final = ("Ada Rossi", "Bruno Conti", "Carla Neri", "Dario Villa", "Elena Greco", "Fabio Serra", "Gaia Monti")


class Catalogue:
    """The pictures with ids 1..1084, less `missing_ids`."""

    def __init__(self, missing_ids: Collection[int] = MISSING_IDS) -> None:
        """Leave out `missing_ids`; the rest exists."""
        self.ids = tuple(i for i in range(1, LAST_ID + 1) if i not in missing_ids)
        self._known = frozenset(self.ids)

    def find(self, written_id: str) -> int | None:
        """Tell the picture's id, or None where there is no such picture. `007` is not `7`."""
        if not written_id.isascii() or not written_id.isdigit() or len(written_id) > len(str(LAST_ID)):
            return None
        number = int(written_id)
        return number if number in self._known and str(number) == written_id else None

    def of_seed(self, seed: str) -> int:
        """Tell the id that `seed` leads to: always the same one."""
        digest = hashlib.blake2b(seed.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        return self.ids[int.from_bytes(digest, "big") % len(self.ids)]

    def page(self, number: int, limit: int) -> tuple[int, ...]:
        """Tell the ids on page `number` (from 1) of `limit` entries each; past the end there are none."""
        first = limit * (number - 1)
        return self.ids[first : first + limit]


def native_size(picture_id: int) -> tuple[int, int]:
    """Tell the width and height, in pixels, that a picture has when no size is asked."""
    return _NATIVE_SIZES[picture_id % len(_NATIVE_SIZES)]


def list_entry(picture_id: int, root_url: str) -> dict[str, str | int]:
    """Describe a picture as `/v2/list` does; the authors are invented."""
    width, height = native_size(picture_id)
    return {
        "id": str(picture_id),
        "author": _AUTHORS[picture_id % len(_AUTHORS)],
        "width": width,
        "height": height,
        "url": f"{root_url}/id/{picture_id}/info",
        "download_url": f"{root_url}/id/{picture_id}/{width}/{height}",
    }
