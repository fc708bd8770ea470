"""What a description will use and cost, before anything is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from picsum_vision.describing.backends import AiQuery, Backend, BatchChat, ChatCompletions, check_backend
from picsum_vision.describing.fit_size import size_when_sent
from picsum_vision.describing.image_tokens import UNSEEN_SIDE_PX, ImageTokenRule, image_token_rule, text_tokens
from picsum_vision.describing.spending import at_price_of, cost, price_factor, usual_output_tokens
from picsum_vision.describing.tasks import Describe, Task
from picsum_vision.errors import ColumnError, SettingError
from picsum_vision.options import DescribeOptions
from picsum_vision.spark.by_position import ByPosition
from picsum_vision.spark.columns import column_kinds, own_name
from picsum_vision.validation import check_integer, check_text

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclasses.dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a description of a whole DataFrame will use. Costs are None without prices, in the prices' currency.

    `questions` are the rows with an image that can be read. `output_tokens` and `cost` are what is to be expected, `max_cost`
    what it comes to if every answer has `max_output_tokens`.
    """

    rows: int
    questions: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    max_cost: float | None


def estimate_cost(
    df: DataFrame,
    backend: Backend,
    *,
    image_col: str = "image_binary",
    task: Task | None = None,
    options: DescribeOptions | None = None,
    output_tokens_per_image: int | None = None,
) -> CostEstimate:
    """Return what `describe` with the same arguments will probably use and cost; nothing is asked, no image is decoded.

    The images' tokens follow the rule that the model's maker publishes, found by the model's name, on the size to which the
    image will
    be shrunk. Prices are those of `options`. `output_tokens_per_image` replaces the usual length of the task's answers.
    Duplicates are counted as often as they are there.

    Raises
    ------
    ColumnError, SettingError
        If a column or a setting is wrong.

    """
    task, options = task or Describe(), options or DescribeOptions()
    check_backend(backend, task)
    check_integer("output_tokens_per_image", output_tokens_per_image, minimum=1, optional=True)
    kind = _image_kind(df, image_col)
    rows, questions, image_tokens = _counted(df, image_col, backend, options, is_url=kind.endswith("string"))
    if not isinstance(backend, (AiQuery, BatchChat, ChatCompletions)):  # it runs on the job's own machines
        return CostEstimate(rows=rows, questions=questions, input_tokens=0, output_tokens=0, cost=0.0, max_cost=0.0)
    options = at_price_of(options, price_factor(backend))
    usual = output_tokens_per_image or usual_output_tokens(task.name, options)
    input_tokens = image_tokens + questions * text_tokens(task.full_prompt)
    output_tokens = questions * min(usual, options.max_output_tokens)
    return CostEstimate(
        rows=rows,
        questions=questions,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=cost(options, input_tokens, output_tokens),
        max_cost=cost(options, input_tokens, questions * options.max_output_tokens),
    )


def _image_kind(df: DataFrame, image_col: str) -> str:
    check_text("image_col", image_col)
    kinds = column_kinds(df)
    kind = kinds.get(own_name(df, image_col))
    if kind is None:
        raise ColumnError(f"image_col: no column {image_col!r}; there are: {', '.join(kinds)}")
    if kind not in ("binary", "array<binary>", "string", "array<string>"):
        raise ColumnError(f"image_col: column {image_col!r} is {kind}; it must be binary or array<binary>")
    return kind


def _counted(df: DataFrame, image_col: str, backend: Backend, options: DescribeOptions, *, is_url: bool) -> tuple[int, int, int]:
    """Return rows, questions and the tokens of their images; only the images' headers are read."""
    if is_url and not (isinstance(backend, (BatchChat, ChatCompletions)) and backend.send == "url"):
        raise SettingError(
            f"image_col: {image_col!r} holds addresses; they are sent by ChatCompletions(..., send='url') and BatchChat alone"
        )
    # ai_query sends the image as it is.
    max_side_px = options.max_image_side_px if isinstance(backend, (BatchChat, ChatCompletions)) else None
    rule = image_token_rule(backend.model_name)

    def count(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        import pyarrow  # noqa: ICN001, PLC0415 - on the worker

        for batch in batches:
            found = [_tokens(value, rule, max_side_px) for value in batch.column(0).to_pylist()]
            asked = [tokens for tokens in found if tokens is not None]
            yield pyarrow.RecordBatch.from_pydict(
                {"rows": pyarrow.array([len(found)], "int64"), "questions": pyarrow.array([len(asked)], "int64"),
                 "tokens": pyarrow.array([sum(asked)], "int64")}
            )  # fmt: skip

    rows = ByPosition(df)
    counted = rows.df.select(rows.column(own_name(df, image_col))).mapInArrow(
        count, "rows BIGINT, questions BIGINT, tokens BIGINT"
    )
    row = counted.selectExpr("sum(rows)", "sum(questions)", "sum(tokens)").collect()[0]
    return row[0] or 0, row[1] or 0, row[2] or 0


def _tokens(value: Any, rule: ImageTokenRule, max_side_px: int | None) -> int | None:
    """Return the tokens of a row's images, None if nothing will be asked about it."""
    images = [image for image in value if image] if isinstance(value, list) else [value] if value else []
    sizes = [
        (UNSEEN_SIDE_PX, UNSEEN_SIDE_PX) if isinstance(image, str) else size_when_sent(image, max_side_px) for image in images
    ]
    known = [size for size in sizes if size is not None]
    if not images or len(known) < len(sizes):
        return None
    return sum(rule.tokens(*size) for size in known)
