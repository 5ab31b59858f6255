"""Networks as transformers and OpenCLIP make and run them, with seeded weights."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import torch
import transformers
from safetensors.torch import save_file
from torch import Tensor

from georetrieve.benchmarks.references import LAYERS, Reference, as_grid
from georetrieve.encoders.catalogue.entry import Entry

__all__ = ["HfVit", "OpenClip", "dinov2_classifier", "dinov3", "write_tokenizer"]

TEXTS = 3
DINOV3_HEADS = {384: 6, 768: 12, 1024: 16}
DINOV3_DEPTHS = {384: 12, 768: 12, 1024: 24}
PREPROCESSOR = "preprocessor_config.json"


class HfVit(Reference):
    """A vision transformer of transformers, its attention spelled out.

    Args:
        whole: As it is published, with a classifier or without.
        base: The transformer in it.
    """

    def __init__(self, whole: Any, base: Callable[[Any], Any]) -> None:  # noqa: ANN401
        whole.set_attn_implementation("eager")
        super().__init__(f"transformers {transformers.__version__}", whole)
        self._base = base(whole)

    def save(self, entry: Entry, folder: Path) -> None:
        """See :meth:`Reference.save`."""
        transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self.model.save_pretrained(folder)
        facts = {
            "do_resize": True,
            "size": {"height": entry.transform.resize, "width": entry.transform.resize},
            "do_center_crop": True,
            "crop_size": {"height": entry.transform.crop, "width": entry.transform.crop},
            "do_rescale": True,
            "rescale_factor": 1 / 255,
            "do_normalize": True,
            "image_mean": list(entry.transform.mean),
            "image_std": list(entry.transform.std),
            "resample": 3,
        }
        (folder / PREPROCESSOR).write_text(json.dumps(facts), encoding="utf-8")

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        config, base = self._base.config, self._base
        norm = base.norm if hasattr(base, "norm") else base.layernorm
        seen = base(pixels, output_hidden_states=True, output_attentions=True)
        before = 1 + getattr(config, "num_register_tokens", 0)
        patch_px, last = config.patch_size, seen.last_hidden_state
        layers = [norm(state) for state in seen.hidden_states[-LAYERS:]]
        whole = [torch.cat([one[:, :1], one[:, before:]], dim=1) for one in layers]
        maps = seen.attentions[-1][:, :, 0, before:]
        return {
            "vector": seen.pooler_output,
            "cls": last[:, 0],
            "patches": as_grid(last[:, before:], pixels, patch_px),
            "layers": torch.cat(whole, dim=-1),
            "attention": as_grid(maps[..., None], pixels, patch_px)[..., 0],
        }


class OpenClip(Reference):
    """A model of OpenCLIP; for another size it is made anew, as when OpenCLIP loads it so."""

    def __init__(self, arch: str) -> None:
        self._arch = arch
        super().__init__(f"open_clip {open_clip.__version__}", self._made())
        self.tokens = self._numbers()

    def save(self, entry: Entry, folder: Path) -> None:
        """See :meth:`Reference.save`."""
        path = folder / entry.files[0].name
        state = {key: tensor.contiguous() for key, tensor in self.model.state_dict().items()}
        if path.suffix == ".safetensors":
            save_file(state, path)
        else:
            # As its training leaves it.
            wrapped = {f"module.{key}": tensor for key, tensor in state.items()}
            torch.save({"epoch": 32, "name": self._arch, "state_dict": wrapped}, path)
        if any(file.name == "tokenizer.json" for file in entry.files):
            write_tokenizer(folder)

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        model = self._at(int(pixels.shape[-2]), int(pixels.shape[-1]))
        parts = model.visual.forward_intermediates(
            pixels,
            indices=LAYERS,
            normalize_intermediates=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        patches = parts["image_intermediates"]
        patch_px = pixels.shape[-2] * pixels.shape[-1] // patches[-1].shape[1]
        seen = {
            "vector": model.encode_image(pixels),
            "patches": as_grid(patches[-1], pixels, round(patch_px**0.5)),
        }
        if model is self.model:  # texts do not depend on the size of images
            seen["text"] = model.encode_text(self.tokens)
        trunk = getattr(model.visual, "trunk", None)
        if trunk is None or trunk.cls_token is not None:
            cls = [prefix[:, :1] for prefix in parts["image_intermediates_prefix"]]
            whole = [torch.cat(both, dim=1) for both in zip(cls, patches, strict=True)]
            seen |= {"cls": cls[-1][:, 0], "layers": torch.cat(whole, dim=-1)}
        return seen

    def _made(self, size: tuple[int, int] | None = None) -> Any:  # noqa: ANN401 - of several classes
        """The model; for another size without memory for its weights."""
        device = "meta" if size else "cpu"
        logging.disable(logging.WARNING)  # that it has no trained weights is the point
        try:
            with torch.device(device):
                return open_clip.create_model(
                    self._arch, device=device, force_image_size=size
                ).eval()
        finally:
            logging.disable(logging.NOTSET)

    def _at(self, height: int, width: int) -> Any:  # noqa: ANN401 - of several classes
        native = tuple(self.model.visual.image_size)
        if (height, width) == native:
            return self.model
        state = dict(self.model.state_dict())
        if hasattr(self.model.visual, "trunk"):
            model = self._made(native)
            model.load_state_dict(state, assign=True)
            model.visual.set_input_size((height, width))
        else:
            model = self._made((height, width))
            open_clip.factory.resize_pos_embed(state, model)
            model.load_state_dict(state, assign=True)
        return model

    def _numbers(self) -> Tensor:
        """Texts of several lengths: words, the end, nothing."""
        length, words = self.model.context_length, self.model.vocab_size
        rng = torch.Generator().manual_seed(0)
        numbers = torch.randint(1, words - 1, (TEXTS, length), generator=rng)
        for row, end in enumerate((2, length // 2, length - 1)):
            numbers[row, end], numbers[row, end + 1 :] = words - 1, 0
        return numbers


def dinov3(width: int) -> HfVit:
    """DINOv3 ViT-S, B or L with patches of 16, as published in transformers' format."""
    config = transformers.DINOv3ViTConfig(
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=DINOV3_DEPTHS[width],
        num_attention_heads=DINOV3_HEADS[width],
        num_register_tokens=4,
    )
    return HfVit(transformers.DINOv3ViTModel(config), lambda whole: whole)


def dinov2_classifier() -> HfVit:
    """``facebook/dinov2-base-imagenet1k-1-layer``: DINOv2 ViT-B/14 with a linear classifier."""
    facts = {"image_size": 518, "patch_size": 14, "num_labels": 1000}
    config = transformers.Dinov2Config.from_dict(facts)
    whole = transformers.Dinov2ForImageClassification(config)
    return HfVit(whole, lambda model: model.dinov2)


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of bytes in the format of transformers: any text, a number a byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(("<pad>", "<eos>", *letters))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"pad_token": "<pad>", "eos_token": "<eos>"}
    for name, facts in (
        ("tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **special}),
        ("special_tokens_map.json", special),
    ):
        (folder / name).write_text(json.dumps(facts), encoding="utf-8")
