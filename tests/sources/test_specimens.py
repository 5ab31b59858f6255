"""Specimens: every one found, once, whatever the tiles; touching ones parted."""

import numpy as np
import pytest
from array_raster import ArrayRaster
from scipy import ndimage

from georetrieve.benchmarks.specimens import evaluate_specimens
from georetrieve.errors import SourceError
from georetrieve.metrics.detection import match_boxes
from georetrieve.sources.opening import open_raster
from georetrieve.sources.particles import PackedMask
from georetrieve.sources.specimens import find_specimens, working_factor
from georetrieve.sources.synthetic.layout import lay_out
from georetrieve.sources.synthetic.slide import write_slide
from georetrieve.sources.synthetic.truth import write_truth
from georetrieve.sources.touching import split_touching

AMBER = np.array([200, 150, 60])


def slide(discs, size=(800, 600), light=225.0, noise=2.0):
    """Discs (x, y, radius) of even colour on glass, as an RGB array."""
    rows, columns = np.mgrid[: size[1], : size[0]]
    pixels = np.ones((size[1], size[0], 3)) * np.asarray(light)[..., None]
    share = np.zeros((size[1], size[0]))
    for x, y, radius in discs:
        share = np.maximum(share, np.clip(radius - np.hypot(rows - y, columns - x) + 0.5, 0, 1))
    share = ndimage.gaussian_filter(share, 0.8)[..., None]
    pixels = pixels * (1 - share * (1 - AMBER / 225))
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def boxes(raster, **options):
    return [one.region.box for one in find_specimens(raster, **options)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A synthetic slide with many touching pairs, and what is on it."""
    folder = tmp_path_factory.mktemp("slide")
    plan = lay_out((1800, 1400), seed=2, touching=0.15, unevenness=0.3)
    write_slide(folder / "slide.tif", plan)
    write_truth(folder / "slide", plan)
    return folder / "slide.tif", plan


def test_a_disc_is_measured_where_it_is():
    (one,) = find_specimens(ArrayRaster(slide([(300, 200, 40)])))
    assert np.abs(np.subtract(one.region.box, (260, 160, 340, 240))).max() <= 6
    assert one.centroid == pytest.approx((300, 200), abs=2)
    assert one.area_px == pytest.approx(np.pi * 40**2, rel=0.15)
    assert one.area_um2 == pytest.approx(one.area_px * 0.25)
    assert not one.touching


def test_two_discs_that_touch_are_two():
    found = find_specimens(ArrayRaster(slide([(300, 200, 40), (374, 200, 36)])))
    assert [one.touching for one in found] == [True, True]
    truth = [(260, 160, 340, 240), (338, 164, 410, 236)]
    for one, box in zip(sorted(found, key=lambda s: s.region.x), truth, strict=True):
        assert np.abs(np.subtract(one.region.box, box)).max() <= 8


def test_one_elongated_body_stays_one():
    discs = [(300 + step, 200 + step // 3, 24) for step in range(0, 90, 6)]
    assert len(find_specimens(ArrayRaster(slide(discs)))) == 1


def test_a_thin_ring_is_one_specimen_with_what_it_encloses():
    rows, columns = np.mgrid[:400, :400]
    away = np.hypot(rows - 200, columns - 200)
    pixels = slide([], (400, 400))
    pixels[(np.abs(away - 60) < 2.5) | (away < 18)] = AMBER
    (one,) = find_specimens(ArrayRaster(pixels))
    assert np.abs(np.subtract(one.region.box, (138, 138, 263, 263))).max() <= 6
    assert one.area_px > 0.85 * np.pi * 62**2


def test_size_limits_are_micrometres():
    raster = ArrayRaster(slide([(100, 100, 12), (300, 200, 40), (600, 350, 120)]))
    # 12, 40 and 120 µm across at 0.5 µm a pixel.
    assert len(boxes(raster, min_um=5, max_um=200)) == 3
    assert len(boxes(raster, min_um=20, max_um=200)) == 2
    assert len(boxes(raster, min_um=20, max_um=100)) == 1
    raster.um_per_px = None
    assert len(boxes(raster, min_um=20, max_um=100)) == 2  # pixels now: 24 and 80
    assert find_specimens(raster, min_um=20, max_um=100)[0].area_um2 is None


def test_uneven_light_is_no_particle():
    x = np.linspace(0, 1, 800)[None, :] * np.ones((600, 1))
    raster = ArrayRaster(slide([(100, 100, 30), (700, 450, 30)], light=150 + 90 * x))
    assert len(boxes(raster)) == 2


def test_empty_glass_holds_nothing():
    assert boxes(ArrayRaster(slide([], noise=4.0))) == []


@pytest.mark.parametrize("seam", [248, 256, 264])
def test_particles_on_seams_and_borders_are_whole(seam):
    # At 2 level-0 pixels a working pixel, tiles of 128 px meet at 256, 512 ...
    discs = [(seam, seam, 30), (seam, 300 + seam, 30), (0, 100, 30), (799, 599, 30)]
    raster = ArrayRaster(slide(discs))
    expected = boxes(raster, tile_px=4096)
    assert len(expected) == 4
    for tile_px in (100, 128):
        assert boxes(raster, tile_px=tile_px) == expected


def test_a_particle_that_spans_windows_is_found_once(monkeypatch):
    raster = ArrayRaster(slide([(400, 300, 90), (150, 100, 60), (640, 480, 70)]))
    expected = boxes(raster)
    assert len(expected) == 3
    monkeypatch.setattr("georetrieve.sources.particles.WINDOW_PX", 50)
    assert boxes(raster) == expected


def test_what_is_larger_than_any_specimen_is_left_out():
    pixels = slide([(300, 300, 40)], (1000, 1000))
    pixels[:, 700:720] = (90, 90, 90)  # the edge of a cover slip, 500 µm long
    raster = ArrayRaster(pixels)
    assert len(boxes(raster, max_um=100, tile_px=128)) == 1


def test_synthetic_slides_are_found_the_same_whatever_the_tiles(made):
    path, plan = made
    with open_raster(path) as raster:
        found = {side: find_specimens(raster, tile_px=side) for side in (512, 4096)}
    assert found[512] == found[4096]
    match = match_boxes([one.region for one in found[512]], [one.region for one in plan.specimens])
    assert match.recall >= 0.95
    assert match.precision >= 0.95


def test_evaluation_counts_against_the_table(made):
    path, plan = made
    result = evaluate_specimens(path, path.with_name("slide.csv"))
    assert result["truth"] == len(plan.specimens)
    assert result["recall"] >= 0.95
    none = evaluate_specimens(path, path.with_name("slide.csv"), min_um=200, max_um=240)
    assert (none["found"], none["precision"], none["recall"]) == (0, 1.0, 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [31, 32, 33])
@pytest.mark.parametrize("condition", [{}, {"unevenness": 0.35}, {"noise": 6.0}])
def test_recall_and_precision_over_seeds(tmp_path, seed, condition):
    plan = lay_out(seed=seed, **condition)
    write_slide(tmp_path / "slide.tif", plan)
    with open_raster(tmp_path / "slide.tif") as raster:
        found = [one.region for one in find_specimens(raster)]
    match = match_boxes(found, [one.region for one in plan.specimens])
    assert match.recall >= 0.95
    assert match.precision >= 0.95


def test_dark_fields_and_senseless_limits_are_refused():
    dark = ArrayRaster(np.zeros((300, 300, 3), np.uint8))
    with pytest.raises(SourceError, match=r"background is dark \(grey level 0 of 255\)"):
        find_specimens(dark)
    for limits in ({"min_um": 50, "max_um": 20}, {"min_um": 0}, {"tile_px": 8}):
        with pytest.raises(SourceError, match="cannot be looked for"):
            find_specimens(dark, **limits)


@pytest.mark.parametrize(
    ("um_per_px", "min_um", "factor"), [(0.5, 10, 2), (0.25, 10, 4), (0.5, 5, 1), (2.0, 10, 1)]
)
def test_the_working_scale_is_about_a_micrometre(um_per_px, min_um, factor):
    assert working_factor(um_per_px, min_um) == factor


def test_a_packed_mask_returns_what_was_put():
    mask = np.random.default_rng(0).random((130, 170)) < 0.3
    packed = PackedMask((170, 130), 64)
    for row in range(3):
        for column in range(3):
            y, x = row * 64, column * 64
            packed.put(column, row, mask[y : y + 64, x : x + 64])
    assert (packed.window(0, 0, 170, 130) == mask).all()
    assert (packed.window(60, 50, 140, 129) == mask[50:129, 60:140]).all()


def test_processes_are_no_specimens():
    rows, columns = np.mgrid[:120, :120]
    spiny = np.hypot(rows - 60, columns - 60) < 25
    for angle in np.arange(0, 2 * np.pi, np.pi / 6):
        for step in np.linspace(20, 50, 60):
            y, x = 60 + step * np.sin(angle), 60 + step * np.cos(angle)
            spiny |= np.hypot(rows - y, columns - x) < (4 if step > 46 else 2)
    assert len(split_touching(spiny, spiny, 10)) == 1
