"""How fast each backend and precision run a network here, and how far their vectors stray.

All ways take turns, round by round, and a ratio is the median over rounds of a way's rate to that
of PyTorch's fp32 in the same round: a machine that is busy meanwhile slows both.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from georetrieve.benchmarks.seeded import RANDOM_WEIGHTS, write_seeded_checkpoint
from georetrieve.encoders.backends import Runner, make_runner
from georetrieve.encoders.backends.choice import MIN_COSINE, candidates
from georetrieve.encoders.backends.images import synthetic_pixels
from georetrieve.encoders.backends.table import BACKENDS
from georetrieve.encoders.features import VectorHead
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.options import split_name
from georetrieve.encoders.registry import load_encoder
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, GeoRetrieveError
from georetrieve.protocols import Progress

__all__ = ["run_backends"]

ARCHITECTURE = "vit_small_patch16_224"
TEST_IMAGES = 16
TEST_SEED, TIMED_SEED = 11, 12

BASE = ("torch", "fp32")


@dataclass
class _Contender:
    """Something that is timed: a way to run the network, or the encoder around the one chosen.

    Attributes:
        backend: Its name.
        precision: Its name.
        step: Does one batch.
        facts: What is known of it beside its speed.
        seconds: What a batch took, round by round.
    """

    backend: str
    precision: str
    step: Callable[[], object]
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)


def run_backends(
    encoder: str | None = None,
    *,
    batch_size: int = 32,
    rounds: int = 5,
    device: str = "auto",
    backends: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Compare every backend and precision that this machine has.

    Args:
        encoder: One around a network; None: a ViT-S/16 with seeded random weights.
        batch_size: Images in a batch, made before and lying on the device.
        rounds: Turns every way takes.
        device: See :class:`~georetrieve.encoders.runtime.Runtime`.
        backends: Only these, beside PyTorch's; empty: all.
        progress: Told how far it is.

    Returns:
        Facts of the run; ``rows``, one a way: images a second, their ratio to PyTorch's fp32,
        lowest and mean cosine to its vectors, seconds until the first batch was done, whether
        ``auto`` chooses it; ``missed``, with the reason of each way that cannot be run; and the
        rate of the encoder's whole path (bytes to the device, normalising, running, vectors back)
        as ``auto`` runs it, with its ratio to the bare network run so.

    Raises:
        EncoderError: The encoder is not one around a network, or cannot be loaded.
    """
    with tempfile.TemporaryDirectory() as scratch:
        name = encoder or f"{ARCHITECTURE}@{write_seeded_checkpoint(Path(scratch), ARCHITECTURE)}"
        plain = _network_encoder(name, Runtime(device=device))
        where = next(plain.network.parameters()).device
        side = int(plain.spec.transform["crop"])
        head = VectorHead(plain.network, split_name(name)[1]).eval()
        bench = _Bench(head, side, where, batch_size)
        contenders, missed = bench.contenders(backends, progress)
        chosen = bench.choice(contenders)
        path = _network_encoder(
            name, Runtime(device=device, backend=chosen.backend, precision=chosen.precision)
        )
    whole = _Contender(chosen.backend, chosen.precision, bench.whole_path(path))
    whole.step()
    _take_turns([*contenders, whole], rounds, progress)
    base = next(each for each in contenders if (each.backend, each.precision) == BASE)
    return {
        "encoder": encoder or f"{ARCHITECTURE}, {RANDOM_WEIGHTS}",
        "device": _device_name(where),
        "threads": torch.get_num_threads(),
        "batch_size": batch_size,
        "rounds": rounds,
        "rows": [_row(each, base, batch_size) | {"auto": each is chosen} for each in contenders],
        "encoder_images_per_second": batch_size / statistics.median(whole.seconds),
        "encoder_to_bare": _ratio(whole, chosen),
        "missed": missed,
    }


def _network_encoder(name: str, runtime: Runtime) -> NetworkEncoder:
    loaded = load_encoder(name, runtime=runtime)
    if not isinstance(loaded, NetworkEncoder):
        raise EncoderError(
            f"Encoder {name!r} is not one network that runs once an image, so it has no backends "
            "to compare; name a vision transformer, without rotations."
        )
    return loaded


class _Bench:
    """A network, the images it is timed with, and the images its vectors are compared on."""

    def __init__(self, head: nn.Module, side: int, device: torch.device, batch_size: int) -> None:
        self._head, self._side, self._device = head, side, device
        self._timed = synthetic_pixels(batch_size, side, seed=TIMED_SEED).to(device)
        self._tested = synthetic_pixels(TEST_IMAGES, side, seed=TEST_SEED).to(device)
        self._reference: torch.Tensor | None = None

    def contenders(
        self, backends: Sequence[str], progress: Progress | None
    ) -> tuple[list[_Contender], list[dict[str, str]]]:
        """Make every way ready; also return those that cannot be, with the reason."""
        ways = [
            (backend.name, precision)
            for backend in BACKENDS
            for precision in backend.precisions.get(self._device.type, ())
            if not backends or backend.name in {"torch", *backends}
        ]
        made, missed = [], []
        if progress:
            progress.start("loading", len(ways), "ways")
        for backend, precision in ways:
            try:
                made.append(self._contender(backend, precision))
            except GeoRetrieveError as error:
                missed.append({"backend": backend, "precision": precision, "reason": str(error)})
            if progress:
                progress.advance()
        if progress:
            progress.finish()
        return made, missed

    def choice(self, contenders: Sequence[_Contender]) -> _Contender:
        """What ``auto`` takes, of those that are compared."""
        by_way = {(each.backend, each.precision): each for each in contenders}
        return next(
            by_way[way]
            for way in candidates(self._device)
            if way in by_way and by_way[way].facts["probe_cosine"] >= MIN_COSINE
        )

    def whole_path(self, encoder: NetworkEncoder) -> Callable[[], object]:
        """Encode a batch of as many prepared images as the network is timed with."""
        rng = np.random.default_rng(TIMED_SEED)
        shape = (self._side, self._side, 3)
        batch = [rng.integers(0, 256, shape, dtype=np.uint8) for _ in range(len(self._timed))]
        return lambda: encoder.encode_prepared(batch)

    def _contender(self, backend: str, precision: str) -> _Contender:
        start = time.perf_counter()
        runner = make_runner(
            self._head, side=self._side, device=self._device, backend=backend, precision=precision
        )
        step = self._step(runner)
        step()
        load_seconds = time.perf_counter() - start
        cosines = self._cosines(runner)
        facts = {
            "probe_cosine": runner.cosine,
            "lowest_cosine": cosines.min().item(),
            "mean_cosine": cosines.mean().item(),
            "load_seconds": load_seconds,
        }
        return _Contender(backend, precision, step, facts)

    def _step(self, runner: Runner) -> Callable[[], object]:
        def step() -> None:
            runner(self._timed)
            if self._device.type == "cuda":
                torch.cuda.synchronize(self._device)

        return step

    def _cosines(self, runner: Runner) -> torch.Tensor:
        vectors = torch.cat([runner(part) for part in torch.split(self._tested, len(self._timed))])
        if self._reference is None:  # the first way is PyTorch's fp32
            self._reference = vectors
        return nn.functional.cosine_similarity(vectors.double(), self._reference.double(), dim=-1)


def _take_turns(contenders: Sequence[_Contender], rounds: int, progress: Progress | None) -> None:
    if progress:
        progress.start("timing", rounds, "rounds")
    for _ in range(rounds):
        for each in contenders:
            start = time.perf_counter()
            each.step()
            each.seconds.append(time.perf_counter() - start)
        if progress:
            progress.advance()
    if progress:
        progress.finish()


def _row(each: _Contender, base: _Contender, batch_size: int) -> dict[str, Any]:
    return {
        "backend": each.backend,
        "precision": each.precision,
        "images_per_second": batch_size / statistics.median(each.seconds),
        "ratio": _ratio(each, base),
        **each.facts,
    }


def _ratio(one: _Contender, other: _Contender) -> float:
    """Median over rounds of the rate of one to that of the other."""
    return statistics.median(b / a for a, b in zip(one.seconds, other.seconds, strict=True))


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return (
        str(torch.cpu.get_capabilities().get("cpu_name", "CPU")) if device.type == "cpu" else "MPS"
    )
