"""What a plan has to know of who is asked: from a backend, or from the word that `run --backend` has for it."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from picsum_vision.config_file import BACKENDS
from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, PixelDescriber, check_backend
from picsum_vision.describing.tasks import Task
from picsum_vision.errors import SettingError
from picsum_vision.images.shrinking import shrunk_size
from picsum_vision.sizing.demand import is_fused
from picsum_vision.validation import check_choice

_USUAL_ANSWER_S: Final = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedBackend:
    """Who is asked: the backend's class, and the model by whose rule tokens are counted."""

    kind: type[Any]
    model: str

    @property
    def is_fused(self) -> bool:
        """Whether an image is described in the worker that fetched it, while others download."""
        return is_fused(self.kind)

    @property
    def is_paid(self) -> bool:
        """Whether answers cost tokens; what runs in the workers has none."""
        return issubclass(self.kind, (AiQuery, ChatCompletions))

    @property
    def latency_s(self) -> float:
        """How long an answer takes where nobody has said it."""
        return 0.0 if issubclass(self.kind, PixelDescriber) else _USUAL_ANSWER_S

    def sent_size(self, width: int, height: int, max_side_px: int) -> tuple[int, int]:
        """Return the size in which a picture is sent: `ai_query` is given it as it is."""
        return (width, height) if issubclass(self.kind, AiQuery) else shrunk_size(width, height, max_side_px)


def planned_backend(backend: Backend | str | None, model: str, task: Task) -> PlannedBackend:
    """Return what is to be known of it; None is a chat endpoint. Raises SettingError for what cannot be planned."""
    kind: type[Any]
    if backend is None or isinstance(backend, str):
        word = "chat" if backend is None else backend
        check_choice("backend", word, BACKENDS)
        kind = BACKENDS[word]
        if kind is PixelDescriber:
            check_backend(PixelDescriber(), task)
    else:
        check_backend(backend, task)
        kind, model = type(backend), model or backend.model_name
    if issubclass(kind, BatchChat):
        (word,) = (name for name, each in BACKENDS.items() if each is BatchChat)
        raise SettingError(f"backend: {word!r} is not allowed here: its answers may take a day; plan 'chat'")
    return PlannedBackend(kind=kind, model=model)
