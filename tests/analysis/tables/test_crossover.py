from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_study.analysis.records.select import Condition
from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.crossover import (
    CHOSEN,
    Crossover,
    crossover_tables,
    crossovers,
    gain_falls,
    real_images,
    sides_agree,
    zero_of,
)
from tests.analysis.page.test_report import text_of_page
from tests.analysis.planted import confirmed_arm, planted_scores, planted_study, study_of, with_arrays, write_study

RATIOS = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
CLASS_IMAGES = 400.0


def planted_crossover(
    *, at: float, slope: float, noise: float = 0.02, seeds: int = 8, ratios: Sequence[float] = RATIOS
) -> list[Trial]:
    """A GAN whose true gain is slope * log(at / ratio); each minority class has 400 / ratio real images."""
    rng = np.random.default_rng(0)
    found = []
    for ratio in ratios:
        gains = slope * np.log(at / ratio) + rng.normal(0, noise, seeds)
        none = confirmed_arm("none", validation=(0.4,) * seeds, test=(0.4,) * seeds, ratio=ratio)
        gan = confirmed_arm("dcgan", validation=(0.5,) * seeds, test=(0.4 + gains).tolist(), ratio=ratio, gan=True)
        found += [_with_images(record, round(CLASS_IMAGES / ratio)) for record in (*none, *gan)]
    return found


def planted_gains(gains: Sequence[float], *, ratios: Sequence[float], noise: float) -> list[Trial]:
    """A GAN with these true gains at `ratios`, of six seeds."""
    rng = np.random.default_rng(0)
    found = []
    for ratio, gain in zip(ratios, gains, strict=True):
        test = 0.4 + gain + rng.normal(0, noise, 6)
        found += confirmed_arm("none", validation=(0.4,) * 6, test=(0.4,) * 6, ratio=ratio)
        found += confirmed_arm("dcgan", validation=(0.5,) * 6, test=test.tolist(), ratio=ratio, gan=True)
    return found


def _with_images(record: Trial, number: int) -> Trial:
    return with_arrays(record, {"counts/training": np.array([400, number, number])})


def of_dcgan(records: Sequence[Trial]) -> Crossover:
    (found,) = [each for each in crossovers(study_of(records)) if each.method == "dcgan"]
    return found


@pytest.mark.parametrize(("slope", "falls"), [(0.1, True), (-0.1, False)])
def test_a_planted_crossover_is_recovered(slope: float, falls: bool) -> None:
    found = of_dcgan(planted_crossover(at=14.0, slope=slope))
    assert found.falls == falls
    assert found.ratio is not None
    assert found.image is not None
    assert found.ratio.low < 14.0 < found.ratio.high
    assert found.ratio.at == pytest.approx(14.0, rel=0.15)
    assert found.ratio.high / found.ratio.low < 2
    # Images and ratio are the same places, 400 / 14 = 28.6 of them.
    assert found.image.low < CLASS_IMAGES / 14.0 < found.image.high
    assert found.image.at == pytest.approx(CLASS_IMAGES / found.ratio.at, rel=0.02)


@pytest.mark.slow
def test_intervals_hold_the_planted_ratio_in_most_studies() -> None:
    rng = np.random.default_rng(1)
    ratios = rng.uniform(6, 40, 8)
    found = [of_dcgan(planted_crossover(at=ratio, slope=0.1, noise=0.05, seeds=6)).ratio for ratio in ratios]
    intervals = [(each.low, each.high) for each in found if each is not None]
    assert len(intervals) == 8
    assert sum(low <= ratio <= high for ratio, (low, high) in zip(ratios, intervals, strict=True)) >= 6
    # They say something: a gain changes by 0.1 for each factor of e in the ratio, and a mean of six seeds has a
    # standard error of 0.02.
    assert 1.2 < np.median([high / low for low, high in intervals]) < 2.0


def test_the_crossing_worked_by_hand() -> None:
    places = np.array([0.0, 1.0, 2.0])
    # Between 0.1 at 1 and -0.3 at 2: a quarter of the way.
    assert zero_of(places, np.array([0.2, 0.1, -0.3]), falls=True) == pytest.approx(1.25, abs=1e-12)
    assert zero_of(places, np.array([-0.3, 0.1, 0.2]), falls=False) == pytest.approx(0.75, abs=1e-12)
    # 0.0 and 0.2 are pooled to 0.1 twice.
    assert zero_of(places, np.array([0.0, 0.2, -0.1]), falls=True) == pytest.approx(1.5, abs=1e-12)
    assert zero_of(places, np.array([0.3, 0.2, 0.1]), falls=True) == np.inf
    assert zero_of(places, np.array([-0.1, -0.2, -0.3]), falls=True) == -np.inf
    assert zero_of(places, np.array([0.1, 0.2, 0.3]), falls=False) == -np.inf


def test_the_direction_is_that_of_the_better_fit() -> None:
    assert gain_falls(np.array([0.3, 0.1, 0.15, -0.2]))
    assert not gain_falls(np.array([-0.2, 0.15, 0.1, 0.3]))


def test_a_gan_that_helps_nowhere_has_no_crossover() -> None:
    found = of_dcgan(planted_crossover(at=14.0, slope=0.0))
    assert (found.helps, found.ratio, found.image) == ((), None, None)
    (table,) = crossover_tables(study_of(planted_crossover(at=14.0, slope=0.0)))
    assert table.text["Finding"].tolist() == ["does not help at any tested ratio"] * 2
    assert table.text["Crossover: ratio"].tolist() == ["–", "–"]


def test_a_gan_that_gains_everywhere_has_none_within_what_was_tried() -> None:
    (table,) = crossover_tables(study_of(planted_crossover(at=1e6, slope=0.02)))
    assert table.text["Finding"].tolist() == ["gains at every tested ratio"] * 2
    assert table.text["Crossover: real images per class"].tolist() == ["below 4", "below 4"]
    assert table.text["Crossover: ratio"].tolist() == ["above 100", "above 100"]
    assert table.numbers["ratio_at"].tolist() == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("gains", "finding"),
    [
        # The best monotone curve is below 0 throughout, and above it throughout.
        ((-0.1, 0.05, -0.1), "no single crossover: helps only at ratio 10, and hurts at ratios 2 and 50"),
        ((0.3, -0.1, 0.3), "no single crossover: helps only at ratios 2 and 50, and hurts at ratio 10"),
        # One passes 0, and says nothing of the harm at ratio 2.
        ((-0.05, 0.2, -0.05), "no single crossover: helps only at ratio 10, and hurts at ratios 2 and 50"),
    ],
)
def test_a_gan_that_helps_in_the_middle_has_no_one_place(gains: Sequence[float], finding: str) -> None:
    records = planted_gains(gains, ratios=(2.0, 10.0, 50.0), noise=0.01)
    (table,) = crossover_tables(study_of(records))
    assert table.text["Finding"].tolist() == [finding] * 2
    assert table.text["Crossover: ratio"].tolist() == ["–", "–"]
    assert table.text["Crossover: real images per class"].tolist() == ["–", "–"]


def test_it_gains_everywhere_only_where_every_mean_does() -> None:
    # So noisy at ratio 10 that the loss there is no evidence.
    records = planted_gains((0.3, 0.0, 0.3), ratios=(2.0, 10.0, 50.0), noise=0.01)
    lossy = [
        replace(
            record, scores={part: planted_scores(0.4 + 0.2 * (-1) ** record.seed - 0.05) for part in record.scores}
        )
        if (record.balancer, record.imbalance_ratio) == ("dcgan", 10.0)
        else record
        for record in records
    ]
    (table,) = crossover_tables(study_of(lossy))
    assert table.text["Finding"].iloc[1] == "its curve does not cross 0 at the tested ratios"


def test_verdicts_lie_on_their_sides_of_the_crossing() -> None:
    assert sides_agree(7.0, falls=True, helps=(2.0, 5.0), hurts=(10.0,))
    assert not sides_agree(7.0, falls=True, helps=(2.0, 10.0), hurts=())
    assert not sides_agree(7.0, falls=True, helps=(5.0,), hurts=(2.0,))
    assert sides_agree(7.0, falls=False, helps=(10.0,), hurts=(2.0,))
    assert not sides_agree(0.0, falls=True, helps=(10.0,), hurts=())


def test_an_end_beyond_what_was_tried_is_said_to_be() -> None:
    records = planted_crossover(at=35.0, slope=0.1, noise=0.06, ratios=(2.0, 10.0, 50.0))
    (table,) = crossover_tables(study_of(records))
    cell = table.text.set_index("Balancer").loc["dcgan", "Crossover: ratio"]
    assert cell.endswith("above 50]")
    assert table.text["Finding"].iloc[1] == "stops helping above the ratio, below the images"
    images = table.text.set_index("Balancer").loc["dcgan", "Crossover: real images per class"]
    assert "[below 8, " in images


def test_the_chosen_gan_has_a_row_and_two_ratios_are_needed() -> None:
    assert [each.method for each in crossovers(study_of(planted_crossover(at=14.0, slope=0.1)))] == [
        CHOSEN,
        "dcgan",
    ]
    assert crossovers(study_of(planted_study())) == ()
    assert crossover_tables(study_of(planted_study())) == ()


def test_real_images_are_those_of_the_minority_classes() -> None:
    # 10 and 5 training images.
    assert real_images(planted_study()) == {Condition("shapes", "simple_cnn", 10.0): 7.5}


@pytest.mark.slow
def test_the_page_shows_the_crossover(tmp_path: Path) -> None:
    records = planted_crossover(at=14.0, slope=0.1, seeds=4)
    text = text_of_page(write_study(tmp_path, records))
    assert "Where GANs stop helping" in text
    assert "dcgan stops helping above the ratio, below the images" in text
