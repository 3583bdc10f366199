from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_study.trainables.data.difficulty import (
    Difficulty,
    Shift,
    blend_weights,
    blended,
    noisy_labels,
    partners,
    shifted,
)
from gan_study.trainables.data.images import LabeledImages, Loaded
from gan_study.trainables.data.prepared import PreparedSource
from gan_study.trainables.data.source import DataConfig


def labels_of(*sizes: int) -> np.ndarray:
    """`sizes[c]` labels of each class c, in order."""
    return np.repeat(np.arange(len(sizes)), sizes)


def flat(*greys: int) -> np.ndarray:
    """One image [1, 2, 2] of each grey."""
    return np.array(greys, dtype=np.uint8)[:, None, None, None] * np.ones((1, 1, 2, 2), dtype=np.uint8)


# Label noise


def test_all_that_two_equal_classes_give_away_is_exchanged() -> None:
    # round(0.9 * 2) = 2 of each class: there is one way only.
    assert noisy_labels(np.array([0, 1, 1, 0]), 0.9, seed=1).tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("sizes", "share", "wrong"),
    [
        ((10, 10, 10), 0.2, (2, 2, 2)),
        ((20, 15, 10), 0.2, (4, 3, 2)),
        ((20, 15, 10), 0.0, (0, 0, 0)),
        # Due are 6, 3 and 2, or 50 and 5, or 6 and 0; but others have only 5, or 5, or none to give in return.
        ((20, 10, 5), 0.3, (5, 3, 2)),
        ((100, 10), 0.5, (5, 5)),
        ((20, 1), 0.3, (0, 0)),
    ],
)
def test_how_many_labels_of_each_class_are_wrong(
    sizes: tuple[int, ...], share: float, wrong: tuple[int, ...]
) -> None:
    labels = labels_of(*sizes)
    noisy = noisy_labels(labels, share, seed=1)
    assert np.bincount(noisy).tolist() == list(sizes)
    moved = noisy != labels
    assert np.bincount(labels[moved], minlength=len(sizes)).tolist() == list(wrong)
    # As many images that bear a label do so wrongly.
    assert np.bincount(noisy[moved], minlength=len(sizes)).tolist() == list(wrong)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=5), share=st.floats(0, 0.99), seed=st.integers(0, 9)
)
def test_noise_never_changes_class_sizes_and_never_leaves_a_drawn_label(
    sizes: list[int], share: float, seed: int
) -> None:
    labels = labels_of(*sizes)
    noisy = noisy_labels(labels, share, seed=seed)
    due = [round(share * n) for n in sizes]
    assert np.bincount(noisy, minlength=len(sizes)).tolist() == sizes
    moved = np.bincount(labels[noisy != labels], minlength=len(sizes)).tolist()
    assert moved == [min(n, sum(due) - n) for n in due]


def test_noisy_labels_are_spread_over_the_other_classes() -> None:
    labels = labels_of(400, 400, 400)
    noisy = noisy_labels(labels, 0.5, seed=3)
    pairs = Counter(zip(labels.tolist(), noisy.tolist(), strict=True))
    for a, b in ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)):
        # 200 wrong labels a class, shared by two; four standard deviations are below 30.
        assert 70 < pairs[a, b] < 130


def test_a_larger_share_mislabels_the_same_images_and_more() -> None:
    labels = labels_of(30, 30)
    few, many = (np.flatnonzero(noisy_labels(labels, share, seed=4) != labels) for share in (0.1, 0.3))
    assert (len(few), len(many)) == (6, 18)
    assert set(few) < set(many)
    assert set(np.flatnonzero(noisy_labels(labels, 0.1, seed=5) != labels)) != set(few)


# Overlap and borderline images


def test_blending_two_images_by_hand() -> None:
    images, labels = flat(100, 200), np.array([0, 1])
    # Each is the other's only partner: 0.7 * 100 + 0.3 * 200 = 130, and 0.6 * 200 + 0.4 * 100 = 160.
    mixed = blended(images, labels, np.array([0.3, 0.4]), seed=0)
    np.testing.assert_array_equal(mixed, flat(130, 160))
    np.testing.assert_array_equal(images, flat(100, 200))


def test_partners_are_of_another_class_and_of_every_other_class() -> None:
    labels = labels_of(50, 50, 100)
    chosen = labels[partners(labels, seed=1)]
    assert (chosen != labels).all()
    # From all images of other classes: class 2 is twice as frequent as class 1 among the partners of class 0.
    assert 22 <= np.count_nonzero(chosen[:50] == 2) <= 44
    assert set(chosen[100:]) == {0, 1}


def test_all_images_overlap_but_only_a_share_is_borderline() -> None:
    labels = labels_of(10, 20)
    np.testing.assert_array_equal(
        blend_weights(labels, class_overlap=0.2, borderline_share=0.0, seed=1), np.full(30, 0.2)
    )
    borderline = blend_weights(labels, class_overlap=0.0, borderline_share=0.3, seed=1)
    assert sorted(borderline[:10]) == [0.0] * 7 + [0.45] * 3
    assert sorted(borderline[10:]) == [0.0] * 14 + [0.45] * 6
    both = blend_weights(labels, class_overlap=0.4, borderline_share=0.3, seed=1)
    # Nine tenths of the way from 0.4 to 0.5.
    np.testing.assert_allclose(both, np.where(borderline > 0, 0.49, 0.4), rtol=0, atol=1e-12)


def test_a_larger_share_has_the_same_borderline_images_and_more() -> None:
    labels = labels_of(20, 20)
    few, many = (
        set(np.flatnonzero(blend_weights(labels, class_overlap=0.0, borderline_share=share, seed=1)))
        for share in (0.2, 0.5)
    )
    assert few < many
    assert (len(few), len(many)) == (8, 20)


def test_blending_in_blocks_is_blending_at_once() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (600, 3, 4, 4), dtype=np.uint8)
    labels, weights = rng.integers(0, 3, 600), np.full(600, 0.25)
    expected = 0.75 * images + 0.25 * images[partners(labels, seed=7)]
    np.testing.assert_array_equal(blended(images, labels, weights, seed=7), np.rint(expected))


# Shift

RAMP = np.array([[[[0, 100], [100, 200]]]], dtype=np.uint8)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        (Shift(), [[0, 100], [100, 200]]),
        (Shift(brightness=70), [[70, 170], [170, 255]]),
        (Shift(brightness=-30), [[0, 70], [70, 170]]),
        # The mean is 100.
        (Shift(contrast=0.5), [[50, 100], [100, 150]]),
        (Shift(contrast=0.5, brightness=20), [[70, 120], [120, 170]]),
    ],
)
def test_brightness_and_contrast_by_hand(shift: Shift, expected: list[list[int]]) -> None:
    assert shifted(RAMP, shift, seed=0)[0, 0].tolist() == expected


def test_contrast_keeps_the_mean_of_each_colour() -> None:
    image = np.stack([RAMP[0, 0], RAMP[0, 0] // 2])[None]
    grey, half = shifted(image, Shift(contrast=0.5), seed=0)[0]
    assert grey.tolist() == [[50, 100], [100, 150]]
    assert half.tolist() == [[25, 50], [50, 75]]


def test_rotation_is_anticlockwise_and_repeats_edges() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8), dtype=np.uint8)
    quarter = shifted(images, Shift(rotation_degrees=90), seed=0)
    np.testing.assert_array_equal(quarter, np.rot90(images, axes=(2, 3)))
    np.testing.assert_array_equal(shifted(quarter, Shift(rotation_degrees=-90), seed=0), images)
    # No dark corners come into view.
    assert (shifted(flat(90), Shift(rotation_degrees=30), seed=0) == 90).all()


def test_noise_has_its_deviation_and_a_seed() -> None:
    grey = np.full((300, 1, 8, 8), 128, dtype=np.uint8)
    noise = shifted(grey, Shift(noise_deviation=10), seed=0).astype(float) - 128
    # 19,200 values: standard errors of 0.07 (mean) and 0.05 (deviation); rounding adds 1/12 to the variance.
    assert abs(noise.mean()) < 0.3
    assert abs(noise.std() - np.sqrt(100 + 1 / 12)) < 0.25
    again, other = (shifted(grey, Shift(noise_deviation=10), seed=seed).astype(float) - 128 for seed in (0, 1))
    np.testing.assert_array_equal(again, noise)
    assert not np.array_equal(other, noise)
    # Not the same noise on every block of images.
    assert not np.array_equal(noise[0], noise[256])


# On a data set


def part(name: str, *sizes: int) -> LabeledImages:
    labels = labels_of(*sizes)
    rng = np.random.default_rng(len(name))
    return LabeledImages(
        images=rng.integers(0, 256, (len(labels), 1, 8, 8), dtype=np.uint8),
        labels=labels,
        class_names=("cat", "dog"),
        digests=tuple(f"{name} {i}" for i in range(len(labels))),
        origins=tuple(f"{name}/{i}" for i in range(len(labels))),
    )


POOL, TEST = part("train", 20, 10), part("test", 6, 4)


class Fixed:
    """A source with these parts, and test counts that are known without them."""

    def pool(self) -> Loaded:
        return Loaded(images=POOL, notes=("a pool",))

    def test(self) -> Loaded:
        return Loaded(images=TEST, notes=("a test set",))

    def test_class_counts(self) -> tuple[int, ...]:
        return (6, 4)


def harder(difficulty: Difficulty, *, train_size: int | None = None) -> PreparedSource:
    return PreparedSource(Fixed(), DataConfig(difficulty=difficulty, train_size=train_size))


OVERLAP = (
    "class overlap: the 30 images of the training pool have 0.2 of an image of another class in them",
    "class overlap: the 10 images of the test set have 0.2 of an image of another class in them",
)
BORDERLINE = (
    "borderline images: 15 of the 30 images of the training pool have 0.45 of an image of another class in them",
    "borderline images: 5 of the 10 images of the test set have 0.45 of an image of another class in them",
)
SHIFT = "data set shift: every image of the test set has brightness 20, rotation_degrees 5"


@pytest.mark.parametrize(
    ("difficulty", "changed", "notes"),
    [
        (Difficulty(), set(), ((), ())),
        (Difficulty(shift=Shift()), set(), ((), ())),
        (
            Difficulty(label_noise=0.2),
            {"pool labels"},
            (("label noise 0.2: 4 of the 30 labels of the training pool are wrong",), ()),
        ),
        (Difficulty(class_overlap=0.2), {"pool images", "test images"}, ((OVERLAP[0],), (OVERLAP[1],))),
        (Difficulty(borderline_share=0.5), {"pool images", "test images"}, ((BORDERLINE[0],), (BORDERLINE[1],))),
        (Difficulty(shift=Shift(brightness=20, rotation_degrees=5)), {"test images"}, ((), (SHIFT,))),
        (Difficulty(shift=Shift(contrast=0.5)), {"test images"}, None),
        (Difficulty(shift=Shift(noise_deviation=3)), {"test images"}, None),
    ],
)
def test_each_setting_changes_what_it_should_and_nothing_else(
    difficulty: Difficulty, changed: set[str], notes: tuple[tuple[str, ...], tuple[str, ...]] | None
) -> None:
    source = harder(difficulty)
    pool, test = source.pool(), source.test()
    arrays = {
        "pool images": (pool.images.images, POOL.images),
        "pool labels": (pool.images.labels, POOL.labels),
        "test images": (test.images.images, TEST.images),
        "test labels": (test.images.labels, TEST.labels),
    }
    assert {name for name, (after, before) in arrays.items() if not np.array_equal(after, before)} == changed
    assert pool.images.class_counts() == (20, 10)
    assert source.test_class_counts() == (6, 4)
    assert (pool.images.digests, test.images.digests) == (POOL.digests, TEST.digests)
    if notes is not None:
        assert (pool.notes, test.notes) == (("a pool", *notes[0]), ("a test set", *notes[1]))


def test_an_image_and_its_label_are_the_same_for_every_train_size() -> None:
    hard = Difficulty(label_noise=0.3, class_overlap=0.1, borderline_share=0.4, shift=Shift(noise_deviation=5))
    whole, small = harder(hard), harder(hard, train_size=12)
    rows = [whole.pool().images.origins.index(origin) for origin in small.pool().images.origins]
    assert small.pool().images.class_counts() == (8, 4)
    np.testing.assert_array_equal(small.pool().images.images, whole.pool().images.images[rows])
    np.testing.assert_array_equal(small.pool().images.labels, whole.pool().images.labels[rows])
    np.testing.assert_array_equal(small.test().images.images, whole.test().images.images)


def test_blending_goes_by_true_labels() -> None:
    blend = harder(Difficulty(class_overlap=0.3)).pool().images.images
    np.testing.assert_array_equal(
        harder(Difficulty(class_overlap=0.3, label_noise=0.4)).pool().images.images, blend
    )


def test_the_pool_never_opens_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fixed, "test", lambda self: pytest.fail("the test set was opened"))
    hard = Difficulty(label_noise=0.3, class_overlap=0.1, borderline_share=0.4, shift=Shift(brightness=5))
    assert len(harder(hard).pool().images) == 30
    assert harder(hard).test_class_counts() == (6, 4)


def test_test_counts_after_dropping_duplicates_are_of_clean_labels() -> None:
    twins = LabeledImages(
        images=POOL.images[:10],
        labels=TEST.labels,
        class_names=POOL.class_names,
        digests=("train 0", "train 20", *TEST.digests[2:]),
        origins=TEST.origins,
    )

    class WithTwins(Fixed):
        def test(self) -> Loaded:
            return Loaded(images=twins)

    config = DataConfig(drop_duplicates=True, difficulty=Difficulty(label_noise=0.9))
    # One twin of each true class is left out.
    assert PreparedSource(WithTwins(), config).test_class_counts() == (5, 3)
