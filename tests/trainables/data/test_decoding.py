"""Files as images: which can be read, which are refused, and how their levels become bytes."""

import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_study.trainables.base import memory
from gan_study.trainables.base.settings import DataError, UserError
from gan_study.trainables.data.pixels import read_pixels
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.sources.image_folder import ImageFolder
from tests.trainables.data.tiny_sets import folder_config, write_classes


def spoil(file: Path, how: str) -> None:
    """Make an image file empty, cut it, or fill it with something else."""
    content = file.read_bytes()
    file.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "corrupt": b"not an image"}[how])


@pytest.mark.parametrize("how", ["empty", "truncated", "corrupt"])
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_unreadable_files(how: str, extension: str, tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=4, dog=3)
    write_classes(tmp_path / "test", cat=2, dog=2)
    file = tmp_path / "train" / "cat" / f"9.{extension}"
    Image.new("L", (20, 20), 7).save(file)
    spoil(file, how)
    with pytest.raises(DataError, match=rf"9\.{extension}: cannot be read as an image \(.+\); --skip-unreadable"):
        image_source(folder_config(tmp_path)).pool()
    pool = image_source(folder_config(tmp_path, skip_unreadable=True)).pool()
    assert pool.images.class_counts() == (4, 3)
    assert pool.notes == (f"unreadable image files skipped: 1 (9.{extension})",)


def test_an_unreadable_picture_is_named_whichever_part_it_is_in(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=8)
    origin = ImageFolder(folder_config(tmp_path)).test().images.origins[-1]
    (tmp_path / origin).write_bytes(b"poison")
    with pytest.raises(DataError, match="cannot be read"):
        ImageFolder(folder_config(tmp_path)).pool()
    source = ImageFolder(folder_config(tmp_path, skip_unreadable=True))
    assert source.test().images.class_counts() == (1, 1)
    assert source.test_class_counts() == (1, 2)


def test_a_link_that_leads_nowhere_is_unreadable(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    for name in ("cat", "dog"):
        for file in (tmp_path / name).iterdir():
            file.unlink()
            file.symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"cannot be read as an image \(.*No such file"):
        image_source(folder_config(tmp_path)).pool()


def test_a_class_of_unreadable_files_alone_is_refused(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=2, dog=2)
    write_classes(tmp_path / "test", cat=2, dog=2)
    for file in (tmp_path / "train" / "cat").iterdir():
        spoil(file, "corrupt")
    with pytest.raises(DataError, match="class 'cat' has no readable image"):
        image_source(folder_config(tmp_path, skip_unreadable=True)).pool()


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    os.mkfifo(tmp_path / "cat" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png: cannot be read as an image \(a pipe, but a file is needed\)"):
        ImageFolder(folder_config(tmp_path)).pool()


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path / "train", cat=2, dog=2)
    write_classes(tmp_path / "test", cat=2, dog=2)
    # The files have 120 pixels: above the limit Pillow only warns, above its double it raises.
    for limit in (100, 50):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match="decompression bomb"):
            ImageFolder(folder_config(tmp_path)).pool()


def test_pictures_opened_in_threads_leave_the_filters_of_warnings(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=1)
    before, interval = list(warnings.filters), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(read_pixels, [next(tmp_path.rglob("*.png"))] * 400))
    finally:
        sys.setswitchinterval(interval)
    assert list(warnings.filters) == before


def test_a_large_picture_in_a_small_file_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "white.png"
    Image.new("1", (6000, 6000)).save(path)
    with pytest.raises(DataError, match=r"a decompression bomb: 36,000,000 pixels in"):
        read_pixels(path)


def test_no_decoder_that_runs_a_program_reads_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / "photograph.png"
    Image.new("RGB", (8, 8)).save(path, format="EPS")
    with pytest.raises(DataError, match="not an image in a supported format"):
        read_pixels(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000", "TGA", "ICO"])
def test_a_picture_is_known_by_its_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.png"
    Image.new("RGB", (16, 16), "red").save(path, format=kind)
    assert read_pixels(path).shape == (16, 16, 3)


def test_more_images_than_fit_into_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(tmp_path, cat=4, dog=4)
    monkeypatch.setattr(memory, "free_bytes", lambda: 1_000)
    with pytest.raises(UserError, match="GB of memory"):
        ImageFolder(folder_config(tmp_path)).pool()


def test_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    for name, colour in (("blue", (0, 0, 255)), ("red", (255, 0, 0))):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("RGB", (5 + i, 9), colour).save(tmp_path / name / f"{i}.png")
    pool = image_source(folder_config(tmp_path)).pool().images
    assert pool.images.shape == (2, 3, 8, 8)
    assert pool.images[:, :, 4, 4].tolist() == [[0, 0, 255], [255, 0, 0]]
    assert pool.labels.tolist() == [0, 1]


def test_images_of_few_levels_are_said(tmp_path: Path) -> None:
    for name, level in (("cat", 3), ("dog", 15)):
        (tmp_path / name).mkdir()
        for i in range(3):
            Image.new("L", (8, 8), level).save(tmp_path / name / f"{i}.png")
    note = image_source(folder_config(tmp_path)).pool().notes[0]
    assert note.startswith("the images use the levels 3 to 15 of 0 to 255 only")


def words(root: Path, name: str, most: int, number: int = 6, white_is_zero: bool = False) -> None:
    """Greys of 16 bits that use the levels 0 to `most`."""
    (root / name).mkdir(parents=True)
    for i in range(number):
        pixels = np.random.default_rng(i).integers(0, most, (8, 8)).astype(np.uint16)
        pixels[0, :2] = (0, most)
        Image.fromarray(pixels).save(root / name / f"{i}.tif", tiffinfo={262: 0} if white_is_zero else {})


def test_two_scanners_in_one_container_are_a_giveaway(tmp_path: Path) -> None:
    words(tmp_path, "cat", 1023)
    words(tmp_path, "dog", 4095)
    pool = ImageFolder(folder_config(tmp_path)).pool()
    said = "classes differ in depth (cat: 10 of 16 bits 100%, dog: 12 of 16 bits 100%)"
    assert any(note.startswith(said) for note in pool.notes)
    # One white for both: 255 * 1023 / 4095 = 63.7.
    images = np.asarray(pool.images.images[:])
    assert [int(images[pool.images.labels == label].max()) for label in (0, 1)] == [64, 255]


def test_a_white_of_zero_is_turned_by_the_white_of_all(tmp_path: Path) -> None:
    words(tmp_path, "cat", 4095)
    words(tmp_path, "dog", 4095, white_is_zero=True)
    pool = ImageFolder(folder_config(tmp_path, look_alikes="apart")).pool()
    cats, dogs = (np.asarray(pool.images.images[:])[pool.images.labels == label] for label in (0, 1))
    # Black and white are the first two pixels of each.
    assert {tuple(each) for each in cats[:, 0, 0, :2].tolist()} == {(0, 255)}
    assert {tuple(each) for each in dogs[:, 0, 0, :2].tolist()} == {(255, 0)}
    assert len(np.unique(dogs)) > 100
    assert f"images in which 0 means white, which are inverted: {len(dogs)}" in pool.notes
