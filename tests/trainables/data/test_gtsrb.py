from pathlib import Path

import PIL.Image
import pytest
from torchvision.datasets import GTSRB

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.images import LabeledImages
from gan_study.trainables.data.prepared import image_source
from gan_study.trainables.data.published import PublishedSource
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.sources.gtsrb import CLASS_NAMES, GTSRB_SET
from tests.trainables.data.tiny_sets import write_gtsrb

# Classes 0, 2, ..., 42 have two training and two test images, the others three and one.
TRAIN_COUNTS = tuple(2 + label % 2 for label in range(43))
TEST_COUNTS = tuple(2 - label % 2 for label in range(43))


def config(root: Path) -> DataConfig:
    return DataConfig(name="gtsrb", root=str(root), image_size=8)


def assert_red_is_the_label(part: LabeledImages) -> None:
    assert part.images.shape == (len(part), 3, 8, 8)
    assert (part.images[:, 0] == 5 * part.labels[:, None, None]).all()


@pytest.mark.parametrize("training", ["Training", "Final_Training/Images"])
def test_every_image_has_the_label_of_its_folder_or_row(training: str, tmp_path: Path) -> None:
    write_gtsrb(tmp_path / "gtsrb", training=training)
    for root in (tmp_path, tmp_path / "gtsrb"):
        source = image_source(config(root))
        pool, test = source.pool(), source.test()
        assert pool.images.class_counts() == TRAIN_COUNTS
        assert test.images.class_counts() == TEST_COUNTS
        assert_red_is_the_label(pool.images)
        assert_red_is_the_label(test.images)
        assert test.images.labels.tolist() == [*range(42, -1, -1), *range(0, 43, 2)]
        assert "runs of 30 frames" in pool.notes[0]
        assert test.notes == ("the gtsrb test set is not the published one: its class counts differ",)


def test_the_files_and_labels_are_those_that_torchvision_finds(tmp_path: Path) -> None:
    write_gtsrb(tmp_path / "gtsrb")
    source = image_source(config(tmp_path))
    for split, part in (("train", source.pool().images), ("test", source.test().images)):
        theirs = GTSRB(tmp_path, split=split)
        assert [label for _, label in theirs] == part.labels.tolist()


def test_published_counts_and_names() -> None:
    # Stallkamp et al. 2012: 12,630 test images. The rarest classes have 60, the most frequent (50 km/h) has 750.
    assert (len(GTSRB_SET.test_counts), sum(GTSRB_SET.test_counts)) == (43, 12630)
    assert (min(GTSRB_SET.test_counts), max(GTSRB_SET.test_counts)) == (60, 750)
    assert GTSRB_SET.test_counts.index(750) == CLASS_NAMES.index("speed limit 50")
    assert len(set(CLASS_NAMES)) == 43
    # Names known from the label files of the benchmark.
    for label, name in ((0, "speed limit 20"), (13, "yield"), (14, "stop"), (17, "no entry"), (40, "roundabout")):
        assert CLASS_NAMES[label] == name


def test_counts_need_no_file_and_the_pool_no_test_label(tmp_path: Path) -> None:
    write_gtsrb(tmp_path / "gtsrb")
    (tmp_path / "gtsrb" / "GT-final_test.csv").unlink()
    source = PublishedSource(GTSRB_SET, config(tmp_path))
    assert source.test_class_counts() == GTSRB_SET.test_counts
    assert source.pool().images.class_counts() == TRAIN_COUNTS
    with pytest.raises(DataError, match=r"gtsrb: the files are incomplete or damaged \(.*GT-final_test.csv"):
        source.test()


def test_a_class_without_images_and_a_damaged_image_are_named(tmp_path: Path) -> None:
    write_gtsrb(tmp_path / "gtsrb")
    first = tmp_path / "gtsrb" / "GTSRB" / "Training" / "00007"
    (first / "00000_00001.ppm").write_bytes(b"P6 no image")
    with pytest.raises(DataError, match=r"incomplete or damaged .*00007/00000_00001.ppm"):
        image_source(config(tmp_path)).pool()
    for file in first.iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"incomplete or damaged .*no .ppm file: .*Training/00007"):
        image_source(config(tmp_path)).pool()


def test_absent_files_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(GTSRB, "download", refuse)
    with pytest.raises(DataError) as error:
        image_source(config(tmp_path)).pool()
    for part in ("GTSRB-Training_fixed.zip", "GTSRB_Final_Test_GT.zip", "https://", f"in {tmp_path / 'gtsrb'}"):
        assert part in str(error.value)


def test_a_download_keeps_both_parts_and_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: GTSRB) -> None:
        if self._split == "train":
            write_gtsrb(Path(self.root) / "gtsrb")
            (Path(self.root) / "gtsrb" / "GTSRB-Training_fixed.zip").write_bytes(b"archive")

    monkeypatch.setattr(GTSRB, "download", download)
    source = image_source(config(tmp_path / "new"))
    assert source.pool().images.class_counts() == TRAIN_COUNTS
    assert source.test().images.class_counts() == TEST_COUNTS
    assert {path.name for path in (tmp_path / "new" / "gtsrb").iterdir()} == {"GTSRB", "GT-final_test.csv"}


def test_a_decompression_bomb_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_gtsrb(tmp_path / "gtsrb")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 1)
    with pytest.raises(DataError, match=r"\.ppm: .*decompression bomb"):
        image_source(config(tmp_path)).pool()
