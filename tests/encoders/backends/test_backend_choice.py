"""What auto takes, and what is said when something cannot be."""

import logging
import sys
from types import SimpleNamespace

import pytest
import torch

from georetrieve.encoders.backends import choice, make_runner, table
from georetrieve.encoders.backends.choice import candidates
from georetrieve.encoders.backends.images import lowest_cosine, probe_images
from georetrieve.encoders.backends.table import Backend
from georetrieve.errors import EncoderError, MissingExtraError

CPU, CUDA, MPS = torch.device("cpu"), torch.device("cuda"), torch.device("mps")
EVERYTHING = ("openvino", "nncf", "onnx", "onnxruntime", "onnxscript")


@pytest.fixture
def machine(monkeypatch):
    """Pretend a processor with or without bf16, and some packages installed."""

    def pretend(*, bf16=True, packages=EVERYTHING):
        monkeypatch.setattr(choice, "bf16_is_fast", lambda device: bf16)
        monkeypatch.setattr(table, "find_spec", lambda name: name if name in packages else None)

    return pretend


@pytest.mark.parametrize(
    ("device", "bf16", "packages", "wanted"),
    [
        (CPU, True, EVERYTHING, "openvino bf16, torch bf16, openvino fp32, onnx fp32, torch fp32"),
        (CPU, True, (), "torch bf16, torch fp32"),
        (CPU, False, EVERYTHING, "openvino fp32, onnx fp32, torch fp32"),
        (CPU, False, ("onnx", "onnxruntime", "onnxscript"), "onnx fp32, torch fp32"),
        (CPU, False, ("onnxruntime",), "torch fp32"),
        (CUDA, True, EVERYTHING, "torch bf16, torch fp16, torch fp32"),
        (CUDA, False, EVERYTHING, "torch fp16, torch fp32"),
        (MPS, False, EVERYTHING, "torch fp32"),
    ],
)
def test_the_rule(machine, device, bf16, packages, wanted):
    machine(bf16=bf16, packages=packages)
    assert ", ".join(f"{name} {kind}" for name, kind in candidates(device)) == wanted


@pytest.mark.parametrize(
    ("backend", "precision", "bf16", "wanted"),
    [
        ("auto", "fp32", True, "openvino fp32, onnx fp32, torch fp32, compile fp32"),
        ("auto", "int8", True, "openvino int8, onnx int8"),
        ("torch", "auto", True, "torch bf16, torch fp32"),
        ("torch", "auto", False, "torch fp32"),
        ("compile", "auto", True, "compile bf16, compile fp32"),
        ("openvino", "auto", False, "openvino fp32, openvino int8"),
        # Named, it is tried even where the processor does not help.
        ("auto", "bf16", False, "openvino bf16, torch bf16, compile bf16"),
    ],
)
def test_the_rule_with_one_of_both_named(machine, backend, precision, bf16, wanted):
    machine(bf16=bf16)
    ways = candidates(CPU, backend, precision)
    assert ", ".join(f"{name} {kind}" for name, kind in ways) == wanted


@pytest.mark.parametrize(
    ("device", "backend", "precision", "said"),
    [
        (CPU, "openvni", "auto", "Unknown backend 'openvni'. Did you mean 'openvino'?"),
        (CUDA, "openvino", "fp32", "runs on cpu, not on cuda; use --device cpu"),
        (CPU, "torch", "fp16", "offers fp32 and bf16 on cpu, not fp16"),
        (CPU, "onnx", "bf16", "offers fp32 and int8 on cpu, not bf16"),
        (CPU, "auto", "fp16", "Nothing that is installed here runs fp16 on cpu"),
    ],
)
def test_what_cannot_be_is_refused(machine, network, device, backend, precision, said):
    machine()
    with pytest.raises(EncoderError) as refused:
        make_runner(network, side=160, device=device, backend=backend, precision=precision)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("packages", "backend", "precision", "said"),
    [
        ((), "openvino", "fp32", "needs openvino, which is not installed; run: pip install "
         "'georetrieve[openvino]'"),
        (("openvino",), "openvino", "int8", "needs nncf, which"),
        (("onnx", "onnxruntime"), "onnx", "auto", "needs onnxscript, which is not installed; run: "
         "pip install 'georetrieve[onnx]'"),
    ],
)  # fmt: skip
def test_a_missing_extra_is_named(machine, network, packages, backend, precision, said):
    machine(packages=packages)
    with pytest.raises(MissingExtraError) as refused:
        make_runner(network, side=160, device=CPU, backend=backend, precision=precision)
    assert said in str(refused.value)


def skewed(amount):
    """A backend whose vectors have ``amount`` added to their first number."""

    def build(job):
        def forward(pixels):
            vectors = job.module(pixels).clone()
            vectors[..., 0] += amount
            return vectors

        return forward

    return build


def refusing(job):
    raise EncoderError("OpenVINO cannot convert this network: no such operator.")


@pytest.fixture
def fake_backends(monkeypatch, machine):
    """Replace OpenVINO and ONNX Runtime by functions that build runners."""
    machine(bf16=False)

    def replace(**builds):
        fakes = []
        for name, build in builds.items():
            monkeypatch.setitem(sys.modules, f"fake_{name}", SimpleNamespace(build=build))
            offered = {"cpu": ("fp32", "int8")}
            fakes.append(Backend(name=name, module=f"fake_{name}", precisions=offered))
        monkeypatch.setattr(table, "BACKENDS", (*fakes, table.BACKENDS[0]))

    return replace


def test_auto_passes_over_what_strays_or_cannot_run(fake_backends, network, caplog):
    fake_backends(openvino=refusing, onnx=skewed(50.0))
    with caplog.at_level(logging.INFO, logger="georetrieve"):
        runner = make_runner(network, side=160, device=CPU, backend="auto", precision="auto")
    assert (runner.name, runner.cosine) == ("torch fp32", 1.0)
    assert "Passed over: OpenVINO cannot convert this network" in caplog.text
    assert "Passed over: onnx fp32 keeps a cosine of " in caplog.text
    assert "Runs as torch fp32, lowest cosine 1.000000" in caplog.text


def test_auto_takes_the_first_that_keeps_faith(fake_backends, network):
    fake_backends(openvino=skewed(50.0), onnx=skewed(0.001))
    runner = make_runner(network, side=160, device=CPU, backend="auto", precision="auto")
    assert runner.name == "onnx fp32"
    assert 0.999 <= runner.cosine < 1


def test_a_precision_that_was_named_is_kept_or_refused(fake_backends, network):
    fake_backends(openvino=skewed(50.0), onnx=skewed(40.0))
    with pytest.raises(EncoderError, match=r"Nothing keeps a cosine of 0\.999.*openvino int8"):
        make_runner(network, side=160, device=CPU, backend="auto", precision="int8")


def test_a_way_that_was_named_runs_with_a_warning(fake_backends, network, caplog):
    fake_backends(onnx=skewed(50.0))
    runner = make_runner(network, side=160, device=CPU, backend="onnx", precision="int8")
    assert runner.cosine < 0.999
    assert "onnx int8 gives vectors with a cosine as low as" in caplog.text


def test_values_that_are_not_finite_are_refused(fake_backends, network):
    fake_backends(onnx=skewed(float("inf")))
    with pytest.raises(EncoderError, match="not finite"):
        make_runner(network, side=160, device=CPU, backend="onnx", precision="fp32")


def test_probe_images_are_the_same_always_and_differ_from_each_other():
    one, other = probe_images(32), probe_images(32)
    assert torch.equal(one, other)
    assert one.shape == (4, 3, 32, 32)
    assert not torch.allclose(one[0], one[1])


def test_lowest_cosine_by_hand():
    wanted = torch.tensor([[[1.0, 0.0], [3.0, 4.0]]])
    found = torch.tensor([[[2.0, 0.0], [4.0, 3.0]]])  # cosines 1 and 24/25
    assert lowest_cosine(found, wanted) == pytest.approx(0.96)
