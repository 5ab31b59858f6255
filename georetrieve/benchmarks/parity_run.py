"""Parity of the catalogue's encoders with their authors' code, model by model."""

from __future__ import annotations

import gc
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
from torch import Tensor

from georetrieve.benchmarks.parity import Comparison, compare, sides_of
from georetrieve.benchmarks.publishers import at_hand, dinov2_name, publisher_of
from georetrieve.benchmarks.references import TINY, DinoV2
from georetrieve.encoders.catalogue.entry import Entry
from georetrieve.encoders.catalogue.models import ENTRIES
from georetrieve.encoders.network_encoder import NetworkEncoder
from georetrieve.encoders.networks.timm_models import fill, make_network
from georetrieve.encoders.networks.timm_vit import TimmVit
from georetrieve.encoders.published import named_as_in_timm
from georetrieve.encoders.registry import load_entry
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError, did_you_mean

__all__ = ["GIANT_MB", "chosen", "compare_entry", "name_differences"]

GIANT_MB = 3000  # above which a network is compared by its configuration, and run only when thin


def chosen(names: Sequence[str]) -> tuple[Entry, ...]:
    """Entries of the catalogue by name; all where none is named.

    Raises:
        EncoderError: There is none of a name.
    """
    by_name = {entry.name: entry for entry in ENTRIES}
    for name in names:
        if name not in by_name:
            raise EncoderError(
                f"{name!r} is not in the catalogue.{did_you_mean(name, by_name)} "
                "See 'georetrieve encoders list'."
            )
    return tuple(by_name[name] for name in names) or ENTRIES


def compare_entry(
    entry: Entry, *, references: Path | None = None, other_px: int = 0
) -> Iterator[Comparison]:
    """Compare an encoder with its authors' code at three sizes, random weights in both.

    The weights are written to a file as their publisher does, and ours come from that file.

    Args:
        entry: The encoder.
        references: Folder of clones; see :data:`georetrieve.benchmarks.clones.CLONES`.
        other_px: See :func:`~georetrieve.benchmarks.parity.sides_of`.

    Yields:
        One comparison a size, or one that says which clone is missing.
    """
    publisher = publisher_of(entry)
    folder = publisher.clone.find(references) if publisher.clone else Path()
    if publisher.clone and folder is None:
        note = f"not compared: {publisher.clone.how}, and give its folder with --references"
        yield Comparison(model=entry.name, reference=publisher.clone.repo, note=note)
        return
    assert folder is not None
    if entry.megabytes > GIANT_MB:
        yield from _compare_thin(entry, folder, other_px)
        return
    reference = publisher.make(entry, folder)
    with tempfile.TemporaryDirectory(prefix="georetrieve-parity-") as written:
        reference.save(entry, Path(written))
        encoder = load_entry(entry, at_hand(entry, Path(written)), runtime=Runtime(device="cpu"))
    assert isinstance(encoder, NetworkEncoder)
    sides = sides_of(encoder.network, entry.transform.crop, other_px)
    yield from compare(entry.name, encoder.network, reference, sides)
    del encoder, reference
    gc.collect()  # hooks make circles, and the next network needs the room


def name_differences(entry: Entry, published: Mapping[str, Tensor]) -> list[str]:
    """Names in a published state dict that ours lacks, has besides, or has in another shape.

    No values are needed: tensors may be on PyTorch's ``meta`` device.

    Args:
        entry: One that the family ``timm`` loads.
        published: Names as its authors have them.
    """
    ours = make_network(entry.arch).get_submodule("model").state_dict()
    named = named_as_in_timm(published, ours)
    shapes = [{name: tuple(like.shape) for name, like in one.items()} for one in (named, ours)]
    return sorted({name for name, _ in shapes[0].items() ^ shapes[1].items()})


def _compare_thin(entry: Entry, folder: Path, other_px: int) -> Iterator[Comparison]:
    """Names and shapes of the whole network, and numbers of one like it that is small."""
    differing = name_differences(entry, DinoV2.shapes(folder, dinov2_name(entry)))
    reference = DinoV2.tiny_from_clone(folder, dinov2_name(entry))
    if differing:
        yield Comparison(
            model=entry.name,
            reference=reference.source,
            largest_difference={"vector": math.inf},
            note=f"{len(differing)} tensors are named or shaped otherwise: {differing[0]}, …",
        )
        return
    model: Any = timm.create_model(entry.arch, num_classes=0, dynamic_img_size=True, **TINY)
    network = TimmVit(model, positions=entry.positions, vector=entry.vector)
    fill(network, entry.arch, reference.payload(), origin=f"a thin {entry.name}")
    note = f"all names and shapes; numbers at width {TINY['embed_dim']}, {TINY['depth']} blocks"
    sides = sides_of(network, entry.transform.crop, other_px)
    yield from compare(entry.name, network.eval(), reference, sides, note=note)
