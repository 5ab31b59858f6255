"""Samples: the same seed gives the same files, and the truth says what is in the pictures."""

import csv
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from georetrieve.errors import SourceError
from georetrieve.sources.opening import open_raster
from georetrieve.sources.synthetic import (
    DEBRIS,
    TAXA,
    draw_specimen,
    read_truth,
    truth_folder,
    write_samples,
    write_specimen_folder,
)
from georetrieve.sources.synthetic.clicks import draw_clicks
from georetrieve.sources.synthetic.ct import PHASES, draw_sandstone
from georetrieve.sources.synthetic.layout import lay_out
from georetrieve.sources.synthetic.minerals import MINERALS, ROCKS
from georetrieve.sources.synthetic.optics import interference
from georetrieve.sources.synthetic.thin_section import draw_section
from georetrieve.types import Region

SIZE = (900, 700)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "slides"
    return write_samples(
        folder,
        n=2,
        seed=3,
        slide_size=SIZE,
        section_size=(160, 120),
        ct_shape=(6, 64, 72),
        per_taxon=1,
    )


@pytest.mark.parametrize("taxon", [*TAXA, *DEBRIS])
def test_a_specimen_is_where_its_mask_says(taxon):
    pixels, mask = draw_specimen(taxon, np.random.default_rng(1), 128)
    assert pixels.shape == (128, 128, 3)
    assert pixels.dtype == np.uint8
    assert 0.03 < mask.mean() < 0.75
    assert not mask[0].any()
    assert not mask[:, -1].any()
    blue = pixels[..., 2].astype(float)
    assert blue[mask].mean() < blue[~mask].mean() - 20


def test_the_same_seed_draws_the_same_specimen():
    one, _ = draw_specimen("chorate_cyst", np.random.default_rng(7), 96)
    again, _ = draw_specimen("chorate_cyst", np.random.default_rng(7), 96)
    other, _ = draw_specimen("chorate_cyst", np.random.default_rng(8), 96)
    assert (one == again).all()
    assert (one != other).any()


def test_an_unknown_taxon_is_named_with_the_nearest():
    with pytest.raises(SourceError, match=r"Did you mean 'massula'"):
        draw_specimen("masula", np.random.default_rng(0))


def test_images_and_truth_are_kept_apart(samples):
    assert samples.truth == truth_folder(samples.folder)
    assert samples.truth.parent == samples.folder.resolve().parent
    on_disk = {path for path in samples.folder.rglob("*") if path.is_file()}
    assert on_disk == set(samples.files)
    assert all(path.parent == samples.truth and path.exists() for path in samples.truths)


def test_slides_have_levels_and_a_scale(samples):
    for name in ("slide_00.tif", "slide_01.ome.tif"):
        with open_raster(samples.folder / name) as raster:
            assert raster.kind == "slide"
            assert raster.size == SIZE
            assert raster.um_per_px == pytest.approx(0.5)
            assert raster.remarks == ()
    with tifffile.TiffFile(samples.folder / "slide_01.ome.tif") as file:
        assert file.is_ome


def test_openslide_opens_every_level(tmp_path):
    import openslide

    written = write_samples(tmp_path / "s", n=1, kinds=["palynology"], slide_size=(2100, 1100))
    with openslide.OpenSlide(written.files[0]) as slide:
        assert slide.level_dimensions == ((2100, 1100), (1050, 550), (525, 275), (262, 137))
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(0.5)


def test_truth_boxes_hold_what_is_darker_than_glass(samples):
    truth = read_truth(samples.truth / "slide_00.csv")
    assert {taxon for taxon, _ in truth} <= {*TAXA, *DEBRIS}
    with open_raster(samples.folder / "slide_00.tif") as raster:
        seen = np.asarray(raster.read(Region(0, 0, *SIZE))).min(axis=2)
        glass = np.median(seen)
        for _, box in truth:
            left, top, right, bottom = box.box
            assert seen[top:bottom, left:right].min() < 0.85 * glass


def test_geojson_and_table_hold_the_same_boxes(samples):
    table = read_truth(samples.truth / "slide_00.csv")
    shapes = read_truth(samples.truth / "slide_00.geojson")
    assert [taxon for taxon, _ in table] == [taxon for taxon, _ in shapes]
    for (_, one), (_, other) in zip(table, shapes, strict=True):
        assert np.abs(np.subtract(one.box, other.box)).max() <= 1
    feature = json.loads((samples.truth / "slide_00.geojson").read_text())["features"][0]
    assert feature["geometry"]["coordinates"][0][0] == feature["geometry"]["coordinates"][0][-1]
    assert feature["properties"]["objectType"] == "annotation"


def test_truth_that_is_none_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("name,x\na,1\n")
    with pytest.raises(SourceError, match="columns taxon, x, y, width and height"):
        read_truth(path)
    with pytest.raises(SourceError, match="cannot be read"):
        read_truth(tmp_path / "absent.csv")


def test_areas_are_those_of_the_masks():
    plan = lay_out(SIZE, seed=4, um_per_px=0.5)
    assert plan.specimens
    for one in plan.specimens:
        assert one.area_px == one.mask.sum()
        assert one.mask.shape == (one.region.height, one.region.width)
        assert one.mask[0].any()
        assert one.mask[:, -1].any()


def test_minerals_are_where_the_mask_says(samples):
    names = sorted(path.name for path in samples.files if path.name.startswith("section"))
    assert names[:2] == ["section_00_granite_ppl.png", "section_00_granite_xpl.png"]
    with Image.open(samples.truth / "section_00_granite_minerals.png") as mask:
        assert mask.mode == "P"
        index = np.asarray(mask)
    with (samples.truth / "section_00_granite_minerals.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        share = (index == int(row["index"])).mean()
        assert float(row["share"]) == pytest.approx(share, abs=1e-4)
    assert [row["mineral"] for row in rows] == list(MINERALS)


@pytest.mark.parametrize("rock", list(ROCKS))
def test_isotropic_minerals_stay_dark_between_crossed_polarisers(rock):
    section = draw_section(rock, np.random.default_rng(2), (240, 180))
    dark = np.isin(section.minerals, [MINERALS["pore"].index, MINERALS["opaque"].index])
    bright = ~dark
    assert section.xpl[bright].mean() > 30
    if dark.any():
        assert section.xpl[dark].mean() < 25


def test_interference_colours_follow_the_chart():
    angle = np.full(3, np.pi / 4, np.float32)
    black, yellow, red = interference(np.array([0, 400, 550], np.float32), angle)
    assert black.max() == 0
    assert yellow[0] > 0.8
    assert yellow[1] > 0.65
    assert yellow[2] < 0.45  # first-order yellow lacks blue
    assert red[1] < 0.3  # the sensitive tint lacks green
    extinct = interference(np.array([400], np.float32), np.array([np.pi / 2], np.float32))
    assert extinct.max() < 1e-3


def test_phases_have_their_grey_values():
    volume = draw_sandstone(np.random.default_rng(0), (12, 80, 80), grain_px=24)
    shares = np.bincount(volume.phases.ravel(), minlength=len(PHASES)) / volume.phases.size
    assert 0.1 < shares[0] < 0.4
    assert shares[1] > 0.5
    means = [volume.voxels[volume.phases == phase].mean() for phase in range(3)]
    assert means[0] < means[2] < means[1]
    assert volume.voxels.dtype == np.uint16


def test_the_volume_is_read_as_one_with_its_mask_beside(samples):
    with open_raster(samples.folder / "ct_sandstone.tif") as raster:
        assert (raster.kind, raster.size, raster.depth) == ("volume", (72, 64), 6)
        assert raster.um_per_px == pytest.approx(4.0)
    assert tifffile.imread(samples.truth / "ct_sandstone_phases.tif").shape == (6, 64, 72)


def test_crops_lie_in_a_folder_a_taxon(tmp_path):
    paths = write_specimen_folder(tmp_path, per_taxon=2, seed=1, taxa=["massula"], size_px=64)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "massula/massula_000.png",
        "massula/massula_001.png",
    ]
    first = paths[0].read_bytes()
    write_specimen_folder(tmp_path, per_taxon=1, seed=1, taxa=["leiosphere", "massula"], size_px=64)
    assert paths[0].read_bytes() == first  # whatever else is drawn


def test_samples_are_reproducible(samples, tmp_path):
    again = write_samples(
        tmp_path / "slides",
        n=2,
        seed=3,
        slide_size=SIZE,
        section_size=(160, 120),
        ct_shape=(6, 64, 72),
        per_taxon=1,
    )
    one = [*samples.files, *samples.truths]
    for first, path in zip(one, [*again.files, *again.truths], strict=True):
        assert path.name == first.name
        assert path.read_bytes() == first.read_bytes(), path.name


def test_unknown_kinds_and_empty_orders_are_refused(tmp_path):
    with pytest.raises(SourceError, match="Did you mean 'palynology'"):
        write_samples(tmp_path / "a", kinds=["palinology"])
    with pytest.raises(SourceError, match="both start at 1"):
        write_samples(tmp_path / "a", n=0)
    assert not (tmp_path / "a").exists()


def test_clicks_lie_inside_their_mineral_and_name_each():
    minerals = np.zeros((80, 100), np.uint8)
    minerals[:, 60:] = 3
    minerals[10:14, 10:14] = 7  # thinner than a click's usual depth
    clicks = draw_clicks(minerals, np.random.default_rng(0))
    assert {kind for _, _, kind in clicks} == {0, 3, 7}
    assert all(minerals[y, x] == kind for x, y, kind in clicks)
    assert all(abs(x - 59.5) >= 5.5 for x, _, kind in clicks if kind != 7)
    assert sum(kind == 7 for _, _, kind in clicks) >= 3
    assert 25 <= len(clicks) <= 35
    assert clicks == draw_clicks(minerals, np.random.default_rng(0))
