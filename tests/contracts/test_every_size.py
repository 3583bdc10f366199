"""Balancers and classifiers at every kind of image that a study may have: each at one of them, some at all.

`make soak` tries each at all.
"""

from collections.abc import Iterable
from typing import Any

import pytest
import torch

from gan_study.trainables.balancing.catalog import BALANCERS, parse_balancing
from gan_study.trainables.classifiers.catalog import CLASSIFIERS
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.data.images import Classes, ImageShape, TrainingSet
from gan_study.trainables.gans.catalog import VARIANTS
from tests.members import BY_SHAPE, each

pytestmark = pytest.mark.usefixtures("few_domain_steps")

SHAPES = [ImageShape(size=size, channels=channels) for size in (28, 32, 64) for channels in (1, 3)]


def with_shapes(names: Iterable[str]) -> list[Any]:
    """Each name with the first shape; names with code of their own for shapes, and a few others, with all."""
    first, *others = SHAPES
    more = [
        pytest.param(name, shape, marks=pytest.mark.slow if name in BY_SHAPE else pytest.mark.soak)
        for name in names
        for shape in others
    ]
    return [*each(names, first), *more]


def described(value: object) -> str | None:
    return f"{value.size}x{value.size}x{value.channels}" if isinstance(value, ImageShape) else None


def uneven(shape: ImageShape) -> TrainingSet:
    """Seven images of one class and four of another, which is the minority."""
    labels = torch.tensor([0] * 7 + [1] * 4)
    random = torch.Generator().manual_seed(0)
    return TrainingSet(
        images=torch.rand(11, shape.channels, shape.size, shape.size, generator=random) * 2 - 1,
        labels=labels,
        weights=torch.ones(11),
        synthetic=torch.zeros(11, dtype=torch.bool),
        classes=Classes(names=("many", "few"), minority=(1,)),
    )


def shortest(name: str) -> dict[str, object]:
    """Settings with which a GAN takes a few steps."""
    variant = VARIANTS.get(name)
    warm_start = {"warm_start_epochs": 1} if variant and variant.warm_start else {}
    return {"gan": {"epochs": 1, "batch_size": 4, "discriminator_steps": 1, **warm_start}} if variant else {}


@pytest.mark.parametrize(("name", "shape"), with_shapes(BALANCERS), ids=described)
def test_every_balancer_takes_every_shape(name: str, shape: ImageShape) -> None:
    training = uneven(shape)
    *_, balanced = parse_balancing({"name": name, **shortest(name)}).balancer.balance(training, seed=1)
    made = balanced.training
    assert balanced.is_final
    assert made.shape == shape
    assert made.images.isfinite().all() and made.images.abs().max() <= 1
    if BALANCERS[name].is_gan:
        assert made.class_counts() == (7, 7)
        assert made.synthetic.sum() == 3
    config = ClassifierConfig(batch_size=4)
    probabilities = fit(config, made, steps=1, seed=1, plan=balanced.plan).probabilities(training.images)
    assert torch.allclose(probabilities.sum(dim=1), torch.ones(11))


@pytest.mark.parametrize(("name", "shape"), with_shapes(CLASSIFIERS), ids=described)
def test_every_classifier_takes_every_shape(name: str, shape: ImageShape) -> None:
    training = uneven(shape)
    fitted = fit(ClassifierConfig(name=name, batch_size=4), training, steps=1, seed=1)
    assert fitted.features(training.images).shape == (11, CLASSIFIERS[name].body(shape)[1])
    assert torch.allclose(fitted.probabilities(training.images).sum(dim=1), torch.ones(11))
