"""The facts of the catalogue, beside those of the libraries that make the networks."""

import re
from urllib.parse import urlsplit

import open_clip
import pytest
import timm
import torch
import transformers

from georetrieve.encoders.catalogue.addresses import address_of
from georetrieve.encoders.catalogue.ledger import PLAIN, folder_name
from georetrieve.encoders.catalogue.models import ENTRIES
from georetrieve.encoders.networks.open_clip_models import check_arch
from georetrieve.encoders.networks.timm_models import make_network
from georetrieve.encoders.registry import FAMILIES, family_of, find_entry
from georetrieve.encoders.transforms import IMAGENET_MEAN, IMAGENET_STD, SquareCrop
from georetrieve.errors import EncoderError
from georetrieve.types import EncoderSpec

LICENCES = {"Apache-2.0", "BSD-3-Clause", "CC-BY-NC-4.0", "DINOv3 License", "MIT", "not stated"}
OF_TIMM = [entry for entry in ENTRIES if entry.family == "timm"]
OF_OPEN_CLIP = [entry for entry in ENTRIES if entry.family == "open_clip"]
each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)

# Of the publishers: hubconf.py of DINO and DINOv2, timm's and OpenCLIP's tables.
PUBLISHED = {
    "dino-vits16": "vit_small_patch16_224.dino",
    "dino-vits8": "vit_small_patch8_224.dino",
    "dino-vitb16": "vit_base_patch16_224.dino",
    "dino-vitb8": "vit_base_patch8_224.dino",
    "mae-vitb16": "vit_base_patch16_224.mae",
    "resnet152": "resnet152.tv_in1k",
} | {
    f"dinov2-vit{size[0]}14{'-reg' if reg else ''}": f"vit_{size}_patch14_{reg}dinov2.lvd142m"
    for size in ("small", "base", "large", "giant")
    for reg in ("", "reg4_")
}
TAGS = {
    "clip-vitb16-laion400m": ("ViT-B-16", "laion400m_e32"),
    "clip-vitb32-laion2b": ("ViT-B-32", "laion2b_s34b_b79k"),
    "clip-vitl14-laion2b": ("ViT-L-14", "laion2b_s32b_b82k"),
    "siglip2-vitb16": ("ViT-B-16-SigLIP2", "webli"),
}


def test_every_encoder_of_the_mission_is_there():
    names = {entry.name for entry in ENTRIES}
    assert len(names) == len(ENTRIES)
    assert names == {
        "scampi-vits16",
        "scampi-vitb16",
        "dino-resnet50",
        "dinov3-vits16",
        "dinov3-vitb16",
        "dinov3-vitl16",
        "dinov2-base-imagenet1k",
        *PUBLISHED,
        *TAGS,
    }


@each_entry
def test_names_are_plain_and_columns_differ(entry):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert folder_name(entry.name) == entry.name
    spec = EncoderSpec(name=entry.name, family="", weights="", sha256="", dim=1, transform={})
    assert spec.column == "vector_" + entry.name.replace("-", "_")


@each_entry
def test_the_family_is_known_and_finds_it(entry):
    assert family_of(entry.name).name == entry.family
    assert entry.family in {family.name for family in FAMILIES}
    assert find_entry(entry.name) is entry


@each_entry
def test_addresses_are_encrypted_and_digests_are_digests(entry):
    assert entry.files
    for file in entry.files:
        assert PLAIN.fullmatch(file.name)
        assert file.sources
        assert re.fullmatch(r"([0-9a-f]{8}|[0-9a-f]{64})?", file.sha256)
        for source in file.sources:
            assert urlsplit(address_of(source).url).scheme == "https"
            assert source.endswith(file.name)
            if file.sha256 and source.startswith("hub:"):
                assert re.search(r"@[0-9a-f]{40}/", source), "a digest needs a pinned commit"
            if re.search(r"-[0-9a-f]{8}\.", source):
                assert f"-{file.sha256}." in source
    assert len({file.name for file in entry.files}) == len(entry.files)


@each_entry
def test_what_a_user_must_know_is_said(entry):
    assert entry.summary
    assert len(entry.summary) <= 100
    assert entry.licence in LICENCES
    assert entry.gated == (entry.licence == "DINOv3 License")
    for address in (entry.licence_url, entry.paper, entry.page):
        assert urlsplit(address).scheme == "https"
    assert re.search(r"arxiv\.org/abs/\d{4}\.\d{5}$|doi\.org/10\.", entry.paper)
    assert entry.megabytes > 0


@each_entry
def test_the_square_fits_the_patches(entry):
    transform = entry.transform
    assert transform.crop % entry.patch_px == 0
    assert entry.side_px % entry.patch_px == 0
    assert transform.crop <= transform.resize


@pytest.mark.parametrize("entry", OF_TIMM, ids=lambda entry: entry.name)
def test_timm_makes_such_a_network(entry):
    network = make_network(entry.arch, positions=entry.positions, vector=entry.vector)
    facts = (network.dim, network.patch_px, network.side_px)
    assert facts == (entry.dim, entry.patch_px, entry.side_px)
    with torch.device("meta"):
        model = timm.create_model(entry.arch, pretrained=False)
    classifier = model.num_classes * (entry.dim + 1) if entry.name == "resnet152" else 0
    model.reset_classifier(0)
    values = sum(tensor.numel() for tensor in model.state_dict().values()) + classifier
    assert entry.megabytes == pytest.approx(4 * values / 1e6, rel=0.01)


@pytest.mark.parametrize("entry", OF_TIMM, ids=lambda entry: entry.name)
def test_vision_encoders_are_fed_as_scampi_feeds_them(entry):
    assert entry.transform == SquareCrop(
        fit="squash", resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD
    )
    assert not entry.text
    assert entry.metric == "euclidean"


@pytest.mark.parametrize(("name", "published"), PUBLISHED.items())
def test_timm_knows_the_same_address(name, published):
    entry, facts = find_entry(name), timm.get_pretrained_cfg(published)
    assert entry.files[0].sources == (facts.url,)
    assert entry.arch == published.partition(".")[0]
    assert entry.licence.lower() == facts.license
    assert (entry.transform.mean, entry.transform.std) == (facts.mean, facts.std)


@pytest.mark.parametrize("entry", OF_OPEN_CLIP, ids=lambda entry: entry.name)
def test_open_clip_knows_the_same(entry):
    model, tag = TAGS[entry.name]
    config, facts = check_arch(model), open_clip.get_pretrained_cfg(model, tag)
    assert entry.arch == model
    assert entry.dim == config["embed_dim"]
    assert entry.side_px == config["vision_cfg"]["image_size"]
    assert entry.patch_px == config["vision_cfg"].get("patch_size", 16)
    assert not config.get("quick_gelu", False)
    assert (entry.transform.mean, entry.transform.std) == (facts["mean"], facts["std"])
    assert entry.transform.fit == {"shortest": "crop", "squash": "squash"}[facts["resize_mode"]]
    assert entry.transform.resampling == facts["interpolation"]
    assert entry.transform.resize == entry.transform.crop == entry.side_px
    weights = entry.files[0].sources[0]
    assert facts["url"] == weights or f"hub:{facts['hf_hub'].rstrip('/')}@" in weights
    assert entry.text
    assert entry.metric == "cosine"


def test_transformers_makes_such_networks():
    small = find_entry("dinov3-vits16")
    config = transformers.DINOv3ViTConfig()  # its defaults are those of the smallest
    facts = (config.hidden_size, config.patch_size, config.image_size)
    assert facts == (small.dim, small.patch_px, small.side_px)
    base = find_entry("dinov2-base-imagenet1k")
    made = transformers.Dinov2Config(patch_size=14)
    assert (made.model_type, made.hidden_size) == (base.arch, base.dim)
    assert base.transform == SquareCrop(fit="crop", resize=256, crop=224)


@pytest.mark.parametrize("name", ["bundled", "vit_small_patch16_224@weights.pth"])
def test_what_is_here_has_no_entry(name):
    with pytest.raises(EncoderError, match="on this machine already"):
        find_entry(name)


def test_a_mistyped_name_suggests_the_nearest():
    with pytest.raises(EncoderError, match=r"Did you mean 'dinov2-vits14'\?"):
        find_entry("dinov2-vit14")
