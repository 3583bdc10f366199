"""The plans that balancers make, for six, three and two images of three classes."""

import math
from dataclasses import replace

import pytest
import torch

from gan_study.trainables.balancing.balancer import BalancedSet, Balancer
from gan_study.trainables.balancing.methods.class_balanced_loss import ClassBalanced
from gan_study.trainables.balancing.methods.crt import ClassifierRetraining, class_balanced
from gan_study.trainables.balancing.methods.focal_loss import Focal
from gan_study.trainables.balancing.methods.ldam import Ldam, LdamDrw
from gan_study.trainables.balancing.methods.logit_adjustment import (
    BalancedSoftmax,
    LogitAdjustment,
    ThresholdMoving,
)
from gan_study.trainables.balancing.methods.mixing import (
    Cutmix,
    Mixup,
    MixupBalancedSoftmax,
    Remix,
    RemixedBatches,
)
from gan_study.trainables.classifiers.loss_plans import (
    AdjustedCrossEntropy,
    DeferredReweighting,
    FittingStep,
    FocalLoss,
    LdamLoss,
    effective_number_weights,
    label_aware_margins,
    log_priors,
)
from gan_study.trainables.data.images import Classes, TrainingSet

COUNTS = (6, 3, 2)


def only(balancer: Balancer, training: TrainingSet) -> BalancedSet:
    (balanced,) = balancer.balance(training, seed=1)
    return balanced


def test_focal_loss_is_asked_for(training: TrainingSet) -> None:
    assert only(Focal(gamma=1.5), training).plan.loss == FocalLoss(gamma=1.5)


def test_class_balanced_weights_are_those_of_the_images_classes(training: TrainingSet) -> None:
    balanced = only(ClassBalanced(beta=0.9, gamma=0.5), training)
    weights = torch.tensor(effective_number_weights(COUNTS, beta=0.9))
    torch.testing.assert_close(balanced.training.weights, weights[training.labels])
    assert balanced.plan.loss == FocalLoss(gamma=0.5)


def test_ldam_has_margins_and_a_cosine_head_of_one_scale(training: TrainingSet) -> None:
    plan = only(Ldam(max_margin=0.4, scale=20.0), training).plan
    assert plan.cosine_scale == 20.0
    assert isinstance(plan.loss, LdamLoss)
    assert plan.loss.scale == 20.0
    torch.testing.assert_close(plan.loss.margins, torch.tensor(label_aware_margins(COUNTS, largest=0.4)))


def test_ldam_drw_is_ldam_with_weights_later(training: TrainingSet) -> None:
    plan = only(LdamDrw(beta=0.9, reweighting_from=0.5, scale=20.0), training).plan
    assert plan.cosine_scale == 20.0
    assert isinstance(plan.loss, DeferredReweighting)
    assert plan.loss.start == 0.5
    torch.testing.assert_close(plan.loss.class_weights, torch.tensor(effective_number_weights(COUNTS, beta=0.9)))
    assert isinstance(plan.loss.loss, LdamLoss)


@pytest.mark.parametrize(
    ("balancer", "tau"), [(BalancedSoftmax(), 1.0), (LogitAdjustment(), 1.0), (LogitAdjustment(tau=0.5), 0.5)]
)
def test_log_priors_are_added_while_training(training: TrainingSet, balancer: Balancer, tau: float) -> None:
    plan = only(balancer, training).plan
    assert isinstance(plan.loss, AdjustedCrossEntropy)
    torch.testing.assert_close(plan.loss.adjustment, tau * torch.tensor(log_priors(COUNTS)))
    assert plan.log_adjustment is None


def test_moved_thresholds_divide_the_probabilities_by_the_priors(training: TrainingSet) -> None:
    plan = only(ThresholdMoving(), training).plan
    probabilities = torch.tensor([[0.6, 0.3, 0.1]])
    # Over priors of 6, 3 and 2 in 11: 0.1, 0.1 and 0.05 in all.
    expected = torch.tensor([[0.4, 0.4, 0.2]])
    torch.testing.assert_close(plan.adjusted(probabilities.log()).softmax(dim=1), expected)
    half = only(ThresholdMoving(tau=0.5), training).plan
    torch.testing.assert_close(half.adjusted(torch.zeros(1, 3)) * 2, plan.adjusted(torch.zeros(1, 3)))


@pytest.mark.parametrize("balancer", [Mixup(), Cutmix()])
def test_labels_are_mixed_as_images_are(training: TrainingSet, balancer: Balancer) -> None:
    mix = only(balancer, training).plan.mix
    assert mix is not None
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1])
    # Black is class 0, white class 1: the share of white pixels is that of class 1.
    images = labels.float()[:, None, None, None].expand(-1, 1, 8, 8)
    torch.manual_seed(0)
    seen = []
    for _ in range(20):
        mixed, shares = mix(images, labels)
        torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), shares[:, 1])
        torch.testing.assert_close(shares.sum(dim=1), torch.ones(8))
        seen.append(shares[1, 0].item())
    assert shares.shape == (8, 3)
    assert len(set(seen)) > 5
    assert isinstance(balancer, Cutmix) == (set(mixed.unique().tolist()) <= {0.0, 1.0})


def test_crt_repeats_features_until_classes_are_as_large_as_the_largest() -> None:
    labels = torch.tensor([2, 0, 0, 2, 0, 0, 0])
    features = torch.arange(7.0)[:, None]
    chosen, chosen_labels, weights = class_balanced(features, labels, torch.ones(7), 1)
    assert torch.equal(weights, torch.ones(10))
    assert chosen_labels.bincount().tolist() == [5, 0, 5]
    assert (labels[chosen.squeeze(1).long()] == chosen_labels).all()
    repeats = chosen.squeeze(1).long().bincount().tolist()
    assert [repeats[row] for row in (1, 2, 4, 5, 6)] == [1] * 5
    assert sorted([repeats[0], repeats[3]]) == [2, 3]


def test_crt_keeps_weights_within_a_class_and_classes_equal() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    given = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    _, chosen_labels, weights = class_balanced(torch.zeros(6, 1), labels, given, 1)
    assert chosen_labels.bincount().tolist() == [4, 4]
    # Over the mean of the class, 0.75, each of the two rows twice.
    assert sorted(weights.tolist()) == pytest.approx([2 / 3, 2 / 3, 1, 1, 1, 1, 4 / 3, 4 / 3])


def test_crt_asks_for_a_second_stage(training: TrainingSet) -> None:
    balanced = only(ClassifierRetraining(steps_share=0.3), training)
    assert balanced.training is training
    assert balanced.plan.head_stage is not None
    assert balanced.plan.head_stage.steps_share == 0.3
    assert balanced.plan.head_stage.rebalance is class_balanced


@pytest.mark.parametrize(
    "balancer", [ClassBalanced(), Ldam(), LdamDrw(), BalancedSoftmax(), LogitAdjustment(), ThresholdMoving()]
)
def test_a_class_without_images_leaves_everything_finite(training: TrainingSet, balancer: Balancer) -> None:
    classes = Classes(names=("many", "some", "few", "none at all"), minority=(1, 2))
    balanced = only(balancer, replace(training, classes=classes))
    assert balanced.training.weights.isfinite().all()
    logits = balanced.plan.adjusted(torch.zeros(2, 4))
    assert logits.isfinite().all()
    # It is never lifted above a class that there is.
    assert (logits[:, 3:] <= logits).all()


def test_remix_gives_the_rarer_class_the_label_alone() -> None:
    batches = RemixedBatches(counts=torch.tensor([90.0, 30.0, 20.0]), alpha=1.0, kappa=3.0, tau=0.5)
    first, second = torch.tensor([0, 1, 1, 0, 2]), torch.tensor([1, 0, 2, 0, 0])
    # Three times as many: the larger class's label goes where its image has less than half. 30 to 20 is less.
    assert batches.label_share(first, second, 0.4).tolist() == pytest.approx([0.0, 0.4, 0.4, 0.4, 0.4])
    assert batches.label_share(first, second, 0.6).tolist() == pytest.approx([0.6, 1.0, 0.6, 0.6, 1.0])


def test_remix_blends_images_as_mixup_does(training: TrainingSet) -> None:
    mix = only(Remix(), training).plan.mix
    assert mix is not None
    torch.manual_seed(3)
    mixed, shares = mix(training.images, training.labels)
    torch.manual_seed(3)
    share = float(torch.distributions.Beta(1.0, 1.0).sample())
    torch.testing.assert_close(mixed, share * training.images + (1 - share) * training.images.roll(1, 0))
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(len(training)))


def test_mixup_with_the_balanced_softmax_has_both(training: TrainingSet) -> None:
    plan = only(MixupBalancedSoftmax(), training).plan
    assert plan.mix is not None and isinstance(plan.loss, AdjustedCrossEntropy)
    torch.testing.assert_close(plan.loss.adjustment, torch.tensor(log_priors(COUNTS)))
    # By hand for one image that is three quarters of the first class: logits 0, adjusted by log 6, 3, 2 of 11.
    step = FittingStep(
        logits=torch.zeros(1, 3),
        targets=torch.tensor([[0.75, 0.0, 0.25]]),
        weights=torch.ones(1),
        progress=0.0,
    )
    expected = -(0.75 * math.log(6 / 11) + 0.25 * math.log(2 / 11))
    assert plan.loss(step).item() == pytest.approx(expected, abs=1e-6)
