"""An OpenAI-compatible vision model on this machine: `with ModelServer() as server: ...`, or `picsum-vision serve-model`."""

from picsum_vision.testing.latency import Latency
from picsum_vision.testing.model_server.batches.faults import BatchFault, BatchFaultKind
from picsum_vision.testing.model_server.faults import FaultKind, ModelFault
from picsum_vision.testing.model_server.limits import RetryAfter
from picsum_vision.testing.model_server.server import ModelServer, serve_model
from picsum_vision.testing.model_server.settings import ModelServerSettings, Quirk

__all__ = [
    "BatchFault",
    "BatchFaultKind",
    "FaultKind",
    "Latency",
    "ModelFault",
    "ModelServer",
    "ModelServerSettings",
    "Quirk",
    "RetryAfter",
    "serve_model",
]
