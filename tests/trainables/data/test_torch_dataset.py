"""Datasets of torch's as data sets of a study."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_study.trainables.base.settings import DataError
from gan_study.trainables.data.source import DataConfig
from gan_study.trainables.data.torch_dataset import torch_data_set

CONFIG = DataConfig(image_size=8)
RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (8, 8, 8, 3), dtype=np.uint8)


class Items(torch.utils.data.Dataset[Any]):
    """These items; with `classes`, as torchvision's have them."""

    def __init__(self, items: list[Any], classes: list[str] | None = None) -> None:
        self.items = items
        if classes is not None:
            self.classes = classes

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def of(images: Any, **more: Any) -> Items:
    return Items([(image, i % 2) for i, image in enumerate(images)], **more)


def pool_of(dataset: Items, **more: Any) -> np.ndarray:
    return torch_data_set("mine", lambda: dataset, lambda: dataset, **more).source(CONFIG).pool().images.images


@pytest.mark.parametrize(
    "images",
    [
        [Image.fromarray(each) for each in BYTES],
        list(BYTES),
        list(torch.from_numpy(BYTES)),
        list(torch.from_numpy(BYTES).permute(0, 3, 1, 2)),
        list(torch.from_numpy(BYTES).permute(0, 3, 1, 2) / 255),
    ],
    ids=["pillow", "arrays", "tensors", "channels first", "floats"],
)
def test_every_kind_of_image_has_its_pixels(images: list[Any]) -> None:
    np.testing.assert_array_equal(pool_of(of(images)), BYTES.transpose(0, 3, 1, 2))


def test_parts_names_and_counts() -> None:
    train, test = of(BYTES, classes=["cat", "dog"]), of(BYTES[:3])
    source = torch_data_set("mine", lambda: train, lambda: test).source(CONFIG)
    assert source.pool().images.class_names == ("cat", "dog")
    assert (source.pool().images.class_counts(), source.test_class_counts()) == ((4, 4), (2, 1))
    named = torch_data_set("mine", lambda: train, class_names=["a", "b"]).source(CONFIG)
    assert named.pool().images.class_names == ("a", "b")
    # Without a test set a quarter of each class is one.
    assert (named.pool().images.class_counts(), named.test_class_counts()) == ((3, 3), (1, 1))
    assert not set(named.pool().images.origins) & set(named.test().images.origins)


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (Items([]), "train: the Dataset is empty"),
        (
            of([torch.full((3, 8, 8), -1.0)] * 2),
            r"values from -1 to -1; floats in \[0, 1\] are supported",
        ),
        (of([np.full((8, 8), 2**30)] * 2), "train/0: its pixels need more than 24 bits"),
        (of([np.zeros((8, 8), dtype=bool)] * 2), "values of bool; whole numbers and floats"),
        (of([np.zeros((8, 8, 5), dtype=np.uint8)] * 2), r"an image \[8, 8, 5\]"),
        (Items([BYTES[0]]), "train/0: an item must be an image and its label, not ndarray"),
        (Items([(BYTES[0], "cat")] * 2), "labels must be whole numbers; 'cat' is not"),
        (Items([(BYTES[0], 0.5)] * 2), "labels must be whole numbers"),
        (Items([(BYTES[0], 2)] * 2, classes=["cat", "dog"]), "labels 2 to 2, but 2 classes are named"),
    ],
)
def test_what_cannot_be_read(dataset: Items, said: str) -> None:
    with pytest.raises(DataError, match=said):
        pool_of(dataset)


TRAINED = (0, 1000, 2000, 4000)


def deep(level: int) -> np.ndarray:
    return np.full((8, 8), level, dtype=np.uint16)


@pytest.mark.parametrize("kind", ["pillow", "arrays", "tensors"])
def test_images_of_more_than_8_bits_are_read_by_the_range_of_those_to_train_on(kind: str) -> None:
    """Of 12 bits to train on; a test image of more is white."""
    make = {
        "pillow": Image.fromarray,
        "arrays": np.asarray,
        "tensors": lambda each: torch.from_numpy(each.astype(int)),
    }
    train, test = ([make[kind](deep(level)) for level in each] for each in (TRAINED, (4095, 60000)))
    source = torch_data_set("mine", lambda: of(train), lambda: of(test)).source(CONFIG)
    pool = source.pool()
    # 255 * 1000 / 4095 = 62.3, 124.5 and 249.1.
    assert pool.images.images[:, 0, 0, 0].tolist() == [0, 62, 125, 249]
    assert source.test().images.images[:, 0, 0, 0].tolist() == [255, 255]
    assert pool.notes[0] == (
        "images of more than 8 bits: 4, of which level 0 becomes 0 and 4095 becomes 255, the range of "
        "the training images"
    )
    assert source.test().notes[1] == (
        "test images with levels outside that range, which become 0 or 255: 1 of 2 (levels 60000 to 60000)"
    )
    # Those of 8 bits stay as they are.
    mixed = torch_data_set("mine", lambda: of([*train, *BYTES[:2]]), lambda: of(test)).source(CONFIG)
    np.testing.assert_array_equal(mixed.pool().images.images[4:], BYTES[:2].transpose(0, 3, 1, 2))


def test_what_is_carved_off_says_nothing_of_the_range() -> None:
    levels = [4000, *[1000] * 7, *[1000] * 8]
    rows = [(deep(level), i // 8) for i, level in enumerate(levels)]
    seen = set()
    for first in range(8):
        order = [*rows[first:8], *rows[:first], *rows[8:]]
        source = torch_data_set("mine", lambda order=order: Items(order)).source(CONFIG)
        is_tested = 4000 in [
            int(order[int(origin.split("/")[1])][0].max()) for origin in source.test().images.origins
        ]
        assert source.pool().levels is not None and source.pool().levels.white == (1023 if is_tested else 4095)
        seen.add(is_tested)
    assert seen == {True, False}


@pytest.mark.parametrize("moved", [0, 2])
def test_copies_and_near_copies_are_on_one_side(moved: int) -> None:
    """Fifteen pictures twice, the second time pixel by pixel or within two levels."""
    noise = RNG.integers(40, 200, (15, 24, 24, 3))
    near = noise + RNG.integers(-moved, moved + 1, noise.shape)
    items = [(each.astype(np.uint8), i % 3) for i, each in enumerate([*noise, *near])]
    source = torch_data_set("mine", lambda: Items(items)).source(DataConfig(image_size=24))
    pool, test = source.pool(), source.test()
    rows = {
        name: {int(each.split("/")[1]) % 15 for each in part.images.origins}
        for name, part in (("pool", pool), ("test", test))
    }
    assert rows["pool"].isdisjoint(rows["test"]) and len(rows["pool"] | rows["test"]) == 15
    assert pool.images.class_counts() == (8, 8, 8) and source.test_class_counts() == (2, 2, 2)
    assert pool.reading[0].startswith("the test set is 20% of each class, but data.test_fraction asks for 25%")
    assert pool.reading[1].startswith("images that look like another one, including copies: 30, in 15 sets")
    assert pool.images.units is not None and len(np.unique(pool.images.units)) == 12
    apart = DataConfig(image_size=24, look_alikes="apart")
    source = torch_data_set("mine", lambda: Items(items)).source(apart)
    assert source.test_class_counts() == (2, 2, 2) and source.pool().images.units is None


def test_a_given_test_part_that_repeats_the_pool_is_said() -> None:
    large = RNG.integers(0, 256, (8, 24, 24, 3), dtype=np.uint8)
    source = torch_data_set("mine", lambda: of(large), lambda: of(large[:4])).source(CONFIG)
    assert any(
        note.startswith("test images that are, or look like, a training image: 4 of 4")
        for note in source.test().notes
    )


def test_sizes_shapes_and_depth_are_summed_up() -> None:
    tall = [RNG.integers(0, 256, (8 + i, 8), dtype=np.uint8) for i in range(8)]
    summary = torch_data_set("mine", lambda: of(tall), lambda: of(tall)).source(CONFIG).pool().summary
    assert summary is not None
    assert dict(summary.sizes) == {(8, 8 + i): 1 for i in range(8)} and summary.num_not_square == 7
    assert dict(summary.depths) == {"8 bits": 8} and dict(summary.kinds) == {"array": 8}


def test_numbers_that_are_left_out_are_no_classes() -> None:
    train = Items([(each, (0, 2, 5)[i % 3]) for i, each in enumerate([*BYTES, BYTES[0]])])
    source = torch_data_set("mine", lambda: train).source(DataConfig(image_size=8, look_alikes="apart"))
    pool = source.pool().images
    assert pool.class_names == ("0", "2", "5") and set(pool.labels.tolist()) == {0, 1, 2}
    for labels, said in (
        ((0, 2), "test: no image is of class '5'"),
        ((0, 1, 2, 5), "test: the label 1 does not occur in the training images"),
    ):
        test = Items([(BYTES[0], label) for label in labels])
        with pytest.raises(DataError, match=said):
            torch_data_set("mine", lambda: train, lambda test=test: test).source(CONFIG).test()
    with pytest.raises(DataError, match="train: no image is of class 'owl'"):
        pool_of(of(BYTES, classes=["cat", "dog", "owl"]))


@pytest.mark.parametrize("label", [2**62, 2**70, float("inf"), 10**9, -1, "a", None])
def test_labels_that_are_no_classes_are_refused(label: Any) -> None:
    items = Items([(BYTES[i], label if i == 7 else 0) for i in range(8)])
    with pytest.raises(DataError, match="labels"):
        torch_data_set("mine", lambda: items).source(CONFIG).pool()


@pytest.mark.parametrize("names", [("a", "a"), ("\u00e9", "e\u0301"), ("", "b")])
def test_two_classes_of_one_name_and_none_without_one(names: Any) -> None:
    with pytest.raises(DataError, match=r"class names: .* is (named twice|no name)"):
        pool_of(of(BYTES), class_names=names)


def test_names_that_look_the_same_are_no_two_classes() -> None:
    with pytest.raises(DataError, match="differ only in spaces or invisible characters"):
        pool_of(of(BYTES), class_names=("cat", "cat\u200b"))


@pytest.mark.parametrize("name", ["", " "])
def test_a_data_set_has_a_name(name: str) -> None:
    with pytest.raises(DataError, match="is no name of a data set"):
        torch_data_set(name, lambda: of(BYTES))


def test_tensors_without_values_are_refused_and_bfloat16_is_read() -> None:
    for image in (torch.zeros(1, 8, 8, device="meta"), torch.zeros(8, 8).to_sparse(), np.zeros((0, 8), np.uint8)):
        with pytest.raises(DataError, match="train/0"):
            pool_of(of([image] * 8))
    grey = torch.rand(8, 1, 8, 8)
    expected = pool_of(of(list(grey.bfloat16().float())))
    np.testing.assert_array_equal(pool_of(of(list(grey.bfloat16()))), expected)
