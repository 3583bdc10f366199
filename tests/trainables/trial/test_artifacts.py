"""What another person may have put in the place of a trial's files."""

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.trial.artifacts import damage


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "samples.png"
    Image.new("L", (40, 40)).save(path)
    return path


def test_a_whole_file_has_no_damage(picture, tmp_path):
    assert damage(picture) is None
    np.savez(tmp_path / "predictions.npz", labels=np.arange(3))
    assert damage(tmp_path / "predictions.npz") is None


@pytest.mark.parametrize("most", [40 * 40 - 1, 40 * 40 // 3], ids=["warned of", "refused"])
def test_a_decompression_bomb_is_not_read(picture, monkeypatch, most):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    assert "decompression bomb" in damage(picture)


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (tmp_path.joinpath("exploded").touch, ())

    np.savez(tmp_path / "predictions.npz", labels=np.array([Bomb()], dtype=object))
    assert "cannot be read" in damage(tmp_path / "predictions.npz")
    assert not (tmp_path / "exploded").exists()
