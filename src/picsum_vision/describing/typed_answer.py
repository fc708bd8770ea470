"""What a chat endpoint said, as the task wants it."""

from __future__ import annotations

import dataclasses
from typing import Any

from picsum_vision.describing.chat_answer import ChatAnswer
from picsum_vision.describing.tasks import BadAnswer, Task
from picsum_vision.outcomes import DescribeStatus


def typed_answer(answer: ChatAnswer, task: Task) -> tuple[ChatAnswer, Any]:
    """Return the answer with the status that its text deserves, and its value; None where there is none."""
    text = answer.text or ""
    if answer.status is DescribeStatus.CUT_OFF and task.json_schema() is None:
        return answer, text if text.strip() else None  # paid for, and the part of a free description that is there is of use
    if answer.status is not DescribeStatus.OK:
        return answer, None
    try:
        return answer, task.parse(text)
    except BadAnswer as bad:
        return dataclasses.replace(answer, status=DescribeStatus.BAD_SCHEMA, message=bad.with_raw(text)), None
