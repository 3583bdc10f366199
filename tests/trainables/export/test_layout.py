"""Pixels as files."""

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.export.layout import write_png


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_loses_nothing(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (channels, 8, 8), dtype=np.uint8)
    write_png(tmp_path / "new" / "image.png", pixels)
    with Image.open(tmp_path / "new" / "image.png") as image:
        read = np.asarray(image)
    np.testing.assert_array_equal(read.reshape(8, 8, channels).transpose(2, 0, 1), pixels)
