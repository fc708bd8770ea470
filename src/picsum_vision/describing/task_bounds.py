"""Into how many tasks the bounds of a whole job may be divided, so that a share is still of use and their sum is kept."""

from __future__ import annotations

import dataclasses
from typing import Final

from picsum_vision.describing.backends import Backend, BatchChat, ChatCompletions
from picsum_vision.describing.image_tokens import image_token_rule, text_tokens
from picsum_vision.describing.tasks import Task
from picsum_vision.options import DescribeOptions

# So many a minute a share has at least: each task begins with one, and a part of one is not asked.
_QUESTIONS_A_MINUTE: Final = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskBounds:
    """So many tasks at most, those that run together and all of them; None where nothing bounds them."""

    at_once: int | None = None
    in_all: int | None = None

    def fitted(self, tasks: int, slots: int) -> int:
        """Return how many tasks there may be where `tasks` are wanted and `slots` run at once."""
        tasks = tasks if self.in_all is None else min(tasks, self.in_all)
        return tasks if self.at_once is None or min(tasks, slots) <= self.at_once else self.at_once


def task_bounds(options: DescribeOptions, backend: Backend, task: Task) -> TaskBounds:
    """Return into how many tasks the options' bounds of the whole job may be divided."""
    if not isinstance(backend, (BatchChat, ChatCompletions)):
        return TaskBounds()
    at_once = []
    if options.requests_per_minute_total is not None:
        at_once.append(options.requests_per_minute_total // _QUESTIONS_A_MINUTE)
    if options.tokens_per_minute_total is not None and isinstance(backend, ChatCompletions):
        most = sum(most_tokens(options, backend, task))
        at_once.append(options.tokens_per_minute_total // (_QUESTIONS_A_MINUTE * most))
    # A bound on the cost is kept by who sees all of what is in flight: one task.
    in_all = None if options.max_cost_total is None else 1
    return TaskBounds(at_once=max(1, min(at_once)) if at_once else None, in_all=in_all)


def most_tokens(options: DescribeOptions, backend: BatchChat | ChatCompletions, task: Task) -> tuple[int, int]:
    """Return the input and output tokens of such a question, by the rule of the model's maker."""
    side_px = options.max_image_side_px
    return text_tokens(task.full_prompt) + image_token_rule(backend.model).tokens(side_px, side_px), options.max_output_tokens
