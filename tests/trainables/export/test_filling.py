"""Copies are thrown away and made up for; where nothing but copies comes, that is said."""

import numpy as np
import pytest
import torch
from torch import nn

from gan_study.trainables.balancing.drawing import INSTEAD_OF_REJECTED, draw_passing, passing_rows
from gan_study.trainables.classifiers.classifier import FittedClassifier
from gan_study.trainables.data.byte_images import to_bytes, to_float
from gan_study.trainables.data.images import Classes, real_set
from gan_study.trainables.export.filling import MAX_DRAWS, KnownImages, fill_class
from gan_study.trainables.export.findings import describe_findings, say_memorised

# Features that are the pixels themselves.
MEASURE = FittedClassifier(body=nn.Flatten(), head=nn.Identity())


def images(number, *, seed):
    random = np.random.default_rng(seed)
    return to_float(random.integers(0, 256, (number, 1, 4, 4), dtype=np.uint8), torch.device("cpu"))


REAL, HELD_OUT = images(5, seed=0), images(3, seed=1)


def fill(real, held_out, number, draw, *, others=REAL[:0], **given):
    """Images for class 1, whose real images are `real`; `others` are of class 0."""
    labels = torch.tensor([0] * len(others) + [1] * len(real))
    training = real_set(torch.cat([others, real]), labels, Classes(names=("many", "few"), minority=(1,)))
    return fill_class(KnownImages.of(training, MEASURE), 1, held_out, number, draw, MEASURE, **given)


class Draws:
    """Half of each draw are real images with a little noise, the first of them, as long as there are `copies`."""

    def __init__(self, copies):
        self.copies, self.asked = copies, []

    def __call__(self, number, seed):
        self.asked.append((number, seed))
        drawn = images(number, seed=seed % 1000)
        copied = min(self.copies, (number + 1) // 2)
        self.copies -= copied
        drawn[:copied] = (REAL[torch.arange(copied) % len(REAL)] + 0.01).clamp(-1, 1)
        return drawn


def nearest_by_hand(made):
    distances = (made[:, None] - REAL[None]).flatten(2).norm(dim=2)
    return distances.argmin(dim=1), distances.min(dim=1).values


def test_without_copies_the_first_draw_is_the_answer():
    draw = Draws(copies=0)
    made = fill(REAL, HELD_OUT, 6, draw, seed=7)
    assert draw.asked == [(6, 7)]
    assert (made.num_copies, made.num_missing) == (0, 0)
    assert made.seeds.tolist() == [7] * 6
    rows, distances = nearest_by_hand(to_float(made.images, torch.device("cpu")))
    assert made.nearest.tolist() == rows.tolist()
    np.testing.assert_allclose(made.distances, distances, rtol=1e-5)


def test_memorisation_is_told_from_the_first_draw_with_its_copies():
    made = fill(REAL, HELD_OUT, 6, Draws(copies=3), seed=7)
    assert (made.num_copies, len(made.images)) == (3, 6)
    # Three of the six that were drawn first, beside none of three held-out and five training images.
    found = made.memorisation
    assert (found.copied, found.copied_real) == ((3, 6), (0, 8))
    assert found.membership.auc > 0.5


def test_where_nothing_is_held_out_there_is_no_membership_test():
    made = fill(REAL, REAL[:0], 6, Draws(copies=3), seed=7)
    assert made.memorisation.membership is None
    assert made.memorisation.copied_real == (0, 5)


def test_copies_are_drawn_again_until_the_number_is_there():
    draw = Draws(copies=4)
    made = fill(REAL, HELD_OUT, 6, draw, seed=7)
    # 3 of 6, then 1 of the 3 that were missing, then none of 1.
    assert [number for number, _ in draw.asked] == [6, 3, 2] or [n for n, _ in draw.asked] == [6, 3, 1]
    assert (made.num_copies, made.num_missing) == (4, 0)
    assert len(made.images) == len(made.seeds) == len(made.nearest) == len(made.distances) == 6
    assert made.seeds.tolist() == [seed for number, seed in draw.asked for _ in range(number)][:3] + [
        draw.asked[1][1]
    ] * 2 + [draw.asked[2][1]]
    assert made.distances.min() > 0.5


def test_where_a_filter_is_applied_later_draws_too_are_those_of_the_trial():
    def drawn(seed):
        return images(6, seed=seed % 1000)

    def reject(made, label):
        return {"dark": made.mean(dim=(1, 2, 3)) < 0.05}

    def draw(number, seed):
        made = drawn(seed)
        return made[passing_rows(reject(made, 1))][:number]

    trial = draw_passing(lambda *, seed: drawn(seed), 1, reject, wanted=6, seed=7)
    made = fill(REAL, HELD_OUT, 6, draw, seed=7, later_draws=INSTEAD_OF_REJECTED)
    assert len(set(made.seeds.tolist())) > 1
    assert made.num_copies == 0
    np.testing.assert_array_equal(made.images, to_bytes(trial.images))


def test_nothing_but_copies_leaves_the_class_short_and_says_so():
    draw = Draws(copies=10**6)
    made = fill(REAL, HELD_OUT, 1, draw, seed=7)
    assert len(draw.asked) == MAX_DRAWS
    assert len({seed for _, seed in draw.asked}) == MAX_DRAWS
    assert (made.num_copies, made.num_missing, len(made.images)) == (MAX_DRAWS, 1, 0)


def test_real_images_that_repeat_do_not_hide_their_copies():
    real = torch.cat([REAL, REAL])
    made = fill(real, HELD_OUT, 4, Draws(copies=2), seed=7)
    assert made.num_copies == 2
    assert made.nearest.max() < len(REAL)


@pytest.mark.parametrize("number", [1, 4])
def test_copies_of_a_single_image_cannot_be_told(number):
    made = fill(REAL[:1], HELD_OUT, number, lambda n, seed: REAL[:1].repeat(n, 1, 1, 1), seed=7)
    assert (len(made.images), made.num_copies) == (number, 0)


def test_one_training_image_for_ever_is_a_collapse_and_memorised():
    made = fill(REAL, HELD_OUT, 6, lambda number, seed: REAL[:1].repeat(number, 1, 1, 1), seed=7)
    assert (len(made.images), made.num_missing, made.num_copies) == (0, 6, 6 * MAX_DRAWS)
    assert made.has_only_copies
    assert made.has_collapsed
    assert describe_findings(made, None, num_classes=1).faults == ("memorised", "collapsed", "missing")


def test_a_first_draw_of_one_image_is_a_collapse_though_few_of_them_are_kept():
    def draw(number, seed):
        drawn = images(number, seed=seed % 1000)
        drawn[: number - 1] = REAL[0]
        return drawn

    made = fill(images(20, seed=2), HELD_OUT, 40, draw, seed=7)
    assert made.has_collapsed


def test_a_real_image_of_another_class_is_no_image_of_this_one():
    others = images(30, seed=3)
    held_out = images(20, seed=4)

    def draw(number, seed):
        made = images(number, seed=seed % 1000)
        if seed == 7:
            made[:8] = (others[:8] + 0.01).clamp(-1, 1)
        return made

    made = fill(images(30, seed=2), held_out, 12, draw, others=others, seed=7)
    found = made.memorisation
    assert (found.copied, found.copied_elsewhere) == ((8, 12), 8)
    assert describe_findings(made, None, num_classes=1).faults == ("memorised",)
    assert (made.num_copies, made.num_missing) == (8, 0)
    # The nearest real image is one of the class all the same: rows of these 30.
    assert made.nearest.max() < 30


def test_a_few_training_images_in_half_of_the_draws_are_memorised():
    def draw(number, seed):
        made = images(number, seed=seed % 1000)
        made[: number // 2] = (REAL[torch.arange(number // 2) % 2] + 0.01).clamp(-1, 1)
        return made

    real = torch.cat([REAL, images(25, seed=2)])
    made = fill(real, images(15, seed=4), 40, draw, seed=7)
    found = made.memorisation
    # Two of 22 different ones; but 20 of all 40.
    assert (found.copied, found.exact) == ((2, 22), (20, 40))
    findings = describe_findings(made, None, num_classes=1)
    assert findings.verdict == "memorised"
    assert (
        "2 of 22 different images copy a training image, and 20 of all 40 are nearly equal to one"
        in say_memorised("few", findings)
    )


def test_an_image_that_lies_in_two_classes_hides_none_of_its_copies():
    made = fill(REAL, HELD_OUT, 4, Draws(copies=2), others=torch.cat([images(3, seed=3), REAL]), seed=7)
    assert made.num_copies == 2
    assert made.memorisation.copied_elsewhere == 0


def test_a_class_that_stays_short_is_a_fault_of_its_own():
    dark = iter([images(3, seed=5)])
    made = fill(REAL, HELD_OUT, 6, lambda number, seed: next(dark, REAL[:0]), seed=7)
    assert (len(made.images), made.num_missing, made.num_copies) == (3, 3, 0)
    assert describe_findings(made, None, num_classes=1).faults == ("missing",)
