"""Networks as their authors wrote them, with seeded weights, to compare ours with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from georetrieve.benchmarks.clones import CLONES
from georetrieve.benchmarks.seeded import seeded_state
from georetrieve.encoders.catalogue.entry import Entry

__all__ = ["LAYERS", "TINY", "Dino", "DinoV2", "Mae", "Reference", "TorchvisionResNet", "as_grid"]

LAYERS = 4  # outputs of so many last blocks are compared: what DINO's linear evaluation takes
DINO_NAMES = {384: "vit_small", 768: "vit_base"}
MAE_PX, MAE_PATCH_PX = 224, 16
TINY: dict[str, Any] = {"embed_dim": 96, "depth": LAYERS, "num_heads": 6}


class Reference(ABC):
    """A network of its authors.

    Attributes:
        source: Where its code is from.
        model: The network, in evaluation mode.
        tokens: Texts as numbers (N, L), where it takes texts.
    """

    tokens: Tensor | None = None

    def __init__(self, source: str, model: nn.Module) -> None:
        self.source = source
        # Its own class is known only to its authors' modules.
        self.model: Any = model.eval().requires_grad_(False)
        self.fill()

    def fill(self, *, seed: int = 0) -> None:
        """Give it random weights; it has those of seed 0 from the start."""
        self.model.load_state_dict(seeded_state(self.model.state_dict(), seed=seed))

    def save(self, entry: Entry, folder: Path) -> None:
        """Write the files of a catalogue's entry as they are published."""
        torch.save(self.payload(), folder / entry.files[0].name)

    def payload(self) -> dict[str, Any]:
        """What is in the published file of its weights."""
        return dict(self.model.state_dict())

    def takes(self, height: int, width: int) -> bool:
        """Whether its authors provide for images of these sides."""
        return True

    @abstractmethod
    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """What it makes of normalised pixels (N, 3, height, width).

        Always ``vector`` (N, dim) and ``patches`` (N, rows, columns, D); where it has them ``cls``
        (N, D), ``layers`` (N, tokens, 4 × D; class token first), ``attention`` (N, heads, rows,
        columns) and ``text`` (N, dim) of its ``tokens``.
        """


class Dino(Reference):
    """DINO's vision transformer, whose code SCAMPI uses too."""

    @classmethod
    def from_clone(cls, folder: Path, width: int, patch_px: int, *, clone: str = "dino") -> Dino:
        """Make the one of that width, from the clone of DINO or of SCAMPI's benchmark."""
        with CLONES[clone].importable(folder):
            make = getattr(import_module("vision_transformer"), DINO_NAMES[width])
            return cls(CLONES[clone].repo, make(patch_size=patch_px, num_classes=0))

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        patch_px = self.model.patch_embed.patch_size
        layers = self.model.get_intermediate_layers(pixels, n=LAYERS)
        maps = self.model.get_last_selfattention(pixels)[:, :, 0, 1:]
        return {
            "vector": self.model(pixels),
            "cls": layers[-1][:, 0],
            "patches": as_grid(layers[-1][:, 1:], pixels, patch_px),
            "layers": torch.cat(layers, dim=-1),
            "attention": as_grid(maps[..., None], pixels, patch_px)[..., 0],
        }


class DinoV2(Reference):
    """DINOv2's vision transformer, with or without registers; it shows no attention."""

    @classmethod
    def from_clone(cls, folder: Path, name: str) -> DinoV2:
        """Make the one that its hub calls ``name``: ``dinov2_vits14_reg``."""
        return cls(CLONES["dinov2"].repo, _dinov2(folder, name))

    @classmethod
    def tiny_from_clone(cls, folder: Path, name: str) -> DinoV2:
        """Make one like the giant that its hub calls ``name``, but thin and with four blocks."""
        with torch.device("meta"):
            giant: Any = _dinov2(folder, name)
        with CLONES["dinov2"].importable(folder):
            made: nn.Module = import_module(
                "dinov2.models.vision_transformer"
            ).DinoVisionTransformer(
                img_size=giant.patch_embed.img_size[0],
                patch_size=giant.patch_size,
                **TINY,
                init_values=1.0,
                ffn_layer="swiglufused",
                block_chunks=0,
                num_register_tokens=giant.num_register_tokens,
                interpolate_antialias=giant.interpolate_antialias,
                interpolate_offset=giant.interpolate_offset,
            )
        return cls(CLONES["dinov2"].repo, made)

    @staticmethod
    def shapes(folder: Path, name: str) -> dict[str, Tensor]:
        """State dict, without memory for the values, of what its hub calls ``name``."""
        with torch.device("meta"):
            return dict(_dinov2(folder, name).state_dict())

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        seen = self.model.forward_features(pixels)
        layers = self.model.get_intermediate_layers(pixels, n=LAYERS, return_class_token=True)
        whole = [torch.cat([cls[:, None], patches], dim=1) for patches, cls in layers]
        return {
            "vector": self.model(pixels),
            "cls": seen["x_norm_clstoken"],
            "patches": as_grid(seen["x_norm_patchtokens"], pixels, self.model.patch_size),
            "layers": torch.cat(whole, dim=-1),
        }


class Mae(Reference):
    """The encoder of MAE: a network for each size, squares only.

    Its class token and patches are those after the last norm. Its vector is what the benchmark of
    SCAMPI takes: the mean of the patches before it, through a norm that is not in the file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        super().__init__(CLONES["mae"].repo, self._make(MAE_PX))

    def payload(self) -> dict[str, Any]:
        """See :meth:`Reference.payload`."""
        return {"model": super().payload()}

    def takes(self, height: int, width: int) -> bool:
        """See :meth:`Reference.takes`."""
        return height == width

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        side, kept = pixels.shape[-1], list[Tensor]()
        by_class = self._at(side, pooled=False)
        by_class.norm.register_forward_hook(lambda _module, _given, out: kept.append(out))
        by_class.forward_features(pixels)
        return {
            "vector": self._at(side, pooled=True).forward_features(pixels),
            "cls": kept[0][:, 0],
            "patches": as_grid(kept[0][:, 1:], pixels, MAE_PATCH_PX),
        }

    def _make(self, side: int, *, pooled: bool = False) -> nn.Module:
        with CLONES["mae"].importable(self._folder):
            make = import_module("models_vit").vit_base_patch16
            made: nn.Module = make(img_size=side, num_classes=0, global_pool=pooled)
            return made.eval().requires_grad_(False)

    def _at(self, side: int, *, pooled: bool) -> Any:  # noqa: ANN401 - a class of its authors
        """A network for a size, with the positions brought to it as for fine-tuning."""
        model, state = self._make(side, pooled=pooled), dict(self.model.state_dict())
        with CLONES["mae"].importable(self._folder), redirect_stdout(StringIO()):
            import_module("util.pos_embed").interpolate_pos_embed(model, state)
        own: dict[str, Tensor] = model.state_dict()
        model.load_state_dict({key: state.get(key, own[key]) for key in own})
        return model


class TorchvisionResNet(Reference):
    """A ResNet of torchvision; its vector is what the classifier is given."""

    def see(self, pixels: Tensor) -> dict[str, Tensor]:
        """See :meth:`Reference.see`."""
        kept = list[Tensor]()
        hooks = [
            part.register_forward_hook(lambda _module, _given, out: kept.append(out))
            for part in (self.model.layer4, self.model.avgpool)
        ]
        self.model(pixels)
        for hook in hooks:
            hook.remove()
        features, pooled = kept
        return {"vector": pooled.flatten(1), "patches": features.permute(0, 2, 3, 1)}


def as_grid(tokens: Tensor, pixels: Tensor, patch_px: int) -> Tensor:
    """Patches in a row (…, rows × columns, D) → (…, rows, columns, D), by the image's sides."""
    height, width = pixels.shape[-2:]
    *rest, _, dim = tokens.shape
    grid = (height // patch_px, width // patch_px)
    return tokens.reshape(*rest, *grid, dim)


def _dinov2(folder: Path, name: str) -> nn.Module:
    with CLONES["dinov2"].importable(folder):
        make = getattr(import_module("dinov2.hub.backbones"), name)
        made: nn.Module = make(pretrained=False)
        return made
