import numpy as np
from fakes import FakeEncoder, fake_vector, solid


def test_a_solid_image_repeats_its_colour_and_ends_in_one():
    vectors = FakeEncoder().encode_images([solid(255, 0, 51), solid(255, 0, 51, (1, 1))])
    expected = [1, 0, 0.2, 1, 0, 0.2, 1, 0, 0.2, 1, 0, 0.2, 1]
    np.testing.assert_allclose(vectors, [expected, expected], atol=1e-7)
    np.testing.assert_allclose(fake_vector(255, 0, 51), expected, atol=1e-7)
