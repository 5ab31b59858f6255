"""Models of transformers, by name: the vectors, patches, attention and texts are theirs."""

import json

import numpy as np
import pytest
import torch
import transformers
from contracts_encoder import blobs
from published_models import MODELS, SIDE, pixels_of, save_hf, write_ledger

from georetrieve.encoders.registry import load_encoder, load_for_spec
from georetrieve.encoders.runtime import Runtime
from georetrieve.errors import EncoderError
from georetrieve.protocols import AttentiveEncoder, TextEncoder

CPU = Runtime(device="cpu")
NAME = "hf:georetrieve/test"
WITH_CLASS_TOKEN = ["clip", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit", "vit_mae"]
WITH_TEXTS = ["clip", "siglip"]
TRANSFORMERS = [*WITH_CLASS_TOKEN, "siglip"]


def load(options="", name=NAME):
    return load_encoder(name + options, runtime=CPU)


def published(folder, kind):
    """The model as transformers reads it, without a head; nothing of it masked."""
    arch = {"vit_mae": "ViTMAEModel"}.get(kind)
    model_class = getattr(transformers, arch) if arch else transformers.AutoModel
    facts = {"mask_ratio": 0.0} if kind == "vit_mae" else {}
    return model_class.from_pretrained(folder, attn_implementation="eager", **facts).eval()


@torch.inference_mode()
def outputs_of(kind, model, pixels):
    """transformers' own output for pixels: (vector, last hidden states, attention of the last)."""
    if kind in WITH_TEXTS:
        model, whole = model.vision_model, model
    more = {} if kind.startswith("dino") else {"interpolate_pos_encoding": True}
    if kind in {"resnet", "convnext"}:
        out = model(pixels)
        return out.pooler_output.flatten(1), out.last_hidden_state, None
    if kind == "vit_mae":
        patches = pixels.shape[-1] // 14 * (pixels.shape[-2] // 14)
        more["noise"] = torch.arange(patches).float().repeat(len(pixels), 1)
    out = model(pixels, output_hidden_states=True, output_attentions=True, **more)
    vector = out.last_hidden_state[:, 0]
    if kind == "clip":
        vector = whole.get_image_features(pixels, **more).pooler_output
    if kind == "siglip":
        vector = out.pooler_output
    return vector, out.hidden_states, out.attentions


def norm_of(kind, model):
    tower = model.vision_model if kind in WITH_TEXTS else model
    names = {"dinov3_vit": "norm", "clip": "post_layernorm", "siglip": "post_layernorm"}
    return getattr(tower, names.get(kind, "layernorm"))


def registers_of(model):
    return 1 + getattr(model.config, "num_register_tokens", 0)


@pytest.mark.parametrize("kind", MODELS)
def test_vectors_are_those_of_transformers(weights_root, kind):
    folder, _ = save_hf(weights_root, NAME, kind)
    encoder = load()
    images = [blobs(0), blobs(1, (300, 100))]
    expected, *_ = outputs_of(kind, published(folder, kind), pixels_of(encoder, images))
    if kind in WITH_TEXTS:
        expected = torch.nn.functional.normalize(expected, dim=-1)
    found = encoder.encode_images(images)
    assert found.shape == (2, encoder.spec.dim)
    assert np.abs(expected.numpy() - found).max() <= 1e-5


@pytest.mark.parametrize("side", [SIDE, 98])
@pytest.mark.parametrize("kind", WITH_CLASS_TOKEN)
def test_tokens_and_attention_are_those_of_transformers(weights_root, kind, side):
    folder, _ = save_hf(weights_root, NAME, kind)
    size = "" if side == SIDE else f",size={side}"
    encoder = load(f",pooling=cls,layers=2{size}")
    images, grid = [blobs(0), blobs(1)], side // 14
    model = published(folder, kind)
    _, states, attentions = outputs_of(kind, model, pixels_of(encoder, images))
    norm, prefix = norm_of(kind, model), registers_of(model)
    with torch.inference_mode():
        normed = [norm(state) for state in states[-2:]]
    cls = torch.cat([state[:, 0] for state in normed], dim=-1)
    patches = torch.cat([state[:, prefix:] for state in normed], dim=-1)
    assert np.abs(cls.numpy() - encoder.encode_images(images)).max() <= 1e-5
    found = encoder.encode_patches(images)
    assert np.abs(patches.reshape(2, grid, grid, -1).numpy() - found).max() <= 1e-5
    maps = attentions[-1][:, :, 0, prefix:].reshape(2, -1, grid, grid)
    assert isinstance(encoder, AttentiveEncoder)
    assert np.abs(maps.numpy() - encoder.attention(images)).max() <= 1e-6


def test_siglip_pools_where_others_have_a_class_token(weights_root):
    folder, _ = save_hf(weights_root, NAME, "siglip")
    encoder = load(",pooling=cls+mean,layers=2,size=98")
    model = published(folder, "siglip")
    _, states, _ = outputs_of("siglip", model, pixels_of(encoder, [blobs(0)]))
    tower = model.vision_model
    with torch.inference_mode():
        normed = [tower.post_layernorm(state) for state in states[-2:]]
        parts = [*(tower.head(state) for state in normed), normed[-1].mean(dim=1)]
    assert not isinstance(encoder, AttentiveEncoder)
    found = encoder.encode_images([blobs(0)])
    assert np.abs(torch.cat(parts, dim=-1).numpy() - found).max() <= 1e-5


@pytest.mark.parametrize("kind", ["dinov2", "dinov2_with_registers"])
def test_class_token_and_mean_are_what_the_classifier_of_dinov2_sees(weights_root, kind):
    arch = {"dinov2": "Dinov2", "dinov2_with_registers": "Dinov2WithRegisters"}[kind]
    folder, _ = save_hf(weights_root, NAME, kind)
    encoder = load(",pooling=cls+mean")
    model = getattr(transformers, f"{arch}ForImageClassification")(
        transformers.AutoConfig.from_pretrained(folder)
    ).eval()
    backbone = getattr(model, model.base_model_prefix)
    backbone.load_state_dict(published(folder, kind).state_dict())
    seen = []
    model.classifier.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        model(pixels_of(encoder, [blobs(0)]))
    assert np.abs(seen[0].numpy() - encoder.encode_images([blobs(0)])).max() <= 1e-5


def test_patches_of_a_cnn_are_its_last_map(weights_root):
    folder, _ = save_hf(weights_root, NAME, "resnet")
    encoder = load()
    _, last, _ = outputs_of("resnet", published(folder, "resnet"), pixels_of(encoder, [blobs(0)]))
    found = encoder.encode_patches([blobs(0)])
    assert np.abs(last.permute(0, 2, 3, 1).numpy() - found).max() <= 1e-5
    assert encoder.spec.patch_size * found.shape[1] == SIDE


@pytest.mark.parametrize("kind", WITH_TEXTS)
def test_texts_are_those_of_transformers(weights_root, kind):
    folder, _ = save_hf(weights_root, NAME, kind)
    encoder = load()
    texts = ["a photo of quartz", "ooid", "", "µ 石英 🪨", "grain " * 50]
    model = published(folder, kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokens = tokenizer(
        texts, padding="max_length", truncation=True, max_length=8, return_tensors="pt"
    )
    with torch.inference_mode():
        features = model.get_text_features(tokens["input_ids"]).pooler_output
    expected = torch.nn.functional.normalize(features, dim=-1).numpy()
    assert isinstance(encoder, TextEncoder)
    assert np.abs(expected - encoder.encode_texts(texts)).max() <= 1e-5
    assert encoder.logit_scale == pytest.approx(model.logit_scale.exp().item())
    assert encoder.logit_bias == pytest.approx(getattr(model, "logit_bias", torch.zeros(1)).item())


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("dinov2", "pytorch_model.bin"),
        ("dinov2", "model.safetensors.index.json"),
        ("vit", "pytorch_model.bin"),
    ],
)
def test_other_files_of_the_same_weights_give_the_same(weights_root, kind, weights):
    save_hf(weights_root, NAME, kind)
    expected = load().encode_images([blobs(0)])
    other = "hf:georetrieve/other"
    folder, _ = save_hf(weights_root, other, kind, weights=weights)
    assert not (folder / "model.safetensors").exists()
    encoder = load(name=other)
    np.testing.assert_array_equal(encoder.encode_images([blobs(0)]), expected)
    again = load_for_spec(encoder.spec, weights_root, runtime=CPU)
    np.testing.assert_array_equal(again.encode_images([blobs(0)]), expected)


def test_a_masked_autoencoder_masks_nothing_and_keeps_the_order(weights_root):
    save_hf(weights_root, NAME, "vit_mae")
    encoder, images = load(), [blobs(0), blobs(1)]
    first = encoder.encode_patches(images)
    assert first.shape == (2, 4, 4, 32)
    np.testing.assert_array_equal(encoder.encode_patches(images), first)


def test_the_spec_says_what_the_vectors_depend_on(weights_root):
    save_hf(weights_root, NAME, "dinov2")
    spec = load(",pooling=gem,size=98,fit=squash").spec
    assert spec.name == f"{NAME},pooling=gem,size=98,fit=squash"
    assert (spec.family, spec.arch, spec.revision) == ("hf", "dinov2", "0" * 40)
    assert spec.features == {"pooling": "gem", "layers": 1}
    assert (spec.transform["squash"], spec.transform["crop"]) == (112, 98)
    assert (spec.dim, spec.patch_size, spec.normalised, spec.metric) == (32, 14, False, "euclidean")
    dual = "hf:georetrieve/dual"
    save_hf(weights_root, dual, "clip")
    spec = load(name=dual).spec
    assert (spec.dim, spec.normalised, spec.metric) == (24, True, "cosine")


def test_another_pooling_of_clip_is_in_another_space_than_texts(weights_root):
    save_hf(weights_root, NAME, "clip")
    encoder = load(",pooling=mean")
    assert not isinstance(encoder, TextEncoder)
    assert (encoder.spec.dim, encoder.spec.normalised) == (32, False)
    assert encoder.spec.metric == "cosine"


def test_weights_may_lie_beside_the_index(weights_root, tmp_path):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    encoder = load(",pooling=mean")
    (tmp_path / "index" / "encoders").mkdir(parents=True)
    folder.rename(tmp_path / "index" / "encoders" / folder.name)
    again = load_for_spec(encoder.spec, tmp_path / "index", runtime=CPU)
    assert again.spec == encoder.spec
    expected = encoder.encode_images([blobs(0)])
    np.testing.assert_array_equal(again.encode_images([blobs(0)]), expected)
    (tmp_path / "index" / "encoders" / folder.name).rename(tmp_path / "gone")
    with pytest.raises(EncoderError, match=rf"not on this machine.*encoders pull {NAME};"):
        load_for_spec(encoder.spec, tmp_path / "index", runtime=CPU)


def test_another_configuration_is_another_encoder(weights_root):
    folder, _ = save_hf(weights_root, NAME, "dinov2")
    spec = load().spec
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_act": "relu"}))
    write_ledger(folder, NAME)
    assert load().spec.fingerprint != spec.fingerprint
    with pytest.raises(EncoderError, match="not on this machine"):
        load_for_spec(spec, weights_root, runtime=CPU)


def test_loading_says_nothing(weights_root, capfd, caplog):
    save_hf(weights_root, NAME, "clip")
    capfd.readouterr()
    caplog.clear()
    load().encode_texts(["a"])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
