import numpy as np

from georetrieve.sources.synthetic.ct import PHASES
from georetrieve.sources.synthetic.ct_rocks import SANDSTONES, draw_rock

SHAPE = (10, 40, 40)


def test_the_same_seed_gives_the_same_scan_and_another_one_another_day():
    one, again, other = (draw_rock("coarse", (seed,), SHAPE) for seed in (1, 1, 5))
    assert np.array_equal(one.voxels, again.voxels)
    assert one.voxels.shape == one.phases.shape == SHAPE
    assert abs(float(one.voxels.mean()) - float(other.voxels.mean())) > 500
    assert set(np.unique(one.phases)) <= set(range(len(PHASES)))


def test_coarser_rocks_have_fewer_borders():
    borders = []
    for rock in SANDSTONES:
        solid = draw_rock(rock, (3,), SHAPE).phases > 0
        borders.append((solid[:, 1:] != solid[:, :-1]).mean())
    assert borders[0] > borders[-1]
