import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from gan_study.trainables.classifiers.loss_plans import (
    AdjustedCrossEntropy,
    DeferredReweighting,
    FittingStep,
    FocalLoss,
    LdamLoss,
    effective_number_weights,
    label_aware_margins,
    log_priors,
    weighted_cross_entropy,
)

COUNTS = (81, 16)
LOGITS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 1])
WEIGHTS = torch.tensor([0.25, 3.0, 1.0], dtype=torch.float64)
STEP = FittingStep(logits=LOGITS, targets=LABELS, weights=WEIGHTS, progress=0.0)
# By hand: the true class's probability is 1 / (1 + e^-d), d its logit less the other's.
LEADS = np.array([2.0, 1.0, 0.0])
SHARES = np.array([0.25, 3.0, 1.0]) / 4.25


def column(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_weights_of_a_class_act_as_torch_class_weights() -> None:
    class_weights = torch.tensor([0.25, 3.0], dtype=torch.float64)
    expected = functional.cross_entropy(LOGITS, LABELS, weight=class_weights)
    assert torch.allclose(weighted_cross_entropy(replace(STEP, weights=class_weights[LABELS])), expected)


def test_cross_entropy_takes_mixed_labels() -> None:
    mixed = torch.tensor([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]], dtype=torch.float64)
    # The second image: a quarter of it is of class 0, whose logit is 1 behind.
    losses = np.log1p(np.exp([-2.0, -1.0, 0.0])) + np.array([0.0, 0.25, 0.0])
    value = weighted_cross_entropy(replace(STEP, targets=mixed)).item()
    assert value == pytest.approx((SHARES * losses).sum(), abs=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_by_hand(gamma: float) -> None:
    probability = 1 / (1 + np.exp(-LEADS))
    expected = (SHARES * -((1 - probability) ** gamma) * np.log(probability)).sum()
    assert FocalLoss(gamma=gamma)(STEP).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_of_a_certain_image_has_a_slope(gamma: float) -> None:
    logits = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
    step = FittingStep(logits=logits, targets=torch.tensor([0, 0]), weights=torch.ones(2), progress=0.0)
    FocalLoss(gamma=gamma)(step).backward()  # type: ignore[no-untyped-call]
    torch.testing.assert_close(logits.grad, torch.tensor([[0.0, 0.0], [-0.5, 0.5]]))


def test_adjusted_cross_entropy_by_hand() -> None:
    # log(81 / 16) goes to class 0: it leads by more, and class 1 by less.
    leads = LEADS + np.log(81 / 16) * np.array([1, -1, -1])
    expected = (SHARES * np.log1p(np.exp(-leads))).sum()
    assert AdjustedCrossEntropy(adjustment=column(log_priors(COUNTS)))(STEP).item() == pytest.approx(
        expected, abs=1e-12
    )


def test_a_constant_in_the_adjustment_does_not_matter() -> None:
    log_sizes = torch.tensor(COUNTS, dtype=torch.float64).log()
    balanced_softmax = AdjustedCrossEntropy(adjustment=log_sizes)(STEP)
    torch.testing.assert_close(balanced_softmax, AdjustedCrossEntropy(adjustment=column(log_priors(COUNTS)))(STEP))


def test_ldam_by_hand() -> None:
    # Margins 1/3 and 1/2 for 81 and 16 images, times the scale 3: the true class is 1 and 3/2 behind.
    leads = LEADS - np.array([1.0, 1.5, 1.5])
    expected = (SHARES * np.log1p(np.exp(-leads))).sum()
    loss = LdamLoss(margins=column(label_aware_margins(COUNTS, largest=0.5)), scale=3.0)
    assert loss(STEP).item() == pytest.approx(expected, abs=1e-12)


def authors_ldam(cosines: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The steps of the authors' LDAMLoss (max_m 0.5, s 30), on cosines."""
    margins = 1.0 / np.sqrt(np.sqrt(COUNTS))
    margins = margins * (0.5 / np.max(margins))
    index = torch.zeros_like(cosines, dtype=torch.bool)
    index.scatter_(1, target[:, None], True)
    batch_margins = (index.to(cosines) @ torch.tensor(margins)[:, None]).view(-1, 1)
    output = torch.where(index, cosines - batch_margins, cosines)
    return functional.cross_entropy(30 * output, target, weight=weight)


def authors_weights() -> Tensor:
    """The steps of the authors' DRW for beta 0.9999, from epoch 160 of 200."""
    effective = 1.0 - np.power(0.9999, COUNTS)
    weights = (1.0 - 0.9999) / effective
    return torch.tensor(weights / np.sum(weights) * len(COUNTS))


@pytest.mark.parametrize(("progress", "weight"), [(0.0, None), (0.79, None), (0.8, authors_weights())])
def test_deferred_reweighting_is_that_of_the_authors_code(progress: float, weight: Tensor | None) -> None:
    cosines = torch.rand(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    labels = torch.arange(20) % 2
    loss = DeferredReweighting(
        loss=LdamLoss(margins=column(label_aware_margins(COUNTS, largest=0.5)), scale=30.0),
        class_weights=column(effective_number_weights(COUNTS, beta=0.9999)),
        start=0.8,
    )
    step = FittingStep(
        logits=30 * cosines, targets=labels, weights=torch.ones(20, dtype=torch.float64), progress=progress
    )
    torch.testing.assert_close(loss(step), authors_ldam(cosines, labels, weight))


def test_log_priors_by_hand() -> None:
    assert log_priors((6, 3, 1)) == pytest.approx([math.log(0.6), math.log(0.3), math.log(0.1)], abs=1e-12)


def test_effective_numbers_by_hand() -> None:
    # beta 1/2: 1 - 1/2 = 1/2 and 1 - 1/8 = 7/8, so 1 and 4/7, times 2 / (11/7).
    assert effective_number_weights((1, 3), beta=0.5) == pytest.approx([14 / 11, 8 / 11], abs=1e-12)


@pytest.mark.parametrize(("beta", "ratio"), [(0.0, 1.0), (1 - 1e-9, 10.0)])
def test_effective_numbers_lie_between_equal_and_inverse(beta: float, ratio: float) -> None:
    many, few = effective_number_weights((1000, 100), beta=beta)
    assert few / many == pytest.approx(ratio, rel=1e-5)
    assert many + few == pytest.approx(2.0, abs=1e-12)


def test_margins_by_hand() -> None:
    # Fourth roots of 16 and 81 are 2 and 3.
    assert label_aware_margins((81, 16), largest=0.5) == pytest.approx([1 / 3, 1 / 2], abs=1e-12)


def test_a_class_without_images_changes_nothing_for_the_others() -> None:
    assert log_priors((6, 0, 2))[1] == 0.0
    assert log_priors((6, 0, 2))[::2] == log_priors((6, 2))
    weights = effective_number_weights((6, 0, 2), beta=0.9)
    assert weights[1] == 0.0
    assert weights[2] / weights[0] == pytest.approx((1 - 0.9**6) / (1 - 0.9**2), rel=1e-12)
    assert label_aware_margins((6, 0, 2), largest=0.5)[1] == 0.0
    assert label_aware_margins((6, 0, 2), largest=0.5)[::2] == label_aware_margins((6, 2), largest=0.5)
