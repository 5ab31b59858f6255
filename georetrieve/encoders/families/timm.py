"""Vision transformers of timm with weights from a local file: SCAMPI, DINO, and what you trained.

Named ``ARCHITECTURE@FILE``; of a full DINO checkpoint the teacher is taken, or what is named:
``vit_small_patch16_224@checkpoint.pth#student``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import timm
import torch
from PIL import Image
from timm.models.vision_transformer import VisionTransformer

from georetrieve.encoders.checkpoints import file_sha256, load_strictly, read_checkpoint
from georetrieve.encoders.devices import resolve_device
from georetrieve.encoders.options import Options
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.errors import EncoderError, did_you_mean
from georetrieve.protocols import Progress
from georetrieve.types import EncoderSpec, FloatArray

__all__ = ["TimmViT", "load_named", "load_spec"]


class TimmViT:
    """An image and patch encoder around a timm vision transformer.

    The vector of an image is what the network gives without a classifier: for SCAMPI, DINO and
    DINOv2 the class token after the last norm, not normalised.

    Args:
        model: The network, without a classifier.
        transform: What is done to an image first.
        spec: What the vectors depend on.
        device: Where the network runs.
    """

    def __init__(
        self,
        model: VisionTransformer,
        transform: SquareCrop,
        spec: EncoderSpec,
        device: torch.device,
    ) -> None:
        self._model = model.eval().requires_grad_(False).to(device)
        self._transform = transform
        self._spec = spec
        self._device = device

    @classmethod
    def from_file(
        cls, arch: str, path: Path, *, checkpoint_key: str = "", device: str = "auto"
    ) -> TimmViT:
        """Load a checkpoint into an architecture.

        An architecture with a tag (``vit_base_patch16_clip_224.openai``) is fed with that tag's
        channel statistics, one without with ImageNet's, as SCAMPI and DINO are.

        Args:
            arch: A vision transformer that timm knows.
            path: ``.pth``, ``.pt`` or ``.safetensors`` file.
            checkpoint_key: See :func:`~georetrieve.encoders.checkpoints.read_checkpoint`.
            device: See :func:`~georetrieve.encoders.devices.resolve_device`.

        Raises:
            EncoderError: The architecture is unknown or no vision transformer, the weights cannot
                be used or do not fit exactly, or the device is not there.
        """
        where = resolve_device(device)
        model = _bare_model(arch)
        # Not resolved: a download cache names files by a digest and links to them by their name.
        path = path.expanduser().absolute()
        checkpoint = read_checkpoint(path, checkpoint_key=checkpoint_key)
        load_strictly(model, checkpoint, origin=f"{path} for {arch}")
        if any(tensor.is_meta for tensor in chain(model.parameters(), model.buffers())):
            raise EncoderError(f"{arch} has values that no checkpoint holds; it is not supported.")
        transform = _transform(model, arch)
        spec = EncoderSpec(
            name=f"{arch}@{path.name}" + (f"#{checkpoint_key}" if checkpoint_key else ""),
            family="timm",
            weights=str(path),
            sha256=file_sha256(path),
            arch=arch,
            revision=checkpoint.part,
            transform=transform.to_json(),
            dim=model.num_features,
            patch_size=model.patch_embed.patch_size[0],
        )
        return cls(model, transform, spec, where)

    @property
    def spec(self) -> EncoderSpec:
        """What the vectors depend on."""
        return self._spec

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Return an RGB image as (side, side, 3) bytes; thread-safe."""
        return self._transform.prepare(image)

    @torch.inference_mode()
    def encode_prepared(self, batch: Sequence[npt.NDArray[np.uint8]]) -> FloatArray:
        """Return the (N, D) float32 vectors of N prepared images."""
        if not len(batch):
            return np.empty((0, self._spec.dim), np.float32)
        return _to_numpy(self._model(self._transform.normalise(batch, self._device)))

    def encode_images(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return the (N, D) float32 vectors of N RGB images of any sizes."""
        vectors = [self.encode_prepared(batch) for batch in self._batches(images, batch_size)]
        return np.concatenate(vectors) if vectors else self.encode_prepared([])

    @torch.inference_mode()
    def encode_patches(self, images: Sequence[Image.Image], *, batch_size: int = 32) -> FloatArray:
        """Return the (N, S, S, D) float32 patch tokens after the last norm, rows from the top.

        They describe the square centre that is left after the crop.
        """
        side = self._model.patch_embed.grid_size[0]
        grids = [np.empty((0, side, side, self._spec.dim), np.float32)]
        for batch in self._batches(images, batch_size):
            tokens = self._model.forward_features(self._transform.normalise(batch, self._device))
            patches = tokens[:, self._model.num_prefix_tokens :]
            grids.append(_to_numpy(patches).reshape(len(batch), side, side, -1))
        return np.concatenate(grids)

    def _batches(
        self, images: Sequence[Image.Image], batch_size: int
    ) -> Iterator[list[npt.NDArray[np.uint8]]]:
        for start in range(0, len(images), batch_size):
            yield [self.prepare(image) for image in images[start : start + batch_size]]


def load_named(
    name: str, options: Options, *, runtime: Runtime, progress: Progress | None = None
) -> TimmViT:
    """Load ``ARCHITECTURE@FILE`` or ``ARCHITECTURE@FILE#student``.

    Raises:
        EncoderError: See :meth:`TimmViT.from_file`.
    """
    arch, _, place = name.partition("@")
    path, key = place, ""
    for part in ("teacher", "student"):
        if place.endswith(f"#{part}"):
            path, key = place.removesuffix(f"#{part}"), part
    if not arch or not path:
        raise EncoderError(
            f"Encoder {name!r} lacks its architecture or its file; write ARCHITECTURE@FILE, such "
            "as vit_small_patch16_224@weights.pth. Random weights are never used."
        )
    return TimmViT.from_file(arch, Path(path), checkpoint_key=key, device=runtime.device)


def load_spec(spec: EncoderSpec, index_dir: Path, *, runtime: Runtime) -> TimmViT:
    """Load the encoder that a column was made with, from where its weights lie now.

    Weights are looked for where they lay, then in the folder ``encoders`` of the index; their
    digest must be the recorded one.

    Raises:
        EncoderError: They are in neither place, or have changed.
    """
    places = [Path(spec.weights), index_dir / "encoders" / Path(spec.weights).name]
    remedy = f"Put the file with SHA-256 {spec.sha256[:12]}… there, or copy it to {places[1]}."
    found = [path for path in places if path.is_file()]
    if not found:
        raise EncoderError(f"The weights of {spec.name} are no longer at {spec.weights}. {remedy}")
    for path in found:
        if file_sha256(path) == spec.sha256:
            break
    else:
        raise EncoderError(
            f"{found[0]} is not the file the vectors of {spec.name} were made with: its content "
            f"has changed. {remedy}"
        )
    key = spec.revision if spec.name.endswith(f"#{spec.revision}") else ""
    return TimmViT.from_file(spec.arch, path, checkpoint_key=key, device=runtime.device)


def _bare_model(arch: str) -> VisionTransformer:
    """Make the network without memory for its weights: they can only come from a file."""
    base, _, tag = arch.partition(".")
    if not timm.is_model(base):
        hint = did_you_mean(base, timm.list_models(module="vision_transformer"))
        raise EncoderError(f"Unknown architecture {arch!r}.{hint}")
    if tag and not timm.is_model_pretrained(arch):
        tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{base}.*")]
        raise EncoderError(f"Unknown tag {tag!r} of {base}.{did_you_mean(tag, tags)}")
    with torch.device("meta"):
        model = timm.create_model(arch, pretrained=False, num_classes=0)
    if not isinstance(model, VisionTransformer):
        raise EncoderError(
            f"{arch} is a {type(model).__name__}, not a vision transformer of timm; only these are "
            "loaded as ARCHITECTURE@FILE, such as vit_small_patch16_224@weights.pth."
        )
    return model


def _transform(model: VisionTransformer, arch: str) -> SquareCrop:
    height, width = model.patch_embed.img_size
    if height != width:
        raise EncoderError(f"{arch} takes {width}×{height} pixels; only squares are supported.")
    facts = timm.get_pretrained_cfg(arch) if "." in arch else None
    if facts is None:
        return SquareCrop.for_side(height)
    return SquareCrop.for_side(height, mean=facts.mean, std=facts.std)


def _to_numpy(tensor: torch.Tensor) -> FloatArray:
    return tensor.float().cpu().numpy()
