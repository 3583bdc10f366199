from dataclasses import replace

import numpy as np
import pytest

from gan_study.trainables.base.settings import ConfigError, DataError, parse
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.prepared import (
    PreparedSource,
    WithoutContradictions,
    contradiction_notes,
    duplicate_notes,
    group_notes,
    image_source,
    repetition_notes,
    select_classes,
    select_labels,
    twin_indices,
    without_duplicates,
)
from gan_study.trainables.data.source import DataConfig

ALL = image_source(DataConfig(image_size=8))
SOME = image_source(DataConfig(image_size=8, classes=("7", "2", 4)))


@pytest.mark.parametrize("part", ["pool", "test"])
def test_the_images_of_the_named_classes_are_kept_and_numbered_anew(part):
    everything, chosen = getattr(ALL, part)().images, getattr(SOME, part)().images
    assert chosen.class_names == ("2", "4", "7")
    assert chosen.class_counts() == tuple(everything.class_counts()[label] for label in (2, 4, 7))
    for new, old in enumerate((2, 4, 7)):
        assert np.array_equal(chosen.images[chosen.labels == new], everything.images[everything.labels == old])


def test_the_counts_of_the_test_part_are_those_of_its_images():
    assert SOME.test_class_counts() == SOME.test().images.class_counts()


def test_digests_and_origins_go_with_their_images():
    images = ALL.pool().images
    kept = select_classes(images, (3, 5))
    assert kept.origins == tuple(
        o for o, label in zip(images.origins, images.labels, strict=True) if label in (3, 5)
    )
    assert len(kept.digests) == len(kept)


@pytest.mark.parametrize(
    ("names", "message"), [(("2", "x"), "no class is named 'x'"), (("2", 2), "at least two classes are needed")]
)
def test_a_selection_that_cannot_be_used_is_refused(names, message):
    with pytest.raises(ConfigError, match=message):
        select_labels(names, tuple("0123456789"))


def part(name: str, digests: str, labels: list[int]) -> LabeledImages:
    """A part whose image i has the digest digests[i]."""
    return LabeledImages(
        images=np.zeros((len(digests), 1, 8, 8), dtype=np.uint8),
        labels=np.array(labels, dtype=np.int64),
        class_names=("cat", "dog"),
        digests=tuple(digests),
        origins=tuple(f"{name}/{i}" for i in range(len(digests))),
    )


POOL = part("train", "abcab", [0, 0, 1, 0, 1])
TEST = part("test", "xbycb", [0, 0, 1, 0, 1])


def test_each_test_image_is_named_with_its_first_twin() -> None:
    assert list(twin_indices(POOL, TEST).items()) == [(1, 1), (3, 2), (4, 1)]
    assert without_duplicates(POOL, TEST).origins == ("test/0", "test/2")


def test_notes_count_duplicates_repeats_and_contradictions() -> None:
    note, contradictions = duplicate_notes(POOL, TEST, dropped=False)
    assert note.startswith("test images equal to a training image, pixel by pixel: 3 (kept;")
    assert "test/1 = train/1" in note
    assert contradictions == "of these, with another label in test: 2"
    assert duplicate_notes(POOL, part("test", "xy", [0, 1]), dropped=True) == ()
    assert repetition_notes(POOL) == (
        "training images that repeat an earlier one, pixel by pixel: 2 (kept for training)",
    )
    assert repetition_notes(TEST.subset(np.arange(3))) == ()


class Fixed:
    """A source with these parts."""

    def __init__(self, test: LabeledImages, pool: LabeledImages = POOL) -> None:
        self._test, self._pool = test, pool

    def pool(self) -> Loaded:
        return Loaded(images=self._pool)

    def test(self) -> Loaded:
        return Loaded(images=self._test)

    def test_class_counts(self) -> tuple[int, ...]:
        return (3, 2)


def test_counts_after_dropping_do_not_depend_on_test_labels() -> None:
    # Twins of the three test images left out: pool images 1, 2 and 1, of classes 0, 1 and 0.
    for labels in ([0, 0, 1, 0, 1], [1, 1, 0, 0, 0]):
        source = PreparedSource(Fixed(part("test", "xbycb", labels)), DataConfig(drop_duplicates=True))
        assert source.test_class_counts() == (1, 1)
        assert source.test().images.origins == ("test/0", "test/2")


def test_without_drop_duplicates_they_stay_and_are_noted() -> None:
    source = PreparedSource(Fixed(TEST), DataConfig())
    assert len(source.test().images) == 5
    assert source.test_class_counts() == (3, 2)
    assert "drop_duplicates leaves them out" in source.test().notes[0]
    assert "repeat" in source.pool().notes[1]


def test_a_smaller_pool_leaves_the_test_part_as_it_was() -> None:
    config = DataConfig(drop_duplicates=True, train_size=3)
    small = PreparedSource(Fixed(TEST), config)
    assert len(small.pool().images) == 3
    assert small.test().images.origins == ("test/0", "test/2")


def test_images_of_two_classes_are_counted_and_all_their_copies_left_out() -> None:
    # "b" is of both classes in the pool, "c" of class 1 there and of class 0 in the test set.
    pool = part("train", "abcabd", [0, 0, 1, 0, 1, 1])
    [note] = contradiction_notes(pool, "training")
    assert note.startswith("training images that are in two classes or more, pixel by pixel: 1, 2 images (train/1")
    assert contradiction_notes(part("test", "aab", [0, 0, 1]), "test") == ()
    source = WithoutContradictions(Fixed(TEST, pool))
    assert source.pool().images.origins == ("train/0", "train/3", "train/5")
    assert source.test().images.origins == ("test/0", "test/2")
    assert source.test_class_counts() == (1, 1)
    assert "training images left out as duplicates, pixel by pixel, are in another class: 3" in source.pool().notes


def test_no_class_may_vanish_with_its_contradictions() -> None:
    pool = part("train", "abb", [0, 0, 1])
    with pytest.raises(DataError, match="every training image of class 'dog' is in another class too"):
        WithoutContradictions(Fixed(TEST, pool)).pool()


def test_groups_of_both_parts_are_said_and_stay() -> None:
    pool, test = replace(POOL, groups=tuple("ppqqr")), replace(TEST, groups=tuple("qrsst"))
    [note] = group_notes(pool, test)
    assert note.startswith("groups that are in both the test set and the training set: 2 of 4 (q, r)")
    assert group_notes(pool, replace(TEST, groups=tuple("sssst"))) == group_notes(POOL, TEST) == ()


def test_what_goes_with_an_image_goes_with_it() -> None:
    images = replace(POOL, groups=tuple("ppqqr"), units=np.array([0, 0, 2, 2, 4]))
    kept = images.subset(np.array([4, 0]))
    assert kept.groups == ("r", "p")
    assert kept.units is not None
    assert kept.units.tolist() == [4, 0]
    assert (images.num_groups(), kept.num_groups(), POOL.num_groups()) == (3, 2, None)


def test_a_data_set_without_groups_has_none_to_name() -> None:
    with pytest.raises(ConfigError, match=r"data\.group: 'patient': only image folders have groups"):
        PreparedSource(Fixed(TEST), DataConfig(group="patient")).pool()


def test_a_number_with_a_point_is_no_place_among_the_classes():
    assert parse(DataConfig, {"classes": [1, "1.0"]}, where="data").classes == (1, "1.0")
    for value in (1.0, True):
        with pytest.raises(ConfigError, match=r"data\.classes"):
            parse(DataConfig, {"classes": [value]}, where="data")
