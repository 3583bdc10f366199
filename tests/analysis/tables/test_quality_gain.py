"""Correlations of image scores with the gain, worked by hand on planted trials."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gan_study.analysis.records.trial import Trial
from gan_study.analysis.tables.quality_gain import quality_gain_tables
from tests.analysis.planted import planted_quality, planted_scores, planted_study, with_generated

GANS = ("vanilla_gan", "lsgan", "dcgan")


def with_gains(seed: int, kids: Mapping[str, float | None], f1: Mapping[str, float], ratio: float) -> list[Trial]:
    """No balancing with an F1 of 0.4 and three GANs with these, whose images of a rare class have these KIDs."""
    confirmed = [each for each in planted_study(ratio) if each.phase == "confirm" and each.seed == 1]
    none = next(each for each in confirmed if each.balancer == "none")
    gan = next(each for each in confirmed if each.balancer == "dcgan")
    trials = [replace(none, scores={"test": planted_scores(0.4)})]
    for name, score in f1.items():
        trial = replace(gan, balancer=name, trial_id=f"{name}-{seed}", scores={"test": planted_scores(score)})
        trials += with_generated([trial], name, {"normal": planted_quality(kid=kids[name], gan_train=score)})
    return [replace(each, seed=seed, setting_id=f"{ratio:g}-{seed}") for each in trials]


def kids(*values: float | None) -> dict[str, float | None]:
    return dict(zip(GANS, values, strict=True))


def f1s(*values: float) -> dict[str, float]:
    return dict(zip(GANS, values, strict=True))


def test_correlations_between_methods_are_means_over_conditions_with_an_interval_over_seeds() -> None:
    records = [
        # Ranks 1 2 3 against 3 2 1: -1; and 1 2 3 against 2 3 1: 1 - 6 (1 + 1 + 4) / (3 * 8) = -0.5.
        *with_gains(1, kids(0.1, 0.2, 0.3), f1s(0.7, 0.6, 0.5), 10.0),
        *with_gains(1, kids(0.1, 0.2, 0.3), f1s(0.6, 0.7, 0.5), 50.0),
        *with_gains(2, kids(0.1, 0.2, 0.3), f1s(0.7, 0.6, 0.5), 10.0),
        *with_gains(3, kids(0.3, 0.2, 0.1), f1s(0.7, 0.6, 0.5), 10.0),
    ]
    (table,) = quality_gain_tables(records)
    numbers = table.numbers.set_index("metric")
    # Means of the seeds: -0.75, -1 and 1; standard deviation 1.0897, t(0.975, 2) = 4.3027: beyond the range of r.
    assert numbers.loc["kid", "mean"] == pytest.approx(-0.25)
    assert numbers.loc["kid", ["low", "high"]].tolist() == [-1.0, 1.0]
    assert numbers.loc["kid", ["seeds", "trials"]].tolist() == [3, 12]
    # GAN-train was planted as the F1 itself.
    assert numbers.loc["gan_train", ["mean", "low", "high", "over_all"]].tolist() == pytest.approx([1.0] * 4)
    shown = table.text.set_index("Score")
    assert shown.loc["GAN-train", ["Better is", "Between methods"]].tolist() == [
        "higher",
        "+1.000 [+1.000, +1.000]",
    ]
    assert shown.loc["KID (domain features)", "Better is"] == "lower"


def test_fewer_than_three_methods_or_equal_scores_say_nothing() -> None:
    two = with_gains(1, kids(0.1, 0.2, None), f1s(0.7, 0.6, 0.5), 10.0)
    (table,) = quality_gain_tables(two)
    assert "kid" not in set(table.numbers["metric"])
    equal = with_gains(1, kids(0.1, 0.1, 0.1), f1s(0.7, 0.6, 0.5), 10.0)
    assert "kid" not in set(quality_gain_tables(equal)[0].numbers["metric"])
    assert quality_gain_tables(planted_study()) == ()
