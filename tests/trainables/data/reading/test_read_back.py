"""What a person reads before the first trial, from a folder that a test made."""

from pathlib import Path

from PIL import Image

from gan_study.trainables.data.imbalance import Natural
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.reading.read_back import read_back
from gan_study.trainables.data.source import DataConfig
from tests.trainables.data.tiny_sets import write_classes


def test_what_was_read_is_said(tmp_path: Path) -> None:
    write_classes(tmp_path / "Training", cat=12, dog=6)
    write_classes(tmp_path / "Testing", cat=3, dog=2)
    Image.new("L", (40, 20), 90).save(tmp_path / "Training" / "cat" / "wide.jpg")
    (tmp_path / "Training" / "notes.txt").write_text("made by hand")
    config = DataConfig(name="imagefolder", root=str(tmp_path), image_size=8)
    source = image_source(config)
    lines = read_back(config, Natural(), source.pool(), source.test())
    first, counts, rare, shape, *_ = lines
    assert first.startswith(f"imagefolder: 24 images of 2 classes in {tmp_path}; PNG 96%, JPEG 4%, 8 bits; ")
    assert first.endswith("; 12 x 10 to 40 x 20 pixels, median 12 x 10")
    assert counts == "training + test images, by class: cat 13 + 3, dog 6 + 2"
    assert rare.startswith("rare classes: dog (smaller than the mean class of the imbalanced set; ")
    assert shape.startswith("size used: 8 x 8 pixels, ") and "19 of 19 images are not square" in shape
    assert "Testing/ is read as the test set, Training/ is read as the train set" in lines
    assert "skipped, no images: 1 (.txt)" in lines


def test_equally_large_classes_are_read_back_all_the_same(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=8, dog=8)
    config = DataConfig(name="imagefolder", root=str(tmp_path), image_size=8)
    source = image_source(config)
    lines = read_back(config, Natural(), source.pool(), source.test())
    assert "training + test images, by class: cat 6 + 2, dog 6 + 2" in lines
    assert "rare classes: none" in lines


def test_what_is_read_and_not_used_is_counted(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=6, dog=6, owl=6)
    write_classes(tmp_path / "test", cat=2, dog=2, owl=2)
    (tmp_path / "train" / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "test" / "dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    config = DataConfig(
        name="imagefolder", root=str(tmp_path), image_size=8, skip_unreadable=True, classes=("cat", "dog")
    )
    source = image_source(config)
    lines = read_back(config, Natural(), source.pool(), source.test())
    assert lines[0].startswith("imagefolder: 16 images of 2 classes")
    assert "found in all: 26 = 25 read + 1 unreadable + 0 skipped" in lines
    assert (
        "of the 25 read, 9 are not used: not readable after all, or left out by settings such as data.classes, "
        "data.train_size and data.drop_contradictions" in lines
    )
