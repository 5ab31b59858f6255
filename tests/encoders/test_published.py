"""DINOv2's names for tensors, and timm's."""

import torch

from georetrieve.encoders.published import named_as_in_timm


def one(value):
    return torch.full((1, 1, 2), float(value))


def test_registers_take_the_class_tokens_position_out_of_the_others():
    checkpoint = {
        "cls_token": one(1),
        "register_tokens": one(2),
        "pos_embed": torch.tensor([[[10.0, 20.0], [3.0, 4.0], [5.0, 6.0]]]),
        "mask_token": torch.ones(1, 2),
    }
    named = named_as_in_timm(checkpoint, {"cls_token", "reg_token", "pos_embed"})
    assert set(named) == {"cls_token", "reg_token", "pos_embed"}
    assert named["cls_token"].tolist() == [[[11, 21]]]
    assert named["pos_embed"].tolist() == [[[3, 4], [5, 6]]]
    assert named["reg_token"].tolist() == [[[2, 2]]]


def test_chunks_of_blocks_and_halves_of_swiglu():
    checkpoint = {
        "blocks.0.1.norm1.weight": one(1),
        "blocks.3.39.mlp.w12.bias": one(2),
        "blocks.2.mlp.w3.weight": one(3),
    }
    wanted = {"blocks.1.norm1.weight", "blocks.39.mlp.fc1.bias", "blocks.2.mlp.fc2.weight"}
    assert set(named_as_in_timm(checkpoint, wanted)) == wanted


def test_names_that_the_network_has_and_names_that_nobody_knows_stay():
    checkpoint = {"mask_token": one(1), "blocks.0.mlp.w3.weight": one(2), "decoder": one(3)}
    assert named_as_in_timm(checkpoint, set(checkpoint)) == checkpoint
    assert "decoder" in named_as_in_timm(checkpoint, {"blocks.0.mlp.fc2.weight"})
