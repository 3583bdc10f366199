import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from gan_study.analysis.records.recalibration import (
    LARGEST_SHIFT,
    FittedPart,
    fit_shifts,
    fit_temperatures,
    fitted_parts,
    log_loss,
    scale,
)
from tests.analysis.planted import fitted, planted_record, predicted_study


def drawn(
    seed: int, *, spread: float = 1.0, num_fits: int = 3, counts: tuple[int, ...] = (60, 20, 7)
) -> FittedPart:
    """Predictions that are more often right than not, by images of random weights."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    logits = spread * (rng.normal(size=(3, len(labels), len(counts))) + 1.5 * np.eye(len(counts))[labels])
    weights = rng.uniform(0.5, 2, len(labels))
    return FittedPart(
        labels=labels, log_probabilities=log_softmax(logits, axis=2), weights=weights / weights.sum()
    )


@given(st.integers(0, 10_000), st.floats(0.01, 50))
def test_a_temperature_never_increases_the_loss_that_it_is_fitted_to(seed: int, spread: float) -> None:
    part = drawn(seed, spread=spread)
    temperatures = fit_temperatures(part)
    assert np.all((temperatures >= 1 / 20) & (temperatures <= 20))
    after, before = (
        log_loss(part, scale(part.log_probabilities, temperatures)),
        log_loss(part, part.log_probabilities),
    )
    assert np.all(after <= before)


@pytest.mark.parametrize("spread", [0.3, 1.0, 5.0])
def test_the_temperature_is_the_one_that_scipy_finds(spread: float) -> None:
    part = drawn(1, spread=spread)
    for fit, found in enumerate(fit_temperatures(part)):

        def loss(temperature: float, fit: int = fit) -> float:
            logits = part.log_probabilities[fit : fit + 1]
            return log_loss(part, scale(logits, np.array([temperature]))).item()

        best = minimize_scalar(loss, bounds=(1 / 20, 20), method="bounded", options={"xatol": 1e-9})
        assert found == pytest.approx(best.x, rel=1e-4)


def test_predictions_that_are_right_without_exception_are_made_as_sure_as_may_be() -> None:
    sure = FittedPart(
        labels=np.array([0, 1]),
        log_probabilities=np.log([[[0.6, 0.4], [0.4, 0.6]]]),
        weights=np.array([0.5, 0.5]),
    )
    assert fit_temperatures(sure) == pytest.approx([1 / 20], rel=1e-6)


@given(st.integers(0, 10_000), st.floats(0.1, 4))
def test_after_the_shift_each_class_is_predicted_as_often_as_it_is_there(seed: int, spread: float) -> None:
    part = drawn(seed, spread=spread)
    likely = np.exp(log_softmax(part.log_probabilities + fit_shifts(part)[:, None, :], axis=2))
    shares = np.bincount(part.labels, weights=part.weights)
    assert np.einsum("fnk,n->fk", likely, part.weights) == pytest.approx(np.tile(shares, (3, 1)), abs=2e-5)


def test_the_shift_is_the_one_that_scipy_finds() -> None:
    part = drawn(2)
    shares = np.bincount(part.labels, weights=part.weights)

    def loss(shift: np.ndarray) -> float:
        return log_loss(part, log_softmax(part.log_probabilities[:1] + shift, axis=2)).item()

    best = minimize(loss, np.zeros(3), tol=1e-12).x
    (found,) = fit_shifts(part)[:1]
    assert found - found.mean() == pytest.approx(best - best.mean(), abs=1e-4)
    assert loss(found) <= loss(np.zeros(3))
    assert shares.sum() == pytest.approx(1)


def test_a_class_without_images_is_not_moved_and_none_beyond_the_bound() -> None:
    part = drawn(3, counts=(30, 0, 10))
    assert np.all(fit_shifts(part)[:, 1] == 0)
    # Every image is taken for the class 1 by all but certainty, and is of class 0.
    certain = FittedPart(
        labels=np.zeros(4, dtype=np.int64),
        log_probabilities=np.tile(np.array([-80.0, 0.0]), (2, 4, 1)),
        weights=np.full(4, 0.25),
    )
    assert np.all(np.abs(fit_shifts(certain)) <= LARGEST_SHIFT)


def test_validation_images_are_weighted_to_the_test_parts_proportions() -> None:
    record = planted_record(balancer="none", validation=0.0, test=0.0)
    rng = np.random.default_rng(0)
    record = fitted(record, "validation", np.repeat(np.arange(3), (8, 2, 2)), rng.dirichlet(np.ones(3), (2, 12)))
    record = fitted(record, "test", np.repeat(np.arange(3), (5, 3, 2)), rng.dirichlet(np.ones(3), (2, 10)))
    found = fitted_parts(record)
    assert found is not None
    validation, test = found
    assert np.bincount(validation.labels, weights=validation.weights) == pytest.approx([0.5, 0.3, 0.2])
    assert test.weights == pytest.approx(np.full(10, 0.1))
    assert test.log_probabilities.shape == (2, 10, 3)


def test_without_predictions_there_is_nothing_to_correct() -> None:
    assert fitted_parts(planted_record(balancer="none", validation=0.4, test=0.4)) is None
    search = next(each for each in predicted_study() if each.phase == "search")
    assert fitted_parts(search) is None
