from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from trainables.classifiers.classifier import ClassifierConfig
from trainables.classifiers.training import (
    DivergedClassifierError,
    fit,
    num_steps,
    predict,
    weighted_cross_entropy,
)
from trainables.data.images import Classes, TrainingSet


@pytest.fixture
def bars():
    """Three classes of 8x8 images, each bright in rows of its own, with noise; easy to tell apart."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(3).repeat_interleave(20)
    images = 0.3 * torch.randn(60, 1, 8, 8, generator=generator)
    for row, label in enumerate(labels):
        images[row, 0, 2 * label : 2 * label + 2] += 1
    return TrainingSet(
        images=images.clamp(-1, 1),
        labels=labels,
        weights=torch.ones(60),
        synthetic=torch.zeros(60, dtype=torch.bool),
        classes=Classes(names=("a", "b", "c"), minority=(2,)),
    )


CONFIG = ClassifierConfig(batch_size=16)


def probabilities(training, *, config=CONFIG, steps=20, seed=0):
    return predict(fit(config, training, steps=steps, seed=seed), training.images)


def test_every_arm_gets_the_same_steps_unless_epochs_are_asked_for():
    config = ClassifierConfig(epochs=3, batch_size=10)
    assert num_steps(config, balanced_size=100, unbalanced_size=41) == 3 * 5
    assert num_steps(replace(config, budget="epochs"), balanced_size=100, unbalanced_size=41) == 3 * 10


def test_it_learns(bars):
    predicted = probabilities(bars, steps=100).argmax(dim=1)
    assert (predicted == bars.labels).float().mean() > 0.95


def test_probabilities_sum_to_one(bars):
    assert torch.allclose(probabilities(bars).sum(dim=1), torch.ones(60))


def test_the_seed_decides_whatever_the_global_random_state(bars):
    first = probabilities(bars)
    torch.manual_seed(999)
    before = torch.get_rng_state()
    assert torch.equal(probabilities(bars), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(probabilities(bars, seed=1), first)


@pytest.mark.parametrize("change", [{"learning_rate": 1e-2}, {"batch_size": 8}])
def test_every_setting_changes_the_result(bars, change):
    assert not torch.equal(probabilities(bars, config=replace(CONFIG, **change)), probabilities(bars))


def test_weights_of_a_class_act_as_torch_class_weights():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
    labels = torch.tensor([0, 1, 1])
    class_weights = torch.tensor([0.25, 3.0], dtype=torch.float64)
    expected = functional.cross_entropy(logits, labels, weight=class_weights)
    assert torch.allclose(weighted_cross_entropy(logits, labels, class_weights[labels]), expected)


def test_images_of_weight_zero_do_not_count(bars):
    weights = (bars.labels != 2).float()
    predicted = probabilities(replace(bars, weights=weights), steps=100).argmax(dim=1)
    assert (predicted[bars.labels == 2] == 2).float().mean() < 0.1


def test_a_loss_that_is_not_finite_is_an_error(bars):
    broken = replace(bars, images=bars.images * float("nan"))
    with pytest.raises(DivergedClassifierError, match=r"diverged at learning rate 0\.001"):
        fit(CONFIG, broken, steps=2, seed=0)
