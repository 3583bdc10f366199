"""The verdict on memorisation: numbers by hand, planted memorisation found, honest generators not accused."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from benchmarks.memorisation import HONEST, PLANTED, accused
from gan_study.trainables.image_quality.memorisation import (
    Share,
    auc_interval,
    find_memorised,
    measure_membership,
    measure_memorisation,
)

SMALL, LARGE = (20, 5, 40), (60, 15, 100)


def column(*values):
    return np.array(values, dtype=np.float64)[:, None]


def test_the_membership_auc_counts_the_pairs_in_which_the_training_image_is_nearer():
    # Nearest generated images: 1 and 5 from the training images, 2, 3 and 1 from the held-out ones. Of the six
    # pairs the training image is nearer in two, and one is a tie.
    generated = column(0, 100)
    found = measure_membership(generated, column(1, 105), column(2, 97, 101))
    assert found.auc == pytest.approx(2.5 / 6)
    assert found.low < found.auc < found.high


def test_the_interval_of_an_auc_ends_where_its_own_standard_error_says():
    # Newcombe's method 5 by hand for AUC 0.8, 30 and 10 images: each end solves a quadratic in its own variance.
    for value in auc_interval(0.8, 30, 10):
        inner = (30 + 10) / 2 - 1
        spread = 1 + inner * ((1 - value) / (2 - value) + value / (1 + value))
        error = np.sqrt(value * (1 - value) * spread / (30 * 10))
        assert abs(value - 0.8) / error == pytest.approx(1.959964, abs=1e-5)


@pytest.mark.parametrize(("auc", "ends"), [(1.0, (0.7607, 1.0)), (0.0, (0.0, 0.2393))])
def test_an_auc_of_all_or_nothing_still_has_a_width(auc, ends):
    assert auc_interval(auc, 20, 5) == pytest.approx(ends, abs=1e-4)


def test_the_interval_covers_the_auc_of_the_normal_distribution_as_often_as_it_says():
    random, truth = np.random.default_rng(0), 0.7602  # Phi(1 / sqrt(2))
    aucs = [(random.normal(size=(20, 1)) < random.normal(1, 1, size=(1, 8))).mean() for _ in range(1000)]
    covered = np.mean([low <= truth <= high for low, high in (auc_interval(auc, 20, 8) for auc in aucs)])
    assert 0.93 <= covered <= 0.99


def test_copies_are_counted_beside_those_among_real_images():
    # Distances of generated images to 0, 10 and 30: 1 and 9 (copied), 7 and 13 (not), and 10 again, which repeats
    # none.
    found = measure_memorisation(column(1, 17, 10), column(0, 10, 30), column(2, 20), seed=0)
    assert found.copied == Share(2, 3)
    # Held out: 2 is nearer to 0 than half of 8, 20 is no nearer to one than to another. Of the training images 0
    # is 10 from 10 and 30 from 30, which makes it a copy; 10 has 10 and 20, which is not below a half; 30 has 20
    # and 30.
    assert found.copied_real == Share(2, 5)
    # Of 8 images, 4 of them copies, 3 drawn: two or more are copies.
    assert found.copies_p_value == pytest.approx(hypergeom(8, 4, 3).sf(1))


def test_images_of_other_classes_can_be_copied_too():
    # As above; of other classes 17.5, which 17 now copies, and 40, beside which 30 is a copy of neither.
    found = measure_memorisation(
        column(1, 17, 10), column(0, 10, 30), column(2, 20), others=column(17.5, 40), seed=0
    )
    assert (found.copied, found.copied_elsewhere) == (Share(3, 3), 1)
    # 20 lies 2.5 from 17.5 and 10 from others: a copy; 0 has 10 and 17.5, 10 has 7.5 and 10, 30 has 10 and 12.5.
    assert found.copied_real == Share(2, 5)


def test_a_picture_that_is_made_a_hundred_times_is_one_copy_and_a_hundred_that_are_nearly_equal():
    random = np.random.default_rng(0)
    training, held_out = random.normal(size=(30, 8)), random.normal(size=(10, 8))
    many = measure_memorisation(np.repeat(training[:2], 100, axis=0), training, held_out, seed=0)
    assert (many.copied, many.exact) == (Share(2, 2), Share(200, 200))
    assert many.exact_real.number == 0
    assert many.is_found(num_classes=1)


def test_how_many_copies_would_be_found_is_where_the_verdict_turns():
    random = np.random.default_rng(0)
    training, held_out, fresh = (random.normal(size=(number, 16)) for number in (40, 10, 50))
    honest = measure_memorisation(fresh, training, held_out, seed=0)
    least = honest.least_copies(num_classes=3)
    for number, is_found in ((least - 1, False), (least, True)):
        made = np.concatenate([training[:number], fresh[number:]])
        found = measure_memorisation(made, training, held_out, seed=0)
        assert found.copied.number == honest.copied.number + number
        assert bool(find_memorised({"a": found, "b": honest, "c": honest})) == is_found


@pytest.mark.parametrize(
    ("sizes", "can_tell"), [((1, 0, 3), True), ((2, 0, 5), False), ((3, 1, 2), False), ((5, 1, 9), True)]
)
def test_too_few_images_are_said_to_be_too_few(sizes, can_tell):
    generated, training, held_out = (
        np.random.default_rng(seed).normal(size=(number, 4))
        for seed, number in enumerate((sizes[2], sizes[0], sizes[1]))
    )
    found = measure_memorisation(generated, training, held_out, seed=0)
    assert found.can_tell(num_classes=1) == can_tell
    assert found.is_found(num_classes=1) == (sizes[0] == 1)


@pytest.mark.parametrize("pool", ["digits, pixels", "normal, 16 features", "ten clusters"])
def test_honest_generators_are_not_accused(pool):
    """The whole measurement is benchmarks/memorisation.py; here 60 generators of each kind of images."""
    found = [accused(pool, size, draw, 6).memorised for size in (SMALL, LARGE) for draw in HONEST.values()]
    assert sum(found) <= 3


@pytest.mark.parametrize(
    ("kind", "is_found"), [("fresh images", False), ("three fresh images again and again", True)]
)
def test_collapse_is_found_where_it_is(kind, is_found):
    assert accused("normal, 16 features", LARGE, HONEST[kind], 5).collapsed == 5 * is_found


@pytest.mark.parametrize(("share", "least"), [(0.25, 8), (1.0, 10)])
@pytest.mark.parametrize("kind", list(PLANTED))
def test_planted_memorisation_is_found(kind, share, least):
    assert accused("normal, 16 features", LARGE, PLANTED[kind][share], 10).memorised >= least
