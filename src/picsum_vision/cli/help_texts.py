"""How the commands' flags stand in their help: in groups, with examples that can be copied, and nothing taken for markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_PANELS: Final[Mapping[str, tuple[str, ...]]] = {
    "Which images": ("images", "start", "by", "width", "height", "base_url", "urls_from", "url_col"),
    "Tables": ("folder", "output", "catalog", "schema", "table_format"),
    "Model": ("backend", "endpoint_url", "model", "api_key_env", "task", "labels", "language", "prompt"),
    "Limits": (
        "max_in_flight", "download_in_flight", "model_in_flight", "timeout", "partitions", "requests_per_second_per_host",
        "requests_per_minute", "tokens_per_minute", "allow_private_addresses",
    ),
    "What is done": (
        "overwrite", "keep_images", "retry_failed", "retry_permanent", "on_new_question", "describe_unknown", "when_busy",
        "checkpoint_interval", "min_ok_share",
    ),
    "What is looked at": ("probe_url", "ask_model", "no_write"),
    "What is measured": ("sizes", "repeats", "stages", "notebook_images", "image_latency_mean", "model_latency_mean", "serve_on"),
    "What is kept": ("log_to_mlflow", "tracking_uri", "experiment", "no_tracking"),
    "Prices": ("input_price_per_million_tokens", "output_price_per_million_tokens"),
    "Files": ("to", "path", "split", "max_images_per_shard", "max_bytes_per_shard"),
    "Spark": ("master", "remote"),
}  # fmt: skip
_PANEL_OF: Final = {name: panel for panel, names in _PANELS.items() for name in names}
# A command with few flags needs no groups.
_MANY: Final = 8


def finish(group: Any) -> None:
    """Set what the help of each command shows; `group` is typer's."""
    for command in group.commands.values():
        if hasattr(command, "commands"):
            finish(command)
        many = len(command.params) > _MANY
        for param in command.params:
            text = getattr(param, "help", None)
            if text:
                # Rich would take `[default: 5]` for a style that it does not know, and leave it out.
                param.help = text.replace("[", r"\[")
            if many and param.name in _PANEL_OF and hasattr(param, "rich_help_panel"):
                param.rich_help_panel = _PANEL_OF[param.name]
