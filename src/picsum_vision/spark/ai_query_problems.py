"""What the platform says when `ai_query` cannot be asked at all, as one line with the remedy.

The words are those of Databricks' published error conditions and of its REST API, kept loose: the texts around them change from
release to release, and none of them could be provoked on the platform itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from picsum_vision.errors import ModelProblem
from picsum_vision.redaction import redact_error

if TYPE_CHECKING:
    from picsum_vision.describing.backends import AiQuery

_NO_FUNCTION: Final = (
    "this session has no such function; on Databricks it needs a serverless warehouse or Runtime 15.4 and later, "
    "elsewhere call register_ai_query(spark, backend) first, or choose another backend"
)
# What is found in the error -> what it means for the caller. The first that is found counts: an HTTP error's text holds the
# reason, so the general words come last.
_PROBLEMS: Final = (
    (r"UNRESOLVED_ROUTINE|UNRESOLVED_FUNCTION|ROUTINE_NOT_FOUND", _NO_FUNCTION),
    (
        r"AI_FUNCTION_UNSUPPORTED_ERROR|(?i:not supported in the current environment)|(?i:only available in Databricks SQL Pro)",
        "it is not supported on this warehouse or cluster; use a serverless or pro warehouse, or Runtime 15.4 and later",
    ),
    (
        (
            r"(?i)(UNRECOGNIZED_PARAMETER|UNEXPECTED_POSITIONAL|WRONG_NUM_ARGS|NAMED_PARAMETER|UNSUPPORTED|not support"
            r"|unexpected keyword).{0,300}\bfiles\b|\bfiles\b.{0,120}not supported"
        ),
        "this platform's function takes no files; it needs a newer Runtime or warehouse, or use ChatCompletions",
    ),
    (
        r"(?i)does not (support|accept) (image|vision|multimodal)|(image|vision|multimodal) input.{0,40}not supported",
        "the endpoint {endpoint!r} takes no images; choose a vision model",
    ),
    (
        r"AI_QUERY_ENDPOINT_NOT_SUPPORT_STRUCTURED_OUTPUT|(?i:(response_?format|structured output).{0,120}not support)",
        "the endpoint {endpoint!r} gives no typed answers; ask with Describe(), choose another endpoint, or use ChatCompletions",
    ),
    (
        r"AI_FUNCTION_INVALID_MODEL_PARAMETERS|(?i:unsupported parameter.{0,80}(temperature|max_tokens))",
        "the endpoint {endpoint!r} refuses the model parameters; leave temperature out of DescribeOptions",
    ),
    (
        (
            r"(?i)permission.?denied|unauthorized|unauthenticated|forbidden|not authorized|INSUFFICIENT_PERMISSIONS"
            r"|does not have .{0,60}permission|\b40[13]\b"
        ),
        "no permission to query the endpoint {endpoint!r}; ask its owner for Can Query",
    ),
    (
        (
            r"(?i)endpoint\W.{0,120}(does not exist|not found)|ENDPOINT_NOT_FOUND|RESOURCE_DOES_NOT_EXIST|NO_SUCH_ENDPOINT"
            r"|NOT_FOUND\b.{0,120}endpoint|\b404\b"
        ),
        "there is no serving endpoint {endpoint!r}; see Serving in the workspace for those there are",
    ),
    (
        r"AI_FUNCTION_HTTP_REQUEST_ERROR|AI_FUNCTION_INVALID_HTTP_RESPONSE",
        "the endpoint {endpoint!r} could not be reached or gave no proper answer; see its state under Serving, then try again",
    ),
)


_UNKNOWN_ARGUMENT: Final = re.compile(r"named argument reference for the argument named `?(\w+)")


def unknown_argument(error: Exception) -> str | None:
    """Return the named argument that the function does not know, None if the error is about something else."""
    found = _UNKNOWN_ARGUMENT.search(str(error))
    return found and found[1]


def problem(backend: AiQuery, error: Exception | str) -> ModelProblem:
    """Return the one line for what the platform says; its own words, cut short, where none of them is known."""
    text = " ".join(str(error).split())
    for pattern, meaning in _PROBLEMS:
        if re.search(pattern, text):
            return ModelProblem(f"{backend.function}: {meaning.format(endpoint=backend.endpoint)}")
    return ModelProblem(f"{backend.function}: {redact_error(text)}")
