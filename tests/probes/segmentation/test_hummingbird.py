"""With Hummingbird's settings the map is Hummingbird's, written again from the paper in PyTorch."""

from dataclasses import replace

import numpy as np
import torch
from dense_fakes import DenseFake, field_of, labelled
from PIL import Image
from torch.nn import functional

from georetrieve.probes.segmentation.fit import fit_patch_segmenter
from georetrieve.probes.segmentation.settings import HUMMINGBIRD
from georetrieve.sources.masks.classes import ClassTable

PX, SIDE, N_CLASSES = 4, 48, 3


def scene(seed):
    """A noisy image of three colours, and its mask."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(N_CLASSES, (SIDE // 8, SIDE // 8)).repeat(8, 0).repeat(8, 1)
    colours = np.array([[200, 60, 40], [40, 180, 90], [70, 80, 190]])
    pixels = np.clip(colours[labels] + rng.normal(0, 40, (SIDE, SIDE, 3)), 0, 255)
    return Image.fromarray(pixels.astype(np.uint8)), labels


def features(image):
    """(patches, D) of one image, of length 1."""
    grid = DenseFake(PX).patch_grids(np.asarray(image)[None])
    return functional.normalize(torch.from_numpy(grid).reshape(-1, 4), dim=1)


def patch_shares(labels):
    """(patches, C): how often each class comes among the pixels of each patch."""
    patches = torch.from_numpy(labels).unfold(0, PX, PX).unfold(1, PX, PX).reshape(-1, PX * PX)
    return torch.stack([(patches == one).float().mean(1) for one in range(N_CLASSES)], 1)


def test_memory_vote_and_pixels_are_those_of_the_paper():
    train, (image, _) = [scene(seed) for seed in range(3)], scene(9)
    keys = torch.cat([features(one) for one, _ in train])
    shares = torch.cat([patch_shares(labels) for _, labels in train])
    cosines, nearest = (features(image) @ keys.T).topk(30)
    attention = (cosines / 0.02).softmax(1)
    votes = (attention[:, :, None] * shares[nearest]).sum(1)
    side = SIDE // PX
    pixels = functional.interpolate(
        votes.T.reshape(1, N_CLASSES, side, side), size=(SIDE, SIDE), mode="bilinear"
    )[0].permute(1, 2, 0)

    segmenter = fit_patch_segmenter(
        [labelled(labels, one) for one, labels in train],
        ClassTable.of_names(["a", "b", "c"]),
        encoder=DenseFake(PX),
        settings=replace(HUMMINGBIRD, window_px=SIDE, stride_px=SIDE),
    )
    np.testing.assert_allclose(segmenter.memory.vectors, keys.numpy(), atol=1e-6)
    np.testing.assert_allclose(segmenter.memory.shares, shares.numpy(), atol=1e-6)
    np.testing.assert_allclose(segmenter.votes(features(image).numpy()), votes.numpy(), atol=1e-4)
    bands = [band.probabilities for band in segmenter.segment(field_of(image))]
    np.testing.assert_allclose(np.concatenate(bands), pixels.numpy(), atol=1e-4)
