"""The training loops against those of benchmarks/reference.py: same networks, batches and steps, one thread.

Each round runs the reference and then ours, so that whatever else the machine does falls on both. The reference
has a process of its own, set up as torch comes; ours is set up as a trial's is.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
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
from trainables.process import keep_freed_memory

NUM_IMAGES, SIZE, NUM_CLASSES, BATCH = 1024, 28, 10, 64
SHAPE = ImageShape(size=SIZE, channels=1)
ROUNDS = 7


@dataclass(frozen=True, kw_only=True)
class Images:
    """The same images, as public scripts hold them and as we do."""

    pictures: Pictures
    training: TrainingSet


@cache
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


@pytest.fixture(scope="module")
def other_process() -> Iterator[Executor]:
    """Where the reference runs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


def seconds_of(training: Callable[[str], object], name: str) -> float:
    """How long one epoch takes on one thread, in the process that this is called in."""
    torch.set_num_threads(1)
    started = perf_counter()
    training(name)
    return perf_counter() - started


def compare(
    benchmark: BenchmarkFixture,
    other_process: Executor,
    name: str,
    *,
    ours: Callable[[str], object],
    theirs: Callable[[str], object],
) -> None:
    """Times both in turn; the reference's times and the ratio of the medians go into the results."""
    torch.set_num_threads(1)
    keep_freed_memory()
    reference_seconds: list[float] = []

    def first_theirs() -> None:
        reference_seconds.append(other_process.submit(seconds_of, theirs, name).result())

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        ours, args=(name,), setup=first_theirs, rounds=ROUNDS, warmup_rounds=1
    )
    assert benchmark.stats is not None
    benchmark.extra_info["images"] = NUM_IMAGES
    benchmark.extra_info["reference_seconds"] = reference_seconds[1:]
    benchmark.extra_info["ratio"] = median(reference_seconds[1:]) / benchmark.stats.stats.median


GANS: dict[str, Callable[[Networks, GanSettings, Pictures], object]] = {
    "vanilla_gan": reference.train_gan,
    "dcgan": reference.train_gan,
    "wgan_gp": reference.train_wgan_gp,
}


def gan_settings(name: str) -> GanSettings:
    """One epoch."""
    return parse_gan_settings(VARIANTS[name], {"epochs": 1, "batch_size": BATCH}, where="gan")


def train_our_gan(name: str) -> None:
    """As a trial does."""
    training = images().training
    data = TrainingData(images=training.images, labels=training.labels, num_classes=NUM_CLASSES)
    list(train_gan(VARIANTS[name], gan_settings(name), data, seed=0))


def train_their_gan(name: str) -> None:
    """As a script does."""
    settings = gan_settings(name)
    networks = VARIANTS[name].networks(SHAPE, settings.latent_size, NUM_CLASSES)
    GANS[name](networks, settings, images().pictures)


@pytest.mark.parametrize("name", GANS)
def test_gan(benchmark: BenchmarkFixture, other_process: Executor, name: str) -> None:
    """One epoch of a GAN."""
    compare(benchmark, other_process, name, ours=train_our_gan, theirs=train_their_gan)


def classifier_config(name: str) -> ClassifierConfig:
    """One epoch."""
    return ClassifierConfig(name=name, epochs=1, batch_size=BATCH)


def train_our_classifier(name: str) -> None:
    """As a trial does."""
    fit(classifier_config(name), images().training, steps=NUM_IMAGES // BATCH, seed=0)


def train_their_classifier(name: str) -> None:
    """As a script does: body and head in one network."""
    body, num_features = classifier_model(classifier_config(name)).body(SHAPE)
    network = nn.Sequential(body, nn.Linear(num_features, NUM_CLASSES))
    reference.train_classifier(network, images().pictures, epochs=1, batch_size=BATCH, learning_rate=1e-3)


@pytest.mark.parametrize("name", ["mlp", "simple_cnn", "cnn2"])
def test_classifier(benchmark: BenchmarkFixture, other_process: Executor, name: str) -> None:
    """One epoch of a classifier."""
    compare(benchmark, other_process, name, ours=train_our_classifier, theirs=train_their_classifier)
