"""The decision between bf16 and float32 for a classifier that is trained in both."""

from dataclasses import replace
from itertools import count
from statistics import fmean

import pytest
import torch

from gan_study.trainables.base import precision_probe
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.precision_probe import compare_classifiers
from gan_study.trainables.classifiers.training import ClassifierSteps, fit
from gan_study.trainables.contracts.contract import few_images
from gan_study.trainables.data.images import ImageShape, TrainingSet

CONFIG = ClassifierConfig(name="simple_cnn", batch_size=4)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step in float32 takes three seconds of the processor, one in bf16 two."""
    times = (time for now in count(0, 5) for time in (now, now + 3, now + 3, now + 5))
    monkeypatch.setattr(precision_probe, "process_time", lambda: next(times))


def images() -> TrainingSet:
    return few_images(ImageShape(size=8, channels=1))


def compare(config: ClassifierConfig = CONFIG) -> precision_probe.Comparison:
    return compare_classifiers(config, images(), seconds=0.0)


def test_a_classifier_that_is_faster_and_near_is_trained_in_bf16() -> None:
    found = compare()
    assert found.speedup == pytest.approx(1.5)
    # Neither is exact, or both trainings were one.
    assert 0 < found.step_error < 0.1
    assert 0 < found.run_error < 0.1
    assert found.precision == "bf16"


def test_dropout_is_the_same_in_both() -> None:
    # Other masks would be an error of about one.
    found = compare(ClassifierConfig(name="vgg_svm", batch_size=4))
    assert 0 < found.step_error < 0.2


def test_a_classifier_that_is_wrong_in_bf16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    convolve = torch.nn.functional.conv2d

    def wrong(layer: torch.nn.Conv2d, given: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        # Its images are moved by a row.
        moved = given.roll(1, -2) if torch.is_autocast_enabled("cpu") else given
        return convolve(moved, *parameters, layer.stride, layer.padding, layer.dilation, layer.groups)

    monkeypatch.setattr(torch.nn.Conv2d, "_conv_forward", wrong)
    assert compare(ClassifierConfig(name="resnet32", batch_size=4)).objection == (
        "bf16 is off by more than 0.25 after a step"
    )


def test_the_steps_that_are_compared_are_those_of_a_fit() -> None:
    steps = ClassifierSteps(CONFIG, images(), seed=3)
    losses = [steps.take().item() for _ in range(3)]
    fitted = fit(replace(CONFIG, epochs=1), images(), steps=3, seed=3)
    assert fitted.training_losses == (pytest.approx(fmean(losses), rel=1e-6),)
    with torch.no_grad():
        assert torch.equal(steps.network.eval()(images().images), fitted.logits(images().images))
