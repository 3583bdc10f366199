"""The training loops against those of benchmarks/reference.py: same networks, batches and steps, one thread.

Each round runs the reference and then ours, so that whatever else the machine does falls on both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from benchmarks import reference
from benchmarks.reference import Pictures
from trainables.classifiers.catalog import classifier_model
from trainables.classifiers.classifier import ClassifierConfig
from trainables.classifiers.training import fit
from trainables.data.images import Classes, ImageShape, TrainingSet
from trainables.gans.catalog import VARIANTS
from trainables.gans.training import train_gan
from trainables.gans.variant import GanSettings, Networks, TrainingData, parse_gan_settings

NUM_IMAGES, SIZE, NUM_CLASSES, BATCH = 1024, 28, 10, 64
SHAPE = ImageShape(size=SIZE, channels=1)
ROUNDS = 7


@dataclass(frozen=True, kw_only=True)
class Images:
    """The same images, as public scripts hold them and as we do."""

    pictures: Pictures
    training: TrainingSet


@pytest.fixture(scope="module")
def images() -> Images:
    """Noise: what is in the pictures costs no time."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (NUM_IMAGES, SIZE, SIZE), dtype=np.uint8)
    labels = random.integers(0, NUM_CLASSES, NUM_IMAGES)
    training = TrainingSet(
        images=torch.as_tensor(pixels)[:, None].float() / 127.5 - 1,
        labels=torch.as_tensor(labels),
        weights=torch.ones(NUM_IMAGES),
        synthetic=torch.zeros(NUM_IMAGES, dtype=torch.bool),
        classes=Classes(names=tuple(map(str, range(NUM_CLASSES))), minority=(0,)),
    )
    return Images(pictures=Pictures(pixels, labels), training=training)


def compare(benchmark: BenchmarkFixture, ours: Callable[[], object], theirs: Callable[[], object]) -> None:
    """Times both in turn; the reference's times and the ratio of the medians go into the results."""
    torch.set_num_threads(1)
    reference_seconds: list[float] = []

    def first_theirs() -> None:
        started = perf_counter()
        theirs()
        reference_seconds.append(perf_counter() - started)

    benchmark.pedantic(ours, setup=first_theirs, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    assert benchmark.stats is not None
    theirs_median = median(reference_seconds[1:])
    benchmark.extra_info["images"] = NUM_IMAGES
    benchmark.extra_info["reference_seconds"] = reference_seconds[1:]
    benchmark.extra_info["ratio"] = theirs_median / benchmark.stats.stats.median


GANS: dict[str, Callable[[Networks, GanSettings, Pictures], object]] = {
    "vanilla_gan": reference.train_gan,
    "dcgan": reference.train_gan,
    "wgan_gp": reference.train_wgan_gp,
}


@pytest.mark.parametrize("name", GANS)
def test_gan(benchmark: BenchmarkFixture, images: Images, name: str) -> None:
    """One epoch of a GAN."""
    variant = VARIANTS[name]
    settings = parse_gan_settings(variant, {"epochs": 1, "batch_size": BATCH}, where="gan")
    data = TrainingData(images=images.training.images, labels=images.training.labels, num_classes=NUM_CLASSES)
    compare(
        benchmark,
        ours=lambda: list(train_gan(variant, settings, data, seed=0)),
        theirs=lambda: GANS[name](
            variant.networks(SHAPE, settings.latent_size, NUM_CLASSES), settings, images.pictures
        ),
    )


def whole_network(config: ClassifierConfig) -> nn.Module:
    """Body and head, as a script would write them."""
    body, num_features = classifier_model(config).body(SHAPE)
    return nn.Sequential(body, nn.Linear(num_features, NUM_CLASSES))


@pytest.mark.parametrize("name", ["mlp", "simple_cnn", "cnn2"])
def test_classifier(benchmark: BenchmarkFixture, images: Images, name: str) -> None:
    """One epoch of a classifier."""
    config = ClassifierConfig(name=name, epochs=1, batch_size=BATCH)
    compare(
        benchmark,
        ours=lambda: fit(config, images.training, steps=NUM_IMAGES // BATCH, seed=0),
        theirs=lambda: reference.train_classifier(
            whole_network(config), images.pictures, epochs=1, batch_size=BATCH, learning_rate=1e-3
        ),
    )
