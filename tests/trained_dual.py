"""A small dual encoder that has learnt from captions what some minerals look like.

Trained in seconds on drawn sections: rock-forming minerals between crossed polarisers and in plane
light as ``georetrieve samples`` draws them, and ore minerals in reflected light, which differ by
their colour and, galena, by its triangular pits. Captions are the prompts that a search makes of
names, and everyday words with pictures of nothing, so that the encoder has heard of other things.
It is kept in a weights folder in OpenCLIP's published format, so that tests load it as a user does.
"""

import atexit
import functools
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image, ImageDraw
from published_models import write_ledger
from safetensors.torch import save_file
from torch import nn

from georetrieve.encoders.catalogue.ledger import folder_name
from georetrieve.encoders.runtime import Runtime
from georetrieve.encoders.transforms import SquareCrop
from georetrieve.indexing.build import index_folder
from georetrieve.indexing.options import IndexOptions
from georetrieve.sources.synthetic.minerals import MINERALS, ROCKS, Mineral, Rock
from georetrieve.sources.synthetic.thin_section import draw_section
from georetrieve.vocabulary import load_vocabulary, prompts_for
from georetrieve.vocabulary.null_words import null_words

ARCH, TAG = "georetrieve-test-ores", "captioned"
NAME = f"open_clip:{ARCH}/{TAG}"
CONFIG = {
    "embed_dim": 64,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 64,
        "head_width": 32,
        "patch_size": 8,
    },
    "text_cfg": {
        "context_length": 24,
        "vocab_size": 49408,
        "width": 64,
        "heads": 2,
        "layers": 2,
    },
}
ORES = {
    "galena": (0.93, 0.94, 0.97),
    "pyrite": (0.97, 0.92, 0.70),
    "chalcopyrite": (0.95, 0.80, 0.38),
    "covellite": (0.25, 0.35, 0.75),
    "sphalerite": (0.46, 0.46, 0.48),
}
ROCK_FORMING = ("quartz", "biotite", "olivine")
TAUGHT = (*ORES, *ROCK_FORMING)
PRESENT = ("galena", "pyrite", "chalcopyrite", "quartz", "biotite")
PAIRS = (("galena", "quartz"), ("pyrite", "quartz"), ("galena", "sphalerite"))
CROP_PX = 64
STEPS = 150
EVERYDAY = 40  # words of a step that fit nothing


def picture(mineral, seed, size_px=CROP_PX):
    """A section of one mineral, RGB; of two named ``a and b`` one above the other."""
    upper, _, lower = mineral.partition(" and ")
    if lower:
        image = picture(upper, seed, size_px)
        half = picture(lower, seed, size_px).crop((0, 0, size_px, size_px // 2))
        image.paste(half, (0, seed % 2 * (size_px // 2)))
        return image
    sheet = _sheet(mineral)
    rng = np.random.default_rng([seed, *mineral.encode()])
    x, y = rng.integers(0, sheet.width - size_px, 2)
    return sheet.crop((x, y, x + size_px, y + size_px))


@functools.cache
def _sheet(mineral, size_px=320):
    """A large section of one mineral."""
    rng = np.random.default_rng([*mineral.encode()])
    if mineral not in ORES:
        section = _drawn(mineral, MINERALS[mineral], rng, size_px)
        return Image.fromarray(section.ppl if mineral == "biotite" else section.xpl)
    colour = ORES[mineral]
    section = _drawn(mineral, Mineral(9, (0, 0, 0), colour, colour, 0.0, 0.15), rng, size_px)
    image = Image.fromarray(section.ppl)
    if mineral == "galena":
        pen = ImageDraw.Draw(image)
        for x, y in rng.uniform(0, size_px, (250, 2)):
            side = rng.uniform(3, 7)
            pen.polygon([(x, y), (x + side, y), (x + side / 2, y - side)], fill=(40, 40, 40))
    return image


def _drawn(name, mineral, rng, size_px):
    """A section of grains of one mineral, with the package's own drawing."""
    kept = dict(MINERALS), dict(ROCKS)
    MINERALS[name], ROCKS[name] = mineral, Rock(80.0, {name: 1.0})
    try:
        return draw_section(name, rng, (size_px, size_px))
    finally:
        for table, before in zip((MINERALS, ROCKS), kept, strict=True):
            table.clear()
            table.update(before)


def _everyday(number, rng):
    """A picture of nothing: a few patches of bright colours, other ones for every word."""
    own = np.random.default_rng(number)
    image = Image.fromarray(own.integers(0, 256, (2, 3, 3), dtype=np.uint8))
    image = image.resize((CROP_PX, CROP_PX), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 8, (CROP_PX, CROP_PX, 3))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


def _lessons(transform, rng):
    """Caption sets and their (N, 32, 32, 3) pictures."""
    vocabulary = load_vocabulary()
    lessons = []
    for name in (*TAUGHT, *(" and ".join(pair) for pair in PAIRS)):
        images = [picture(name, 1000 + number) for number in range(40)]
        lessons.append((prompts_for(name, vocabulary), images))
    for number, word in enumerate(null_words()):
        captions = prompts_for(word, vocabulary, style="petrographic")
        lessons.append((captions, [_everyday(number, rng) for _ in range(2)]))
    return [
        (words, np.stack([transform.prepare(one) for one in images])) for words, images in lessons
    ]


def _kept_until_exit(prefix):
    """A folder that several test modules share, removed with the process."""
    root = Path(tempfile.mkdtemp(prefix=prefix))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root


@functools.cache
def trained_weights():
    """A weights folder with the trained encoder."""
    root = _kept_until_exit("georetrieve-trained-")
    (root / f"{ARCH}.json").write_text(json.dumps(CONFIG))
    open_clip.add_model_config(root / f"{ARCH}.json")
    open_clip.pretrained._PRETRAINED[ARCH] = {
        TAG: open_clip.pretrained._pcfg(hf_hub=f"georetrieve/{ARCH}/")
    }
    folder = root / folder_name(NAME)
    folder.mkdir()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # so small a network only waits for a second one
    try:
        model = _train()
    finally:
        torch.set_num_threads(threads)
    state = {key: tensor.contiguous() for key, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text("{}")
    write_ledger(folder, NAME)
    return root


def _train():
    """Contrastive learning as CLIP's (Radford et al. 2021, Figure 3), every lesson once a step."""
    facts = open_clip.pretrained._pcfg()
    transform = SquareCrop(
        fit="crop",
        resize=32,
        crop=32,
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        resampling="bicubic",
    )
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    model = open_clip.CLIP(**CONFIG).train()
    with torch.no_grad():
        model.logit_scale.fill_(np.log(20))
        model.token_embedding.weight.normal_(0, 0.2)
    tokenizer = open_clip.SimpleTokenizer(context_length=CONFIG["text_cfg"]["context_length"])
    lessons = _lessons(transform, rng)
    tokens = [tokenizer(words) for words, _ in lessons]
    pixels = [transform.normalise(list(images), torch.device("cpu")) for _, images in lessons]
    model.token_embedding.requires_grad_(False)  # words differ enough as they were drawn
    learnt = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=STEPS)
    minerals = len(TAUGHT) + len(PAIRS)
    target = torch.arange(minerals + EVERYDAY)
    for _ in range(STEPS):
        everyday = minerals + rng.permutation(len(lessons) - minerals)[:EVERYDAY]
        asked = [*range(minerals), *everyday]
        images = torch.stack([pixels[one][rng.integers(len(pixels[one]))] for one in asked])
        texts = torch.stack([tokens[one][rng.integers(len(tokens[one]))] for one in asked])
        image_vectors, text_vectors, scale = model(images, texts)[:3]
        logits = scale * image_vectors @ text_vectors.T
        loss = nn.functional.cross_entropy(logits, target)
        loss = loss + nn.functional.cross_entropy(logits.T, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return model.eval()


@functools.cache
def ores_index():
    """Path of an index of sections, whose files lie beside it in ``sections``.

    Eight sections of each mineral but covellite, sphalerite and olivine, which are absent, and six
    of each of two pairs; with a label, a group, a depth, the minerals and a caption.
    """
    root = _kept_until_exit("georetrieve-ores-")
    rows = ["path,label,group,depth,minerals,caption"]
    names = dict.fromkeys(PRESENT, 8) | {" and ".join(pair): 6 for pair in PAIRS[:2]}
    for label, count in names.items():
        folder = root / "sections" / label.replace(" ", "_")
        folder.mkdir(parents=True)
        for number in range(count):
            path = folder / f"{number:02d}.png"
            picture(label, number).save(path)
            minerals = label.replace(" and ", ";")
            place = path.relative_to(root / "sections").as_posix()
            group, depth = f"well {number % 2}", 100 * number
            rows.append(f"{place},{label},{group},{depth},{minerals},a photomicrograph of {label}")
    (root / "labels.csv").write_text("\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEORETRIEVE_WEIGHTS", str(trained_weights()))
        options = IndexOptions(
            encoder=NAME,
            labels=str(root / "labels.csv"),
            runtime=Runtime(device="cpu"),
        )
        report = index_folder(root / "sections", root / "ores", options)
    assert (report.items, report.failed) == (8 * len(PRESENT) + 12, [])
    return root / "ores"
