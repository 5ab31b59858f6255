"""Ways to run a network: PyTorch, its compiler, OpenVINO, ONNX Runtime."""

from georetrieve.encoders.backends.base import Runner
from georetrieve.encoders.backends.choice import make_runner

__all__ = ["Runner", "make_runner"]
