import json
import pickle
import zipfile

import numpy as np
import open_clip
import pytest
import torch
from contracts_encoder import blobs
from published_models import (
    CLIP,
    CLIP_CONFIG,
    SIGLIP,
    Touches,
    open_clip_model,
    pixels_of,
    register_open_clip,
    save_open_clip,
    write_ledger,
)
from safetensors.torch import load_file, save_file

from georetrieve.encoders.catalogue.models import ENTRIES
from georetrieve.encoders.checkpoints import read_checkpoint
from georetrieve.encoders.families.open_clip import entry_for
from georetrieve.encoders.networks import open_clip_models
from georetrieve.encoders.networks.open_clip_models import make_network
from georetrieve.encoders.registry import load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.protocols import AttentiveEncoder, TextEncoder
from georetrieve.search.texts import text_vectors

CPU = Runtime(device="cpu")
SIDES = {CLIP: (56, 14), SIGLIP: (160, 16)}
TEXTS = ["a photo of quartz", "An Ooid, in plane light!", "", "µ 石英 🪨", "grain " * 500]


def load(name, options=""):
    return load_encoder(name + options, runtime=CPU)


@pytest.fixture(params=[CLIP, SIGLIP])
def arch(request):
    return request.param


@torch.inference_mode()
def test_images_are_those_of_open_clip(weights_root, arch):
    name, _, model = save_open_clip(weights_root, arch)
    encoder, images = load(name), [blobs(0), blobs(1, (300, 100))]
    expected = model.encode_image(pixels_of(encoder, images), normalize=True)
    found = encoder.encode_images(images)
    assert found.shape == (2, encoder.spec.dim)
    assert np.abs(expected.numpy() - found).max() <= 1e-5


@torch.inference_mode()
def test_tokens_are_those_of_open_clip(weights_root, arch):
    name, _, model = save_open_clip(weights_root, arch)
    encoder = load(name, ",pooling=mean,layers=2")
    out = model.forward_intermediates(
        image=pixels_of(encoder, [blobs(0), blobs(1)]),
        image_indices=2,
        normalize_intermediates=True,
        image_output_fmt="NCHW",
    )
    expected = torch.cat(out["image_intermediates"], dim=1).permute(0, 2, 3, 1).numpy()
    assert np.abs(expected - encoder.encode_patches([blobs(0), blobs(1)])).max() <= 1e-5
    means = expected.mean(axis=(1, 2))
    assert np.abs(means - encoder.encode_images([blobs(0), blobs(1)])).max() <= 1e-5


@torch.inference_mode()
def test_other_sizes_are_those_of_open_clip(weights_root, arch):
    """As when it loads the same weights for images of another size."""
    name, _, model = save_open_clip(weights_root, arch)
    side, patch = SIDES[arch]
    larger = side + 3 * patch
    encoder = load(name, f",size={larger}")
    state = model.state_dict()
    if arch == CLIP:
        config = open_clip.get_model_config(arch)
        config["vision_cfg"]["image_size"] = larger
        other = open_clip.CLIP(**config).eval()
        open_clip.model.resize_pos_embed(state, other)
        other.load_state_dict(state)
    else:
        other = open_clip_model(arch)
        other.load_state_dict(state)
        other.visual.set_input_size(larger)
    expected = other.encode_image(pixels_of(encoder, [blobs(0)]), normalize=True)
    assert np.abs(expected.numpy() - encoder.encode_images([blobs(0)])).max() <= 1e-5


@torch.inference_mode()
def test_texts_are_those_of_open_clip(weights_root, arch):
    name, folder, model = save_open_clip(weights_root, arch)
    encoder = load(name)
    if arch == CLIP:
        tokenizer = open_clip.SimpleTokenizer(context_length=16)
    else:
        tokenizer = open_clip.tokenizer.HFTokenizer(
            str(folder), context_length=8, clean="canonicalize"
        )
    expected = model.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    assert isinstance(encoder, TextEncoder)
    assert np.abs(expected - encoder.encode_texts(TEXTS)).max() <= 1e-5
    assert encoder.logit_scale == pytest.approx(model.logit_scale.exp().item())
    assert encoder.logit_bias == (0 if arch == CLIP else -10)


@torch.inference_mode()
def test_prompts_are_averaged_as_open_clip_does_for_its_classifiers(weights_root, arch):
    """Against ``open_clip.build_zero_shot_classifier`` on the same weights."""
    name, folder, model = save_open_clip(weights_root, arch)
    tokenizer = open_clip.SimpleTokenizer(context_length=16)
    if arch == SIGLIP:
        tokenizer = open_clip.tokenizer.HFTokenizer(
            str(folder), context_length=8, clean="canonicalize"
        )
    classes = ["quartz", "ooid", "shell"]
    templates = ["a photo of {}", "{} grain", "{}"]
    expected = open_clip.build_zero_shot_classifier(
        model, tokenizer, classes, [each.format for each in templates], num_classes_per_batch=2
    )
    ensembles = [[each.format(one) for each in templates] for one in classes]
    assert np.abs(expected.T.numpy() - text_vectors(load(name), ensembles)).max() <= 1e-5


@torch.inference_mode()
def test_attention_is_that_of_the_last_block(weights_root):
    name, _, model = save_open_clip(weights_root, CLIP)
    encoder, images = load(name), [blobs(0), blobs(1)]
    blocks = model.visual.transformer.resblocks
    x = model.visual._embeds(pixels_of(encoder, images))
    for block in blocks[:-1]:
        x = block(x)
    x = blocks[-1].ln_1(x)
    query, key, _ = (x @ blocks[-1].attn.in_proj_weight.T + blocks[-1].attn.in_proj_bias).chunk(
        3, dim=-1
    )
    query, key = (part.unflatten(-1, (2, 32)).transpose(1, 2) for part in (query, key))
    weights = (query @ key.transpose(-1, -2) / 32**0.5).softmax(-1)[:, :, 0, 1:]
    found = encoder.attention(images)
    assert found.shape == (2, 2, 4, 4)
    assert np.abs(weights.reshape(2, 2, 4, 4).numpy() - found).max() <= 1e-6


def test_a_tower_without_class_token_shows_no_attention(weights_root):
    name, *_ = save_open_clip(weights_root, SIGLIP)
    assert not isinstance(load(name), AttentiveEncoder)


def test_the_spec_says_what_the_vectors_depend_on(weights_root, arch):
    name, *_ = save_open_clip(weights_root, arch)
    side, patch = SIDES[arch]
    encoder = load(name)
    spec = encoder.spec
    assert (spec.name, spec.family, spec.arch) == (name, "open_clip", arch)
    assert (spec.normalised, spec.metric, spec.patch_size) == (True, "cosine", patch)
    fit = "resize" if arch == CLIP else "squash"
    assert (spec.transform[fit], spec.transform["crop"]) == (side, side)
    assert spec.transform["mean"][0] == pytest.approx(0.48145466 if arch == CLIP else 0.5)
    again = load_for_spec(spec, weights_root, runtime=CPU)
    np.testing.assert_array_equal(again.encode_texts(TEXTS), encoder.encode_texts(TEXTS))


def test_another_pooling_is_in_another_space_than_texts(weights_root, arch):
    name, *_ = save_open_clip(weights_root, arch)
    encoder = load(name, ",pooling=cls+mean")
    assert not isinstance(encoder, TextEncoder)
    assert not encoder.spec.normalised


def test_pickled_weights_are_taken_where_no_others_are(weights_root):
    name, _, model = save_open_clip(weights_root, CLIP, weights="open_clip_pytorch_model.bin")
    encoder = load(name)
    with torch.inference_mode():
        expected = model.encode_image(pixels_of(encoder, [blobs(0)]), normalize=True)
    assert np.abs(expected.numpy() - encoder.encode_images([blobs(0)])).max() <= 1e-5
    again = load_for_spec(encoder.spec, weights_root, runtime=CPU)
    assert again.spec == encoder.spec


@torch.inference_mode()
def test_a_checkpoint_of_training_is_read(tmp_path):
    """As ``clip-vitb16-laion400m`` is published."""
    register_open_clip(tmp_path)
    model, pixels = open_clip_model(CLIP), torch.ones(1, 3, 56, 56)
    state = {f"module.{key}": tensor for key, tensor in model.state_dict().items()}
    torch.save({"epoch": 32, "name": "x", "state_dict": state}, tmp_path / "w.pt")
    network = make_network(CLIP, read_checkpoint(tmp_path / "w.pt"), origin="w.pt").eval()
    assert (network(pixels) - model.encode_image(pixels)).abs().max() <= 1e-5


@torch.inference_mode()
def test_names_of_before_the_tower_of_texts_had_one_are_read(tmp_path):
    register_open_clip(tmp_path)
    arch, tokens = f"{CLIP}-custom", torch.tensor([[9, 4, 5, 2, 49407, *[0] * 11]])
    (tmp_path / f"{arch}.json").write_text(json.dumps(CLIP_CONFIG | {"custom_text": True}))
    open_clip.add_model_config(tmp_path / f"{arch}.json")
    older = dict(open_clip_model(CLIP).state_dict())
    older["logit_scale"] = older["logit_scale"].reshape(1)
    network = make_network(arch, older, origin="older").eval()
    assert torch.equal(network.texts(tokens), open_clip_model(CLIP).encode_text(tokens))


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda state: {k: v for k, v in state.items() if k != "ln_final.bias"},
         r"1 keys missing \(ln_final\.bias\)"),
        (lambda state: state | {"surplus": torch.ones(2)}, r"1 keys left over \(surplus\)"),
        (lambda state: state | {"visual.proj": torch.ones(64, 8)},
         r"of another shape \(visual\.proj"),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused(weights_root, edit, words):
    name, folder, _ = save_open_clip(weights_root, CLIP)
    path = folder / "open_clip_model.safetensors"
    save_file(edit(load_file(path)), path)
    write_ledger(folder, name)
    with pytest.raises(EncoderError, match=words) as caught:
        load(name)
    assert "\n" not in str(caught.value)


def test_a_pickle_with_a_program_does_not_run(weights_root, tmp_path):
    name, folder, _ = save_open_clip(weights_root, CLIP, weights="open_clip_pytorch_model.bin")
    path = folder / "open_clip_pytorch_model.bin"
    path.write_bytes(pickle.dumps({"a": Touches(tmp_path / "touched")}))
    write_ledger(folder, name)
    with pytest.raises(EncoderError, match="is refused"):
        load(name)
    assert not (tmp_path / "touched").exists()


def test_torchscript_is_refused(weights_root):
    name, folder, _ = save_open_clip(weights_root, CLIP, weights="open_clip_pytorch_model.bin")
    with zipfile.ZipFile(folder / "open_clip_pytorch_model.bin", "w") as archive:
        archive.writestr("ViT-B-32/code/__torch__.py", "")
    write_ledger(folder, name)
    with pytest.raises(EncoderError, match="is a TorchScript program, as OpenAI published CLIP"):
        load(name)


def test_a_tokenizer_that_lacks_is_said(weights_root):
    name, folder, _ = save_open_clip(weights_root, SIGLIP)
    (folder / "tokenizer.json").write_text("{}")
    write_ledger(folder, name)
    with pytest.raises(EncoderError, match=rf"tokenizer of {SIGLIP} in .* cannot be read"):
        load(name)


def test_loading_says_nothing(weights_root, arch, capfd, caplog):
    name, *_ = save_open_clip(weights_root, arch)
    capfd.readouterr()
    caplog.clear()
    load(name).encode_texts(["a"])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.usefixtures("weights_root")
def test_a_size_is_refused_before_a_download():
    name = "open_clip:ViT-B-32/laion2b_s34b_b79k"
    with pytest.raises(EncoderError, match="100 px is not whole patches of 32 px; use 96 or 128"):
        load(name, ",size=100")


def test_what_open_clip_publishes_is_found():
    entry = entry_for("open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert entry.files[0].sources == (
        "hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@main/open_clip_model.safetensors",
        "hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@main/open_clip_pytorch_model.safetensors",
    )
    assert (entry.arch, entry.dim, entry.patch_px, entry.side_px) == ("ViT-B-32", 512, 32, 224)
    assert (entry.transform.fit, entry.transform.resize, entry.transform.crop) == ("crop", 224, 224)
    siglip = entry_for("open_clip:ViT-B-16-SigLIP2/webli")
    assert "hub:timm/ViT-B-16-SigLIP2@main/tokenizer.json" in [
        file.sources[0] for file in siglip.files
    ]
    assert siglip.transform.fit == "squash"


def test_the_activation_is_the_one_trained_with():
    assert entry_for("open_clip:ViT-B-32/openai").arch == "ViT-B-32-quickgelu"
    assert entry_for("open_clip:ViT-B-32-quickgelu/openai").arch == "ViT-B-32-quickgelu"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("open_clip:ViT-B-32", "lacks its tag"),
        ("open_clip:ViT-B-23/openai", r"Unknown model 'ViT-B-23' of OpenCLIP\. Did you mean"),
        ("open_clip:ViT-B-32/opneai", r"Unknown tag 'opneai' of ViT-B-32\. Did you mean 'openai'"),
        ("open_clip:RN50/openai", "has a ResNet for images, which is not supported"),
        ("open_clip:coca_ViT-B-32/laion2b_s13b_b90k", "has a captioning model"),
        ("open_clip:roberta-ViT-B-32/laion2b_s12b_b32k", "has a text tower of transformers"),
    ],
)
def test_names_that_cannot_be_used(name, words):
    with pytest.raises(EncoderError, match=words):
        entry_for(name)


@pytest.mark.parametrize(
    "entry", [one for one in ENTRIES if one.family == "open_clip"], ids=lambda one: one.name
)
def test_the_catalogue_says_what_open_clip_says(entry):
    """Transform, sides and widths as in OpenCLIP's own tables."""
    model = entry.arch
    tags = open_clip.list_pretrained_tags_by_model(model)
    tag = next(tag for tag in tags if tag in entry.summary)
    own = entry_for(f"open_clip:{model}/{tag}")
    assert entry.transform == own.transform
    assert (entry.arch, entry.dim, entry.side_px) == (own.arch, own.dim, own.side_px)


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize("arch", ["ViT-B-32", "ViT-B-16", "ViT-B-16-SigLIP2"])
def test_real_architectures(arch):
    model = open_clip_model(arch)
    network = make_network(arch, model.state_dict(), origin=arch).eval()
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    scale = model.encode_image(pixels).abs().max()
    assert (network(pixels) - model.encode_image(pixels)).abs().max() <= 1e-5 * scale
    tokens = torch.randint(1, 900, (2, model.context_length))
    assert torch.equal(network.texts(tokens), model.encode_text(tokens))


def test_towers_of_other_kinds_are_refused(monkeypatch):
    """A hybrid of timm, whose first tokens come from a convolutional network."""
    monkeypatch.setattr(open_clip_models, "load_strictly", lambda *args, **options: None)
    with pytest.raises(EncoderError, match="ViTamin-S has an image tower without plain patches"):
        make_network("ViTamin-S", {}, origin="x")
