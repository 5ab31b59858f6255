"""Small seeded models of transformers and OpenCLIP, in the formats they are published in."""

import json
from pathlib import Path

import numpy as np
import open_clip
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file

from georetrieve.encoders.catalogue.ledger import FileFacts, Ledger, folder_name, sha256_of

SIDE = 56
CROPPED = {
    "do_resize": True,
    "size": {"shortest_edge": 64},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": SIDE, "width": SIDE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": SIDE,
    "patch_size": 14,
}
WORDS = ["a", "b", "of", "grain", "photo", "quartz", "ooid", "shell"]
SMALL_TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 8,
    "vocab_size": 16,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 3,
}
DUAL = {"vision_config": SMALL, "text_config": SMALL_TEXT}
DINOV3 = {**SMALL, "num_register_tokens": 4}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
MODELS = {
    "clip": ("CLIPModel", "CLIPConfig", DUAL | {"projection_dim": 24}),
    "convnext": (
        "ConvNextForImageClassification",
        "ConvNextConfig",
        {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2, "image_size": SIDE},
    ),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config", {**SMALL, "mlp_ratio": 2}),
    "dinov2_with_registers": (
        "Dinov2WithRegistersModel",
        "Dinov2WithRegistersConfig",
        {**SMALL, "mlp_ratio": 2, "use_swiglu_ffn": True},
    ),
    "dinov3_vit": ("DINOv3ViTModel", "DINOv3ViTConfig", DINOV3),
    "resnet": ("ResNetForImageClassification", "ResNetConfig", RESNET),
    "siglip": ("SiglipModel", "SiglipConfig", DUAL),
    "vit": ("ViTForImageClassification", "ViTConfig", SMALL),
    "vit_mae": (
        "ViTMAEForPreTraining",
        "ViTMAEConfig",
        SMALL
        | {
            "decoder_hidden_size": 16,
            "decoder_num_hidden_layers": 1,
            "decoder_num_attention_heads": 2,
            "decoder_intermediate_size": 16,
        },
    ),
}
CLIP = "georetrieve-test-clip"
SIGLIP = "georetrieve-test-siglip"
TAG = "seeded"
CLIP_CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {
        "image_size": SIDE,
        "layers": 3,
        "width": 64,
        "head_width": 32,
        "patch_size": 14,
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 2,
    },
}
SIGLIP_CONFIG = {
    "embed_dim": 96,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 160,
        "timm_model_name": "test_vit4",
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 8,
        "vocab_size": 16,
        "hf_tokenizer_name": "georetrieve/test",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "width": 32,
        "heads": 2,
        "layers": 2,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
        "act_kwargs": {"approximate": "tanh"},
    },
}


def seed_weights(model, seed=0):
    """Give a model weights as large as trained ones."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if tensor.ndim:
                tensor.add_(0.06 * torch.randn(tensor.shape, generator=rng))
            assert torch.isfinite(tensor).all(), name
    return model.eval()


def hf_model(kind, **changes):
    """A seeded model of transformers, with the head it is published with."""
    model_class, config_class, facts = MODELS[kind]
    torch.manual_seed(0)
    config = getattr(transformers, config_class)(**{**facts, **changes})
    return seed_weights(getattr(transformers, model_class)(config))


def save_hf(root, name, kind, *, weights="model.safetensors", images=CROPPED, **changes):
    """Keep a seeded model under a name in a weights folder, as its repository has it.

    Returns:
        The folder, and transformers' model.
    """
    folder = Path(root) / folder_name(name)
    model = hf_model(kind, **changes)
    shard = {"max_shard_size": "40KB"} if weights.endswith(".json") else {}
    model.save_pretrained(folder, **shard)
    if weights.endswith(".bin"):
        torch.save(load_file(folder / "model.safetensors"), folder / weights)
        (folder / "model.safetensors").unlink()
    assert (folder / weights).is_file()
    (folder / "preprocessor_config.json").write_text(json.dumps(images))
    if kind in {"clip", "siglip"}:
        save_tokenizer(folder)
    write_ledger(folder, name)
    return folder, model


def save_tokenizer(folder):
    """A tokenizer of few words, as ``tokenizer.json``."""
    numbers = {"<unk>": 0, "<s>": 1, "</s>": 2, "<pad>": 3}
    numbers |= {word: 4 + number for number, word in enumerate(WORDS)}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(numbers, unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
    ).save_pretrained(folder)


def register_open_clip(folder):
    """Make OpenCLIP know the two small models and their tag."""
    for name, config in ((CLIP, CLIP_CONFIG), (SIGLIP, SIGLIP_CONFIG)):
        (folder / f"{name}.json").write_text(json.dumps(config))
        open_clip.add_model_config(folder / f"{name}.json")
        facts = open_clip.pretrained._slpcfg if name == SIGLIP else open_clip.pretrained._pcfg
        open_clip.pretrained._PRETRAINED[name] = {TAG: facts(hf_hub=f"georetrieve/{name}/")}


def open_clip_model(arch):
    """A seeded model of OpenCLIP."""
    torch.manual_seed(0)
    config = open_clip.get_model_config(arch)
    custom = config.pop("custom_text", False)
    return seed_weights((open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config))


def save_open_clip(root, arch, *, weights="open_clip_model.safetensors"):
    """Keep a seeded model of OpenCLIP in a weights folder, as its repository has it.

    Returns:
        The encoder's name, its folder, and OpenCLIP's model.
    """
    register_open_clip(Path(root))
    name = f"open_clip:{arch}/{TAG}"
    folder = Path(root) / folder_name(name)
    folder.mkdir()
    model = open_clip_model(arch)
    state = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    if weights.endswith(".safetensors"):
        save_file(state, folder / weights)
    else:
        torch.save(state, folder / weights)
    (folder / "open_clip_config.json").write_text("{}")
    if arch == SIGLIP:
        save_tokenizer(folder)
    write_ledger(folder, name)
    return name, folder, model


def write_ledger(folder, name):
    """Write down every file of a folder as if it had been downloaded."""
    files = {
        path.name: FileFacts(
            sha256=sha256_of(path),
            size=path.stat().st_size,
            mtime_ns=path.stat().st_mtime_ns,
            source=f"hub:georetrieve/test@main/{path.name}",
            revision="0" * 40,
        )
        for path in sorted(folder.iterdir())
        if path.name != "weights.json"
    }
    Ledger(name=name, files=files).write(folder)


def pixels_of(encoder, images):
    """What the encoder feeds its network with, made with NumPy."""
    facts = encoder.spec.transform
    prepared = np.stack([encoder.prepare(image) for image in images]).astype(np.float64)
    normalised = (prepared / 255 - facts["mean"]) / facts["std"]
    return torch.from_numpy(normalised.astype(np.float32)).permute(0, 3, 1, 2)


class Touches:
    """Pickled, this is a program: whoever unpickles it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")
