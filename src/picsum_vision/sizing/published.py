"""The notebook's published times, on 8 cores and 32 GB."""

from __future__ import annotations

from typing import Final

CLUSTER: Final = "8 cores, 32 GB"
# images -> seconds of download, inference and total, as they stand in its table.
PUBLISHED_S: Final[dict[int, dict[str, float]]] = {
    100: {"download": 30, "describe": 120, "total": 150},
    1_000: {"download": 300, "describe": 900, "total": 1_200},
    5_000: {"download": 1_500, "describe": 4_500, "total": 6_000},
}
