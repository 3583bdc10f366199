"""What every classifier promises."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from gan_study.trainables.base.seeding import torch_generator
from gan_study.trainables.classifiers.classifier import ClassifierConfig, ClassifierModel, FittedClassifier
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.contracts.contract import Promises, few_images, in_words, require
from gan_study.trainables.data.images import ImageShape, TrainingSet


@dataclass(frozen=True, eq=False)
class ClassifierSubject:
    """A classifier, and images of a shape to fit it to."""

    model: ClassifierModel
    shape: ImageShape

    @cached_property
    def given(self) -> TrainingSet:
        """The images."""
        return few_images(self.shape)

    @cached_property
    def fitted(self) -> FittedClassifier:
        """The classifier after two steps."""
        return self.fit()

    def fit(self) -> FittedClassifier:
        """The same again."""
        return fit(ClassifierConfig(batch_size=4), self.given, steps=2, seed=1, model=self.model)


def _has_a_body(subject: ClassifierSubject) -> None:
    made = subject.model.body(subject.shape)
    require(isinstance(made, tuple) and len(made) == 2, f"body gives {type(made).__name__}, not (network, D)")
    body, num_features = made
    require(isinstance(body, nn.Module), f"body gives a {type(body).__name__}, not a torch.nn.Module")
    require(type(num_features) is int, f"body gives {num_features!r} as the number of features")
    features = body(subject.given.images)
    expected, found = (len(subject.given), num_features), tuple(features.shape)
    require(found == expected, f"features of shape {found} and not {expected}, at {in_words(subject.shape)}")
    require(features.isfinite().all(), "features that are not finite")


def _leaves_its_images(subject: ClassifierSubject) -> None:
    shape = (2, subject.shape.channels, subject.shape.size, subject.shape.size)
    images = torch.rand(shape, generator=torch_generator(0, "given images")) * 2 - 1
    given = images.clone()
    body, _ = subject.model.body(subject.shape)
    body(given)
    require(torch.equal(given, images), "its body changes the images that it is given")


def _is_fitted(subject: ClassifierSubject) -> None:
    probabilities = subject.fitted.probabilities(subject.given.images)
    expected = (len(subject.given), len(subject.given.classes.names))
    require(tuple(probabilities.shape) == expected, f"probabilities of shape {tuple(probabilities.shape)}")
    require(probabilities.isfinite().all(), "probabilities that are not finite")
    require(torch.allclose(probabilities.sum(dim=1), torch.ones(len(subject.given))), "they do not sum to 1")


def _is_alone(subject: ClassifierSubject) -> None:
    images = subject.given.images
    together, alone = subject.fitted.features(images)[:1], subject.fitted.features(images[:1])
    require(torch.allclose(together, alone, atol=1e-4), "features of an image depend on the others in its batch")


def _is_seeded(subject: ClassifierSubject) -> None:
    first = subject.fitted.probabilities(subject.given.images)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = subject.fit().probabilities(subject.given.images)
    require(torch.equal(torch.get_rng_state(), state), "it changes torch's random state")
    require(torch.equal(first, second), "two fits with the same seed predict differently")


CLASSIFIER_PROMISES: Promises[ClassifierSubject] = {
    "its body turns images [N, C, H, W] into features [N, D]": _has_a_body,
    "its body leaves the images as they are": _leaves_its_images,
    "after fitting it gives class probabilities": _is_fitted,
    "its prediction for an image does not depend on other images": _is_alone,
    "equal seeds give equal classifiers": _is_seeded,
}
