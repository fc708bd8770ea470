"""What a case is: groups of contestants under the same conditions, and what is expected of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

from picsum_vision.testing.image_server.pictures.cache import QUALITY

ServerKind = Literal["images", "model"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Server:
    """One of picsum_vision.testing's servers with its settings; each group has one of its own."""

    kind: ServerKind = "images"
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pictures:
    """The size in pixels, and JPEG's quality, of the pictures that contestants find in a Parquet file (`order["pictures"]`)."""

    width: int = 800
    height: int = 600
    quality: int = QUALITY


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contestant:
    """One line of a group.

    `module` is run as `python -m benchmarks.contestants.MODULE`, in the environment of the peer `environment` if there is one.
    Lines with the same module, environment and `session` share one process, which stays alive during the case. `order` is what
    it is told for each run beside the group's own. `rows` are fewer rows than the group's, for those that are too slow for them;
    `timeout_s` bounds its runs instead of the group's. `is_fresh` gives each run a process of its own, for those who do not
    always come to an end in one that has worked before.
    """

    name: str
    module: str
    what: str
    environment: str | None = None
    session: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    order: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rows: int | None = None
    timeout_s: float | None = None
    is_fresh: bool = False

    @property
    def is_peer(self) -> bool:
        """Whether it is somebody else's work, which may be ahead of us."""
        return self.environment is not None or self.name == "notebook" or self.module.startswith("notebook")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Group:
    """Contestants under the same conditions; ratios are to `baseline`, and `ours` is the one that peers may be ahead of.

    `order` is told to all of them. `requests_per_row` are those that a row needs if nothing goes wrong. `timeout_s` bounds each
    run; `warm_up_rows` bounds the rows of the warm-up where all of them would only take longer. `ideal_rows_per_second` is what a
    client could reach at most under the server's conditions, where that can be said, and `ideal` says how it is found; with
    `ideal_in_flight` it is the ideal of those alone who have about so many requests in flight. `model` is a second server
    (`order["model_url"]`), for those that download and describe; `pictures` are made before anything is measured.
    """

    name: str
    rows: int
    server: Server
    contestants: tuple[Contestant, ...]
    baseline: str
    ours: str
    order: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    requests_per_row: int = 2
    warm_up: bool = True
    warm_up_rows: int | None = None
    timeout_s: float = 300
    ideal_rows_per_second: float | None = None
    ideal_in_flight: int | None = None
    ideal: str = ""
    model: Server | None = None
    pictures: Pictures | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A contestant in a group, for an expectation."""

    group: str
    contestant: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Expectation:
    """A bound for `figure` of `line`, divided by that of `over` in the same round (plus `plus`) if there is one.

    With `or_over` it is divided by the larger of the two. `text` says it for a reader. Nothing fails by it: the result reports
    whether the median keeps to it.
    """

    text: str
    line: Line
    figure: str
    over: Line | None = None
    or_over: Line | None = None
    plus: float = 0.0
    at_least: float | None = None
    at_most: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A case of the suite.

    `shows` and `shows_not` are the sentences that stand with its result; `columns` are its table's, `plotted` its plot's.
    `has_own_processes` gives each group processes of its own: where memory is a figure, what a session held before is none of it.
    `minutes` is about what it takes on two quiet cores, its `rounds` and the warm-up included. They are few, so that all cases
    together take about an hour and a half; whoever wants more asks for more.
    """

    name: str
    title: str
    shows: str
    shows_not: str
    groups: tuple[Group, ...]
    minutes: int
    rounds: int
    columns: tuple[str, ...] = ("rows_per_second", "ratio", "peak_in_flight", "rows_ok")
    plotted: str = "rows_per_second"
    has_own_processes: bool = False
    expectations: tuple[Expectation, ...] = ()
