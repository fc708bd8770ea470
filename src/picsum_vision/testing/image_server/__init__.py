"""An image host like Lorem Picsum, on this machine: `with ImageServer() as server: ...`, or `picsum-vision serve-images`."""

from picsum_vision.testing.image_server.faults import Fault, FaultKind
from picsum_vision.testing.image_server.host import RateLimit
from picsum_vision.testing.image_server.server import ImageServer, serve_images
from picsum_vision.testing.latency import Latency

__all__ = ["Fault", "FaultKind", "ImageServer", "Latency", "RateLimit", "serve_images"]
