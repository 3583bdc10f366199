"""Features used to compare images: of a small classifier of the study's data, or of Inception v3."""

import pickle
from functools import cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from pydantic import JsonValue
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_study.trainables.base.layers import FlattenMaps, convolved_and_pooled
from gan_study.trainables.base.seeding import numpy_generator
from gan_study.trainables.base.settings import ConfigError, dump
from gan_study.trainables.classifiers.classifier import (
    ClassifierConfig,
    ClassifierModel,
    FittedClassifier,
)
from gan_study.trainables.classifiers.loss_plans import inverse_weights
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.data.images import Classes, ImageShape, LabeledImages, Labels, TrainingSet, training_set
from gan_study.trainables.image_quality.features import IMAGE_FEATURES
from gan_study.trainables.runtime.cache import State, Store, arithmetic, contents, made_once

# Fewer than a rare class has images, as a rule: a Frechet distance needs more images than dimensions.
NUM_FEATURES = 64
# Batches of 64: about what tells digits, clothes or X-rays apart, in a few seconds.
DOMAIN_STEPS = 500
# Above 32 pixels the first convolution takes steps of two, and images above 64 are averaged down first: or else
# their features cost more than the trial that they judge.
WHOLE_STEPS_SIZE, MAX_DOMAIN_SIZE = 32, 64
# What the features of a data set are learned from: about a tenth of the largest, a few seconds to read.
FEATURE_IMAGES, FEATURE_SEED = 10_000, 0
DOMAIN_TRAINING = ClassifierConfig(name="domain_features")
# What Inception v3 was trained on, and how many such images are in memory at once.
INCEPTION_SIZE, INCEPTION_BATCH = 299, 64


def _body(shape: ImageShape) -> tuple[nn.Module, int]:
    """Two convolutions with max pooling, and a dense layer of 64 units."""
    size = min(shape.size, MAX_DOMAIN_SIZE)
    stride = 1 if size <= WHOLE_STEPS_SIZE else 2
    layers = nn.Sequential(
        nn.AdaptiveAvgPool2d(size) if size < shape.size else nn.Identity(),
        *convolved_and_pooled(shape.channels, 32, stride=stride),
        *convolved_and_pooled(32, 64),
        FlattenMaps(),
        nn.Linear(64 * (-(-size // stride) // 4) ** 2, NUM_FEATURES),
        nn.ReLU(),
    )
    return layers, NUM_FEATURES


DOMAIN_FEATURES = ClassifierModel(
    name="domain_features",
    summary="measures generated images by 64 features learned on the study's data",
    body=_body,
)


def data_set_classifier(pool: LabeledImages, device: torch.device, store: Store) -> FittedClassifier:
    """A classifier of a data set's whole training set `pool`, before any imbalance.

    Its features compare images of every seed, ratio and balancing method in the same way; it is trained on at most
    FEATURE_IMAGES images, equally many of each class if available.
    """
    rows = evenly_drawn(pool.labels, FEATURE_IMAGES, seed=FEATURE_SEED)
    classes = Classes(names=pool.class_names, minority=())
    return domain_classifier(training_set(pool.subset(rows), classes, device), store, seed=FEATURE_SEED)


def evenly_drawn(labels: Labels, most: int, *, seed: int) -> npt.NDArray[np.intp]:
    """Rows of `labels` [N], at most each class's share of `most`, drawn at random; ascending."""
    present, random = np.unique(labels), numpy_generator(seed, "evenly drawn")
    return np.sort(
        np.concatenate([random.permutation(np.flatnonzero(labels == c))[: most // len(present)] for c in present])
    )


def domain_classifier(training: TrainingSet, store: Store, *, seed: int) -> FittedClassifier:
    """A classifier of a real training set with rare classes weighted up; trained once, and cached in `store`."""
    depends_on: dict[str, JsonValue] = {
        "classifier": DOMAIN_FEATURES.name,
        "training": dump(DOMAIN_TRAINING),
        "steps": DOMAIN_STEPS,
        "data": [contents(training.images, training.labels), list(training.classes.names)],
        "seed": seed,
        "made by": arithmetic(training.images.device),
    }
    state = made_once(store, depends_on, partial(_trained_weights, training, seed))
    body, num_features = DOMAIN_FEATURES.body(training.shape)
    head = nn.Linear(num_features, len(training.classes.names))
    for part, weights in ((body, state["body"]), (head, state["head"])):
        part.load_state_dict(weights)
        part.to(training.images.device).to(memory_format=torch.channels_last).eval()
    return FittedClassifier(body=body, head=head)


def _trained_weights(training: TrainingSet, seed: int) -> State:
    # What measures images counts each as one, whatever the classifier under study is to make of it.
    weighted = training.unweighted().weighted(inverse_weights(training.class_counts()))
    fitted = fit(DOMAIN_TRAINING, weighted, steps=DOMAIN_STEPS, seed=seed, model=DOMAIN_FEATURES)
    assert isinstance(fitted.head, nn.Module), "a plain head is a layer"
    return {"body": fitted.body.state_dict(), "head": fitted.head.state_dict()}


class _InceptionBody(nn.Module):
    """Inception v3 up to its pooled features, for images of any size, grey or colour, in [-1, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Features [N, 2048] of images [N, C, H, W]."""
        return torch.cat([self._of_batch(batch) for batch in torch.split(images, INCEPTION_BATCH)])

    def _of_batch(self, images: Tensor) -> Tensor:
        size = (INCEPTION_SIZE, INCEPTION_SIZE)
        enlarged = interpolate(images.expand(-1, 3, -1, -1), size=size, mode="bilinear", antialias=True)
        features: Tensor = self.network(enlarged)
        return features


@cache
def inception(weights: str, device: torch.device) -> FittedClassifier:
    """Inception v3 with the weights in the file `weights`; its head gives the logits of the 1000 ImageNet classes.

    torchvision's network with `transform_input` off expects images in [-1, 1], as here. The distances are not
    those of the TensorFlow network that most papers use (Heusel et al. 2017), but they can be compared with one
    another. Raises ConfigError if the file cannot be read or has other content.
    """
    from torchvision.models import inception_v3  # late: it takes a second

    where = f"{IMAGE_FEATURES}.weights"
    # Its first weights are thrown away, so drawing them by its slow default would be a waste of half a minute.
    network = inception_v3(weights=None, init_weights=False, transform_input=False)
    try:
        network.load_state_dict(torch.load(Path(weights), map_location="cpu", weights_only=True))
    except OSError as error:
        raise ConfigError(f"{where}: {weights!r} cannot be read ({error.strerror})") from None
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError):
        raise ConfigError(f"{where}: {weights!r} does not hold torchvision's weights of Inception v3") from None
    head, network.fc = network.fc, nn.Identity()
    return FittedClassifier(body=_InceptionBody(network).to(device).eval(), head=head.to(device).eval())
