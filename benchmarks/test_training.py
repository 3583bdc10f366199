"""The training loops against those of benchmarks/reference.py: same networks, batches and steps, one thread.

Each round runs the reference and then ours, so that whatever else the machine does falls on both. The reference
has a process of its own, set up as torch comes; ours is set up as a trial's is.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from statistics import median
from time import perf_counter

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from benchmarks import reference
from benchmarks.architectures import ARCHITECTURES
from benchmarks.machine import best_rate, operations_of
from benchmarks.reference import Pictures, with_torchs_layers, with_torchs_order
from gan_study.trainables.classifiers.catalog import CLASSIFIERS as MODELS
from gan_study.trainables.classifiers.classifier import ClassifierConfig
from gan_study.trainables.classifiers.training import fit
from gan_study.trainables.data.images import Classes, ImageShape, TrainingSet
from gan_study.trainables.gans.catalog import VARIANTS
from gan_study.trainables.gans.training import train_gan
from gan_study.trainables.gans.variant import GanSettings, GanVariant, TrainingData, parse_gan_settings
from gan_study.trainables.runtime.matrix_products import choose_library
from gan_study.trainables.runtime.process import keep_freed_memory

SIZE, NUM_CLASSES, BATCH = 28, 10, 64
SHAPE = ImageShape(size=SIZE, channels=1)
ROUNDS = 7
# An epoch is long enough that what comes before it hardly shows, as in a trial, which has many; convolutional GANs
# take ten times as long.
NUM_IMAGES = 4096
NUM_IMAGES_OF_SLOW = 1024
SLOW = frozenset({"upsampling_dcgan", "dcgan", "wgan_gp"})

# As scripts have them, and the catalog's own.
GANS: Mapping[str, GanVariant] = {
    **ARCHITECTURES,
    **{name: VARIANTS[name] for name in ("vanilla_gan", "dcgan", "wgan_gp")},
}
CLASSIFIERS = ("mlp", "simple_cnn", "cnn2")


@dataclass(frozen=True, kw_only=True)
class Images:
    """The same images, as public scripts hold them and as we do."""

    pictures: Pictures
    training: TrainingSet


@cache
def images(number: int) -> Images:
    """Noise: what is in the pictures costs no time."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (number, SIZE, SIZE), dtype=np.uint8)
    labels = random.integers(0, NUM_CLASSES, number)
    training = TrainingSet(
        images=torch.as_tensor(pixels)[:, None].float() / 127.5 - 1,
        labels=torch.as_tensor(labels),
        weights=torch.ones(number),
        synthetic=torch.zeros(number, dtype=torch.bool),
        classes=Classes(names=tuple(map(str, range(NUM_CLASSES))), minority=(0,)),
    )
    return Images(pictures=Pictures(pixels, labels), training=training)


def num_images(name: str) -> int:
    """How many images an epoch of the training `name` has."""
    return NUM_IMAGES_OF_SLOW if name in SLOW else NUM_IMAGES


@pytest.fixture(scope="module")
def other_process() -> Iterator[Executor]:
    """Where the reference runs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture(scope="module")
def peak() -> float:
    """Operations a second that this machine is capable of on one thread, in a process set up as a trial's is."""
    as_in_a_trial()
    return best_rate()


def seconds_of(training: Callable[[str], object], name: str) -> float:
    """How long one epoch takes on one thread, in the process that this is called in."""
    torch.set_num_threads(1)
    started = perf_counter()
    training(name)
    return perf_counter() - started


def as_in_a_trial() -> None:
    """Set this process up as a trial's is."""
    torch.set_num_threads(1)
    keep_freed_memory()
    choose_library()


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One training, in two loops that are called by name."""

    ours: Callable[[str], object]
    theirs: Callable[[str], object]

    def compare(self, benchmark: BenchmarkFixture, other_process: Executor, name: str, peak: float) -> None:
        """Times both in turn; the reference's times, the ratio of the medians and the shares of the machine's best
        rate go into the results, counted in our operations, and in the reference's, where what is saved counts
        as done.
        """
        as_in_a_trial()
        reference_seconds: list[float] = []

        def first_theirs() -> None:
            reference_seconds.append(other_process.submit(seconds_of, self.theirs, name).result())

        benchmark.pedantic(  # type: ignore[no-untyped-call]
            self.ours, args=(name,), setup=first_theirs, rounds=ROUNDS, warmup_rounds=1
        )
        assert benchmark.stats is not None
        seconds = benchmark.stats.stats.median
        benchmark.extra_info["images"] = num_images(name)
        benchmark.extra_info["reference_seconds"] = reference_seconds[1:]
        benchmark.extra_info["ratio"] = median(reference_seconds[1:]) / seconds
        ours, theirs = (operations_of(partial(training, name)) for training in (self.ours, self.theirs))
        benchmark.extra_info["share_of_peak"] = ours / seconds / peak
        benchmark.extra_info["share_in_reference_operations"] = theirs / seconds / peak
        benchmark.extra_info["peak"] = peak


def gan_settings(name: str) -> GanSettings:
    """One epoch."""
    return parse_gan_settings(GANS[name], {"epochs": 1, "batch_size": BATCH}, where="gan")


def as_scripted(network: nn.Module) -> nn.Module:
    """`network` of the layers that a script would have."""
    return with_torchs_order(with_torchs_layers(network))


def train_our_gan(name: str) -> None:
    """As a trial does."""
    training = images(num_images(name)).training
    data = TrainingData(images=training.images, labels=training.labels, num_classes=NUM_CLASSES)
    settings = gan_settings(name)
    list(train_gan(GANS[name], settings, data, seed=0, at=[settings.num_generator_steps(len(data.images))]))


def train_their_gan(name: str) -> None:
    """As a script does."""
    settings = gan_settings(name)
    networks = GANS[name].networks(SHAPE, settings.latent_size, NUM_CLASSES)
    train = reference.train_wgan_gp if settings.weights else reference.train_gan
    train(
        as_scripted(networks.generator),
        as_scripted(networks.discriminator),
        settings,
        images(num_images(name)).pictures,
    )


@pytest.mark.parametrize("name", GANS)
def test_gan(benchmark: BenchmarkFixture, other_process: Executor, name: str, peak: float) -> None:
    """One epoch of a GAN."""
    Pair(ours=train_our_gan, theirs=train_their_gan).compare(benchmark, other_process, name, peak)


def classifier_config(name: str) -> ClassifierConfig:
    """One epoch."""
    return ClassifierConfig(name=name, epochs=1, batch_size=BATCH)


def train_our_classifier(name: str) -> None:
    """As a trial does."""
    fit(classifier_config(name), images(num_images(name)).training, steps=num_images(name) // BATCH, seed=0)


def train_their_classifier(name: str) -> None:
    """As a script does: body and head in one network."""
    body, num_features = MODELS[name].body(SHAPE)
    network = as_scripted(nn.Sequential(body, nn.Linear(num_features, NUM_CLASSES)))
    steps = num_images(name) // BATCH
    reference.train_classifier(
        network, images(num_images(name)).pictures, steps=steps, batch_size=BATCH, learning_rate=1e-3
    )


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier(benchmark: BenchmarkFixture, other_process: Executor, name: str, peak: float) -> None:
    """One epoch of a classifier."""
    Pair(ours=train_our_classifier, theirs=train_their_classifier).compare(benchmark, other_process, name, peak)
