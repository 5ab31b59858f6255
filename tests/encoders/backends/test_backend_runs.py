"""Every backend and precision gives the vectors of PyTorch's fp32, whatever the batch."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
import torch
from torch.nn.functional import cosine_similarity

from georetrieve.encoders.backends import make_runner
from georetrieve.encoders.backends.table import BACKENDS
from georetrieve.errors import EncoderError

SIDE = 160
CPU = torch.device("cpu")
LOWEST = {"fp32": 0.999999, "bf16": 0.999, "int8": 0.99}
ROUNDING = {"fp32": 1e-5, "bf16": 5e-2, "int8": 5e-2}
# Exporting to ONNX and compiling take long even for a tiny network.
SLOW = {("onnx", "int8"), ("openvino", "int8"), ("compile", "fp32"), ("compile", "bf16")}
WAYS = [
    pytest.param(
        backend.name,
        precision,
        marks=pytest.mark.slow if (backend.name, precision) in SLOW else (),
    )
    for backend in BACKENDS
    for precision in backend.precisions["cpu"]
]


@cache
def made(module, backend, precision):
    for package in next(each for each in BACKENDS if each.name == backend).missing(precision):
        pytest.skip(f"{package} is not installed")
    try:
        return make_runner(module, side=SIDE, device=CPU, backend=backend, precision=precision)
    except EncoderError as error:
        if "no bf16 on this CPU" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize(("backend", "precision"), WAYS)
def test_vectors_are_those_of_plain_pytorch(network, pixels, backend, precision):
    runner = made(network, backend, precision)
    found, wanted = runner(pixels), network(pixels)
    assert found.shape == wanted.shape
    assert found.dtype is torch.float32
    assert cosine_similarity(found, wanted, dim=-1).min() >= LOWEST[precision]
    assert runner.cosine >= LOWEST[precision]
    assert runner.name == f"{backend} {precision}"
    # One after the other, two, and a last one alone, which a compiler may treat as special.
    parts = torch.cat([runner(part) for part in pixels.split([1, 2, 1, 1])])
    assert torch.allclose(parts, found, atol=ROUNDING[precision])


@pytest.mark.parametrize(
    ("backend", "precision"), [("torch", "bf16"), ("openvino", "fp32"), ("openvino", "bf16")]
)
def test_patch_features_too(patches, pixels, backend, precision):
    runner = made(patches, backend, precision)
    found = runner(pixels[:2])
    assert found.shape == (2, 10, 10, 64)
    assert cosine_similarity(found, patches(pixels[:2]), dim=-1).min() >= LOWEST[precision]


def test_the_network_itself_keeps_its_precision(network, pixels):
    before = network(pixels)
    make_runner(network, side=SIDE, device=CPU, backend="torch", precision="bf16")
    assert {each.dtype for each in network.parameters()} == {torch.float32}
    assert torch.equal(network(pixels), before)


def test_fp32_of_pytorch_is_the_network_and_nothing_else(network, pixels):
    runner = make_runner(network, side=SIDE, device=CPU)
    assert torch.allclose(runner(pixels), network(pixels), atol=1e-6)
    assert runner.cosine == 1


def test_many_threads_may_call_one_runner(network, pixels):
    runner = made(network, "openvino", "fp32")
    wanted = network(pixels)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: runner(pixels[row : row + 1])[0], list(range(5)) * 8))
    for row, vector in enumerate(found):
        assert torch.allclose(vector, wanted[row % 5], atol=1e-4)


def test_a_runner_is_made_in_inference_mode_too(network, pixels):
    with torch.inference_mode():
        runner = made.__wrapped__(network, "openvino", "fp32")
        assert runner(pixels[:1]).shape == (1, 64)
