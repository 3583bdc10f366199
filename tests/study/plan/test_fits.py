"""How many fits a confirmed trial has, worked by hand."""

from dataclasses import replace

import pytest

from gan_study.study.plan.fits import FITS_A_GAN, MOST_FITS, SPLIT_SPREAD, decide_fits, optimal_fits
from gan_study.trainables.records.record import TrialRecord


@pytest.mark.parametrize(
    ("fit_spread", "split_spread", "set_seconds", "fit_seconds", "fits"),
    [
        # Fits vary as splits do, and a set costs four fits: sqrt(1 x 4).
        (0.02, 0.02, 2.0, 0.5, 2),
        # Twice the spread is four times the variance: sqrt(4 x 4).
        (0.04, 0.02, 2.0, 0.5, 4),
        # sqrt(4 x 1.5625) = 2.5, to even; just above it, 3.
        (0.04, 0.02, 1.5625, 1.0, 2),
        (0.04, 0.02, 1.57, 1.0, 3),
        # Never fewer than one, never more than MOST_FITS.
        (0.0, 0.02, 2.0, 0.5, 1),
        (0.001, 0.02, 0.001, 0.5, 1),
        (0.04, 0.02, 100.0, 0.1, MOST_FITS),
    ],
)
def test_the_best_number_of_fits(fit_spread, split_spread, set_seconds, fit_seconds, fits):
    found = optimal_fits(
        fit_spread=fit_spread, split_spread=split_spread, set_seconds=set_seconds, fit_seconds=fit_seconds
    )
    assert found == fits


def record(balancer, *, phase="baseline", spread=None, fits=1, seconds=(0.0, 0.0, 1.0), ratio=5.0, **changes):
    return replace(
        TrialRecord(
            trial_id=f"{balancer}-{ratio}",
            setting_id="s",
            phase=phase,
            status="complete",
            dataset="digits",
            classifier="simple_cnn",
            balancer=balancer,
            imbalance_ratio=ratio,
            seed=0,
            config={},
            num_fits=fits,
            fit_spread=spread,
            seconds=dict(zip(("data", "balancing", "classifier"), seconds, strict=True)),
        ),
        **changes,
    )


def baselines(spread, ratios=(5.0,)):
    """Two arms: a fit takes 0.5 s, a set 0.25 s and 0.75 s."""
    return [
        record(name, spread=spread, fits=3, seconds=(0.25, balancing, 1.5), ratio=ratio)
        for ratio in ratios
        for name, balancing in (("none", 0.0), ("class_weights", 0.5))
    ]


def test_simple_methods_alone_take_few_fits():
    # sqrt(4 x 0.5 / 0.5) = 2
    assert decide_fits(baselines(2 * SPLIT_SPREAD), [], ()) == 2


@pytest.mark.parametrize("ratios", [(5.0,), (5.0, 20.0)])
def test_a_gan_that_was_searched_costs_what_it_took(ratios):
    searched = [
        record("dcgan", phase="search", seconds=(0.5, balancing, 0.5), ratio=ratio)
        for ratio in ratios
        for balancing in (2.0, 4.0)
    ]
    failed = record("dcgan", phase="search", seconds=(0, 900, 0), status="failed")
    # Sets of 0.25 s, 0.75 s and 3.5 s on average, 1.5 s in the mean, three fits: sqrt(4 x 3) = 3.46
    assert decide_fits(baselines(2 * SPLIT_SPREAD, ratios), [*searched, failed], ["dcgan"]) == 3
    # With a set of 15.5 s more: sqrt(4 x 10) is above the most.
    assert (
        decide_fits(baselines(2 * SPLIT_SPREAD), [record("dcgan", phase="search", seconds=(0, 14, 1))], ["dcgan"])
        == 5
    )


def test_a_gan_that_has_not_been_trained_yet_counts_as_on_the_quickstart():
    # Sets of 0.25 s, 0.75 s and 12 x 0.5 s are 7 / 3 s in the mean: sqrt(v x 14 / 3) with v = 1 and 0.25
    assert FITS_A_GAN == 12
    assert decide_fits(baselines(SPLIT_SPREAD), [], ["dcgan"]) == 2
    assert decide_fits(baselines(SPLIT_SPREAD / 2), [], ["dcgan"]) == 1
    # Two of them: 13 / 4 s, sqrt(6.5) = 2.55
    assert decide_fits(baselines(SPLIT_SPREAD), [], ["dcgan", "wgan_gp"]) == 3


def test_variances_are_pooled_and_not_standard_deviations():
    spreads = (0.0, 5 * SPLIT_SPREAD)
    found = [replace(each, fit_spread=spread) for each, spread in zip(baselines(0), spreads, strict=True)]
    # sqrt(25 / 2) = 3.54, where the mean of the two spreads would give 2.5
    assert decide_fits(found, [], ()) == 4


def test_where_nothing_was_measured_one_fit_is_made():
    failed = [replace(each, status="failed", seconds={}, fit_spread=None) for each in baselines(None)]
    assert decide_fits(failed, [], ["dcgan"]) == 1
    assert decide_fits(baselines(None), [], ["dcgan"]) == 1
